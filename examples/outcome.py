"""How a job ended and which command failed, for the status above its log. No I/O."""

from collections.abc import Sequence
from typing import Final

from aiotravis import LogText, log_text, safe_for_terminal
from examples.follow_log import describe

MAX_COMMAND: Final = 120
"""Characters of a command that are shown."""

KINDS: Final = {"passed": "good", "failed": "bad", "errored": "bad", "canceled": "gone"}


def outcome(texts: Sequence[tuple[int, LogText]], state: str) -> dict[str, object]:
    """Return how a job ended, as far as its log and its state tell.

    Args:
        texts: The log, in pieces, each with the number of lines before it.
        state: State of the job.

    Returns:
        The kind, ``good``, ``bad``, ``gone`` or ``open``; a text; and the first and the last line of what failed, None
        if nothing did.
    """
    before, text = texts[-1]
    ending = text.ending_for(state)
    failed = _failed(texts, ending)
    shown = describe(ending)
    line, last = (None, None) if ending.line is None else (before + ending.line,) * 2
    match ending:
        case log_text.ScriptEnded(code=code):
            kind = "bad" if code else "good"
            shown = f"exit code {code}" + (
                f" · {_shortened(failed[1].text)} exited with {failed[1].exit_code}" if failed else ""
            )
        case log_text.Canceled():
            kind = "gone"
        case log_text.Unfinished() | log_text.NotATravisLog():
            kind = KINDS.get(state, "open")
        case _:
            kind = "bad"
    if failed:
        start, command = failed
        line, last = start + command.line, start + (command.last_line or len(text.lines))
    return {
        "kind": kind,
        "text": safe_for_terminal(shown, colour=False),
        "line": None if kind == "good" else line,
        "last": None if kind == "good" else last,
    }


def _failed(texts: Sequence[tuple[int, LogText]], ending: log_text.Ending) -> tuple[int, log_text.Command] | None:
    """Return the command that made the job fail, with the number of lines before its text; None if none is known."""
    found = [(before, command) for before, text in texts for command in text.failed_commands]
    match ending:
        case log_text.ScriptEnded(code=0):
            return None
        case log_text.ScriptEnded() | log_text.Unfinished():
            return next(iter(found), None)
        case log_text.SetupFailed(command=name):
            return next((one for one in reversed(found) if one[1].text == name), None)
        case _:
            return None


def _shortened(command: str) -> str:
    return command if len(command) <= MAX_COMMAND else f"{command[: MAX_COMMAND - 1]}…"
