"""Folds, timers, commands, results and endings in the lines of a log."""

from aiotravis.log_text._endings import Unfinished
from aiotravis.log_text._reader import LogReader
from aiotravis.log_text._state import MAX_FOLD_DEPTH

CLEAR = "\r\x1b[0K"


def read(*lines: str) -> LogReader:
    reader = LogReader()
    reader.add_lines("".join(f"\n{line}" for line in lines) + "\n")
    return reader


def start(name: str) -> str:
    return f"travis_fold:start:{name}{CLEAR}"


def end(name: str) -> str:
    return f"travis_fold:end:{name}{CLEAR}"


def timer(number: int) -> str:
    return f"travis_time:start:{number:08x}{CLEAR}"


def timed(number: int, event: str | None = None) -> str:
    detail = "" if event is None else f",event={event}"
    return f"travis_time:end:{number:08x}:start=0,finish=1000000000,duration=1000000000{detail}{CLEAR}"


def folds(reader: LogReader) -> list[tuple[str, tuple[str, ...], int, int | None]]:
    return [(fold.names[-1], fold.names[:-1], fold.line, fold.last_line) for fold in reader.folds]


def phases(reader: LogReader) -> list[tuple[str, str | None]]:
    return [(line.text, line.phase) for line in reader.lines]


def test_folds_nest_and_repeat() -> None:
    reader = read(start("a") + "1", start("b") + "2", end("b") + end("a") + "3", start("a") + end("a"))
    assert folds(reader) == [("a", (), 1, 2), ("b", ("a",), 2, 2), ("a", (), 4, 3)]
    assert [line.folds for line in reader.lines] == [("a",), ("a", "b"), ()]


def test_the_end_of_a_fold_ends_open_folds_in_it() -> None:
    assert folds(read(start("a") + "1", start("b") + "2", end("a") + "3")) == [("a", (), 1, 2), ("b", ("a",), 2, 2)]


def test_an_end_without_a_start_is_ignored() -> None:
    reader = read(end("x") + "1", start("a") + "2", end("x"), timed(1))
    assert folds(reader) == [("a", (), 2, None)]
    assert [line.text for line in reader.lines] == ["1", "2"]
    assert [(timing.duration, timing.line, timing.phase) for timing in reader.timers.timings()] == [(1.0, 3, "a")]


def test_unended_folds_nest_up_to_a_maximum() -> None:
    reader = read(*(f"{start(f'f{n}')}x" for n in range(1000)))
    assert max(len(line.folds) for line in reader.lines) == MAX_FOLD_DEPTH
    assert reader.folds[-1].names[:-1] == tuple(f"f{n}" for n in range(MAX_FOLD_DEPTH - 1))


def test_a_marker_ends_the_line_that_it_stands_in() -> None:
    reader = read(f'{{"a": 1}}{timed(1)}', f"{start('a')}\x1b[1m{end('a')}", "", f"x{start('a')}y{end('a')}\r")
    assert [line.text for line in reader.lines] == ['{"a": 1}', "", "x", "y"]
    assert reader.lines[1].style.bold, "the style in a line of markers lasts"


def test_a_command_is_a_line_that_begins_with_a_dollar() -> None:
    reader = read("$ export A=1", "x$ no", " $ no", timer(1) + "\x1b[1m$ make ", "out", timed(1), "$ cd x", start("a"))
    assert [(command.text, command.line, command.last_line, command.duration) for command in reader.commands.all] == [
        ("export A=1", 1, 3, None),
        ("make", 4, 5, 1.0),
        ("cd x", 6, 6, None),
    ]


def test_commands_printed_by_a_command_are_output() -> None:
    reader = read(timer(1) + "$ yarn test", "$ jest", timer(2) + "$ nested", timed(2), "$ other", timed(1), "$ next")
    assert [command.text for command in reader.commands.all] == ["yarn test", "nested", "next"]


def test_a_command_may_follow_on_the_line_after_its_timer() -> None:
    reader = read(timer(1), "$ make", timed(1), timer(2), "out", timed(2))
    assert [(command.text, command.duration) for command in reader.commands.all] == [("make", 1.0)]
    assert [line.duration for line in reader.lines] == [1.0, 1.0]


def test_commands_timed_outside_folds_belong_to_script() -> None:
    reader = read(
        "$ ruby -v", timer(1) + "$ rake", "out", timed(1), "", 'The command "rake" exited with 0.', start("x")
    )
    assert phases(reader) == [
        ("$ ruby -v", "setup"), ("$ rake", "script"), ("out", "script"), ("", None),
        ('The command "rake" exited with 0.', "script"),
    ]  # fmt: skip
    assert [command.exit_code for command in reader.commands.all] == [None, 0]


def test_without_timers_commands_with_results_belong_to_script() -> None:
    reader = read(
        "$ ruby -v", "2.1", "$ rake", "out", 'The command "rake" exited with 1.', "", "Done. Your build exited with 1."
    )
    assert [phase for _, phase in phases(reader)] == ["setup", "setup", "script", "script", "script", "script", None]
    assert [(command.exit_code, command.last_line) for command in reader.commands.all] == [(None, 2), (1, 4)]
    assert reader.exit_code == 1


def test_the_stage_named_by_a_timer_is_the_phase() -> None:
    reader = read(
        start("install") + timer(1) + "$ never closed" + timed(1, "install"),
        timer(2) + "$ make",
        timed(2, "script"),
        start("after_success.1") + "$ done",
    )
    assert [command.phase.name for command in reader.commands.all] == ["install", "script", "after_success"]
    inner = read(timer(1) + "$ a", timer(2) + "$ b", timed(2, "install"), timed(1, "setup"))
    assert [command.phase.name for command in inner.commands.all] == ["setup", "setup"], "the outermost one says it"
    assert [timing.outermost for timing in inner.timers.timings()] == [False, True]
    unnamed = read(timer(1) + "$ a", timer(2) + "b", timed(2, "install"), timed(1))
    assert [command.phase.name for command in unnamed.commands.all] == ["setup"]
    cache = read(start("cache.1") + timer(1) + timed(1, "setup_cache"))
    assert [timing.phase for timing in cache.timers.timings()] == ["cache"]


def test_folds_printed_by_a_command_belong_to_its_phase() -> None:
    reader = read(timer(1) + "$ ./x.py", start("stage0") + "out", end("stage0"), "more", timed(1, "script"))
    assert {phase for _, phase in phases(reader)} == {"script"}
    assert reader.folds[0].phase.name == "script"


def test_a_result_may_span_several_lines() -> None:
    reader = read(
        timer(1) + "$ if x; then", "fi", timed(1), 'The command "if x; then', '  make "all"', 'fi" exited with 3.'
    )
    assert [command.exit_code for command in reader.commands.all] == [3]


def test_a_command_after_the_result_of_the_job_has_its_own_line() -> None:
    reader = read(start("install") + "a", "Done. Your build exited with 1.", "b", "$ make", "c")
    assert [phase for _, phase in phases(reader)] == ["install", None, None, "script", "script"]
    assert [command.phase.name for command in reader.commands.all] == ["script"]


def test_results_printed_by_a_command_are_not_its_own() -> None:
    reader = read(timer(1) + "$ a", 'The command "b" exited with 9.', "Done. Your build exited with 9.", timed(1))
    assert (reader.commands.all[0].exit_code, reader.exit_code) == (None, None)
    after = read('The command "b" exited with 9.', "$ a", '"b" exited with 8.', 'The command "a" exited with 7.')
    assert [command.exit_code for command in after.commands.all] == [7]
    begun = read("$ a", 'The command "a', "$ b", 'c" exited with 8.')
    assert [command.exit_code for command in begun.commands.all] == [None, None]
    twice = read("$ a", 'The command "a" exited with 7.', 'The command "a" exited with 8.')
    assert [command.exit_code for command in twice.commands.all] == [7]


def test_a_failed_phase_prints_its_result_in_its_fold() -> None:
    result = 'The command "pip" failed and exited with 1 during install.'
    reader = read(start("install") + timer(1) + "$ pip", timed(1, "install"), result)
    assert [(command.phase.name, command.exit_code) for command in reader.commands.all] == [("install", 1)]
    assert reader.lines[-1].phase == "install"


def test_an_unended_timer_ends_with_its_fold() -> None:
    reader = read(start("a") + timer(1) + "$ a", end("a"), timer(2) + "$ b", timed(2), timed(1))
    assert [(command.duration, command.last_line) for command in reader.commands.all] == [(1.0, 1), (1.0, 2)]
    assert [timing.outermost for timing in reader.timers.timings()] == [False, True], "it measured the other one, too"


def test_a_repeated_timer_id_refers_to_the_last_timer() -> None:
    reader = read(timer(1) + "$ a", timer(1) + "$ b", timed(1), timed(1))
    assert [command.duration for command in reader.commands.all] == [None, 1.0]


def test_close_ends_an_untimed_command() -> None:
    reader = read("$ a", "out")
    before = reader.changes
    assert [command.last_line for command in reader.commands.all] == [None]
    reader.close(Unfinished())
    assert [command.last_line for command in reader.commands.all] == [2]
    assert reader.changes == before + 1


def test_a_fold_between_a_timer_and_a_command_takes_the_timer() -> None:
    reader = read(timer(1) + start("git.checkout") + "$ cd x", end("git.checkout") + timed(1, "checkout"))
    assert [(command.text, command.duration) for command in reader.commands.all] == [("cd x", None)]
    assert [timing.phase for timing in reader.timers.timings()] == ["git.checkout"]


def test_blank_lines_may_stand_between_a_timer_and_its_command() -> None:
    reader = read(timer(1), "", "", "$ make", timed(1), timer(2), "", "out", "$ x", timed(2))
    assert [(command.text, command.duration) for command in reader.commands.all] == [("make", 1.0), ("x", None)]


def test_commands_in_the_timer_of_a_stage_are_commands_of_it() -> None:
    reader = read(timer(1), "", "Setting environment variables", "$ export A=b", "", timed(1, "env"), "$ ruby -v")
    assert [(command.text, command.phase.name) for command in reader.commands.all] == [
        ("export A=b", "env"),
        ("ruby -v", "setup"),
    ]


def test_a_nested_command_overtakes_one_whose_end_may_be_lost() -> None:
    lost = read(timer(1) + "$ nvm install", timer(2) + "$ make", timed(2, "script"), "$ cd x")
    assert [(one.text, one.phase.name, one.finished) for one in lost.commands.all] == [
        ("nvm install", "setup", False), ("make", "script", True), ("cd x", "script", False),
    ]  # fmt: skip
    found = read(timer(1) + "$ ./ci", timer(2) + "$ make", timed(2, "x"), "$ cd x", timed(1, "script"))
    assert [(one.text, one.phase.name) for one in found.commands.all] == [("./ci", "script"), ("make", "script")]


def test_a_stage_in_the_output_of_a_command_belongs_to_its_phase_once_it_ended() -> None:
    reader = read(timer(1) + "$ ./ci", start("install") + "x", end("install"))
    assert reader.folds[0].phase.name == "install"
    reader = read(timer(1) + "$ ./ci", start("install") + "x", end("install"), timed(1, "script"))
    assert {phase for _, phase in phases(reader)} == {"script"}


def test_a_message_alone_is_a_sign_of_travis() -> None:
    assert not read("x").changes
    assert read('The command "x" exited with 1.').changes
    assert read('The command "x" failed. Retrying, 2 of 3.').changes
