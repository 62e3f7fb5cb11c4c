"""Where a log can be read: numbered parts of v3, parts of v2, or a body, whichever this server has.

https://docs.travis-ci.com/api/#logs
"""

from dataclasses import dataclass

from aiotravis.errors import NotFoundError
from aiotravis.resources.logs import PLACEHOLDERS, LogPart, Logs

__all__ = ["LogSources", "Snapshot"]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A log as it was at one moment: as parts, or as one text.

    Attributes:
        parts: The parts that were asked for, or None where this server numbers none just now.
        body: All of the text, where there are no parts; None where there is none to be had just now.
    """

    parts: tuple[LogPart, ...] | None = None
    body: str | None = None

    @property
    def whole(self) -> bool:
        """Whether one part holds everything: a log that was put together, or removed, or is that short."""
        return self.parts is not None and len(self.parts) == 1 and self.parts[0].number == 0 and self.parts[0].final


class LogSources:
    """Reads logs, and remembers which routes this server does not have.

    Args:
        logs: Asks the server.
    """

    def __init__(self, logs: Logs) -> None:
        self._logs = logs
        self._has_v3 = True

    async def read(self, job: int, *, after: int = -1) -> Snapshot:
        """Read a log, as numbered parts where that can be.

        Args:
            job: Id of the job.
            after: Number above which parts are wanted; servers may give those below it, too.

        Raises:
            NotFoundError: No such job, or hidden from this token.
        """
        if self._has_v3:
            try:
                parts = await self._logs.parts(job, after=after if after >= 0 else None)
            except NotFoundError as exc:
                # Version 3 says so in its own words where only this log is not there.
                self._has_v3 = '"@type"' in exc.excerpt
            else:
                return Snapshot(parts=tuple(part for part in parts if part.content not in PLACEHOLDERS))
        return await self.read_v2(job)

    async def read_v2(self, job: int) -> Snapshot:
        """Read a log as v2 has it: in parts while it grows, on some servers; else as a body.

        Args:
            job: Id of the job.

        Raises:
            NotFoundError: No such job, or hidden from this token.
        """
        log = await self._logs.get(job)
        if log.parts is not None:
            return Snapshot(parts=tuple(part for part in log.parts if part.content not in PLACEHOLDERS))
        return Snapshot(body=None if log.body in PLACEHOLDERS else log.body)
