"""Triggering a build: from a request for it to the build, or the reason why there is none.

https://docs.travis-ci.com/user/triggering-builds/
"""

import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import anyio

from aiotravis._async.lifetime import ClientLifetime
from aiotravis._async.retry import exponential, is_transient
from aiotravis._http.messages import one_line
from aiotravis._validation import validate_not_awaitable
from aiotravis.errors import (
    DecodeError,
    NotFoundError,
    ServerError,
    TravisError,
    TriggerRejected,
    TriggerUncertain,
    TriggerUndecided,
    UsageError,
)
from aiotravis.events import BuildCreated, Mark
from aiotravis.flows.event_subscriber import EventSubscriber, RepoRef
from aiotravis.live.feed import Feed
from aiotravis.resources._build_requests import PendingRequest, RequestStatus
from aiotravis.resources._flash import is_outcome_unknown
from aiotravis.resources.builds import Build, Builds
from aiotravis.resources.repositories import Repository
from aiotravis.resources.requests import Request, Requests

__all__ = ["Trigger"]

FIRST_POLL: Final = 1.0
MAX_POLL: Final = 10.0
"""First and longest delay between reads of the request, in seconds: no event announces a rejection."""

REFUSAL_PATIENCE: Final = 30.0
"""Seconds for which what Travis has just made may be missing, or unreadable: it reads from a copy."""

SETTLING: Final = 3.0
"""Seconds after a lost answer for which the request may still be on its way."""

CANDIDATE_DELAYS: Final = (0.0, 1.0, 2.0, 4.0, 8.0)
"""Delays before the reads that look for a request whose answer was lost, in seconds."""

CANDIDATE_PATIENCE: Final = 30.0
"""Seconds in which these reads end, answered or not."""

MAX_CLOCK_SKEW: Final = timedelta(seconds=60)
"""By how much the clock of Travis may differ."""

MAX_MESSAGES: Final = 3
"""Messages about the configuration that the text of an error has."""


class Trigger:
    """One request for a build.

    Args:
        subscriber: Opens a feed, which tells when to read before the time.
        requests: Reads what became of the request.
        builds: Reads the build.
        lifetime: Ends this when the client is closed.
        repo: The repository.
        branch: Branch that is asked for, or None.
    """

    def __init__(
        self,
        subscriber: EventSubscriber,
        requests: Requests,
        builds: Builds,
        lifetime: ClientLifetime,
        repo: RepoRef,
        branch: str | None,
    ) -> None:
        self._subscriber = subscriber
        self._requests = requests
        self._builds = builds
        self._lifetime = lifetime
        self._repo: int | str = repo.id if isinstance(repo, Repository) else repo
        self._branch = branch
        slug = repo.slug if isinstance(repo, Repository) else repo if isinstance(repo, str) else ""
        self._name = slug or f"repository {self._repo}"
        self._newest: int | None = None
        self._began_at = datetime.now(UTC)

    async def run(
        self,
        create: Callable[[], Awaitable[PendingRequest]],
        appear_within: float,
        on_request: Callable[[PendingRequest], object] | None,
    ) -> Build:
        """Send the request once, and wait for its build, see `Travis.trigger`.

        Args:
            create: Sends the request.
            appear_within: How long to wait for the build, in seconds.
            on_request: Called once the request was answered.
        """
        with self._lifetime.scope(f"a build of {self._name} was triggered"):
            async with self._subscriber.events(self._repo, only=BuildCreated, buffer=100, optional=True) as feed:
                await self._read_newest()
                try:
                    pending = await create()
                except TravisError as exc:
                    if not is_outcome_unknown(exc):
                        raise
                    # Sent again, it could be built twice: nothing tells one request from another (fact 11.5).
                    raise await self._uncertain_error("the answer was lost") from exc
                if on_request is not None:
                    validate_not_awaitable(on_request(pending), "on_request")
                if pending.id is None:
                    raise await self._uncertain_error("it was answered without an id")
                return await self._wait(pending.id, feed, appear_within)

    # The decision -----------------------------------------------------------------------------------------------------

    async def _wait(self, request_id: int, feed: Feed, appear_within: float) -> Build:
        """Wait for the build of a request. Every failure says that the request was made."""
        deadline = anyio.current_time() + appear_within
        status: RequestStatus | None = None
        failing_since: float | None = None
        polls = 0
        while True:
            delay = exponential(FIRST_POLL, MAX_POLL, polls) * random.uniform(0.8, 1.2)  # noqa: S311
            is_told = await _next_event(feed, max(0.0, min(delay, deadline - anyio.current_time())))
            polls = 0 if is_told else polls + 1
            is_last = anyio.current_time() >= deadline
            failure: TravisError | None = None
            try:
                if status is None or status.build_id is None:
                    status = await self._requests.status(self._repo, request_id)
                if status.build_id is not None:
                    return await self._builds.get(status.build_id)
                if status.rejected:
                    raise self._rejected_error(status)
                failing_since = None
            except (TriggerRejected, UsageError):
                raise
            except TravisError as exc:
                failure = exc
                failing_since = anyio.current_time() if failing_since is None else failing_since
                if not is_transient(exc):
                    is_late = anyio.current_time() >= failing_since + REFUSAL_PATIENCE
                    is_last = is_last or is_late or not isinstance(exc, NotFoundError | DecodeError)
            if is_last:
                raise self._undecided_error(request_id, status, appear_within, failure) from failure

    def _rejected_error(self, status: RequestStatus) -> TriggerRejected:
        messages = [message.text for message in status.messages]
        listed = "; ".join([status.message or "no reason given", *messages[:MAX_MESSAGES]])
        return TriggerRejected(
            f"Travis rejected request {status.id} for a build of {self._name}: {listed.removesuffix('.')}.",
            request_id=status.id,
            reason=one_line(status.message) if status.message else None,
            messages=messages,
        )

    def _undecided_error(
        self, request_id: int, status: RequestStatus | None, appear_within: float, failure: TravisError | None
    ) -> TriggerUndecided:
        build_id = None if status is None else status.build_id
        what = f"Request {request_id} for a build of {self._name} was made"
        if build_id is not None:
            what = f"Travis made build {build_id} of request {request_id} for {self._name}"
        if failure is not None:
            reason = f"but it cannot be read: {str(failure).removesuffix('.')}"
        elif status is not None and status.accepted:
            reason = f"and approved, but no build appeared within {appear_within:g} s"
        else:
            reason = f"but Travis has not decided on it within {appear_within:g} s"
        message = f"{what}, {reason}. Do not trigger again: it may still be built."
        return TriggerUndecided(message, request_id=request_id, build_id=build_id)

    # A lost answer ----------------------------------------------------------------------------------------------------

    async def _read_newest(self) -> None:
        """Remember the newest request before this one."""
        try:
            requests = await self._requests.list(self._repo)
        except (ServerError, DecodeError):
            return  # A site whose list fails can build all the same: then the time tells which are new.
        self._newest = max((one.id for one in requests), default=0)

    async def _uncertain_error(self, what: str) -> TriggerUncertain:
        """Return the error for a lost answer, with the requests that may be the one."""
        found: Sequence[int] | None = None
        began_at = anyio.current_time()
        with anyio.move_on_after(CANDIDATE_PATIENCE):
            for delay in CANDIDATE_DELAYS:
                await anyio.sleep(delay)
                try:
                    found = [one.id for one in await self._requests.list(self._repo) if self._may_be_it(one)]
                except UsageError:
                    raise
                except TravisError:
                    continue
                if found or anyio.current_time() >= began_at + SETTLING:
                    break
        if found is None:
            listed = "Which requests there are cannot be read now"
        elif found:
            listed = f"Since then, there are these requests: {', '.join(map(str, found))}"
        else:
            listed = "There is no new request yet"
        message = f"A build of {self._name} was requested once, and {what}. {listed}. Check before you trigger again."
        return TriggerUncertain(message, candidates=found or ())

    def _may_be_it(self, request: Request) -> bool:
        if request.event_type not in {"api", None} or (
            self._branch is not None and request.branch not in {None, self._branch}
        ):
            return False
        if self._newest is not None:
            return request.id > self._newest
        return request.created_at is None or request.created_at >= self._began_at - MAX_CLOCK_SKEW


async def _next_event(feed: Feed, delay: float) -> bool:
    """Wait, and return whether an event tells that a build of the API was made, before the time is over."""
    with anyio.move_on_after(delay) as scope:
        while True:
            event = await feed.__anext__()
            if isinstance(event, BuildCreated) and event.build.event_type in {"api", None}:
                return True
            if isinstance(event, Mark):
                # Events were lost.
                scope.deadline = min(scope.deadline, anyio.current_time() + FIRST_POLL)
    return False
