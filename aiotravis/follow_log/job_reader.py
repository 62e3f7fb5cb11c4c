"""Reads the states of jobs whose logs are followed: a hundred in one request.

https://docs.travis-ci.com/api/#jobs
"""

from collections.abc import Callable
from typing import Final
from weakref import WeakSet

import anyio

from aiotravis.errors import TravisError
from aiotravis.resources.jobs import Job, Jobs, no_such_job

__all__ = ["JobReader"]

BATCH_DELAY: Final = 0.02
"""Seconds for which ids are collected before they are read."""

IDS_PER_REQUEST: Final = 100

IDLE_INTERVAL: Final = 12.0
"""Seconds between two reads of a job while nothing arrives of its log."""

REQUEST_INTERVAL: Final = 1.0
"""Seconds of the idle interval for each request that it takes: with thousands of jobs the interval stretches."""


class _Batch:
    """Ids that are read together."""

    def __init__(self) -> None:
        self.ids: dict[int, None] = {}
        self.done = anyio.Event()
        self.jobs: dict[int, Job] | None = None
        self.error: TravisError | None = None


class JobReader:
    """Reads jobs for all followers of a client. It runs no task: the first follower of a batch reads for the others.

    Args:
        jobs: The resource to read from.
        report: Called with the idle interval, or None without followers, whenever it changes.
        followers: The followers, if there are others that read with other settings.
    """

    def __init__(
        self,
        jobs: Jobs,
        report: Callable[[float | None], None] = lambda _: None,
        followers: WeakSet[object] | None = None,
    ) -> None:
        self._jobs = jobs
        self._report = report
        self._followers: WeakSet[object] = WeakSet() if followers is None else followers
        self._batch: _Batch | None = None

    def add(self, follower: object) -> None:
        """Count a follower."""
        self._followers.add(follower)
        self._report(self.idle_interval)

    def remove(self, follower: object) -> None:
        """Forget a follower."""
        self._followers.discard(follower)
        self._report(self.idle_interval if self._followers else None)

    @property
    def idle_interval(self) -> float:
        """Seconds between two reads of a job while nothing arrives of its log."""
        return max(IDLE_INTERVAL, len(self._followers) / IDS_PER_REQUEST * REQUEST_INTERVAL)

    def until_idle_read(self, now: float) -> float:
        """Return the seconds until the next idle read. All followers read at the same moments, so in few requests."""
        interval = self.idle_interval
        return interval * (1 + (now / interval + 0.5) // 1) - now

    async def get(self, number: int) -> Job:
        """Read a job.

        Raises:
            NotFoundError: No such job, or this token may not see it.
        """
        if len(self._followers) <= 1:
            return await self._jobs.get(number)
        while True:
            batch = self._batch
            if batch is not None:
                batch.ids[number] = None
                await batch.done.wait()
            else:
                batch = self._batch = _Batch()
                batch.ids[number] = None
                await self._read(batch)
            if batch.error is not None:
                raise batch.error
            # None if the follower that read for the others was cancelled.
            if batch.jobs is not None:
                job = batch.jobs.get(number)
                if job is None:
                    raise no_such_job(number)
                return job

    async def _read(self, batch: _Batch) -> None:
        try:
            await anyio.sleep(BATCH_DELAY)
            self._batch = None
            if len(batch.ids) == 1:
                (number,) = batch.ids
                batch.jobs = {number: await self._jobs.get(number)}
            else:
                batch.jobs = {job.id: job async for job in self._jobs.many(batch.ids, missing_ok=True)}
        except TravisError as exc:
            batch.error = exc
        finally:
            if self._batch is batch:
                self._batch = None
            batch.done.set()
