"""Markers that a worker writes into a log: folds and timings. No I/O.

Forms: https://github.com/travis-ci/travis-build/tree/master/lib/travis/build/bash
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from aiotravis._http.json_text import ToDict
from aiotravis.log_text._groups import NAMES

__all__ = ["MARK", "MARKER", "Timing", "is_quoted", "read_timing"]

MARK: Final = "travis_"
"""Beginning of every marker."""

# fact 10.3: in logs saved by people, a marker may have lost its carriage return, or all control characters. Then it
# ends where the next marker begins, after a name that Travis uses, or at a capital letter:
# ``travis_fold:start:git.checkoutgit clone``, ``travis_fold:start:worker_infoWorker information``.
_OTHER: Final = r"travis_(?:fold|time):"
_NAME: Final = r"[\w.-]++"
_END: Final = r"(?=[\r\x1b\[^\ufffd]|\Z)"
_KNOWN: Final = "|".join(map(re.escape, sorted(NAMES, key=len, reverse=True)))
_CUT: Final = (
    rf"(?!{_OTHER})(?:(?:(?!{_OTHER})[\w.-])++(?={_OTHER})|(?>{_KNOWN})(?>(?:[._-]\d+)?)(?![\d._-])"
    rf"|(?:(?!{_OTHER}|(?<=[a-z0-9])[A-Z])[\w.-])++)"
)

# fact 6: markers end in carriage return and clear, not in a newline; fact 9.36: several in a line, unclosed.
MARKER: Final = re.compile(
    rf"travis_(?:fold:(?P<fold>start|end):(?!{_OTHER})(?P<name>{_NAME}(?:{_END}|(?: {_NAME})++(?=\r))|{_CUT})"
    rf"|time:(?P<time>start|end):(?!{_OTHER})(?P<id>{_NAME}(?:{_END}|(?<!travis_fold)(?<!travis_time)(?=:))"
    rf"|[0-9a-f]{{8}}(?=[a-z])|{_CUT})"
    rf"(?::(?P<details>[\w.=,-]*+{_END}|(?:[a-z]++=\d++,?)*+(?:event=(?:(?![A-Z]){_CUT})?)?))?)"
    # Some programs write ``^M^[`` or U+FFFD for the control characters.
    r"(?P<end>(?:\r|\^M)?(?:(?:\x1b|\^\[|\ufffd)?\[0?K)?)",
    re.ASCII,
)

_QUOTED_BEFORE: Final = re.compile(r"(?:[\"'`]|\b(?:echo|printf)(?: -\w+)? )\Z")

_QUOTED_AFTER: Final = tuple("\\\"'`;)")

_SHELL: Final = re.compile(r"(?:\$|\++) ")
"""How a line begins that shows a command, of Travis or of ``set -x``."""


def is_quoted(line: str, done: int, start: int, end: int) -> bool:
    r"""Return whether a marker is quoted: ``+ echo 'travis_fold:start:x\r'``. The one before it ends at `done`."""
    return (
        line.startswith(_QUOTED_AFTER, end)
        or _QUOTED_BEFORE.search(line[max(done, start - 16) : start]) is not None
        or _SHELL.match(line, done, start) is not None
    )


MAX_NS_DIGITS: Final = 19
"""Maximum digits of a time in nanoseconds: enough until 2286."""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Timing(ToDict, msgspec.Struct, frozen=True, kw_only=True):
    """What a worker measured between ``travis_time:start`` and ``travis_time:end``.

    Attributes:
        id: Identifier that connects start and end.
        start: Nanoseconds since 1970, or None.
        finish: Nanoseconds since 1970, or None.
        duration: Seconds, or None.
        event: What was timed, as named by the worker: a stage or a step of one; None on older servers.
        phase: Name of its phase, or None; see `LogText.phases`.
        line: Number of the first line after the start; of the next line if there was no start.
        outermost: Whether its time is not part of another timing.
    """

    id: str
    start: int | None = None
    finish: int | None = None
    duration: float | None = None
    event: str | None = None
    phase: str | None = None
    line: int = 1
    outermost: bool = True

    @property
    def started_at(self) -> datetime | None:
        """When it started, UTC."""
        return None if self.start is None else EPOCH + timedelta(microseconds=self.start // 1000)

    @property
    def finished_at(self) -> datetime | None:
        """When it finished, UTC."""
        return None if self.finish is None else EPOCH + timedelta(microseconds=self.finish // 1000)


def read_timing(id: str, details: str) -> Timing:
    """Return what the end of a timer says: ``start=1,finish=3,duration=2,event=script``. Any text is accepted."""
    values: dict[str, str] = {}
    for pair in details.split(","):
        name, _, value = pair.partition("=")
        values[name] = value
    get = values.get
    start, finish = _nanoseconds(get("start", "")), _nanoseconds(get("finish", ""))
    duration = _nanoseconds(get("duration", ""))
    if duration is None and start is not None and finish is not None and finish >= start:
        duration = finish - start
    seconds = None if duration is None else duration / 1e9
    return Timing(id=id, start=start, finish=finish, duration=seconds, event=get("event") or None)


def _nanoseconds(digits: str) -> int | None:
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= MAX_NS_DIGITS else None
