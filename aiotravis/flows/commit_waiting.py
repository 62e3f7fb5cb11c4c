"""Waiting for a commit: from its hash to the build that Travis makes of it, or the reason why there is none.

What reaches Travis is recorded as a request; an accepted one becomes a build.
https://docs.travis-ci.com/api/#requests
"""

import contextlib
import itertools
import random
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import anyio

from aiotravis._async.lifetime import ClientLifetime
from aiotravis._async.retry import MAX_FAILURES, backoff, exponential, is_transient, retry
from aiotravis._validation import validate_seconds
from aiotravis.errors import CommitNotBuilt, LiveError, TravisError, UsageError
from aiotravis.events import BuildCreated, BuildEvent, Mark
from aiotravis.flows.event_subscriber import EventSubscriber, RepoRef
from aiotravis.flows.single_flight import SingleFlight
from aiotravis.flows.waiting import BuildWaiter
from aiotravis.live.feed import Feed
from aiotravis.resources.builds import Build, Builds, check_event_type
from aiotravis.resources.commits import Commit
from aiotravis.resources.repositories import Repository
from aiotravis.resources.requests import Request, Requests

__all__ = ["CommitSearch", "CommitWaiter"]

FIRST_POLL: Final = 2.0
MAX_POLL: Final = 30.0
"""First and longest delay between reads of the requests, in seconds: no event announces a rejection."""

MAX_AGE: Final = 1.5
"""Seconds for which one read serves all calls that wait for commits of the same repository."""

BUILDS_SEARCHED: Final = 25
"""Number of newest builds that are searched: one page."""

SHA: Final = re.compile(r"[0-9a-f]{7,64}")


class CommitSearch:
    """Recognises the build of a commit among builds and requests, see `Travis.wait_for_commit`. No I/O.

    Raises:
        UsageError: An argument is not valid.
    """

    def __init__(self, repo: RepoRef, sha: str, event_type: str | None, appear_within: float) -> None:
        if not SHA.fullmatch(str(sha).lower()):
            raise UsageError(f"sha must be 7 to 64 hexadecimal digits, not {sha!r}.", argument="sha")
        if event_type is not None:
            check_event_type(event_type)
        self.repo: int | str = repo.id if isinstance(repo, Repository) else repo
        self.event_type = event_type
        self.appear_within: float = validate_seconds(appear_within, "appear_within", zero_ok=True)
        self._name = repo.slug if isinstance(repo, Repository) else str(repo)
        self._sha = sha.lower()
        self._undecided: Request | None = None

    def find_build(self, builds: Iterable[Build]) -> int | None:
        """Return the id of a build of the commit, preferably that of its push, or None."""
        # fact 10.1: a commit can have several builds: of its push, its pull request and its tag.
        found = [build for build in builds if self._matches(build.event_type, build.commit)]
        return min(found, key=lambda build: build.event_type != "push").id if found else None

    def find_requested_build(self, requests: Iterable[Request]) -> int | None:
        """Return the id of a build that a request for the commit led to, preferably a push, or None.

        Raises:
            CommitNotBuilt: There are requests for the commit, and Travis rejected all of them.
        """
        matching = [one for one in requests if self._matches(one.event_type, one.commit, one.head_commit)]
        built = [(one.event_type != "push", one.build_id) for one in matching if one.build_id is not None]
        if built:
            return min(built, key=lambda pair: pair[0])[1]
        self._undecided = next((one for one in matching if not one.rejected), None)
        if matching and self._undecided is None:
            reasons = dict.fromkeys(f"{one.event_type}: {one.message or 'no reason given'}" for one in matching)
            message = f"Travis rejected commit {self._sha[:10]} of {self._name} ({'; '.join(reasons)})."
            raise CommitNotBuilt(message, sha=self._sha, request_id=matching[0].id, reason=matching[0].message)
        return None

    def _matches(self, event_type: str | None, commit: Commit | None, head: str | None = None) -> bool:
        if self.event_type not in {None, event_type}:
            return False
        # The commit of a pull request is a merge; its head is what was pushed. fact 9.19: a request may have no commit.
        shas = (commit.sha if commit is not None else "", head or "")
        return any(sha.lower().startswith(self._sha) for sha in shas)

    def timeout_error(self) -> CommitNotBuilt:
        """Return the error for a build that did not appear in time."""
        message = f"No build of commit {self._sha[:10]} of {self._name} appeared within {self.appear_within:g} s"
        if self._undecided is None:
            remedy = "Travis has no request for it: was it pushed, and is the repository enabled on Travis?"
            return CommitNotBuilt(f"{message}. {remedy}", sha=self._sha)
        request = self._undecided
        message = f"{message}; Travis has request {request.id} for it, {request.result or 'not decided yet'}."
        return CommitNotBuilt(message, sha=self._sha, request_id=request.id)


class CommitWaiter:
    """Waits for the builds of commits: finds the build, then waits for it like for any other."""

    def __init__(
        self,
        subscriber: EventSubscriber,
        requests: Requests,
        builds: Builds,
        waiter: BuildWaiter,
        lifetime: ClientLifetime,
    ) -> None:
        self._subscriber = subscriber
        self._builds = builds
        self._waiter = waiter
        self._lifetime = lifetime
        self._newest_builds = SingleFlight(self._read_builds, MAX_AGE)
        self._requests = SingleFlight(requests.list, MAX_AGE)

    async def wait(
        self, repo: RepoRef, sha: str, *, event_type: str | None, appear_within: float, until: Callable[[Build], bool]
    ) -> Build:
        """Wait for the build of a commit, see `Travis.wait_for_commit`."""
        search = CommitSearch(repo, sha, event_type, appear_within)
        with self._lifetime.scope(f"a build of commit {sha[:10]} was waited for"):
            async with contextlib.AsyncExitStack() as stack:
                feed = await retry(lambda: self._subscribe(repo), backoff(FIRST_POLL, MAX_POLL))
                if feed is not None:
                    stack.push_async_exit(feed)
                build_id = await self._find(search, feed)
        build: Build = await self._waiter.wait((Build, build_id), until)
        return build

    async def _subscribe(self, repo: RepoRef) -> Feed | None:
        with contextlib.suppress(LiveError):
            return await self._subscriber.events(repo, only=BuildEvent).__aenter__()
        return None

    async def _find(self, search: CommitSearch, feed: Feed | None) -> int:
        deadline = anyio.current_time() + search.appear_within
        # An old build may be in no list of requests, and no event announces it. fact 9.4: for an unknown repository
        # this list is empty; reading the requests raises NotFoundError.
        key = search.repo, search.event_type
        found = search.find_build(await retry(lambda: self._newest_builds.get(key), backoff(FIRST_POLL, MAX_POLL)))
        delays = (exponential(FIRST_POLL, MAX_POLL, polls) * random.uniform(0.8, 1.2) for polls in itertools.count())  # noqa: S311
        failures = 0
        while found is None:
            try:
                found = search.find_requested_build(await self._requests.get(search.repo))
                failures = 0
            except TravisError as exc:
                failures += 1
                if failures == MAX_FAILURES or not is_transient(exc):
                    raise
            remaining = deadline - anyio.current_time()
            if found is not None:
                break
            if remaining <= 0:
                raise search.timeout_error()
            delay = min(remaining, next(delays))
            try:
                found = await (_find_in_events(search, feed, delay) if feed else anyio.sleep(delay))
            except (LiveError, StopAsyncIteration):
                feed = None
        return found

    async def _read_builds(self, key: tuple[int | str, str | None]) -> Sequence[Build]:
        repo, event_type = key
        found: list[Build] = []
        async for build in self._builds.list(repo, event_type=event_type, exclude_config=True):
            found.append(build)
            if len(found) == BUILDS_SEARCHED:
                break
        return found


async def _find_in_events(search: CommitSearch, feed: Feed, delay: float) -> int | None:
    """Return the id of the build that an event tells of, or None once the requests are to be read again.

    That is after `delay` seconds, and soon after a build was created: that of a pull request has another hash.
    """
    with anyio.move_on_after(delay) as scope:
        while True:
            event = await feed.__anext__()
            if isinstance(event, BuildEvent) and (found := search.find_build([event.build])) is not None:
                return found
            if isinstance(event, BuildCreated | Mark):
                scope.deadline = min(scope.deadline, anyio.current_time() + FIRST_POLL)
    return None
