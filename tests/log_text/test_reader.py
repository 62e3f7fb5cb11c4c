"""Lines that are more than output, found among those that are."""

from aiotravis.log_text._reader import LogReader


def read(text: str) -> LogReader:
    reader = LogReader()
    reader.add_lines(f"\n{text}")
    return reader


def test_output_is_added_at_once_and_other_lines_one_by_one() -> None:
    reader = read("a\nb\n$ make\nc\n\nd\n")
    assert [line.raw for line in reader.lines] == ["a", "b", "$ make", "c", "", "d"]
    assert [command.line for command in reader.commands.all] == [3]


def test_a_command_may_follow_a_marker_that_ends_with_a_newline() -> None:
    reader = read("travis_fold:start:a\n\x1b[0K$ make\nx\n\x1b[1m$ no\n")
    assert [command.text for command in reader.commands.all] == ["make"]
    assert [line.folds for line in reader.lines] == [("a",)] * 3


def test_coloured_commands_are_output_unless_they_were_timed() -> None:
    assert read("\x1b[2m$ jest\x1b[0m\nexited with\n").commands.all == []
    assert [one.text for one in read("travis_time:start:1\r\x1b[1m$ jest\x1b[0m\n").commands.all] == ["jest"]


def test_blank_lines_and_styles_may_stand_before_a_result() -> None:
    result = 'The command "other words" exited with 3.\n'
    timed = "travis_time:start:1\r$ make\ntravis_time:end:1:duration=1\r"
    for between, code in (("", 3), ("\n\n", 3), ("\r\n\r\n", 3), ("x\n", None), ("travis_\n", None)):
        assert [one.exit_code for one in read(f"{timed}{between}{result}").commands.all] == [code]


def test_a_message_of_many_lines_is_given_up() -> None:
    for count, code in ((998, 1), (1001, None)):
        reader = read('$ a\nThe command "a\n' + "x\n" * count + '" exited with 1.\n')
        assert [one.exit_code for one in reader.commands.all] == [code]
