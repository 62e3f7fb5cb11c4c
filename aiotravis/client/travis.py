"""Travis: the client, with one attribute per resource and one method per flow."""

import dataclasses
import os
import ssl as ssl_module
from collections.abc import Iterable, Sequence
from functools import partial
from os import PathLike
from typing import Any, Literal, Self, Unpack
from weakref import WeakSet

import aiohttp
from msgspec import UNSET, UnsetType

from aiotravis._async.lifetime import ClientLifetime
from aiotravis._config_file import read_config
from aiotravis._transport import AiohttpTransport, ConnectionPool, Identity, TransportConfig
from aiotravis._validation import validate_instance, validate_seconds
from aiotravis.client._triggering_client import TriggeringClient
from aiotravis.client._validation import (
    COM,
    accept_header,
    validate_endpoint,
    validate_several,
    validate_token,
    validate_user_agent,
)
from aiotravis.client.options import ClientOptions
from aiotravis.client.statistics import Statistics, statistics_of
from aiotravis.errors import UsageError
from aiotravis.events import Event
from aiotravis.flows.commit_waiting import CommitWaiter
from aiotravis.flows.event_subscriber import BuildRef, EventSubscriber, JobRef, RepoRef
from aiotravis.flows.restart import Restarter
from aiotravis.flows.waiting import BuildWaiter
from aiotravis.follow_log import LogStream
from aiotravis.follow_log.job_reader import JobReader
from aiotravis.follow_log.log_timeout import DEFAULT_PATIENCE
from aiotravis.follow_log.sources import LogSources
from aiotravis.live.feed import Feed
from aiotravis.live.hub import Hub
from aiotravis.live.monitor import Live
from aiotravis.live.options import LiveOptions
from aiotravis.live.socket import PusherConnector
from aiotravis.live.subscription import LiveResources
from aiotravis.rate_limits import RateLimits, limiter_for
from aiotravis.resources._base import id_of
from aiotravis.resources._runs import DEFAULT_RESTART_PATIENCE, Restarts, RunFilter
from aiotravis.resources.jobs import Job
from aiotravis.resources.pusher_auth import PusherAuth

__all__ = ["Travis"]


class Travis(TriggeringClient):
    """A client of one Travis CI site.

    Use it as a context manager, or call `aclose`. It opens nothing before its first call. One client serves any
    number of tasks of one event loop.

    Its attributes are Travis's entities, with the API's own verbs: `builds`, `jobs`, `logs`, `repos`, and more. Its
    methods are what takes several of them, or the live channel: `events`, `follow_log`, `wait_for_build`, and more.

    Args:
        token: An API token, or None to see what is public.
        endpoint: URL of the API: ``COM``, ``ORG``, or that of a Travis CI Enterprise (``https://HOST/api``).
        session: An aiohttp session of your own; it is used, and never closed.
        ssl: An SSL context, or True for verified TLS with the system's certificates.
        proxy: URL of an HTTP proxy, with user and password if it needs them.
        trust_env: Whether to use the proxies of the environment (``http_proxy``, ``https_proxy``, ``no_proxy``), for
            the live channel, too. netrc files are never read.
        connect_timeout: For name look-up, connection and TLS, in seconds.
        read_timeout: Longest silence within a response, in seconds.
        max_response: Largest response, decompressed, in bytes. Logs are read as text and may be larger.
        attempts: How often a read is tried in all when the connection or the server fails. Writes are repeated only
            when they certainly did not arrive.
        strict: Whether a field or a record that cannot be read is a DecodeError. Otherwise the field takes its
            default, and a record without an id is listed in ``unreadable`` of its list, paginator or batch.
        cache: Whether to keep responses that have an ETag, so that Travis can confirm them instead of sending them
            again. Every read still asks Travis. At most 16 MiB for all clients over the same connections.
        restart_patience: How long to wait for the new run of a restarted build or job, in seconds, see `restart`.
        rate_limits: Where requests are counted, to stay within Travis's published limits: ``"machine"`` for all
            processes of this user on this machine, ``"memory"`` for this process, a `RedisLimits` for a fleet, False
            for no limits. By default what ``TRAVIS_RATE_LIMITS`` says, else ``"machine"``; no limits if the endpoint is
            a Travis CI Enterprise (``.../api``) or on this machine, unless True is passed.
        user_agent: Your own name, sent in front of this library's.
        live: Timeouts and sizes of the live channel.
        log_patience: How long `follow_log` waits for a log that is not stored yet, in seconds from the end of its job.
        trace_configs: aiohttp's trace configurations. They see all that is sent, also the token: in a header and, for
            `Auth.logout`, in the query. Record neither headers nor queries.
        middlewares: aiohttp's client middlewares, which see as much.

    Attributes:
        live: State and statistics of the live channel.

    Raises:
        UsageError: An argument is not valid.

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
        connect_timeout: float = TransportConfig.connect_timeout,
        read_timeout: float = TransportConfig.read_timeout,
        max_response: int = TransportConfig.max_response,
        attempts: int = TransportConfig.attempts,
        strict: bool = False,
        cache: bool = True,
        restart_patience: float = DEFAULT_RESTART_PATIENCE,
        rate_limits: RateLimits = None,
        user_agent: str | None = None,
        live: LiveOptions | None = None,
        log_patience: float = DEFAULT_PATIENCE,
        trace_configs: Sequence[aiohttp.TraceConfig] = (),
        middlewares: Sequence[aiohttp.ClientMiddlewareType] = (),
    ) -> None:
        endpoint, token, agent = validate_endpoint(endpoint), validate_token(token), validate_user_agent(user_agent)
        if session is not None:
            validate_instance(session, aiohttp.ClientSession, "session")
        if session is not None and (trace_configs or middlewares):
            raise UsageError("Pass trace_configs and middlewares to your session itself.", argument="session")
        self._log_patience = validate_seconds(log_patience, "log_patience", zero_ok=True)
        config = TransportConfig(
            ssl=ssl,
            proxy=proxy,
            trust_env=trust_env,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            max_response=max_response,
            attempts=attempts,
            strict=strict,
            cache=cache,
            trace_configs=validate_several(trace_configs, "trace_configs", aiohttp.TraceConfig),
            middlewares=validate_several(middlewares, "middlewares"),
        )
        lifetime = ClientLifetime()
        pool = ConnectionPool(endpoint, agent, config, lifetime, session)
        options = LiveOptions() if live is None else live
        validate_instance(options, LiveOptions, "live")
        self._live_options = options
        self._connector = PusherConnector(
            session=pool.cross_origin,
            ssl=ssl,
            proxy_for=pool.proxy_for,
            user_agent=agent,
            timeout=connect_timeout,
            max_message_size=options.max_message_size,
        )
        self._restart_patience = validate_seconds(restart_patience, "restart_patience", zero_ok=True)
        self._rate_limits: RateLimits = rate_limits
        self._identify(token, pool, config, lifetime)

    def _identify(
        self, token: str | None, pool: ConnectionPool, config: TransportConfig, lifetime: ClientLifetime
    ) -> None:
        """Become the client of an identity, with limits, a live channel and a memory of restarts of its own."""
        limiter = limiter_for(pool.endpoint, token, self._rate_limits)
        identity = Identity(token, accept_header(pool.endpoint, token), limiter, lifetime, pool.memory)
        transport = AiohttpTransport(pool, identity, config)
        connector = dataclasses.replace(self._connector, redact=transport.redact)
        self._hub = Hub(connector, self._live_options, lifetime)
        self.live: Live = self._hub.live
        lifetime.on_close(self._hub.aclose)
        self._restarts = Restarts(self._restart_patience)
        self._log_followers: WeakSet[object] = WeakSet()
        self._bind(transport)

    def _bind(self, transport: AiohttpTransport) -> None:
        super()._bind(transport)
        lifetime = transport.lifetime
        users = None if transport.identity.token is None else self.users
        # Time limits of single requests, and none around them: waiting for the rate limits is not a failure.
        config, timeout = transport.config, max(self._hub.options.subscribe_timeout, 0.001)
        connect_timeout, read_timeout = min(config.connect_timeout, timeout), min(config.read_timeout, timeout)
        config = dataclasses.replace(config, connect_timeout=connect_timeout, read_timeout=read_timeout)
        pusher_auth = PusherAuth(transport.with_config(config))
        resources = LiveResources(self.config, pusher_auth, users, self.repos, self.builds, self.jobs)
        self._subscriber = EventSubscriber(self._hub, resources)
        self._waiting = BuildWaiter(self._subscriber, self.builds, self.jobs, self._restarts, lifetime)
        self._restarter = Restarter(self._subscriber, self.builds, self.jobs, self._waiting, self._restarts, lifetime)
        self._commit_waiting = CommitWaiter(self._subscriber, self.requests, self.builds, self._waiting, lifetime)
        self._log_sources = LogSources(self.logs)
        self._log_jobs = JobReader(self.jobs, self._hub.report_log_interval, self._log_followers)

    @classmethod
    def from_env(cls, endpoint: str | None = None, **options: Unpack[ClientOptions]) -> "Travis":
        """Make a client from ``TRAVIS_TOKEN`` and ``TRAVIS_ENDPOINT``; without one, that is travis-ci.com.

        Args:
            endpoint: URL of the API, instead of ``TRAVIS_ENDPOINT``.
            **options: As for `Travis`.

        Raises:
            UsageError: One of them is not valid.
        """
        token, found = (os.environ.get(name, "").strip() or None for name in ("TRAVIS_TOKEN", "TRAVIS_ENDPOINT"))
        return cls(token, endpoint=(found or COM) if endpoint is None else endpoint, **options)

    @classmethod
    def from_config(
        cls,
        endpoint: str | None = None,
        *,
        path: str | PathLike[str] = "~/.travis/config.yml",
        **options: Unpack[ClientOptions],
    ) -> "Travis":
        """Make a client from the file in which the ``travis`` command line stores its tokens.

        Needs the extra ``config``. A token stored for one endpoint is never sent to another.

        Args:
            endpoint: One of the endpoints in the file; None for its default, or its only one.
            path: The file.
            **options: As for `Travis`.

        Raises:
            UsageError: There is no such file, no such endpoint in it, or no token for it.
        """
        found, token = read_config(path, endpoint)
        return cls(token, endpoint=found, **options)

    def with_options(
        self,
        *,
        attempts: int | None = None,
        read_timeout: float | None = None,
        max_response: int | None = None,
        strict: bool | None = None,
        cache: bool | None = None,
        priority: Literal["normal", "low"] | None = None,
        max_wait: float | None = None,
        token: str | UnsetType | None = UNSET,
    ) -> Self:
        """Return a client with other settings, for every call and every flow, over the same connections.

        ``await travis.with_options(attempts=1).builds.get(7)``. Closing one of the two closes both.

        With a token, or None for none, it is the client of another identity, which shares nothing but connections:
        it has its own limits, cache and live channel. Closing it leaves the others open; closing the client that was
        made with ``Travis(...)`` closes all.

        Args:
            attempts: How often a read is tried in all.
            read_timeout: Longest silence within a response, in seconds.
            max_response: Largest response, decompressed, in bytes.
            strict: Whether a field or a record that cannot be read is a DecodeError.
            cache: Whether to keep responses that have an ETag.
            priority: ``"low"`` for bulk work: within the rate limits, all other calls with the same site and token go
                first, and a tenth of each limit is left to them.
            max_wait: Longest wait for the rate limits, in seconds. A call that would have to wait longer raises
                RateLimited; it is not sent.
            token: API token of another identity, or None to see what is public.

        Raises:
            UsageError: A setting is not valid; or a token is given, and the session given to this client would send
                credentials or cookies of its own.
        """
        options = {
            "attempts": attempts, "read_timeout": read_timeout, "max_response": max_response, "strict": strict,
            "cache": cache, "priority": priority, "max_wait": max_wait,
        }  # fmt: skip
        changes: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
        transport = self._transport
        config = dataclasses.replace(transport.config, **changes)
        other = object.__new__(type(self))
        vars(other).update(vars(self))
        if token is UNSET:
            other._bind(transport.with_config(config))
        else:
            pool = transport.pool
            pool.check_shareable()
            other._identify(validate_token(token), pool, config, ClientLifetime(pool.lifetime))
        return other

    def events(
        self,
        repo: RepoRef | Iterable[RepoRef] | None = None,
        job: JobRef | Iterable[JobRef] | None = None,
        *,
        build: BuildRef | Iterable[BuildRef] | None = None,
        channels: Iterable[str] | None = None,
        only: type[Event] | Iterable[type[Event]] = (),
        buffer: int = 1000,
    ) -> Feed:
        """Subscribe to events.

        ``async with travis.events(repo) as feed: async for event in feed: ...``

        Args:
            repo: Repositories (ids, slugs or values): all events of their builds and jobs.
            job: Jobs (ids or values): their events and their logs.
            build: Builds (ids or values): their events and those of their jobs.
            channels: Names of channels: all events on them.
            only: Event classes to yield; all if empty. `Lagged` and `Reconnected` are always yielded.
            buffer: Largest number of events kept for a slow consumer; a `Lagged` then counts those that were dropped.

        Without any of these, the feed has all events that the token's user may see.

        Returns:
            A feed: an async context manager and iterator. Opening it raises LiveUnavailable or SubscriptionError.

        Raises:
            UsageError: At once, if an argument is not valid.
        """
        return self._subscriber.events(repo, job, build=build, channels=channels, only=only, buffer=buffer)

    def statistics(self) -> Statistics:
        """Return what this client is doing: counters of requests and of the live channel, and what waits for what."""
        return statistics_of(self._transport, self.live, followers=len(self._log_followers))

    def follow_log(self, job: JobRef, *, after: Job | None = None) -> LogStream:
        """Follow the log of a job to its end: complete, in order, each part once.

        ``async with travis.follow_log(job) as log: async for part in log: print(part.content, end="")``

        If this client has restarted the job or its build, the log of the new run is followed, see `restart`.

        Args:
            job: Id of the job, or a job; running, not started yet, or finished.
            after: The run to get past, if the job is restarted elsewhere: the job as it was before.

        For up to a minute after the end of a job, its log may not be stored yet; the stream waits for it, see
        ``log_patience`` of `Travis`, and then ends with LogUnavailable.

        Returns:
            A stream: an async context manager and iterator of `LogPart`.

        Raises:
            UsageError: At once, if an argument is not valid.
        """
        listen = partial(self._subscriber.events, job=job, optional=True)
        run_filter = RunFilter(self._restarts, ("job", id_of(job, "job", Job)), after)
        lifetime, patience = self._transport.lifetime, self._log_patience
        return LogStream(job, listen, self._log_jobs, self._log_sources, lifetime, run_filter, patience=patience)
