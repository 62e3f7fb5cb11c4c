"""Logs into files: streamed beside the file, put in its place when whole, passed over when it is there already."""

import os
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from io import FileIO
from pathlib import Path
from typing import Final, TypeVar, cast

import anyio
import anyio.to_thread

from aiotravis.errors import TravisError, UsageError
from aiotravis.resources.jobs import Job

__all__ = ["FileSink", "LogFile", "download"]

T = TypeVar("T")

LARGEST: Final = 4 << 30
"""Bytes of one log; Travis itself ends a job after 4 MB of it, others do not."""

REMEMBERED: Final = 64
"""Bytes of a small body that are kept, to tell a placeholder from a log."""

MAX_FILE_TIME: Final = 2**32
"""Seconds since the epoch that file systems can keep, at least."""

SAME: Final = 2.0
"""Seconds by which the times of some file systems are off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFile:
    """What came of downloading one log.

    Attributes:
        job_id: The job.
        path: Where its log is; None if it could not be had.
        size: Bytes of it.
        fresh: Whether it was fetched now; False if it was there from before.
        error: Why it could not be had; None if it could.
    """

    job_id: int
    path: Path | None = None
    size: int = 0
    fresh: bool = False
    error: TravisError | OSError | None = None


class DiskError(Exception):
    """The disk failed, not the network: asking the server again would not help. Its cause is the OSError."""


class FileSink:
    """A temporary file that takes a body. Disk work is done in a thread.

    Args:
        target: Where the file will be in the end; the temporary one is beside it.

    Attributes:
        limit: As in `Sink`.
        size: Bytes taken.
        small: All of the body, where it is no more than a few bytes; else empty.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._path = target.with_name(f".{target.name}.{uuid.uuid4().hex}.part")
        self._file: FileIO | None = None
        self.limit = LARGEST
        self.size = 0
        self.small = b""

    @property
    def begun(self) -> bool:
        """Whether anything has come."""
        return self._file is not None

    async def begin(self) -> None:
        """Begin, or begin anew."""
        if self._file is None:
            self._file = await _on_disk(lambda: self._path.open("xb", buffering=0))
        else:
            await _on_disk(partial(self._file.truncate, 0))
            await _on_disk(partial(self._file.seek, 0))
        self.size, self.small = 0, b""

    async def take(self, piece: bytes) -> None:
        """Write the next piece."""
        if self._file is None:
            await self.begin()
        self.size += len(piece)
        self.small = self.small + piece if self.size <= REMEMBERED else b""
        if piece and self._file is not None:
            await _on_disk(partial(self._file.write, piece))

    async def keep(self, moment: datetime | None) -> None:
        """Put it in its place, whatever is there.

        Args:
            moment: The file's time; now, if None.
        """
        await _on_disk(partial(self._put, moment))

    def _put(self, moment: datetime | None) -> None:
        if self._file is not None:
            self._file.close()
        seconds = _file_time(moment)
        if seconds is not None:
            os.utime(self._path, (seconds, seconds))
        self._path.replace(self._target)

    async def aclose(self) -> None:
        """Leave nothing behind but what was put in its place."""
        if self._file is not None:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(self._remove)

    def _remove(self) -> None:
        if self._file is not None:
            self._file.close()
        self._path.unlink(missing_ok=True)


async def _on_disk(work: Callable[[], T]) -> T:
    try:
        return await anyio.to_thread.run_sync(work)
    except OSError as exc:
        raise DiskError(type(exc).__name__) from exc


async def download(job: Job, folder: Path, fetch: Callable[[FileSink], Awaitable[None]], *, overwrite: bool) -> LogFile:
    """Download one log.

    Args:
        job: Whose log it is. Until it has ended, the log would be a beginning that passes for all of it.
        folder: Where the file is to be.
        fetch: Fetches it into a sink.
        overwrite: Whether to fetch it although it is there.
    """
    if not job.finished:
        message = f"Job {job.id} has not ended: its log is not whole yet. Follow it instead: travis.follow_log."
        return LogFile(job_id=job.id, error=UsageError(message, argument="jobs"))
    target = folder / f"{job.id}.txt"
    sink = FileSink(target)
    try:
        there = None if overwrite else await _on_disk(partial(_there, target, job.finished_at))
        if there is not None:
            return LogFile(job_id=job.id, path=target, size=there)
        await fetch(sink)
        await sink.keep(job.finished_at)
    except TravisError as exc:
        return LogFile(job_id=job.id, error=exc)
    except DiskError as exc:
        return LogFile(job_id=job.id, error=cast("OSError", exc.__cause__))
    else:
        return LogFile(job_id=job.id, path=target, size=sink.size, fresh=True)
    finally:
        await sink.aclose()


def _there(path: Path, finished_at: datetime | None) -> int | None:
    """Give the size of the file, if it is there and of the job's present run: its time is that of the job's end."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    seconds = _file_time(finished_at)
    return found.st_size if seconds is None or abs(found.st_mtime - seconds) < SAME else None


def _file_time(moment: datetime | None) -> float | None:
    """Return a date in seconds since the epoch; None if there is none, or no file can have it."""
    # fact 10.1: dates can be absurd. File systems keep the nearest that they can, which another call would not know.
    try:
        seconds = -1.0 if moment is None else moment.timestamp()
    except (ValueError, OverflowError):
        return None
    return seconds if 0 <= seconds < MAX_FILE_TIME else None
