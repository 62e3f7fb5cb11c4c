"""How builds and jobs look in lines and blocks: as in the ``travis`` command, with states in colour."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

import aiotravis
from aiotravis.cli._output import Styled, single_line

__all__ = ["build_line", "describe", "duration_text", "fields", "state_piece", "time_text"]

COLORS: Final = {"passed": "green", "failed": "red", "errored": "red", "canceled": "yellow"}


def state_piece(state: "aiotravis.State") -> Styled:
    """Return a state in its colour."""
    return Styled(single_line(state) or "no build", COLORS.get(state, "cyan"))


def time_text(when: datetime | None) -> str:
    """Return a time in the local time zone; ``not yet`` if it is None."""
    return "not yet" if when is None else when.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def duration_text(duration: timedelta | float | None) -> str:
    """Return a duration, of seconds or as it is, such as ``2 min 3 sec``; ``none`` if it is None."""
    if duration is None:
        return "none"
    seconds = int(duration.total_seconds() if isinstance(duration, timedelta) else duration)
    minutes, seconds = divmod(max(0, seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours} hrs"] if hours else []
    parts += [f"{minutes} min"] if minutes else []
    return " ".join([*parts, f"{seconds} sec"] if seconds or not parts else parts)


def build_line(build: "aiotravis.Build") -> tuple[str | Styled, ...]:
    """Return the line of a build in a list."""
    commit = build.commit
    kind = f" (pull request #{build.pull_request_number})" if build.pull_request else ""
    branch = single_line(commit.branch if commit else "")
    subject = single_line(commit.subject if commit else "")
    state = state_piece(build.state)
    padding = " " * max(1, 10 - len(state.text))
    return Styled(f"#{single_line(build.number)} ", bold=True), state, f":{padding}{branch}{kind}  {subject}"


def describe(value: "aiotravis.Build | aiotravis.Job") -> str:
    """Return what a build or job is called: ``build #784``, ``job #784.1``."""
    return f"{'job' if isinstance(value, aiotravis.Job) else 'build'} #{single_line(value.number) or value.id}"


def fields(rows: Iterable[tuple[str, str | Styled]]) -> Iterable[tuple[str | Styled, ...]]:
    """Yield the lines of a block of names and values."""
    for name, value in rows:
        yield Styled(f"{name}:".ljust(15), bold=True), value if isinstance(value, Styled) else single_line(value)
