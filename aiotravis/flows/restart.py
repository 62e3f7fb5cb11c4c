"""Restarting a build or job, and waiting until its new run exists.

https://docs.travis-ci.com/api/#builds
"""

import contextlib
from typing import Any, Final

from aiotravis._async.lifetime import ClientLifetime
from aiotravis._async.retry import backoff, retry
from aiotravis.errors import TravisError
from aiotravis.events import Mark
from aiotravis.flows.event_subscriber import EventSubscriber
from aiotravis.flows.waiting import BuildWaiter
from aiotravis.resources._flash import is_outcome_unknown
from aiotravis.resources._run_order import Run, RunOrder
from aiotravis.resources._runs import Restarts
from aiotravis.resources.builds import Build, Builds
from aiotravis.resources.jobs import Job, Jobs

__all__ = ["Restarter"]

FIRST_RETRY: Final = 1.0
MAX_RETRY: Final = 30.0
"""First and longest delay after a transient failure, in seconds."""


class Restarter:
    """Restarts builds and jobs, and waits for their new runs."""

    def __init__(
        self,
        subscriber: EventSubscriber,
        builds: Builds,
        jobs: Jobs,
        waiter: BuildWaiter,
        restarts: Restarts,
        lifetime: ClientLifetime,
    ) -> None:
        self._subscriber = subscriber
        self._resources: dict[type[Build | Job], Builds | Jobs] = {Build: builds, Job: jobs}
        self._waiter = waiter
        self._restarts = restarts
        self._lifetime = lifetime

    async def restart(self, kind: type[Build | Job], number: int) -> Any:
        """Restart a build or job, see `Travis.restart`."""
        resource = self._resources[kind]
        key = kind.__name__.lower(), number
        with self._lifetime.scope(f"{key[0]} {number} was restarted"):
            run_filter = self._waiter.run_filter(key)
            # Read just before: it tells the old run from the new one, even if that is over within a second.
            old = await retry(lambda: resource.get(number), backoff(FIRST_RETRY, MAX_RETRY))
            async with contextlib.AsyncExitStack() as stack:
                if old.repository_id is not None:
                    # The waiter subscribes once it has read the build. Subscribed to before, the channel lets no event
                    # through in between. Nobody reads this feed: it keeps one mark at most.
                    feed = self._subscriber.events(old.repository_id, only=Mark, buffer=1, optional=True)
                    await stack.enter_async_context(feed)
                failure: TravisError | None = None
                try:
                    await resource.restart(number)
                except TravisError as exc:
                    if not is_outcome_unknown(exc):
                        raise
                    # It may have been carried out all the same: a new run would show that.
                    failure = exc
                self._restarts.record_old_run(old)
                found = await self._waiter.wait(key, lambda _: True, run_filter)
                if failure is not None and Run.of(old).order_of(found, is_event=False) is not RunOrder.LATER:
                    raise failure
                return found
