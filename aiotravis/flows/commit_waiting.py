"""Waiting for a commit: from its hash to the build that Travis makes of it, or the reason why there is none.

What reaches Travis is recorded as a request; an accepted one becomes a build.
https://docs.travis-ci.com/api/#requests
"""

import contextlib
import itertools
import random
import re
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

import anyio

from aiotravis._async.lifetime import ClientLifetime
from aiotravis._async.retry import MAX_FAILURES, backoff, exponential, is_transient, retry
from aiotravis._validation import display, is_text, validate_seconds, validate_text
from aiotravis.errors import CommitNotBuilt, DecodeError, ServerError, TravisError, UsageError
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

BUILDS_SEARCHED: Final = (25, 100, 325, 1000)
"""Newest builds that are searched at the first poll, the second, ...: 1, 3, 9 and 27 pages more."""

MAX_REQUESTS: Final = 100
"""Newest requests that are searched if the commit is not among those of one page: most that one response holds."""

NEIGHBOURS: Final = 5
"""Builds that are searched beyond a build of the commit that is not its push: the build of the push may come next."""

SHA: Final = re.compile(r"[0-9a-f]{7,64}")


class CommitSearch:
    """Recognises the build of a commit among builds and requests, see `Travis.wait_for_commit`. No I/O.

    Attributes:
        builds_searched: Builds that were searched, newest first.

    Raises:
        UsageError: An argument is not valid.
    """

    def __init__(
        self,
        repo: RepoRef,
        sha: str | Commit,
        event_type: str | None,
        appear_within: float,
        *,
        branch: str | None = None,
        tag: str | None = None,
    ) -> None:
        sha = sha.sha if isinstance(sha, Commit) else sha
        if not (is_text(sha) and SHA.fullmatch(sha.lower())):
            raise UsageError(f"sha must be 7 to 64 hexadecimal digits, not {display(sha)}.", argument="sha")
        if event_type is not None:
            check_event_type(event_type)
        if branch is not None and tag is not None:
            raise UsageError("Pass either branch or tag: a build is made for one of them.", argument="tag")
        self._branch = None if branch is None else validate_text(branch, "branch")
        self._tag = None if tag is None else validate_text(tag, "tag")
        self.repo: int | str = repo.id if isinstance(repo, Repository) else repo
        self.event_type = event_type
        self.appear_within: float = validate_seconds(appear_within, "appear_within", zero_ok=True)
        self._name = repo.slug if isinstance(repo, Repository) else str(repo)
        self._sha = sha.lower()
        self._undecided: Request | None = None
        self.builds_searched: Sequence[Build] = ()
        self._requests_searched = 0

    @property
    def chooses_ref(self) -> bool:
        """Whether only the build for a branch or a tag is wanted. Events do not tell them apart (fact 7.8)."""
        return self._branch is not None or self._tag is not None

    def find_build(self, builds: Sequence[Build]) -> Build | None:
        """Return a build of the commit, preferably that of its push, or None."""
        # fact 10.1: a commit can have several builds: of its push, its pull request and its tag.
        found = [build for build in builds if self._is_build(build)]
        return min(found, key=lambda build: build.event_type != "push") if found else None

    def _is_build(self, build: Build) -> bool:
        commit = build.commit
        branch, tag = (None, None) if commit is None else (commit.branch, commit.tag)
        return self._is_wanted(build.event_type, branch, tag) and self._has_sha(commit)

    def find_requested_build(self, requests: Sequence[Request]) -> int | None:
        """Return the id of a build that a request for the commit led to, preferably a push, or None.

        Raises:
            CommitNotBuilt: There are requests for the commit, and Travis rejected all of them.
        """
        self._requests_searched = max(self._requests_searched, len(requests))
        matching = [
            one
            for one in requests
            if self._is_wanted(one.event_type, one.branch, one.tag) and self._has_sha(one.commit, one.head_commit)
        ]
        built = [(one.event_type != "push", one.build_id) for one in matching if one.build_id is not None]
        if built:
            return min(built, key=lambda pair: pair[0])[1]
        self._undecided = next((one for one in matching if not one.rejected), None)
        if matching and self._undecided is None:
            reasons = dict.fromkeys(f"{one.event_type}: {one.message or 'no reason given'}" for one in matching)
            message = f"Travis rejected commit {self._sha[:10]} of {self._name} ({'; '.join(reasons)})."
            raise CommitNotBuilt(message, sha=self._sha, request_id=matching[0].id, reason=matching[0].message)
        return None

    def _is_wanted(self, event_type: str | None, branch: str | None, tag: str | None) -> bool:
        if self.event_type not in {None, event_type} or self._tag not in {None, tag}:
            return False
        # The build of a tag has the name of the tag as its branch.
        return self._branch is None or (branch == self._branch and not tag)

    def _has_sha(self, commit: Commit | None, head: str | None = None) -> bool:
        # The commit of a pull request is a merge; its head is what was pushed. fact 9.19: a request may have no commit.
        shas = (commit.sha if commit is not None else "", head or "")
        return any(sha.lower().startswith(self._sha) for sha in shas)

    def timeout_error(self) -> CommitNotBuilt:
        """Return the error for a build that did not appear in time; it says how far was searched."""
        wanted = f"for branch {self._branch!r} " if self._branch else f"for tag {self._tag!r} " if self._tag else ""
        within = f"appeared within {self.appear_within:g} s"
        message = f"No build of commit {self._sha[:10]} of {self._name} {wanted}{within}"
        if self._undecided is not None:
            request = self._undecided
            message = f"{message}; Travis has request {request.id} for it, {request.result or 'not decided yet'}."
            return CommitNotBuilt(message, sha=self._sha, request_id=request.id)
        builds = self.builds_searched
        numbers = f" (down to number {builds[-1].number})" if builds else ""
        kind = f"{self.event_type} " if self.event_type else ""
        message = (
            f"{message}. It is not among the newest {len(builds)} {kind}builds{numbers} and {self._requests_searched} "
            "requests: was it pushed, and is the repository enabled on Travis?"
        )
        return CommitNotBuilt(message, sha=self._sha)


class _History:
    """Builds of a repository, newest first, as far as they were read. All calls that wait share one.

    Args:
        builds: Reads them.

    Attributes:
        builds: What was read.
    """

    def __init__(self, builds: AsyncIterator[Build]) -> None:
        self._iterator = builds
        self._lock = anyio.Lock()
        self.builds: list[Build] = []

    async def read(self, count: int) -> None:
        """Read on, until there are so many builds, or all of them."""
        async with self._lock:
            while len(self.builds) < count:
                build = await anext(self._iterator, None)
                if build is None:
                    return
                self.builds.append(build)


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
        self._all_requests = requests
        self._waiter = waiter
        self._lifetime = lifetime
        self._histories = SingleFlight(self._open_history, MAX_AGE)
        self._requests = SingleFlight(self._list_requests, MAX_AGE)

    async def wait(self, search: CommitSearch, until: Callable[[Build], bool]) -> Build:
        """Wait for the build of a commit, see `Travis.wait_for_commit`."""
        with self._lifetime.scope("the build of a commit was waited for"):
            feed = await retry(
                lambda: self._subscriber.events(search.repo, only=BuildEvent, optional=True).__aenter__(),
                backoff(FIRST_POLL, MAX_POLL),
            )
            async with feed:
                build_id = await self._find(search, feed)
        build: Build = await self._waiter.wait(("build", build_id), until)
        return build

    async def _find(self, search: CommitSearch, feed: Feed) -> int:
        deadline = anyio.current_time() + search.appear_within
        key = search.repo, search.event_type
        history = await retry(lambda: self._histories.get(key), backoff(FIRST_POLL, MAX_POLL))
        last_stage = len(BUILDS_SEARCHED) - 1
        failures = 0
        for polls in itertools.count():
            is_last = anyio.current_time() >= deadline
            try:
                if (
                    polls
                    and search.chooses_ref
                    and (newest := search.find_build((await self._histories.get(key)).builds))
                ):
                    return newest.id
                # Once everything was searched, only what is new.
                stage = last_stage if is_last else polls if polls <= last_stage else 0
                if (found := await self._poll(search, history, stage)) is not None:
                    return found
                failures = 0
            except TravisError as exc:
                failures += 1
                if is_last or failures == MAX_FAILURES or not is_transient(exc):
                    raise
            if is_last:
                break
            delay = exponential(FIRST_POLL, MAX_POLL, polls) * random.uniform(0.8, 1.2)  # noqa: S311
            delay = max(0.0, min(deadline - anyio.current_time(), delay))
            if (found := await _find_in_events(search, feed, delay)) is not None:
                return found
        raise search.timeout_error()

    async def _poll(self, search: CommitSearch, history: _History, stage: int) -> int | None:
        """Search builds and requests, from poll to poll further back.

        An old build may be in no list of requests, and no event announces it. Most commits that are waited for are new,
        though: nothing old is read before the second poll.
        """
        build = await _find_in_history(search, history, BUILDS_SEARCHED[stage and stage - 1])
        if build is not None:
            return build.id
        rejection: CommitNotBuilt | None = None
        try:
            # fact 9.4: for an unknown repository the list of builds is empty; this raises NotFoundError.
            found = search.find_requested_build(await self._requests.get((search.repo, None)))
            if found is not None or not stage:
                return found
        except CommitNotBuilt as exc:
            # Further back, the commit may have been built.
            rejection, stage = exc, max(stage, 1)
        try:
            found = search.find_requested_build(await self._requests.get((search.repo, MAX_REQUESTS)))
            if found is not None:
                return found
        except CommitNotBuilt as exc:
            rejection = exc
        except (ServerError, DecodeError):
            pass  # fact 9.28: some servers fail if there is a limit.
        # What is old and cannot be read must not end the wait for what is new.
        with contextlib.suppress(DecodeError):
            build = await _find_in_history(search, history, BUILDS_SEARCHED[stage])
        if build is None and rejection is not None:
            raise rejection
        return None if build is None else build.id

    async def _list_requests(self, key: tuple[int | str, int | None]) -> Sequence[Request]:
        return await self._all_requests.list(key[0], limit=key[1])

    async def _open_history(self, key: tuple[int | str, str | None]) -> _History:
        history = _History(aiter(self._builds.list(key[0], event_type=key[1], exclude_config=True)))
        await history.read(BUILDS_SEARCHED[0])
        return history


async def _find_in_history(search: CommitSearch, history: _History, count: int) -> Build | None:
    search.builds_searched = history.builds
    await history.read(count)
    found = search.find_build(history.builds)
    if found is not None and found.event_type != "push" and search.event_type is None:
        place = next(place for place, build in enumerate(history.builds) if build is found)
        await history.read(place + 1 + NEIGHBOURS)
        found = search.find_build(history.builds)
    return found


async def _find_in_events(search: CommitSearch, feed: Feed, delay: float) -> int | None:
    """Return the id of the build that an event tells of, or None once the requests are to be read again.

    That is after `delay` seconds, and soon after a build was created: that of a pull request has another hash.
    """
    with anyio.move_on_after(delay) as scope:
        while True:
            event = await feed.__anext__()
            if (
                isinstance(event, BuildEvent)
                and not search.chooses_ref
                and search.find_build([event.build]) is not None
            ):
                return event.build.id
            if isinstance(event, BuildCreated | Mark):
                scope.deadline = min(scope.deadline, anyio.current_time() + FIRST_POLL)
    return None
