"""Waiting for a commit: from its sha to the build that Travis made of it, or why there is none.

What reached Travis are requests; one that is accepted becomes a build. https://docs.travis-ci.com/api/#requests
"""

import contextlib
import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import anyio

from aiotravis._async.lifetime import ClientLifetime
from aiotravis._async.retry import MAX_FAILURES, backoff, exponential, is_transient, retry
from aiotravis.errors import CommitNotBuilt, LiveError, TravisError, UsageError
from aiotravis.events import BuildCreated, BuildEvent, Mark
from aiotravis.flows.event_subscriber import EventSubscriber, RepoRef
from aiotravis.flows.single_flight import SingleFlight
from aiotravis.flows.waiting import Waiting
from aiotravis.live.feed import Feed
from aiotravis.resources.builds import Build, Builds, check_event_type
from aiotravis.resources.commits import Commit
from aiotravis.resources.repositories import Repository
from aiotravis.resources.requests import Request, Requests

__all__ = ["CommitWaiting", "Search"]

FIRST_LOOK: Final = 2.0
"""Seconds between the first two looks at the requests; then ever longer, since no event tells of a rejection."""

LONGEST_LOOK: Final = 30.0

FRESH: Final = 1.5
"""Seconds for which one look serves all who wait for commits of the same repository."""

PAGE: Final = 25
"""Builds that are looked through for one of the commit: a page."""

SHA: Final = re.compile(r"[0-9a-f]{7,64}")


class Search:
    """What is looked for, and what was seen of it. No I/O.

    Args:
        repo: The repository.
        sha: Hash of the commit, or its first seven digits or more.
        event_type: Only builds and requests of this kind; None: any.
        patience: Seconds within which there has to be a build.

    Attributes:
        key: The repository's id or slug.

    Raises:
        UsageError: An argument cannot be right.
    """

    def __init__(self, repo: RepoRef, sha: str, event_type: str | None, patience: float) -> None:
        if not SHA.fullmatch(str(sha).lower()):
            raise UsageError(f"sha must be 7 to 64 hexadecimal digits, not {sha!r}.", argument="sha")
        if event_type is not None:
            check_event_type(event_type)
        if isinstance(patience, bool) or not patience >= 0:
            raise UsageError(f"appear_within must be seconds, not {patience!r}.", argument="appear_within")
        self.key: int | str = repo.id if isinstance(repo, Repository) else repo
        self.event_type = event_type
        self.patience = patience
        self._name = repo.slug if isinstance(repo, Repository) else str(repo)
        self._sha = sha.lower()
        self._undecided: Request | None = None

    def among_builds(self, builds: Iterable[Build]) -> int | None:
        """Give the id of a build of this commit, that of its push before any other."""
        found = [build for build in builds if self._means(build.event_type, build.commit)]
        found.sort(key=lambda build: build.event_type != "push")
        return found[0].id if found else None

    def among_requests(self, requests: Iterable[Request]) -> int | None:
        """Give the id of the build that a request led to, that of a push before any other; None: not yet.

        Args:
            requests: The repository's requests, newest first.

        Raises:
            CommitNotBuilt: There are requests about this commit, and Travis has rejected each of them.
        """
        about = [one for one in requests if self._means(one.event_type, one.commit, one.head_commit)]
        led = [(one.event_type != "push", one.build_id) for one in about if one.build_id is not None]
        if led:
            return min(led, key=lambda pair: pair[0])[1]
        self._undecided = next((one for one in about if not one.rejected), None)
        if about and self._undecided is None:
            raise self._rejected(about)
        return None

    def _means(self, event_type: str | None, commit: Commit | None, head: str | None = None) -> bool:
        """Whether something is about this commit. A pull request's own is a merge; its head is what was pushed."""
        if self.event_type not in {None, event_type}:
            return False
        shas = (commit.sha if commit is not None else "", head or "")
        return any(sha.lower().startswith(self._sha) for sha in shas)

    def _rejected(self, requests: Sequence[Request]) -> CommitNotBuilt:
        reasons = dict.fromkeys(f"{one.event_type}: {one.message or 'no reason given'}" for one in requests)
        message = f"Travis rejected commit {self._sha[:10]} of {self._name} ({'; '.join(reasons)})."
        return CommitNotBuilt(message, sha=self._sha, request_id=requests[0].id, reason=requests[0].message)

    def never(self) -> CommitNotBuilt:
        """Make the error that tells that no build has appeared in time."""
        waited = f"No build of commit {self._sha[:10]} of {self._name} has appeared within {self.patience:g} s"
        if self._undecided is None:
            remedy = "Travis has no request about it: was it pushed, and is the repository enabled on Travis?"
            return CommitNotBuilt(f"{waited}. {remedy}", sha=self._sha)
        known = f"Travis has request {self._undecided.id} about it, {self._undecided.result or 'not decided on'}"
        return CommitNotBuilt(f"{waited}; {known}.", sha=self._sha, request_id=self._undecided.id)


class CommitWaiting:
    """Waits for the builds of commits.

    Args:
        listening: Opens feeds.
        requests: Reads what reached Travis.
        builds: Reads builds.
        waiting: Waits for a build once it is known.
        lifetime: Ends with the client.
    """

    def __init__(
        self, listening: EventSubscriber, requests: Requests, builds: Builds, waiting: Waiting, lifetime: ClientLifetime
    ) -> None:
        self._listening = listening
        self._waiting = waiting
        self._builds = builds
        self._lifetime = lifetime
        self._newest_builds = SingleFlight(self._page, FRESH)
        self._requests = SingleFlight(requests.list, FRESH)

    async def wait(
        self,
        repo: RepoRef,
        sha: str,
        *,
        event_type: str | None,
        appear_within: float,
        until: Callable[[Build], bool],
    ) -> Build:
        """Wait for the build of a commit, see `Travis.wait_for_commit`."""
        search = Search(repo, sha, event_type, appear_within)
        with self._lifetime.scope(f"a build of commit {sha[:10]} was waited for"):
            async with contextlib.AsyncExitStack() as stack:
                feed = await retry(lambda: self._subscribe(repo), _delays())
                if feed is not None:
                    stack.push_async_exit(feed)
                number = await self._find(search, feed)
        build: Build = await self._waiting.wait((Build, number), until)
        return build

    async def _subscribe(self, repo: RepoRef) -> Feed | None:
        try:
            return await self._listening.events(repo, only=BuildEvent).__aenter__()
        except LiveError:
            return None

    async def _find(self, search: Search, feed: Feed | None) -> int:
        """Give the id of its build."""
        deadline = anyio.current_time() + search.patience
        # What was built long ago may be in no list of requests, nor come as an event.
        newest = await retry(lambda: self._newest_builds.get((search.key, search.event_type)), _delays())
        found = search.among_builds(newest)
        looks = failures = 0
        while found is None:
            try:
                found = search.among_requests(await self._requests.get(search.key))
                failures = 0
            except TravisError as exc:
                failures += 1
                if failures == MAX_FAILURES or not is_transient(exc):
                    raise
            left = deadline - anyio.current_time()
            if found is not None:
                break
            if left <= 0:
                raise search.never()
            wait = exponential(FIRST_LOOK, LONGEST_LOOK, looks) * random.uniform(0.8, 1.2)  # noqa: S311
            looks += 1
            if feed is None:
                await anyio.sleep(min(left, wait))
                continue
            try:
                found = await self._hear(search, feed, min(left, wait))
            except (LiveError, StopAsyncIteration):
                feed = None
        return found

    async def _page(self, which: tuple[int | str, str | None]) -> Sequence[Build]:
        repo, event_type = which
        page: list[Build] = []
        async for build in self._builds.list(repo, event_type=event_type, exclude_config=True):
            page.append(build)
            if len(page) == PAGE:
                break
        return page

    async def _hear(self, search: Search, feed: Feed, wait: float) -> int | None:
        """Listen for as long as no look is due; a build of another sha may be one, too: that of a pull request."""
        with anyio.move_on_after(wait) as scope:
            while True:
                event = await feed.__anext__()
                if isinstance(event, BuildEvent) and (found := search.among_builds([event.build])) is not None:
                    return found
                if isinstance(event, BuildCreated | Mark):
                    scope.deadline = min(scope.deadline, anyio.current_time() + FIRST_LOOK)
        return None


def _delays() -> Iterator[float]:
    return backoff(FIRST_LOOK, LONGEST_LOOK)
