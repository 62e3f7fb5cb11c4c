"""The structure of a job's log."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiotravis import LogText, Travis, log_text, safe_for_terminal
from aiotravis.errors import UsageError
from aiotravis.log_text import _state
from aiotravis.log_text._lines import Lines
from aiotravis.log_text._log import CHUNK
from aiotravis.log_text._reader import LogReader
from aiotravis.log_text._structures import Command, Fold, Phase
from aiotravis.testing import Repository
from tests.log_text.log_pieces import expected_text, logs

LOG = (
    "travis_fold:start:worker_info\r\x1b[0K\x1b[33;1mWorker information\x1b[0m\r\n"
    "hostname: w@1.example.org\r\n"
    "travis_fold:end:worker_info\r\x1b[0Ktravis_fold:start:git.checkout\r\x1b[0Ktravis_time:start:0000000a\r\x1b[0K"
    "$ git clone https://github.com/a/b.git\r\n"
    "Receiving objects:  50% (1/2)\rReceiving objects: 100% (2/2), done.\r\n"
    "travis_time:end:0000000a:start=1700000000000000000,finish=1700000002500000000,duration=2500000000,event=checkout\r"
    "\x1b[0K$ cd a/b\r\n"
    "travis_fold:end:git.checkout\r\x1b[0K\r\n"
    "$ ruby --version\r\n"
    "ruby 3.2\r\n"
    "travis_fold:start:install.1\r\x1b[0Ktravis_time:start:0000000b\r\x1b[0K$ gem install x\r\n"
    "travis_time:end:0000000b:start=1,finish=1000000001,duration=1000000000,event=install\r\x1b[0K"
    "travis_fold:end:install.1\r\x1b[0Ktravis_fold:start:install.2\r\x1b[0K"
    "travis_time:start:0000000c\r\x1b[0K$ bundle\r\n"
    '{"ok": true}travis_time:end:0000000c:start=1,finish=500000001,duration=500000000,event=install\r\x1b[0K'
    "travis_fold:end:install.2\r\x1b[0Ktravis_time:start:0000000d\r\x1b[0K$ rake\r\n"
    "\x1b[32m..\x1b[31mF\x1b[0m\r\n"
    "travis_time:end:0000000d:start=1,finish=4000000001,duration=4000000000,event=script\r\x1b[0K\r\n"
    '\x1b[31;1mThe command "rake" exited with 1.\x1b[0m\r\n'
    "\r\n"
    "Done. Your build exited with 1."
)

PLAIN_TEXT = """\
Worker information
hostname: w@1.example.org
$ git clone https://github.com/a/b.git
Receiving objects: 100% (2/2), done.
$ cd a/b
$ ruby --version
ruby 3.2
$ gem install x
$ bundle
{"ok": true}
$ rake
..F
The command "rake" exited with 1.

Done. Your build exited with 1.
"""


def structure(log: LogText) -> dict[str, Any]:
    names = ("commands", "folds", "timings", "exit_code", "plain", "rest", "dropped", "ending", "groups")
    return {name: getattr(log, name) for name in names} | {"phases": dict(log.phases), "lines": list(log.lines)}


def fed(parts: Sequence[str]) -> LogText:
    log = LogText()
    for part in parts:
        log.feed(part)
    log.close()
    return log


def cut(text: str, places: Sequence[int]) -> Iterator[str]:
    for start, stop in pairwise([0, *sorted(place % (len(text) + 1) for place in places), len(text)]):
        yield text[start:stop]


def test_a_log_has_phases_with_durations_and_commands() -> None:
    log = LogText.parse(LOG)
    assert {name: phase.duration for name, phase in log.phases.items()} == {
        "worker_info": None, "git.checkout": 2.5, "setup": None, "install": 1.5, "script": 4.0,
    }  # fmt: skip
    assert list(log.phases) == ["worker_info", "git.checkout", "setup", "install", "script"]
    rake = Command(text="rake", phase="script", duration=4.0, exit_code=1, line=11, last_line=12)
    assert log.phases["script"] == Phase(name="script", group="script", duration=4.0, commands=(rake,), line=11)
    assert [(one.text, one.phase, one.duration) for one in log.commands] == [
        ("git clone https://github.com/a/b.git", "git.checkout", 2.5),
        ("cd a/b", "git.checkout", None),
        ("ruby --version", "setup", None),
        ("gem install x", "install", 1.0),
        ("bundle", "install", 0.5),
        ("rake", "script", 4.0),
    ]
    assert [one.text for one in log.slowest(2)] == ["rake", "git clone https://github.com/a/b.git"]
    assert len(log.slowest()) == 4
    assert log.exit_code == 1


def test_a_log_has_folds_timings_and_lines() -> None:
    log = LogText.parse(LOG)
    assert log.folds == (
        Fold(name="worker_info", phase="worker_info", line=1, last_line=2),
        Fold(name="git.checkout", phase="git.checkout", line=3, last_line=5),
        Fold(name="install.1", phase="install", line=8, last_line=8),
        Fold(name="install.2", phase="install", line=9, last_line=10),
    )
    assert [(one.id, one.duration, one.event, one.phase, one.line) for one in log.timings] == [
        ("0000000a", 2.5, "checkout", "git.checkout", 3),
        ("0000000b", 1.0, "install", "install", 8),
        ("0000000c", 0.5, "install", "install", 9),
        ("0000000d", 4.0, "script", "script", 11),
    ]
    assert [(line.number, line.folds, line.phase, line.duration) for line in log.lines[8:12]] == [
        (9, ("install.2",), "install", 0.5),
        (10, ("install.2",), "install", None),
        (11, (), "script", 4.0),
        (12, (), "script", None),
    ]
    assert [(span.text, span.style.foreground) for span in log.lines[11].spans] == [("..", 2), ("F", 1)]
    assert log.lines[11].terminal() == "\x1b[32m..\x1b[0m\x1b[31mF\x1b[0m"
    assert log.plain == PLAIN_TEXT
    assert repr(log) == "<LogText of 15 lines, 6 commands>"


def test_an_incomplete_log_has_a_structure() -> None:
    log = LogText()
    assert (log.phases, log.commands, log.folds, log.plain, log.exit_code) == ({}, (), (), "", None)
    before, marker, after = LOG.partition("travis_time:end:0000000d")
    log.feed(before)
    assert [phase.duration for phase in log.phases.values()] == [None, 2.5, None, 1.5, None]
    assert log.commands[-1] == Command(text="rake", phase="script", line=11, finished=False)
    commands, phases = log.commands, log.phases
    log.feed(marker)
    assert log.rest == marker
    assert (id(log.commands), id(log.phases)) == (id(commands), id(phases)), "nothing has changed"
    log.feed(after[:30])
    assert log.rest == marker + after[:30]
    log.feed(after[30:])
    assert log.phases["script"].duration == 4.0
    last = "Done. Your build exited with 1."
    assert (log.exit_code, log.rest) == (None, last), "its line has not ended"
    log.close()
    assert (log.exit_code, log.rest) == (1, "")
    assert structure(log) == structure(LogText.parse(LOG))
    log.close()
    assert structure(log) == structure(LogText.parse(LOG))


def test_phases_are_in_order_and_count_nested_timers_once() -> None:
    text = """travis_time:start:1\r$ make
travis_time:start:2\r
travis_time:end:2:duration=1000000000\r
travis_time:end:1:duration=3000000000,event=script\r
travis_fold:start:after_script\r
$ echo
"""
    log = LogText.parse(text)
    assert [(name, phase.duration) for name, phase in log.phases.items()] == [("script", 3.0), ("after_script", None)]
    assert [(timing.id, timing.outermost) for timing in log.timings] == [("2", False), ("1", True)]


def test_a_log_without_markers_has_lines_only() -> None:
    log = LogText.parse("one\ntwo\n\nthree")
    assert [line.text for line in log.lines] == ["one", "two", "", "three"]
    assert log.plain == "one\ntwo\n\nthree\n"
    assert not log.phases
    assert LogText.parse("").plain == ""


def test_a_log_longer_than_a_chunk_is_parsed_as_a_whole() -> None:
    text = ("x" * (CHUNK // 2 - 5) + "\n") * 5 + LOG
    assert structure(LogText.parse(text)) == structure(fed([text]))
    assert LogText.parse(text).plain == text[: -len(LOG)] + PLAIN_TEXT


def test_a_log_cut_in_two_anywhere_has_the_same_structure() -> None:
    whole = structure(LogText.parse(LOG))
    for place in range(len(LOG)):
        assert structure(fed([LOG[:place], LOG[place:]])) == whole
    assert structure(fed(list(LOG))) == whole


# What travis-web takes out of a log before it shows it, and what is left.
CLEANED = {
    '{"a": 1}travis_fold:end:a\r': '{"a": 1}\n',
    "{}travis_time:end:1:duration=1\r": "{}\n",
    "old\x1b[1000Dnew\n": "new\n",
    "text\r\x1b[0m\n": "text\n",
    "text\r\x1b[0m\r\n": "text\n",
    "text\r\r\r\n": "text\n",
    "old\r\r\rnew\n": "new\n",
    "a\nb\n": "a\nb\n",
    **{
        f"a\x1b{sequence}b\n": "ab\n"
        for sequence in (
            "[c", "[0c", "[0n", "[3n", "[5n", "[6n", "[7l", "[7h", "[?25l", "[?25h", "(B", "H", "[3;4G", "[J", "[1J",
            "[2J", "[K", "[1K", "D", "M", "[0K",
        )
    },
    "\x1b[2Kb\n": "b\n",
    "dropped\rtext kept\n": "text kept\n",
    "\x1b[31mred\x1b[39m \x1b[41;1mbold\x1b[0m\n": "red bold\n",
    "a\x1b[31mb\x1b[0m\b\x1b[1mc\n": "ac\n",
}  # fmt: skip


@pytest.mark.parametrize("text", CLEANED, ids=ascii)
def test_text_that_the_website_removes_is_not_visible(text: str) -> None:
    log = LogText.parse(text)
    assert log.plain == expected_text(text) == CLEANED[text]
    assert "".join(f"{line.terminal(colour=False)}\n" for line in log.lines) == CLEANED[text]


@given(logs, st.lists(st.integers(0, 10_000), max_size=30))
def test_structure_does_not_depend_on_where_the_log_is_cut(text: str, places: list[int]) -> None:
    whole = structure(LogText.parse(text))
    assert structure(fed(list(cut(text, places)))) == whole
    assert structure(fed(list(text))) == whole


@given(logs)
def test_plain_is_what_a_terminal_shows_without_markers(text: str) -> None:
    log = LogText.parse(text)
    assert log.plain == expected_text(text)
    assert "".join(f"{line.text}\n" for line in log.lines) == log.plain
    assert "".join(f"{''.join(span.text for span in line.spans)}\n" for line in log.lines) == log.plain


@given(logs, st.lists(st.integers(0, 10_000), max_size=30), st.integers(0, 12))
def test_a_log_with_too_many_markers_keeps_all_lines(text: str, places: list[int], most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_state, "MAX_STRUCTURES", most)
        log = LogText.parse(text)
        assert structure(fed(list(cut(text, places)))) == structure(log)
    assert log.plain == expected_text(text)
    assert len(log.commands) + len(log.folds) + len(log.timings) <= most
    whole = LogText.parse(text)
    assert whole.dropped == 0
    # Everything that is dropped is counted.
    assert log.dropped > 0 or structure(log) == structure(whole)


@given(logs)
def test_structure_is_consistent(text: str) -> None:
    log = LogText.parse(text)
    count = len(log.lines)
    assert [line.number for line in log.lines] == list(range(1, count + 1))
    for place, line in enumerate(log.lines):
        assert log.lines[place] == line
    for fold in log.folds:
        last = count if fold.last_line is None else fold.last_line
        assert fold.line - 1 <= last <= count
        for line in log.lines[fold.line - 1 : last]:
            assert line.folds[: len(fold.folds) + 1] == (*fold.folds, fold.name)
    for command in log.commands:
        line = log.lines[command.line - 1]
        lost = command.line == 1 and f'"{command.text}" exited with ' in log.plain
        assert f"$ {command.text}" in line.text or lost
        assert line.phase == command.phase
        assert command.last_line is None or command.line <= command.last_line <= count
    for name, phase in log.phases.items():
        assert phase.name == name
        assert phase.commands == tuple(command for command in log.commands if command.phase == name)
    assert {line.phase for line in log.lines} <= {None, *log.phases}


@given(st.one_of(logs, st.text()))
def test_terminal_output_of_any_line_is_safe(text: str) -> None:
    for line in LogText.parse(text).lines:
        assert re.fullmatch("(?:[^\x00-\x08\x0a-\x1f\x7f-\x9f]|\x1b\\[[0-9;]+m)*", line.terminal())
        assert line.terminal(colour=False) == safe_for_terminal(line.raw, colour=False)


def test_hostile_text_is_shown_as_text() -> None:
    text = (
        "<script>alert(1)</script>\x1b]52;c;eA==\x07\ntravis_fold:end:x\r\ntravis_fold:start:<b>\r\n\x1b[2J\x1bc$ x\n"
    )
    log = LogText.parse(text)
    assert log.plain == "<script>alert(1)</script>\ntravis_fold:start:<b>\n$ x\n"
    assert log.folds == ()


def test_an_excerpt_is_the_end_of_what_the_failing_command_printed() -> None:
    out = "".join(f"\x1b[3{n % 8}m{n}\x1b[0m\u202e\n" for n in range(30))
    text = f'$ a\nx\n$ make\n{out}\n\x1b[1m\n\nThe command "make" exited with 2.\n$ b\n'
    log = LogText.parse(text)
    assert log.excerpt(2) == "28<U+202E>\n29<U+202E>", "the blank lines at the end do not count"
    assert log.excerpt().count("\n") == 19
    assert log.excerpt(1000).startswith("0<U+202E>\n1<")
    twice = LogText.parse(f'{text}The command "b" exited with 1.\n\nDone. Your build exited with 1.\n')
    assert [one.text for one in twice.failed_commands] == ["make", "b"]
    assert twice.excerpt() == log.excerpt(), "the first one that failed"
    wide = LogText.parse(f'$ a\n{"x" * 501}\n{"y" * 500}\nThe command "a" exited with 1.\n')
    assert wide.excerpt() == f"{'x' * 499}\u2026\n{'y' * 500}"
    silent = LogText.parse('$ a\nThe command "a" exited with 1.\n')
    assert silent.excerpt() == LogText().excerpt() == ""
    for lines in (0, -1, 1.5, "3", True, None):
        with pytest.raises(UsageError, match="lines"):
            log.excerpt(lines)  # type: ignore[arg-type]


def test_an_excerpt_without_a_failing_command_is_what_stands_before_the_ending() -> None:
    log = LogText.parse("travis_time:start:1\r$ make\n1\n2\n3\n\n\nDone: Job Cancelled\n\n")
    assert log.excerpt(2) == "2\n3"
    assert log.excerpt(2) == LogText.parse("$ make\n1\n2\n3\n\n\nDone. Your build exited with 0.\n").excerpt(2)
    failed = 'The command "make" exited with 1.\n'
    stalled = LogText.parse(
        f"$ make\n1\n{failed}$ report\n2\n\nThe job exceeded the maximum time limit for jobs, and\n"
    )
    assert stalled.excerpt(2) == "$ report\n2", "not what failed before"
    other = LogText.parse(f'$ make\n1\n{failed}The command "other" failed and exited with 3 during .\n')
    assert other.excerpt(1) == failed.strip()


def test_an_unknown_phase_before_install_is_set_up() -> None:
    log = LogText.parse(
        "travis_fold:start:new.step\ra\ntravis_fold:end:new.step\rtravis_fold:start:install\rb\n"
        "travis_fold:end:install\rtravis_fold:start:my.own\rc\ntravis_fold:end:my.own\r"
    )
    assert {name: phase.group for name, phase in log.phases.items()} == {
        "new.step": "setup", "install": "install", "my.own": "other",
    }  # fmt: skip


def test_the_ending_of_a_job_is_that_of_its_log_and_state() -> None:
    log = LogText.parse("$ make\n")
    assert (log.ending_for("canceled"), log.ending_for("errored")) == (log_text.Canceled(), log_text.Unfinished())


# Work -----------------------------------------------------------------------------------------------------------------

MILLION = 1_000_000

NASTY = {
    "one line": "x",
    "carriage returns": "\r",
    "a progress bar": "Receiving objects: 35% (123/435)\r",
    "writing over": "\rx",
    "open folds": "travis_fold:start:a\r\x1b[0K",
    "open folds in lines": "travis_fold:start:a\r\x1b[0K\n",
    "ends": "travis_fold:end:a\r\x1b[0K",
    "open timers": "travis_time:start:{n:08x}\r\x1b[0K",
    "halves of markers": "travis_fold:start:",
    "names of many words": "travis_fold:start:a b c d e f g h i j",
    "commands": "$ x\n",
    "newlines": "\n",
    "results": 'The command "exited with ',
    "more results": 'The command "x\n" exited with 1.   ',
    "results of other commands": '$ x\nThe command "y" exited with 1.\n',
    "results without an end": 'The command "x\n',
    "attempts": '$ x\nThe command "x" failed. Retrying, 2 of 3.\n',
    "ends of jobs": "Done. Your build exited with 1.\n",
    "ends of jobs and commands": "$ x\nDone. Your build exited with 1.\n",
    "messages of workers": "Done: Job Cancelled\n",
    "markers with newlines": "travis_time:start:1\n\n",
    "sequences after returns": "\r\x1b[0m",
    "strings": "\x1b]0;",
    "sequences": "\x1b[1;",
    "erasing": "x\x1b[2K",
}  # fmt: skip


@pytest.mark.parametrize("kind", NASTY)
def test_each_part_is_processed_once(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    handled = 0

    def counting(cls: type, name: str) -> None:
        method = getattr(cls, name)

        def counted(self: object, text: str, *args: Any, **options: Any) -> Any:
            nonlocal handled
            handled += len(text) + 1
            return method(self, text, *args, **options)

        monkeypatch.setattr(cls, name, counted)

    counting(LogReader, "add_lines")
    counting(LogReader, "_add_output")
    counting(LogReader, "_add_marked")
    counting(LogReader, "_add_text")
    counting(Lines, "_append")
    counting(Lines, "_apply_style")
    piece = NASTY[kind]
    count = MILLION // 4 // len(piece)
    text = "".join(piece.format(n=n) for n in range(count)) if "{" in piece else piece * count
    log = fed([text[place : place + 160] for place in range(0, len(text), 160)])
    assert handled <= 12 * len(text)
    assert len(log.plain) <= 2 * len(text)


def test_a_line_of_ten_million_characters_is_read_quickly() -> None:
    # In parts so small that to touch what has come with each of them would take hours.
    log = LogText()
    for _ in range(10 * MILLION // 16):
        log.feed("x" * 16)
    log.feed("travis_fold:start:a\r\n")
    assert [len(line.raw) for line in log.lines] == [10 * MILLION]
    assert len(log.folds) == 1


def test_timers_that_overlap_take_linear_time() -> None:
    count = _state.MAX_STRUCTURES // 8
    starts = [f"travis_time:start:{n:08x}\r" for n in range(count)]
    ends = [f"travis_time:end:{n:08x}:duration=1\r" for n in range(count)]
    log = fed(["".join(starts), "".join(ends), "\nend\n"])
    assert len(log.timings) == count
    assert [line.phase for line in log.lines] == [None]


def test_dropped_counts_markers_beyond_the_maximum(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _state.MAX_STRUCTURES == 131_072
    monkeypatch.setattr(_state, "MAX_STRUCTURES", 1000)
    log = LogText.parse("$ x\n" * 1003)
    assert log.dropped > 0
    assert len(log.commands) + log.dropped == 1003 == len(log.lines)


# Together with a Travis -----------------------------------------------------------------------------------------------


@pytest.mark.instant
async def test_a_followed_log_becomes_structure(travis: Travis, repository: Repository) -> None:
    job = repository.build().jobs[0]
    job.start()
    for place in range(0, len(LOG), 100):
        job.write(LOG[place : place + 100])
    job.write("", final=True)
    job.finish()
    log = LogText()
    async with travis.follow_log(job.id) as parts:
        async for part in parts:
            log.feed(part.content or "")
    log.close()
    assert structure(log) == structure(LogText.parse(LOG))
    assert log.phases["script"].duration == 4.0


def test_all_types_of_a_log_are_exported() -> None:
    for name in vars(log_text)["__all__"]:
        assert hasattr(log_text, name)
    assert log_text.LogText is LogText
