"""Travis: one attribute per resource, one method per flow; opens and closes."""

import copy
import dataclasses
import os
import platform
import ssl as ssl_module
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Mapping, Sequence
from os import PathLike
from typing import Final, TypeVar, cast
from urllib.parse import urlsplit

import aiohttp
import msgspec

from aiotravis._budget import Limits, budget_for, rules_apply
from aiotravis._config_file import read_config
from aiotravis._http import Call, Reply, Transport, check
from aiotravis._transport import AiohttpTransport, Connecting
from aiotravis._version import __version__
from aiotravis.errors import UsageError
from aiotravis.flows.commit_waiting import CommitWaiting
from aiotravis.flows.github_sign_in import GitHubSignIn, OneTimePassword, check_credentials, github_address
from aiotravis.flows.listening import BuildRef, JobRef, Listening, RepoRef
from aiotravis.flows.log_following import LogStream
from aiotravis.flows.log_sources import LogSources
from aiotravis.flows.waiting import Waiting
from aiotravis.live._socket import Connector
from aiotravis.live.events import Event
from aiotravis.live.feed import Feed
from aiotravis.live.hub import Hub
from aiotravis.live.options import LiveOptions
from aiotravis.resources._base import id_of
from aiotravis.resources._mapped import Mapped
from aiotravis.resources._progress import Progress
from aiotravis.resources.accounts import Accounts
from aiotravis.resources.annotations import Annotations
from aiotravis.resources.auth import Auth
from aiotravis.resources.branches import Branches
from aiotravis.resources.broadcasts import Broadcasts
from aiotravis.resources.builds import Build, Builds
from aiotravis.resources.caches import Caches
from aiotravis.resources.config import ConfigResource
from aiotravis.resources.env_vars import EnvVars
from aiotravis.resources.hooks import Hooks
from aiotravis.resources.jobs import Job, Jobs
from aiotravis.resources.lint import Lint
from aiotravis.resources.logs import Logs
from aiotravis.resources.permissions import PermissionsResource
from aiotravis.resources.pusher_auth import PusherAuth
from aiotravis.resources.repositories import Repositories
from aiotravis.resources.repository_keys import RepositoryKeys
from aiotravis.resources.requests import Requests
from aiotravis.resources.settings import Settings
from aiotravis.resources.ssh_keys import SshKeys
from aiotravis.resources.users import User, Users

__all__ = ["COM", "ORG", "Travis"]

A = TypeVar("A")
R = TypeVar("R")

COM: Final = "https://api.travis-ci.com"
"""The API of travis-ci.com."""

ORG: Final = "https://api.travis-ci.org"
"""The API of travis-ci.org."""

USER_AGENT: Final = f"aiotravis/{__version__} Python/{platform.python_version()} aiohttp/{aiohttp.__version__}"

ACCEPT: Final = "application/vnd.travis-ci.2+json"

ACCEPT_ANONYMOUSLY: Final = "application/vnd.travis-ci.2.1+json"
"""The same bodies; travis-ci.com shows public repositories without a token only to those who ask this way."""


def _finished(thing: Build | Job) -> bool:
    return thing.finished


class Travis:
    """A client of one Travis CI site.

    Use it as a context manager, or call `aclose`. It opens nothing before its first call. One client serves any
    number of tasks of one event loop.

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
        budgets: Whether to keep to the server's published rate rules by waiting; by default, unless it is a Travis CI
            Enterprise (``.../api``) or on this machine.
        user_agent: Put in front of this library's own name, to tell Travis who you are.
        live: How patient the live channel is, and how much it holds.
        trace_configs: aiohttp's trace configurations.
        middlewares: aiohttp's client middlewares.

    Raises:
        UsageError: An argument cannot be right.
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
        budgets: bool | None = None,
        user_agent: str | None = None,
        live: LiveOptions | None = None,
        trace_configs: Sequence[aiohttp.TraceConfig] = (),
        middlewares: Sequence[aiohttp.ClientMiddlewareType] = (),
    ) -> None:
        self._endpoint = _checked_endpoint(endpoint)
        token = None if token is None else _checked_token(token)
        settings = {"attempts": attempts, "read_timeout": read_timeout, "max_response": max_response}
        _check_settings({**settings, "connect_timeout": connect_timeout})
        if session is not None and (trace_configs or middlewares):
            raise UsageError("Give trace_configs and middlewares to your session itself.", argument="session")
        agent = USER_AGENT if user_agent is None else f"{_checked_agent(user_agent)} {USER_AGENT}"
        connecting = Connecting(
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
        anonymous_com = token is None and (urlsplit(self._endpoint).hostname or "").endswith("travis-ci.com")
        transport = AiohttpTransport(
            self._endpoint,
            token,
            accept=ACCEPT_ANONYMOUSLY if anonymous_com else ACCEPT,
            user_agent=agent,
            connecting=connecting,
            budget=budget_for(
                self._endpoint, token, limited=rules_apply(self._endpoint) if budgets is None else budgets
            ),
            session=session,
        )
        self._transport = transport
        self._connecting = connecting
        self._agent = agent
        self._signed = token is not None

        self._token = token
        self._options: dict[str, float] = {}
        self._attach(transport)

        options = LiveOptions() if live is None else live
        connector = Connector(
            transport.foreign_session,
            ssl=ssl,
            proxy=proxy,
            user_agent=agent,
            timeout=connect_timeout,
            largest_frame=options.largest_frame,
        )
        self._hub = Hub(
            self.config,
            self.pusher_auth,
            self.users if self._signed else None,
            self.builds,
            self.jobs,
            connector,
            options,
        )
        self.live = self._hub.live
        self._log_sources = LogSources(self.logs)
        self._listening = Listening(self._hub, self.repos, self.builds, self.jobs)
        self._waiting = Waiting(self._listening, self.builds, self.jobs)
        self._commit_waiting = CommitWaiting(self._listening, self.requests, self.builds, self._waiting)

    def _attach(self, transport: Transport) -> None:
        """Give every resource its transport."""
        token = self._token
        self._sender = transport
        self.accounts = Accounts(transport)
        self.annotations = Annotations(transport)
        self.auth = Auth(transport, token, self._endpoint)
        self.branches = Branches(transport)
        self.broadcasts = Broadcasts(transport)
        self.builds = Builds(transport)
        self.caches = Caches(transport)
        self.config = ConfigResource(transport)
        self.env_vars = EnvVars(transport)
        self.hooks = Hooks(transport)
        self.jobs = Jobs(transport)
        self.lint = Lint(transport)
        self.logs = Logs(transport)
        self.permissions = PermissionsResource(transport)
        self.pusher_auth = PusherAuth(transport)
        self.repos = Repositories(transport)
        self.repository_keys = RepositoryKeys(transport)
        self.requests = Requests(transport)
        self.settings = Settings(transport)
        self.ssh_keys = SshKeys(transport)
        self.users = Users(transport)

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

    def __repr__(self) -> str:
        return f"Travis({self._endpoint!r}, {'with' if self._signed else 'without'} a token)"

    @property
    def endpoint(self) -> str:
        """URL of the API, without a trailing slash."""
        return self._endpoint

    @property
    def limits(self) -> Limits:
        """What is left of the server's rate rules; shared by all clients of this process with this site and token."""
        return self._transport.budget.limits()

    async def __aenter__(self) -> "Travis":
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close: the live connection, then REST. Calls that are under way end with an error.

        Safe to call twice, and from any task of the same event loop.
        """
        await self._waiting.aclose()
        await self._hub.aclose()
        await self._transport.aclose()

    async def verify(self) -> User:
        """Ask Travis whose token this is.

        Raises:
            AuthenticationError: No token, or one that Travis does not know.
        """
        return await self.users.me()

    def with_options(
        self, *, attempts: int | None = None, read_timeout: float | None = None, max_response: int | None = None
    ) -> "Travis":
        """Give a client with other settings for its calls, over the same connections: closing one closes both.

        ``await travis.with_options(attempts=1).builds.get(7)``

        Args:
            attempts: How often a read is tried in all.
            read_timeout: Seconds of silence within an answer.
            max_response: Largest answer, unpacked, in bytes.

        Raises:
            UsageError: A setting cannot be right.
        """
        given = {"attempts": attempts, "read_timeout": read_timeout, "max_response": max_response}
        changes = {name: value for name, value in given.items() if value is not None}
        _check_settings(changes)
        other = copy.copy(self)
        other._options = {**self._options, **changes}
        other._attach(self._transport.derived(**other._options))
        return other

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        json: object = msgspec.UNSET,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        accept: str | None = None,
    ) -> Reply:
        """Send any request, those of version 3 too, with the token, budgets, retries and errors of all others.

        Args:
            method: HTTP method.
            path: Path below the endpoint, beginning with a slash, percent-encoded where it needs to be.
            query: Parameters.
            json: Value to send as JSON.
            body: Bytes to send instead.
            headers: Further headers.
            accept: Accept header; JSON of version 2 by default.

        Returns:
            The answer: ``.status``, ``.headers``, ``.body``, ``.text``, ``.json``.

        Raises:
            ResponseError: The server said no.
            UsageError: The method or the path cannot be right.
        """
        if not method.isascii() or not method.isalpha():
            raise UsageError(f"method must be an HTTP method, not {method!r}.", argument="method")
        if not path.startswith("/") or path.startswith("//") or not path.isprintable() or set(path) & set(" ?#"):
            message = f"path must begin with one slash and hold neither query nor spaces, not {path!r}."
            raise UsageError(message, argument="path")
        pairs = tuple(cast("Mapping[str, str]", query).items()) if isinstance(query, Mapping) else tuple(query)
        call = Call(method.upper(), path, pairs, tuple((headers or {}).items()), body, accept).with_json(json)
        reply = await self._sender.send(call)
        check(call, reply)
        return reply

    async def sign_in(
        self,
        login: str,
        password: str,
        *,
        one_time_password: OneTimePassword | None = None,
        note: str = "temporary token to identify with Travis CI",
    ) -> str:
        """Get an API token for a GitHub login and password, through a GitHub token that exists only meanwhile.

        GitHub itself has withdrawn this in 2020; a GitHub Enterprise may still do it. The password goes to the GitHub
        that ``GET /config`` names, to nobody else. The GitHub token is deleted whatever happens: when the exchange
        fails, and when this call is cancelled, which may then take up to 10 seconds.

        Args:
            login: Name of the GitHub user.
            password: Their password.
            one_time_password: Their second factor, or an async function that asks for it; called once GitHub wants it.
            note: What GitHub shows beside its token. One that was left behind under the same note is replaced.

        Returns:
            An API token, for ``Travis(token)``. Keep it: signing in twice within five minutes can get one banned.

        Raises:
            AuthenticationError: GitHub does not know the login and password, or wants another one-time password; or
                Travis does not know the user.
            NotFoundError: That GitHub has no such API any more: make a token by hand, see `Auth.github`.
            UsageError: An argument cannot be right, or the site names no GitHub that a password may be sent to.
        """
        check_credentials(login, password, note)
        config = await self.config.get()
        address = github_address(config)
        github = AiohttpTransport(
            address,
            None,
            accept="application/vnd.github.v3+json",
            user_agent=self._agent,
            connecting=dataclasses.replace(self._connecting, **self._options),  # type: ignore[arg-type]
            budget=budget_for(address, None, limited=False),
            session=self._transport.foreign_session(),
        )
        scopes = config.github.scopes if config.github else ()
        visit = GitHubSignIn(
            github, self.auth, login, password, one_time_password=one_time_password, scopes=scopes, note=note
        )
        return await visit.token()

    # Flows ------------------------------------------------------------------------------------------------------------

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
    ) -> Mapped[A, R]:
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
        return Mapped(
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
        return LogStream(job, self._listening.events(job=job), self.jobs, self._log_sources)


def _check_settings(settings: Mapping[str, float]) -> None:
    for name, value in settings.items():
        whole = name in {"attempts", "max_response"}
        if isinstance(value, bool) or not value > 0 or (whole and not isinstance(value, int)):
            kind = "whole number" if whole else "number of seconds"
            raise UsageError(f"{name} must be a positive {kind}, not {value!r}.", argument=name)


def _checked_endpoint(endpoint: str) -> str:
    def wrong(reason: str) -> UsageError:
        return UsageError(f"endpoint {reason}. It looks like {COM!r} or 'https://HOST/api'.", argument="endpoint")

    if any(c.isspace() for c in endpoint):
        raise wrong("must not contain spaces")
    try:
        parts = urlsplit(endpoint)
        port_is_good = parts.port is None or parts.port > 0
    except ValueError:
        raise wrong("has a port that is no number") from None
    if parts.scheme not in {"http", "https"}:
        raise wrong("must begin with https:// or http://")
    if not parts.hostname or not port_is_good:
        raise wrong("names no host")
    if parts.username is not None or parts.password is not None:
        raise wrong("must not contain a user or a password; pass a token as token=")
    if parts.query or parts.fragment:
        raise wrong("must not contain a query or a fragment")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _checked_token(token: object) -> str:
    # The value itself is never quoted: an error is printed and logged.
    if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
        raise UsageError("token must be a text of printable ASCII characters, not empty.", argument="token")
    if any(c in " \"'" for c in token):
        raise UsageError("token must not contain spaces or quotes: pass the bare value.", argument="token")
    return token


def _checked_agent(user_agent: str) -> str:
    if not user_agent.strip() or not user_agent.isascii() or not user_agent.isprintable():
        raise UsageError("user_agent must be a text of printable ASCII characters.", argument="user_agent")
    return user_agent.strip()
