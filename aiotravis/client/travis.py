"""Travis: one attribute per resource, one method per flow; opens and closes."""

import contextlib
import os
import ssl as ssl_module
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Sequence
from functools import partial
from os import PathLike
from typing import TypeVar

import aiohttp

from aiotravis._async.lifetime import ClientLifetime
from aiotravis._config_file import read_config
from aiotravis._http import Transport
from aiotravis._transport import TransportConfig
from aiotravis.bulk.concurrent_map import ConcurrentMap
from aiotravis.bulk.progress import Progress
from aiotravis.client._base_client import BaseClient
from aiotravis.client._validation import COM, check_settings, validate_endpoint, validate_token, validate_user_agent
from aiotravis.errors import UsageError
from aiotravis.events import Event
from aiotravis.flows.commit_waiting import CommitWaiter
from aiotravis.flows.event_subscriber import BuildRef, EventSubscriber, JobRef, RepoRef
from aiotravis.flows.waiting import BuildWaiter
from aiotravis.follow_log import LogStream
from aiotravis.follow_log.sources import LogSources
from aiotravis.live.feed import Feed
from aiotravis.live.hub import Hub
from aiotravis.live.monitor import Live
from aiotravis.live.options import LiveOptions
from aiotravis.live.socket import Connector
from aiotravis.resources._base import id_of
from aiotravis.resources.builds import Build
from aiotravis.resources.jobs import Job

__all__ = ["Travis"]

A = TypeVar("A")
R = TypeVar("R")


def _finished(thing: Build | Job) -> bool:
    return thing.finished


class Travis(BaseClient):
    """A client of one Travis CI site.

    Use it as a context manager, or call `aclose`. It opens nothing before its first call. One client serves any
    number of tasks of one event loop.

    Its attributes are Travis's entities, with the API's own verbs: `accounts`, `annotations`, `auth`, `branches`,
    `broadcasts`, `builds`, `caches`, `config`, `env_vars`, `hooks`, `jobs`, `lint`, `logs`, `permissions`,
    `pusher_auth`, `repos`, `repository_keys`, `requests`, `settings`, `ssh_keys`, `users`; its methods are what takes
    several of them, or the live channel: `events`, `follow_log`, `wait_for_build`, `map`, ....

    Args:
        token: An API token, or None to see what is public.
        endpoint: URL of the API: ``COM``, ``ORG``, or that of a Travis CI Enterprise (``https://HOST/api``).
        session: An aiohttp session of your own; it is used, and never closed.
        ssl: An SSL context, or True for verified TLS with the system's certificates.
        proxy: URL of an HTTP proxy.
        trust_env: Whether to read proxies from the environment.
        connect_timeout: Seconds for name look-up, connection and TLS.
        read_timeout: Seconds of silence within an answer.
        max_response: Largest answer, unpacked, in bytes.
        attempts: How often a read is tried in all when the connection or the server fails in passing. Writes are sent
            again only when it is certain that they have not arrived.
        rate_limits: Whether to throttle this client to Travis's published limits; by default, unless the endpoint is a
            Travis CI Enterprise (``.../api``) or on this machine.
        user_agent: Put in front of this library's own name, to tell Travis who you are.
        live: How patient the live channel is, and how much it holds.
        trace_configs: aiohttp's trace configurations.
        middlewares: aiohttp's client middlewares.

    Attributes:
        live: How the live channel is: its state, its counters, what changes of it.

    Raises:
        UsageError: An argument cannot be right.

    https://docs.travis-ci.com/api/
    """

    def __init__(
        self,
        token: str | None = None,
        *,
        endpoint: str = COM,
        session: aiohttp.ClientSession | None = None,
        ssl: ssl_module.SSLContext | bool = True,
        proxy: str | None = None,
        trust_env: bool = False,
        connect_timeout: float = 10.0,
        read_timeout: float = 30.0,
        max_response: int = 64 << 20,
        attempts: int = 3,
        rate_limits: bool | None = None,
        user_agent: str | None = None,
        live: LiveOptions | None = None,
        trace_configs: Sequence[aiohttp.TraceConfig] = (),
        middlewares: Sequence[aiohttp.ClientMiddlewareType] = (),
    ) -> None:
        endpoint, token = validate_endpoint(endpoint), validate_token(token)
        settings = {"attempts": attempts, "read_timeout": read_timeout, "max_response": max_response}
        check_settings({**settings, "connect_timeout": connect_timeout})
        if session is not None and (trace_configs or middlewares):
            raise UsageError("Give trace_configs and middlewares to your session itself.", argument="session")
        agent = validate_user_agent(user_agent)
        config = TransportConfig(
            ssl=ssl,
            proxy=proxy,
            trust_env=trust_env,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            max_response=max_response,
            attempts=attempts,
            trace_configs=tuple(trace_configs),
            middlewares=tuple(middlewares),
        )
        super().__init__(token, endpoint, session, config, agent, rate_limits)
        options = LiveOptions() if live is None else live
        connector = Connector(
            self._transport.cross_origin_session,
            ssl=ssl,
            proxy=proxy,
            user_agent=agent,
            timeout=connect_timeout,
            largest_frame=options.largest_frame,
        )
        users = None if token is None else self.users
        self._hub = Hub(self.config, self.pusher_auth, users, self.builds, self.jobs, connector, options)
        self.live: Live = self._hub.live
        lifetime = self._lifetime = ClientLifetime()
        self._listening = EventSubscriber(self._hub, self.repos, self.builds, self.jobs, lifetime)
        self._waiting = BuildWaiter(self._listening, self.builds, self.jobs, lifetime)
        self._commit_waiting = CommitWaiter(self._listening, self.requests, self.builds, self._waiting, lifetime)

    @classmethod
    def from_env(cls) -> "Travis":
        """Make a client from ``TRAVIS_TOKEN`` and ``TRAVIS_ENDPOINT``; without the latter for travis-ci.com.

        Raises:
            UsageError: One of them cannot be right.
        """
        return cls(os.environ.get("TRAVIS_TOKEN") or None, endpoint=os.environ.get("TRAVIS_ENDPOINT") or COM)

    @classmethod
    def from_config(
        cls, endpoint: str | None = None, *, path: str | PathLike[str] = "~/.travis/config.yml"
    ) -> "Travis":
        """Make a client from the file in which the ``travis`` command line client keeps its tokens.

        Needs the extra ``config``. A token that is kept for one endpoint is never sent to another.

        Args:
            endpoint: Which of the endpoints in the file; its default one, or its only one, if None.
            path: The file.

        Raises:
            UsageError: No such file, no such endpoint in it, or no token for it.
        """
        found, token = read_config(path, endpoint)
        return cls(token, endpoint=found)

    def _bind(self, transport: Transport, token: str | None, endpoint: str) -> None:
        super()._bind(transport, token, endpoint)
        self._log_sources = LogSources(self.logs)

    async def aclose(self) -> None:
        """Close: the live connection, then REST. Calls that are under way end with an error.

        Safe to call twice, and from any task of the same event loop.
        """
        self._lifetime.end()
        # Whatever becomes of one, being cancelled even, the next one is closed all the same.
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(super().aclose)
            stack.push_async_callback(self._hub.aclose)
            stack.push_async_callback(self._waiting.aclose)

    def events(
        self,
        repo: RepoRef | Iterable[RepoRef] | None = None,
        job: JobRef | Iterable[JobRef] | None = None,
        *,
        build: BuildRef | Iterable[BuildRef] | None = None,
        channels: Iterable[str] = (),
        only: type[Event] | Iterable[type[Event]] = (),
        buffer: int = 1000,
    ) -> Feed:
        """Listen to what happens, as typed events.

        ``async with travis.events(repo) as feed: async for event in feed: ...``

        Args:
            repo: Repositories (ids, slugs or themselves): all that happens to their builds and jobs.
            job: Jobs (ids or themselves): what happens to them, and their logs.
            build: Builds (ids or themselves): what happens to them and their jobs.
            channels: Names of channels: all that comes on them.
            only: Event classes to yield; all if empty. Marks (`Lagged`, `Reconnected`) always come.
            buffer: Most events that may wait to be taken before a `Lagged` stands in for what was dropped.

        Without any of these, everything that the token's user may see.

        Returns:
            A feed: an async context manager and iterator. Opening it raises LiveUnavailable or SubscriptionError.

        Raises:
            UsageError: At once: an argument cannot be right.
        """
        return self._listening.events(repo, job, build=build, channels=channels, only=only, buffer=buffer)

    async def wait_for_build(self, build: BuildRef, *, until: Callable[[Build], bool] = _finished) -> Build:
        """Wait until a build has ended, however it ends: canceled and errored count as ended, too.

        Any number of callers share one connection; where there is no live channel, they share batched reads instead.
        A restart before the end is waited out with it. How long to wait is yours: ``with anyio.fail_after(600): ...``.

        Args:
            build: Id of the build, or a build.
            until: What to wait for instead: ``lambda build: build.running``.

        Returns:
            The build as it was when it was so, with its commit, without its jobs.

        Raises:
            NotFoundError: No such build, or this token may not see it.
            UsageError: Not an id, or the client was closed meanwhile.
        """
        found: Build = await self._waiting.wait((Build, id_of(build, "build", Build)), until)
        return found

    async def wait_for_job(self, job: JobRef, *, until: Callable[[Job], bool] = _finished) -> Job:
        """Wait until a job has ended, as `wait_for_build` does for a build.

        Args:
            job: Id of the job, or a job.
            until: What to wait for instead: ``lambda job: job.running``.

        Raises:
            NotFoundError: No such job, or this token may not see it.
            UsageError: Not an id, or the client was closed meanwhile.
        """
        found: Job = await self._waiting.wait((Job, id_of(job, "job", Job)), until)
        return found

    async def wait_for_commit(
        self,
        repo: RepoRef,
        sha: str,
        *,
        event_type: str | None = None,
        appear_within: float = 300.0,
        until: Callable[[Build], bool] = _finished,
    ) -> Build:
        """Wait until the build of a commit has ended, from a moment on when Travis may not have heard of it yet.

        A push and a pull request are built apart, of the same commit: without ``event_type``, the first build that
        appears is the one, and that of the push where there are several already. A restarted build counts as it is.

        Args:
            repo: Id, slug, or a repository.
            sha: Hash of the commit that was pushed, or its first seven digits or more.
            event_type: Only a build for a ``push``, ``pull_request``, ``api`` or ``cron``.
            appear_within: Seconds within which there has to be a build; from then on, how long to wait is yours.
            until: What to wait for instead of the end: ``lambda build: build.running``.

        Returns:
            The build as it was when it was so, with its commit, without its jobs.

        Raises:
            CommitNotBuilt: Travis rejected it, and tells why; or no build has appeared in time.
            NotFoundError: No such repository, or this token may not see it.
            UsageError: An argument cannot be right, or the client was closed meanwhile.
        """
        return await self._commit_waiting.wait(
            repo, sha, event_type=event_type, appear_within=appear_within, until=until
        )

    def map(
        self,
        call: Callable[[A], Awaitable[R]],
        items: Iterable[A] | AsyncIterable[A],
        *,
        at_once: int = 100,
        ordered: bool = True,
        progress: Callable[[Progress], None] | None = None,
    ) -> ConcurrentMap[A, R]:
        """Call for each of many items, many at once, each failure kept apart from the others.

        ``async with travis.map(travis.jobs.get, ids) as outcomes: async for outcome in outcomes: outcome.value``

        Where Travis takes many ids in one request, `Builds.many`, `Jobs.many` and `Repositories.many` need a hundredth
        of the requests.

        Args:
            call: Any async function of one item: ``travis.builds.get``, ``lambda job: travis.logs.text(job)``.
            items: The items: a list, a generator, ``travis.builds.list(repo)``. Taken one by one as there is room.
            at_once: Most calls under way at once.
            ordered: Whether outcomes come in the order of the items; else as soon as they are there.
            progress: Told how far it has come: at every outcome, and once a second while there is none.

        Returns:
            An async context manager and iterator of `Outcome`: ``.item``, ``.value`` (raises what the call raised),
            ``.error``. Workers wait for a consumer that is slow, and end with the block.

        Raises:
            UsageError: At once: an argument cannot be right.
        """
        return ConcurrentMap(
            call, items, at_once=at_once, ordered=ordered, progress=progress, waiting=lambda: self._transport.waiting
        )

    def follow_log(self, job: JobRef) -> LogStream:
        """Follow a job's log to its end: complete, in order, each part once.

        ``async with travis.follow_log(job) as log: async for part in log: print(part.content, end="")``

        Args:
            job: Id of the job, or a job. Running, still to start, or long finished.

        Returns:
            A stream: an async context manager and iterator of `LogPart`.

        Raises:
            UsageError: At once: not an id.
        """
        listen = partial(self._listening.events, job=job)
        return LogStream(job, listen, self.jobs, self._log_sources, self._lifetime)
