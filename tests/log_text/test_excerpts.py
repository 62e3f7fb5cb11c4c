"""The lines that an excerpt quotes: what the failing command of the last run printed, and nothing else."""

import pytest

from aiotravis import LogText
from aiotravis.log_text import ScriptEnded

C = "\r\x1b[0K"


def timed(text: str, output: str, late: str = "") -> str:
    return f"travis_time:start:1{C}$ {text}\r\n{output}\r\n\ntravis_time:end:1:duration=1{C}{late}"


def result(text: str, code: int) -> str:
    return f'\r\n\x1b[31;1mThe command "{text}" exited with {code}.\x1b[0m\r\n'


DONE = "\r\nDone. Your build exited with 1.\r\n"

SEVERAL = 'if [ -e x ]; then\r\n  make "a"\r\nfi'

FAILED = 'The command "{}" failed and exited with 1 during .\r\n\r\nYour build has been stopped.\r\n'

RUN = f"travis_fold:start:git.checkout{C}$ git clone x\r\ntravis_fold:end:git.checkout{C}"

EXCERPTS = {
    # Untimed commands: what follows until the result is output, even if it looks like commands.
    "a command in the output": ("$ yarn test\n$ jest src\nFAIL\n" + result("yarn test", 1), "$ jest src\nFAIL"),
    "several in the output": ("$ make\n$ gcc\n$ ld\nno\n" + result("make", 1), "$ gcc\n$ ld\nno"),
    "one of the same text": ("$ make\n$ make x\n$ make y\nno\n" + result("make", 1), "$ make x\n$ make y\nno"),
    "a command before": ("$ pip --version\n7\n$ make\n$ gcc\n" + result("make", 1), "$ gcc"),
    "a result before": ("$ a\n" + result("a", 0) + "$ make\n$ gcc\n" + result("make", 1), "$ gcc"),
    "a fold before": (f"travis_fold:start:x{C}$ a\ntravis_fold:end:x{C}$ make\n$ gcc\n" + result("make", 1), "$ gcc"),
    # Several lines.
    "several lines": (timed(SEVERAL, "no") + result(SEVERAL, 1), "no"),
    "several lines, untimed": (f"$ {SEVERAL}\r\nno\r\n" + result(SEVERAL, 1), "no"),
    "several lines, blank ones": (timed("a &&\r\n\r\nb\r\n", "no") + result("a &&\r\n\r\nb\r\n", 1), "no"),
    "several lines, no output": (f"$ {SEVERAL}\r\n" + result(SEVERAL, 1), ""),
    "several lines, set-up": (timed(SEVERAL, "no") + FAILED.format(SEVERAL), "no"),
    # Output after the end of the timer.
    "late output": (timed("make", "a", "make: *** Error 1\r\n") + result("make", 1), "a\n\nmake: *** Error 1"),
    "late output, two lines": (timed("make", "a", "b\r\nc\r\n") + result("make", 1), "a\n\nb\nc"),
    "late output, set-up": (timed("make", "a", "b\r\n") + FAILED.format("make"), "a\n\nb"),
    "a fold after the timer": (
        timed("make", "a", f"travis_fold:start:x{C}b\r\ntravis_fold:end:x{C}") + result("make", 1), "a",
    ),
    "a late result": (timed("a", "x") + timed("make", "y") + result("a", 1) + result("make", 0), "x"),
    # Runs.
    "two runs": (
        RUN + timed("make", "old") + result("make", 1) + DONE + RUN + timed("make", "new") + result("make", 1), "new",
    ),
    "two runs by worker": (
        "$ a\nold\n" + result("a", 1) + DONE + "Using worker: w\n\n$ a\nnew\n" + result("a", 1), "new",
    ),
    "two runs, the first failed in set-up": (
        f"$ pip i\nold\n{FAILED.format('pip i')}Using worker: w\n\n$ a\nnew\n" + result("a", 1), "new",
    ),
    "two runs, the second failed in set-up": (
        "$ a\nold\n" + result("a", 1) + DONE + f"Using worker: w\n\n$ a\nnew\n{FAILED.format('a')}", "new",
    ),
    "two runs, the second was well": (
        RUN + timed("make", "old") + result("make", 1) + DONE + f"travis_fold:start:worker_info{C}W\r\n"
        f"travis_fold:end:worker_info{C}{RUN}", "W\n$ git clone x",
    ),
    "the same command twice": (timed("a", "x") + result("a", 0) + timed("a", "y") + result("a", 1), "y"),
    # Named in other words.
    "named with eval": (f"$ git clone x\nno\n{FAILED.format('eval git clone x ')}", "no"),
}  # fmt: skip


@pytest.mark.parametrize("case", EXCERPTS)
def test_an_excerpt_is_what_the_failing_command_printed(case: str) -> None:
    text, expected = EXCERPTS[case]
    ended = text if "stopped" in text.rpartition("Using")[2] else text + DONE
    assert LogText.parse(ended).excerpt() == expected


def test_what_a_command_printed_is_no_command_and_has_its_phase() -> None:
    log = LogText.parse("$ ruby -v\n$ rake\n$ ruby x\nboom\n" + result("rake", 1) + "$ echo\n" + DONE)
    assert [(one.text, one.phase, one.line, one.last_line) for one in log.commands] == [
        ("ruby -v", "setup", 1, 1), ("rake", "script", 2, 5), ("echo", "script", 7, 8),
    ]  # fmt: skip
    assert [line.phase for line in log.lines][:6] == ["setup", *["script"] * 5]
    assert log.ending == ScriptEnded(code=1, line=9)


def test_timed_commands_and_those_with_results_are_no_output() -> None:
    text = "$ a\n" + timed("b", "x") + "$ c\n" + result("a", 1)
    assert [one.text for one in LogText.parse(text).commands] == ["a", "b", "c"]
    text = "$ a\n$ b\n" + result("b", 0) + result("a", 1)
    assert [(one.text, one.exit_code) for one in LogText.parse(text).commands] == [("a", 1), ("b", 0)]


EMPTY = {
    "install.yarn": "", "install.npm": "", "install": "", "bundler": "", "before_install.1": "",
    "install.bundler": f"travis_time:start:1{C}travis_time:end:1:duration=1{C}",
    "before_script": f"travis_time:start:1{C}travis_time:end:1:duration=1,event=before_script{C}",
}  # fmt: skip


@pytest.mark.parametrize("name", EMPTY)
def test_an_empty_fold_is_no_install(name: str) -> None:
    def log(body: str) -> LogText:
        fold = f"travis_fold:start:{name}{C}{body}travis_fold:end:{name}{C}"
        return LogText.parse(f"{fold}$ node --version\nv8\ntravis_fold:start:install{C}$ yarn\n")

    assert [one.phase for one in log(EMPTY[name]).commands] == ["setup", "install"]
    assert [one.phase for one in log(f"{EMPTY[name]}x\n").commands] == ["script", "install"]
