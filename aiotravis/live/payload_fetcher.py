"""Events that came as ids alone, because all of it was too much for Pusher, completed over REST before delivery."""

import asyncio
import dataclasses
import itertools
import logging
from collections.abc import Callable
from dataclasses import dataclass

import anyio
import msgspec

from aiotravis.errors import TravisError
from aiotravis.events import BuildEvent, JobEvent
from aiotravis.resources.builds import Build, Builds
from aiotravis.resources.jobs import Job, Jobs

__all__ = ["PayloadFetcher"]

logger: logging.Logger = logging.getLogger("aiotravis.live")

Key = tuple[type[Build] | type[Job], int]
"""What an event is about."""


Deliver = Callable[[BuildEvent | JobEvent], None]


@dataclass(frozen=True, slots=True)
class _Held:
    place: int
    event: BuildEvent | JobEvent
    deliver: Deliver


def _place(held: _Held) -> int:
    return held.place


class PayloadFetcher:
    """Collects ids for a moment, fetches what they stand for in one request per hundred, then lets the events go.

    Events about the same build or job that come meanwhile wait behind it, so that their order is kept.

    Args:
        builds: Fetches builds.
        jobs: Fetches jobs.
        coalesce: Seconds for which ids are collected.
    """

    def __init__(self, builds: Builds, jobs: Jobs, coalesce: float) -> None:
        self._builds = builds
        self._jobs = jobs
        self._coalesce = coalesce
        self._held: dict[Key, list[_Held]] = {}
        self._places = itertools.count()
        self._due: dict[Key, None] = {}
        self._wake = asyncio.Event()

    def __len__(self) -> int:
        return len(self._held)

    def holds(self, event: BuildEvent | JobEvent, deliver: Deliver) -> bool:
        """Take an event that is incomplete, or that has to wait behind one that is; False: it may be delivered.

        Args:
            event: The event.
            deliver: Takes it once it is complete, or cannot be had completely.
        """
        key: Key = (Job, event.job.id) if isinstance(event, JobEvent) else (Build, event.build.id)
        if event.complete and key not in self._held:
            return False
        self._held.setdefault(key, []).append(_Held(next(self._places), event, deliver))
        if not event.complete:
            self._due[key] = None
            self._wake.set()
        return True

    async def run(self) -> None:
        """Complete events for ever."""
        while True:
            await self._wake.wait()
            await anyio.sleep(self._coalesce)
            self._wake.clear()
            due, self._due = self._due, {}
            # What comes for the same thing from now on may be newer than the answer: it waits for the next one.
            batch = [(key, len(self._held[key])) for key in due]
            found: dict[Key, Build | Job] = {}
            async with anyio.create_task_group() as group:
                group.start_soon(self._fetch, self._builds, [number for kind, number in due if kind is Build], found)
                group.start_soon(self._fetch, self._jobs, [number for kind, number in due if kind is Job], found)
            self._release(batch, found)

    async def _fetch(self, resource: Builds | Jobs, ids: list[int], found: dict[Key, Build | Job]) -> None:
        if not ids:
            return
        try:
            async for thing in resource.many(ids, missing_ok=True):
                found[type(thing), thing.id] = thing
        except TravisError as exc:
            logger.warning("events that came as ids alone could not be completed: %s", type(exc).__name__)

    def _release(self, batch: list[tuple[Key, int]], found: dict[Key, Build | Job]) -> None:
        """Let go of what waited, in the order in which it came; what could not be had says that it is not complete."""
        free: list[_Held] = []
        for key, count in batch:
            held = self._held.pop(key)
            free += [dataclasses.replace(one, event=_completed(one.event, found.get(key))) for one in held[:count]]
            rest = held[count:]
            while rest and rest[0].event.complete:
                free.append(rest.pop(0))
            if rest:
                self._held[key] = rest
        for one in sorted(free, key=_place):
            one.deliver(one.event)


def _completed(event: BuildEvent | JobEvent, found: Build | Job | None) -> BuildEvent | JobEvent:
    if event.complete or found is None:
        return event
    if isinstance(event, JobEvent):
        return msgspec.structs.replace(event, job=found, complete=True)
    return msgspec.structs.replace(event, build=found, complete=True)
