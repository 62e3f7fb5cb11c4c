"""Fetches the payloads of events that were too large for Pusher, over REST, before the events are delivered."""

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable
from operator import itemgetter

import anyio
import msgspec

from aiotravis.errors import TravisError
from aiotravis.events import BuildEvent, JobEvent
from aiotravis.live.monitor import LiveMonitor
from aiotravis.live.subscription import LiveResources
from aiotravis.resources._base import read_in_parts
from aiotravis.resources.builds import Build, Builds
from aiotravis.resources.jobs import Job, Jobs

__all__ = ["PayloadFetcher"]

logger: logging.Logger = logging.getLogger("aiotravis.live")

EntityId = tuple[type[Build] | type[Job], int]
"""The build or job of an event."""

Deliver = Callable[[BuildEvent | JobEvent], None]

_HeldEvent = tuple[int, BuildEvent | JobEvent, Deliver]
"""Position in the order of arrival, event, and what delivers it."""


class PayloadFetcher:
    """Holds events without a payload back, fetches a hundred payloads per request, then delivers the events.

    Later events of the same build or job are held back behind them, so that their order is kept.

    Args:
        resources: Returns the resources to fetch with, or None if nobody is subscribed any more.
        coalesce: Seconds for which ids are collected.
        monitor: Counts and logs failures.
        delivered: Called after events were delivered.
    """

    # fact 7.8, 9.42: Pusher allows 10 kB per event; for anything larger Travis sends ids alone, without a state.

    def __init__(
        self,
        resources: Callable[[], LiveResources | None],
        coalesce: float,
        monitor: LiveMonitor,
        delivered: Callable[[], Awaitable[None]],
    ) -> None:
        self._resources = resources
        self._coalesce = coalesce
        self._monitor = monitor
        self._delivered = delivered
        self._held: dict[EntityId, list[_HeldEvent]] = {}
        self._positions = itertools.count()
        self._to_fetch: dict[EntityId, None] = {}
        self._wake = asyncio.Event()

    def __len__(self) -> int:
        return len(self._held)

    def hold(self, event: BuildEvent | JobEvent, deliver: Deliver) -> bool:
        """Hold an event back if it is incomplete or has to wait behind one that is, and return whether it does.

        Args:
            event: The event.
            deliver: Called once the event is complete, or cannot be completed.
        """
        entity: EntityId = (Job, event.job.id) if isinstance(event, JobEvent) else (Build, event.build.id)
        if event.complete and entity not in self._held:
            return False
        self._held.setdefault(entity, []).append((next(self._positions), event, deliver))
        if not event.complete:
            self._to_fetch[entity] = None
            self._wake.set()
        return True

    async def run(self) -> None:
        """Complete events until cancelled."""
        while True:
            await self._wake.wait()
            await anyio.sleep(self._coalesce)
            self._wake.clear()
            ids, self._to_fetch = self._to_fetch, {}
            # An event that comes for the same entity from now on may be newer than the response: it waits for the next.
            batch = [(entity, len(self._held[entity])) for entity in ids]
            found: dict[EntityId, Build | Job] = {}
            resources = self._resources()
            if resources is not None:
                async with anyio.create_task_group() as group:
                    group.start_soon(self._fetch, resources.builds, [id_ for kind, id_ in ids if kind is Build], found)
                    group.start_soon(self._fetch, resources.jobs, [id_ for kind, id_ in ids if kind is Job], found)
            self._release(batch, found)
            await self._delivered()

    async def _fetch(self, resource: Builds | Jobs, ids: list[int], found: dict[EntityId, Build | Job]) -> None:
        async def read(some: list[int]) -> None:
            async for entity in resource.many(some, missing_ok=True):
                found[type(entity), entity.id] = entity

        try:
            failed = list((await read_in_parts(read, ids)).values())
        except TravisError as exc:
            failed = [exc]
        except Exception as exc:  # noqa: BLE001 - nobody else is concerned
            self._monitor.count_failure("fetching the payloads of events", exc)
            failed = []
        if failed:
            logger.warning("payloads of events could not be fetched: %s", type(failed[0]).__name__)

    def _release(self, batch: list[tuple[EntityId, int]], found: dict[EntityId, Build | Job]) -> None:
        """Deliver a batch in the order of arrival. Events whose payload could not be fetched stay incomplete."""
        ready: list[_HeldEvent] = []
        for entity, count in batch:
            held = self._held.pop(entity)
            ready += [
                (position, _completed(event, found.get(entity)), deliver) for position, event, deliver in held[:count]
            ]
            rest = held[count:]
            while rest and rest[0][1].complete:
                ready.append(rest.pop(0))
            if rest:
                self._held[entity] = rest
        for _, event, deliver in sorted(ready, key=itemgetter(0)):
            try:
                deliver(event)
            except Exception as exc:  # noqa: BLE001 - whatever fails in the handling of an event is that of the event
                self._monitor.count_failure("delivering an event", exc)


def _completed(event: BuildEvent | JobEvent, found: Build | Job | None) -> BuildEvent | JobEvent:
    if event.complete or found is None:
        return event
    if isinstance(event, JobEvent):
        return msgspec.structs.replace(event, job=found, complete=True)
    return msgspec.structs.replace(event, build=found, complete=True)
