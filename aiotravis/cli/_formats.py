"""How builds and jobs look in lines and blocks: as in the ``travis`` command, with states in colour."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

import aiotravis
from aiotravis.cli._output import Styled, single_line

__all__ = [
    "WIDTH", "branch_text", "build_line", "describe", "duration_text", "fields", "matrix_text", "state_piece",
    "subject_of", "time_text",
]  # fmt: skip

COLORS: Final = {"passed": "green", "failed": "red", "errored": "red", "canceled": "yellow"}


WIDTH: Final = 16
"""Columns of number and state in a list of builds, as in the ``travis`` command."""

MATRIX_KEYS: Final = (
    "os", "dist", "arch", "compiler", "elixir", "gemfile", "ghc", "go", "jdk", "julia", "node_js", "otp_release",
    "perl", "php", "python", "r", "ruby", "rust", "rvm", "scala", "xcode_scheme", "env",
)  # fmt: skip
"""Keys of a configuration by which the jobs of a build differ."""


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


def branch_text(build: "aiotravis.Build") -> str:
    """Return the branch of a build, and its pull request if it is one of these."""
    kind = f" (pull request #{build.pull_request_number})" if build.pull_request else ""
    return single_line(build.commit.branch if build.commit else "") + kind


def subject_of(value: "aiotravis.Build | aiotravis.Job") -> str:
    """Return the first line of the commit's message, which fits into a line."""
    return single_line(value.commit.subject if value.commit else "")


def build_line(build: "aiotravis.Build", *, committer: bool = False) -> tuple[str | Styled, ...]:
    """Return the line of a build in a list."""
    number, state = f"#{single_line(build.number)} ", state_piece(build.state)
    padding = " " * max(1, WIDTH - len(number) - len(state.text))
    author = f"{single_line(build.commit.author_name if build.commit else ''):25}  " if committer else ""
    text = f":{padding}{branch_text(build)}  {author}{subject_of(build)}"
    return Styled(number, bold=True), state, text.rstrip()


def matrix_text(job: "aiotravis.Job") -> str:
    """Return what tells a job from the others of its build: ``rvm: 3.3, os: linux``."""
    config = job.config
    chosen = {key: config[key] for key in MATRIX_KEYS if key in config}
    # fact 9.15: `env` is a string in jobs, and a list in builds.
    plain = {key: value for key, value in chosen.items() if isinstance(value, str | int | float) and value != ""}
    return single_line(", ".join(f"{key}: {value}" for key, value in plain.items()))


def describe(value: "aiotravis.Build | aiotravis.Job") -> str:
    """Return what a build or job is called: ``build #784``, ``job #784.1``."""
    return f"{'job' if isinstance(value, aiotravis.Job) else 'build'} #{single_line(value.number) or value.id}"


def fields(rows: Iterable[tuple[str, str | Styled]]) -> Iterable[tuple[str | Styled, ...]]:
    """Yield the lines of a block of names and values."""
    for name, value in rows:
        yield Styled(f"{name}:".ljust(15), bold=True), value if isinstance(value, Styled) else single_line(value)
