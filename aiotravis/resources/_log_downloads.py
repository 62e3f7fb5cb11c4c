"""Logs into files: streamed into a temporary file that replaces the target once it is complete."""

import contextlib
import os
import re
import time
import uuid
import zlib
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from io import FileIO
from pathlib import Path
from typing import Final, cast

import anyio
import anyio.to_thread

from aiotravis._values import Value
from aiotravis.errors import LogUnavailable, TravisError, UsageError
from aiotravis.resources._log_answers import RETRY_AFTER, has_run
from aiotravis.resources._log_sinks import BLOCK, DiskError, LogSink, on_disk
from aiotravis.resources.jobs import Job

__all__ = ["FileSink", "LogFile", "download", "prepare_folder"]

TIME_TOLERANCE: Final = 2.0
"""Seconds by which file systems round modification times."""

MAX_FILE_TIME: Final = 2**32
"""Seconds since the epoch that file systems can store, at least."""

TEMPORARY: Final = re.compile(r"\.\d+\.txt\.[0-9a-f]{32}\.part")
"""Names of the temporary files."""

ABANDONED_AFTER: Final = 3600.0
"""Seconds without a write after which a temporary file is that of a process which was killed."""


class LogFile(Value, frozen=True, kw_only=True):
    """The outcome of downloading one log.

    Attributes:
        job_id: Id of the job.
        path: The file; None if there was an error.
        size: Its size in bytes.
        fresh: Whether it was downloaded now; False if it was there already.
        error: Why there is no file: a `TravisError` or an OSError; None if there is one.
    """

    job_id: int
    path: Path | None = None
    size: int = 0
    fresh: bool = False
    error: Exception | None = None


class FileSink(LogSink):
    """A sink that writes a temporary file beside the target, in worker threads.

    Args:
        target: The file to replace in the end.
    """

    def __init__(self, target: Path) -> None:
        super().__init__()
        self._target = target
        self._path = target.with_name(f".{target.name}.{uuid.uuid4().hex}.part")
        self._file: FileIO | None = None

    async def begin(self) -> None:
        """Open the file, or empty it for a new attempt."""
        await super().begin()
        if self._file is None:
            await on_disk(self._open)
        else:
            await on_disk(partial(self._file.truncate, 0))
            await on_disk(partial(self._file.seek, 0))

    def _open(self) -> None:
        # In the thread: if the task is cancelled meanwhile, `aclose` has to know the file.
        self._file = self._path.open("xb", buffering=0)

    async def take(self, piece: bytes) -> None:
        """Write the next piece."""
        if self._file is None:
            await self.begin()
        await super().take(piece)
        if piece and self._file is not None:
            await on_disk(partial(self._write, piece))

    def _write(self, piece: bytes) -> None:
        rest = memoryview(piece)
        while rest and self._file is not None:
            # On a disk that is nearly full, a part is written, and only the next call fails.
            rest = rest[self._file.write(rest) :]

    async def keep(self, modified_at: datetime | None) -> None:
        """Replace the target.

        Args:
            modified_at: Modification time of the file; None for now.
        """
        await on_disk(partial(self._replace, modified_at))

    def _replace(self, modified_at: datetime | None) -> None:
        if self._file is not None:
            self._file.close()
        seconds = _file_time(modified_at)
        if seconds is not None:
            os.utime(self._path, (seconds, seconds))
        self._path.replace(self._target)

    async def aclose(self) -> None:
        """Close the file, and remove it unless it was kept."""
        if self._file is not None:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(self._remove)

    def _remove(self) -> None:
        if self._file is not None:
            self._file.close()
        self._path.unlink(missing_ok=True)


def prepare_folder(folder: Path) -> None:
    """Create a folder for logs, and remove the temporary files that killed processes have left there.

    Raises:
        OSError: It cannot be created.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob(".*.txt.*.part"):
        # What cannot be read or removed is in nobody's way.
        with contextlib.suppress(OSError):
            if TEMPORARY.fullmatch(path.name) and time.time() - path.stat().st_mtime > ABANDONED_AFTER:
                path.unlink()


async def download(job: Job, folder: Path, fetch: Callable[[FileSink], Awaitable[None]], *, overwrite: bool) -> LogFile:
    """Download the log of one job, unless it is there.

    Args:
        job: The job. It must have ended: until then its log is incomplete.
        folder: Folder of the file.
        fetch: Fetches the log into a sink.
        overwrite: Whether to download it even if the file is there.
    """
    if not job.finished:
        message = f"Job {job.id} has not ended, so its log is incomplete. Follow it instead: travis.follow_log."
        return LogFile(job_id=job.id, error=UsageError(message, argument="jobs"))
    target = folder / f"{job.id}.txt"
    sink = FileSink(target)
    try:
        size = None if overwrite else await on_disk(partial(_existing_size, target, job.finished_at))
        if size is not None:
            return LogFile(job_id=job.id, path=target, size=size)
        try:
            await fetch(sink)
        except LogUnavailable:
            # fact 10.2: only a job that never started has an empty log.
            if has_run(job):
                raise
            await sink.begin()
        else:
            if await on_disk(partial(_is_of_run_before, target, sink, job.finished_at)):
                reason = "it is still that of the run before"
                message = f"The log of job {job.id} is not available: {reason}. Try again in a minute."
                return LogFile(job_id=job.id, error=LogUnavailable(
                    message, job_id=job.id, reason=reason, retry_after=RETRY_AFTER))  # fmt: skip
        await sink.keep(job.finished_at)
    except TravisError as exc:
        return LogFile(job_id=job.id, error=exc)
    except DiskError as exc:
        return LogFile(job_id=job.id, error=cast("OSError", exc.__cause__))
    else:
        return LogFile(job_id=job.id, path=target, size=sink.size, fresh=True)
    finally:
        await sink.aclose()


def _existing_size(path: Path, finished_at: datetime | None) -> int | None:
    """Return the size of a file of the same run, or None. The file's time is that of the job's end."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    seconds = _file_time(finished_at)
    return found.st_size if seconds is None or abs(found.st_mtime - seconds) < TIME_TOLERANCE else None


def _is_of_run_before(path: Path, sink: LogSink, finished_at: datetime | None) -> bool:
    """Return whether what was downloaded is the log of another run, whose file is there.

    fact 10.1: for some seconds after a restart the server serves the log of the run before.
    """
    ended = _file_time(finished_at)
    if ended is None or time.time() - ended > RETRY_AFTER or not path.exists():
        return False
    if path.stat().st_size != sink.size or abs(path.stat().st_mtime - ended) < TIME_TOLERANCE:
        return False
    checksum = 0
    with path.open("rb") as file:
        while piece := file.read(BLOCK):
            checksum = zlib.crc32(piece, checksum)
    return checksum == sink.checksum


def _file_time(moment: datetime | None) -> float | None:
    """Return a date in seconds since the epoch; None if there is none, or no file can have it."""
    # fact 10.1: dates can be absurd. A file system stores the nearest that it can, not this one.
    try:
        seconds = -1.0 if moment is None else moment.timestamp()
    except (ValueError, OverflowError):
        return None
    return seconds if 0 <= seconds < MAX_FILE_TIME else None
