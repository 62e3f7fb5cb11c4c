"""Logs that people saved: with something before each line, without control characters, copied from pages."""

import re

import pytest

from aiotravis import LogText
from aiotravis.log_text import NotATravisLog, ScriptEnded

C = "\r\x1b[0K"


def timed(number: int, text: str, seconds: int) -> str:
    end = f"start=1000000000,finish={seconds + 1}000000000,duration={seconds}000000000"
    return f"travis_time:start:{number:08x}{C}$ {text}\r\nout\r\n\ntravis_time:end:{number:08x}:{end}{C}"


def fold(name: str, body: str) -> str:
    return f"travis_fold:start:{name}{C}{body}travis_fold:end:{name}{C}"


WHOLE = (
    fold("worker_info", "\x1b[33;1mWorker information\x1b[0m\r\nhostname: w\r\n")
    + fold("git.checkout", timed(1, "git clone x", 1) + "$ cd x\r\n")
    + fold("install", timed(2, "pip install x", 2)) + timed(3, 'make "a b"', 3)
    + '\r\n\x1b[31;1mThe command "make "a b"" exited with 1.\x1b[0m\r\n'
    + fold("after_failure.1", timed(4, "cat log", 4)) + "\r\nDone. Your build exited with 1.\r\n"
)  # fmt: skip

PLAIN = re.sub(r"\x1b\[[\d;]*[mK]", "", WHOLE.replace(C, "\n").replace("\r", ""))
"""With newlines in place of the markers' ends, and no other control characters."""


def before(prefix: str, text: str = PLAIN) -> str:
    return "".join(
        f"{prefix.format(n=n, s=n % 60)}{line}\n" for n, line in enumerate(text.splitlines(), 1)
    )  # fmt: skip


SAVED = {
    "two spaces": before("  "),
    "four spaces": before("    "),
    "a tab": before("\t"),
    "quoted": before("> "),
    "quoted twice": before("> > "),
    "of a remote": before("remote: "),
    "of a container": before("ci_1  | "),
    "times": before("2018-07-09T00:24:{s:02d}.123Z "),
    "times of day": before("[00:24:{s:02d}] "),
    "times with a zone": before("2018-07-09 00:24:{s:02d},123 +0200 "),
    "numbers": before("{n:4d}  "),
    "numbers and a tab": before("{n}\t"),
    "numbers of the website": before("{n}"),
    "times before control characters": "".join(
        f"2018-07-09T00:24:52.1Z {line}\r\n" for line in WHOLE.splitlines() for line in [line] if line
    ),
    "blanks lost at the end of lines": re.sub("(?m) +$", "", before("> ")),
    "no escapes, and newlines": WHOLE.replace("\x1b", "").replace("\r\n", "\n").replace("\r", "\n"),
    "no escapes": WHOLE.replace("\x1b", ""),
    "no escapes, no carriage returns": WHOLE.replace("\x1b", "").replace("\r", ""),
    "escapes that cannot be encoded": WHOLE.replace("\x1b", "\ufffd").replace("\r\n", "\n").replace("\r", "\n"),
    "cat -v": WHOLE.replace("\r\n", "\n").replace("\r", "^M").replace("\x1b", "^["),
    "a byte order mark": "\ufeff" + WHOLE,
    "a byte order mark, indented": "\ufeff" + before("  "),
    "of a page": PLAIN.replace('"', "&quot;"),
    "of a page, by number": PLAIN.replace('"', "&#34;"),
    "of a word processor": PLAIN.replace(' "', " \u201c").replace('"', "\u201d"),
    "markers' ends as lines of a terminal": PLAIN.replace("\n", "\r\r\n"),
    "newlines before control characters": WHOLE.replace(C, "\n\x1b[0K").replace("\r\n", "\n").replace("\n", "\r\r\n"),
    "in a fence": f"```\n{PLAIN}```\n",
    "blanks for carriage returns": re.sub(r"\x1b\[[\d;]*m", "", WHOLE.replace(C, " ").replace("\r", "")),
    "blanks for markers' ends, in one paragraph": re.sub(r"(travis_\S+)\n+(?=travis_|\$ )", r"\1 ", PLAIN),
}  # fmt: skip


@pytest.mark.parametrize("text", SAVED.values(), ids=SAVED)
def test_a_saved_log_has_the_commands_and_the_ending_of_the_log(text: str) -> None:
    log, whole = LogText.parse(text), LogText.parse(WHOLE)
    assert [(one.phase, one.duration, one.exit_code) for one in log.commands] == [
        (one.phase, one.duration, one.exit_code) for one in whole.commands
    ]
    assert {name: phase.duration for name, phase in log.phases.items()} == {
        name: phase.duration for name, phase in whole.phases.items()
    }
    assert (log.exit_code, type(log.ending), log.excerpt()) == (1, ScriptEnded, "out")
    parts = LogText()
    for character in text:
        parts.feed(character)
    parts.close()
    assert (list(parts.lines), parts.commands, parts.ending) == (list(log.lines), log.commands, log.ending)


def test_what_stands_before_the_lines_is_not_lost() -> None:
    log = LogText.parse("12:00:01 travis_time:start:1\r$ make\n12:00:02 a\n12:00:03 \n12:00:04 travis_time:end:1:\r\n")
    assert log.plain == "12:00:01 $ make\n12:00:02 a\n12:00:03 \n"
    assert [(one.text, one.line, one.last_line) for one in log.commands] == [("make", 1, 3)]


@pytest.mark.parametrize(
    "text",
    ["  x\n  $ make\n", "error: x\nerror: $ make\n", "<html>\n  $ 5\n", "12 files\n12 $ make\n", "a  $ make\n",
     "x" * 41 + ": $ make\n", "travis_x: $ make\n"],
)  # fmt: skip
def test_other_text_before_commands_is_no_prefix(text: str) -> None:
    assert LogText.parse(text).ending == NotATravisLog()


def test_a_prefix_is_that_of_the_first_line_only() -> None:
    log = LogText.parse("$ make\n  $ gcc\n> $ gcc\n")
    assert [one.text for one in log.commands] == ["make"]
    log = LogText.parse("\n\n  $ make\n$ a\n    $ gcc\n  $ b\n")
    assert [one.text for one in log.commands] == ["make", "a", "b"]


# Copied from the website ----------------------------------------------------------------------------------------------


def test_a_command_copied_from_the_website_has_the_duration_of_its_badge() -> None:
    log = LogText.parse(
        "0.00s$ source ~/virtualenv/python2.7/bin/activate\n$ python --version\n12.50s$ make\nno\n"
        'The command "make" exited with 2.\n0.25s$ make test\nThe command "make test" exited with 0.\n'
        "\nDone. Your build exited with 1.\n"
    )
    assert [(one.text, one.phase, one.duration, one.exit_code) for one in log.commands] == [
        ("source ~/virtualenv/python2.7/bin/activate", "setup", 0.0, None), ("python --version", "setup", None, None),
        ("make", "script", 12.5, 2), ("make test", "script", 0.25, 0),
    ]  # fmt: skip
    assert {name: phase.duration for name, phase in log.phases.items()} == {"setup": 0.0, "script": 12.75}
    assert (log.excerpt(), log.slowest(1)[0].text) == ("no", "make")


@pytest.mark.parametrize(
    ("label", "phase", "group"),
    [("git.checkout", "git.checkout", "checkout"), ("git.1", "git", "checkout"), ("install.2\r", "install", "install"),
     ("install.npm", "install.npm", "install"), ("services", "services", "setup"), ("dpl_0", "deploy", "deploy"),
     ("after_failure.10", "after_failure", "after"), ("cache.1", "cache", "cache")],
)  # fmt: skip
def test_the_name_of_a_fold_copied_from_the_website_is_a_phase(label: str, phase: str, group: str) -> None:
    log = LogText.parse(f"Worker information\n{label}\n0.62s$ a\nx\n1.38s0.02s$ b\n")
    assert [(one.text, one.phase, one.duration) for one in log.commands] == [
        ("a", phase, 0.62), ("b", "script" if group in ("install", "after", "deploy") else "setup", 0.02),
    ]  # fmt: skip
    assert log.phases[phase].group == group


def test_the_name_of_a_fold_in_the_output_of_other_logs_is_no_phase() -> None:
    for text in ("install of x\n", "my_tests\n", "install\n\n", " \n"):
        assert [one.phase for one in LogText.parse(f"x\n{text}1.00s$ a\n").commands] == ["setup"]
    marked = LogText.parse(f"{fold('worker_info', 'x')}install\n$ ls\ninstall\n$ make\n")
    assert [one.phase for one in marked.commands] == ["setup", "setup"]


def test_a_result_decides_the_phase_of_a_command_below_the_name_of_a_fold() -> None:
    log = LogText.parse('install\n9.00s$ npm i\nls:\nnode\n1.00s$ make\nThe command "make" exited with 2.\n')
    assert [(one.phase, one.exit_code) for one in log.commands] == [("install", None), ("script", 2)]


@pytest.mark.parametrize("text", ["costs 5s$ x", "s$ x", "1.234s$ x", "1.00s $ x", "1.00s$x", "1.00$ x"])
def test_other_text_is_no_badge(text: str) -> None:
    assert LogText.parse(f"$ make\n{text}\n").commands[1:] == ()


@pytest.mark.parametrize("escape", ["", "^[", "\ufffd", "\x1b"])
def test_the_result_of_a_command_of_several_lines_is_read_without_escapes(escape: str) -> None:
    result = '\x1b[31;1mThe command "if x; then\n  y\nfi" exited with 2.\x1b[0m\n'
    log = LogText.parse((timed(1, "if x; then\r\n  y\r\nfi", 1) + result).replace("\x1b", escape))
    assert [(one.text, one.exit_code) for one in log.commands] == [("if x; then", 2)]


# Markers that run into text -------------------------------------------------------------------------------------------

RUN_ON = {
    "git.checkoutgit clone x": ("git.checkout", "git clone x"),
    "before_installmkdir x": ("before_install", "mkdir x"),
    "cache.2store build cache": ("cache.2", "store build cache"),
    "install.10added 3 packages": ("install.10", "added 3 packages"),
    "install.yarnyarn run": ("install.yarn", "yarn run"),
    "servicessudo start": ("services", "sudo start"),
    "worker_infoWorker information": ("worker_info", "Worker information"),
    "dpl_0gem install": ("dpl_0", "gem install"),
    "system_info$ x": ("system_info", "$ x"),
    "apt-get.diagnosticsapt-get install failed": ("apt-get.diagnostics", "apt-get install failed"),
    "nvm.installcurl x": ("nvm.install", "curl x"),
    # Only what Travis uses is known.
    "my_tests": ("my_tests", ""),
    "installed": ("installed", ""),
    "install.tests": ("install.tests", ""),
}


@pytest.mark.parametrize("text", RUN_ON)
def test_a_known_name_ends_where_text_runs_into_it(text: str) -> None:
    name, output = RUN_ON[text]
    log = LogText.parse(f"travis_fold:start:{text}\nx\ntravis_fold:end:{name}\n")
    assert ([one.name for one in log.folds], log.folds[0].last_line) == ([name], len(log.lines))
    assert log.plain == (f"{output}\nx\n" if output else "x\n")


def test_an_event_and_an_id_end_where_text_runs_into_them() -> None:
    log = LogText.parse("travis_time:start:101b03e2make x\ntravis_time:end:101b03e2:duration=5,event=checkoutcd x\n")
    assert [(one.id, one.duration, one.event) for one in log.timings] == [("101b03e2", 5e-9, "checkout")]
    assert log.plain == "make x\ncd x\n"


def test_an_empty_event_ends_where_text_runs_into_it() -> None:
    log = LogText.parse("travis_time:start:1\n$ a\ntravis_time:end:1:duration=5,event=$ java\ntravis_fold:end:a\n")
    assert ([one.text for one in log.commands], log.timings[0].event) == (["a", "java"], None)
    log = LogText.parse('travis_time:start:1\n$ a\ntravis_time:end:1:duration=5,event=The command "a" exited with 2.\n')
    assert ([one.exit_code for one in log.commands], log.timings[0].event) == ([2], None)


def test_an_id_and_a_name_end_where_a_marker_runs_into_them() -> None:
    end = "travis_fold:end:atravis_time:end:12:duration=5,event=installtravis_time:start:13travis_fold:start:b\n"
    log = LogText.parse(f"travis_time:start:12travis_fold:start:a\nx\n{end}")
    assert ([one.name for one in log.folds], [(one.id, one.event) for one in log.timings]) == (
        ["a", "b"], [("12", "install")],
    )  # fmt: skip
    assert log.plain == "x\n"


# Markers that are only quoted -----------------------------------------------------------------------------------------

QUOTED = (
    r"+ echo -en 'travis_fold:start:x\r\033[0K'",
    r"++ printf travis_time:start:x",
    r"+ echo travis_fold:start:x",
    r"$ echo -en 'travis_fold:start:x\\r'; make",
    r"$ echo travis_fold:end:x",
    r'  echo "travis_fold:start:x\r"',
    r"./ci.sh:12: echo -e travis_fold:end:x",
    r"  printf travis_fold:end:x;make",
    r"`travis_fold:start:x`",
    r"f(travis_fold:start:x)",
    r'./b.sh: printf "travis_time:end:%s:start=%s"',
    "'travis_fold:start:x",
)


@pytest.mark.parametrize("line", QUOTED)
def test_a_quoted_marker_is_text(line: str) -> None:
    log = LogText.parse(timed(1, "make", 1).replace("out", line))
    assert log.lines[1].text == line
    assert (log.folds, len(log.timings), log.commands[0].last_line) == ((), 1, 3)


def test_a_marker_with_its_control_characters_is_one_wherever_it_stands() -> None:
    for text in ("'", '{"a": "b"', "+ make", "$ x", "echo ", "printf "):
        log = LogText.parse(f"{text}travis_fold:start:x{C}'a\ntravis_fold:end:x\r")
        assert (log.plain, [one.name for one in log.folds]) == (f"{text}\n'a\n", ["x"])


def test_many_quoted_markers_in_a_line_take_linear_time() -> None:
    text = "'travis_fold:start:a' " * 100_000
    assert LogText.parse(text).plain == f"{text}\n"


# Without a beginning --------------------------------------------------------------------------------------------------


ENDED = f"\ntravis_time:end:1:duration=1500000000,event=script{C}"


@pytest.mark.parametrize("before", [f"a\nFAILED\n{ENDED}", f"a\nFAILED{ENDED}", f"a\nFAILED\n{ENDED}\r\n"])
def test_the_command_of_the_first_result_is_known_though_its_line_is_lost(before: str) -> None:
    tail = f'{before}\x1b[31;1mThe command "make" exited with 2.\x1b[0m\r\n'
    after = fold("after_failure", timed(4, "cat log", 4)) + "\r\nDone. Your build exited with 1.\r\n"
    log = LogText.parse(tail + after)
    assert [(one.text, one.phase, one.exit_code, one.line) for one in log.failed_commands] == [("make", "script", 2, 1)]
    assert (log.excerpt(), log.lines[1].phase, log.commands[1].phase) == ("a\nFAILED", "script", "after_failure")


@pytest.mark.parametrize(
    "text",
    ["", "x\n", ENDED[1:], "$ a\n", f"{ENDED}$ a\nx", fold("install", ENDED), f"x{ENDED}travis_time:end:2:\r\n"],
)
def test_a_result_whose_command_is_not_the_one_before_it_names_none(text: str) -> None:
    log = LogText.parse(f'{text}The command "make" exited with 2.\n')
    assert [one.text for one in log.commands] == ["a"] * ("$ a" in text)
