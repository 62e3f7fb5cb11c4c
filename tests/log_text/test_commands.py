"""Commands, what Travis says of them, and their results."""

from typing import Any

import pytest

from aiotravis.log_text._commands import Commands, read_message
from aiotravis.log_text._records import CommandRecord, Message, PendingPhase, TimerRecord


def command(text: str, line: int = 1) -> CommandRecord:
    return CommandRecord(text, PendingPhase(), line)


def timed_command(text: str, line: int = 1) -> CommandRecord:
    timer = TimerRecord(id="1", line=line, number=1)
    timer.command = CommandRecord(text, timer, line, timed=True)
    return timer.command


def message(command: str, *results: Any, **others: Any) -> Message:
    """Return a message about a command, with what its end says in order."""
    end = dict(zip(("code", "stopped", "phase"), results, strict=False))
    return Message(command=command, whole=True, **end, **others)


MESSAGES = {
    'The command "make" exited with 0.': message("make", 0),
    'The command "make" exited with 137.\r': message("make", 137),
    'The command "make" exited with 1': message("make", 1),
    'The command "make "a"" exited with 1.': message('make "a"', 1),
    'The command "make" failed and exited with 2 during install.': message("make", 2, True, "install"),
    'The command "make" failed and exited with 2 during .': message("make", 2, True),
    'The command "make" failed and exited with 2 during git.1.': message("make", 2, True, "git.1"),
    'The command "make" failed. Retrying, 2 of 3.': message("make", attempt=2, attempts=3),
    'The command "make" failed. Retrying, 2 of 10': message("make", attempt=2, attempts=10),
    'The command "make" failed 3 times.': message("make", attempt=3, attempts=3, last=True),
    'The command "" exited with 1.': message("", 1),
}


@pytest.mark.parametrize("text", MESSAGES)
def test_a_message_names_a_command_and_what_became_of_it(text: str) -> None:
    assert read_message(text, None) == MESSAGES[text]


@pytest.mark.parametrize(
    "text", ["", "make exited with 1.", 'x The command "make" exited with 1.', "The command make exited with 1."]
)
def test_other_text_is_no_message(text: str) -> None:
    assert read_message(text, None) is None


def test_a_message_about_a_command_of_several_lines_has_several() -> None:
    begun = "if x; then"
    assert read_message('The command "if x; then', None) == begun
    assert read_message("  make", begun) == begun
    assert read_message('fi" exited with 1.', begun) == Message(command="if x; then", whole=False, code=1)
    assert read_message('The command "b" exited with 2.', begun) == message("b", 2)
    assert read_message('The command "c', begun) == "c"
    for text in ('The command "make" exited with 1. Or did it?', f'The command "make" exited with {"9" * 50}.'):
        assert isinstance(read_message(text, None), str)


def resolve(commands: Commands, text: str, code: int) -> CommandRecord | None:
    command = commands.find(message(text, code))
    if command is not None:
        command.exit_code = code
    return command


def test_a_result_is_that_of_the_latest_command_without_one() -> None:
    commands = Commands()
    several = [command("a", 1), command("b", 2), timed_command("a", 3), timed_command("a", 4)]
    for one in several:
        commands.add(one)
    assert resolve(commands, "a", 1) is several[3]
    assert resolve(commands, "a", 2) is several[2]
    commands.end_timed(several[2])
    commands.late = True
    assert several[2].exit_code is None
    assert resolve(commands, "a", 3) is several[2]
    assert resolve(commands, "a", 4) is several[0]
    assert resolve(commands, "a", 5) is None
    assert [one.exit_code for one in several] == [4, None, 3, 1]
    assert resolve(commands, "b", 6) is several[1]


def test_what_a_command_printed_is_dropped_but_what_was_timed() -> None:
    commands = Commands()
    outer, inner, timed = timed_command("a"), command("b"), timed_command("c")
    for one in (outer, inner, timed, command("b")):
        commands.add(one)
    commands.end_timed(outer)
    commands.late = True
    assert commands.all == [outer, timed]
    assert commands.untimed is None
    assert resolve(commands, "b", 1) is None


def test_a_dropped_command_between_others_of_its_text_has_no_result() -> None:
    commands = Commands()
    outer, untimed, timed = timed_command("a"), command("b"), timed_command("b")
    for one in (command("b"), outer, untimed, timed):
        commands.add(one)
    commands.end_timed(outer)
    commands.late = True
    assert resolve(commands, "b", 1) is timed
    assert resolve(commands, "b", 2) is commands.all[0]
    assert resolve(commands, "b", 3) is None


def test_many_results_take_linear_time() -> None:
    commands = Commands()
    for number in range(50_000):
        commands.add(command("a" if number % 2 else f"b{number}"))
    for number in range(50_000):
        resolve(commands, "a" if number % 2 else "other", 1)
    assert sum(one.exit_code == 1 for one in commands.all) == 25_000
