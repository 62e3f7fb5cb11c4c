"""RedisConnection: the verbs of the fleet's limits over one connection to Redis."""

from collections.abc import Sequence
from typing import Any, Final, cast
from urllib.parse import parse_qsl, unquote, urlsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    ConnectionError,
    InvalidResponse,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
)

import aiotravis.rate_limits.redis_scripts as scripts
from aiotravis._http.redaction import redact
from aiotravis.errors import UsageError
from aiotravis.rate_limits.redis_fleet import Answer, RedisUnavailable
from aiotravis.rate_limits.redis_limits import RedisLimits
from aiotravis.rate_limits.rules import LEASE, PROBE_INTERVAL, Kind, Rules

__all__ = ["RedisConnection"]

TIMEOUT: Final = 2.0
"""Seconds for connecting, and for each answer."""

TRANSIENT: Final = (
    "BUSY",
    "LOADING",
    "READONLY",
    "OOM",
    "MASTERDOWN",
    "CLUSTERDOWN",
    "TRYAGAIN",
    "MISCONF",
    "NOREPLICAS",
)
"""First words of refusals that may be over soon."""


class RedisConnection:
    """The counts of one identity. Opens nothing before its first use. Its methods raise `RedisUnavailable`.

    Args:
        limits: Where Redis is.
        identity: Key of the identity.
        rules: The limits.
    """

    def __init__(self, limits: RedisLimits, identity: str, rules: Rules) -> None:
        redis: Any = Redis
        query = urlsplit(limits.url).query
        self._secrets = (
            unquote(urlsplit(limits.url).password or ""),
            *(value for name, value in parse_qsl(query) if "pass" in name),
        )
        try:
            self._redis: Redis = redis.from_url(
                limits.url,
                # Redis 5 knows no other, and answers "Authentication required." where it is.
                protocol=2,
                socket_connect_timeout=TIMEOUT,
                socket_timeout=TIMEOUT,
                # A connection that Redis has closed is opened again, once: asking twice counts twice at most. When to
                # try again after that is decided elsewhere.
                retry=Retry(NoBackoff(), 1, supported_errors=(ConnectionError,)),
            )
            pool: Any = self._redis.connection_pool
            pool.connection_kwargs.update(decode_responses=True, encoding="utf-8", encoding_errors="replace")
            pool.make_connection()
        except Exception as exc:  # noqa: BLE001 - the options of the URL go to redis-py as they are
            raise UsageError(f"url has options that redis-py refuses: {self._reason(exc)}", argument="url") from None
        self._keys = [f"aiotravis:{{{identity}}}:{key}" for key in scripts.KEYS]
        self._rules = rules
        self._scripts: dict[str, Any] = {}

    async def acquire(
        self,
        process: str,
        *,
        in_flight: int = 0,
        want: int = 0,
        spent: int = 0,
        cap: int = 0,
        kind: Kind | None = None,
        entry: str = "",
        max_posts: int = 0,
    ) -> Answer:
        """Request reads, and one POST.

        Args:
            process: Id of this process.
            in_flight: Reads that it has in flight or may send.
            want: Number of reads to ask for.
            spent: Reads of this minute that it sent without asking.
            cap: Reads of all processes in a minute.
            kind: Kind of the POST, if any.
            entry: Where to enter the POST.
            max_posts: POSTs of all processes in their window.
        """
        rules = self._rules
        arguments: list[str | int] = [
            process, _ms(LEASE), in_flight, want, spent, cap, kind.label if kind is not None else "", entry, max_posts,
            _ms(rules.minute), _ms(rules.post_window), _ms(rules.sign_in_window),
        ]  # fmt: skip
        answer = await self._run(scripts.ACQUIRE, "", *arguments)
        if answer == [-1]:
            # Nobody asked for this identity since Redis started. It is new, or Redis has lost its memory meanwhile.
            since = await self._run(scripts.EPOCH, keys=["aiotravis:epoch"])
            answer = await self._run(scripts.ACQUIRE, cast("str", since), *arguments)
        try:
            allowed, wait, to_next, entered, post_wait, pause, ban, remedy, probe, room, clock = cast(
                "list[Any]", answer
            )
            return Answer(
                allowed=int(allowed),
                wait=int(wait) / 1000,
                to_next=int(to_next) / 1000,
                entered=int(entered) == 1,
                post_wait=int(post_wait) / 1000,
                pause=int(pause) / 1000,
                ban=int(ban) / 1000,
                remedy=str(remedy),
                probe=int(probe) / 1000,
                room=int(room),
                clock=int(clock) / 1000,
            )
        except (TypeError, ValueError):
            raise RedisUnavailable("it answers in an unknown form", permanent=True) from None

    async def release(self, process: str, in_flight: int, settled: Sequence[str], withdrawn: Sequence[str]) -> None:
        """Settle POSTs that were answered or given up, withdraw those that were not sent, and renew the lease."""
        await self._run(scripts.RELEASE, process, in_flight, _ms(LEASE), len(settled), *settled, *withdrawn)

    async def pause(self, seconds: float, server_time: float | None) -> None:
        """Pause all processes."""
        await self._run(scripts.PAUSE, _ms(seconds), "" if server_time is None else _ms(server_time))

    async def ban(self, seconds: float, remedy: str) -> None:
        """Ban all processes."""
        await self._run(scripts.BAN, _ms(seconds), remedy, _ms(PROBE_INTERVAL))

    async def distrust(self) -> None:
        """Count as full for one window each: the clock of Redis was set."""
        rules = self._rules
        lengths = (rules.minute, rules.post_window, rules.sign_in_window, LEASE)
        await self._run(scripts.DISTRUST, *(_ms(length) for length in lengths))

    async def lift(self) -> None:
        """Lift the ban for all processes."""
        await self._run(scripts.LIFT)

    async def claim_probe(self) -> bool:
        """Return whether this process may try whether the ban still holds; others may not for some minutes."""
        return await self._run(scripts.CLAIM_PROBE, _ms(PROBE_INTERVAL)) == 1

    async def aclose(self) -> None:
        """Close the connection."""
        await self._redis.aclose()

    async def _run(self, text: str, *arguments: str | int, keys: Sequence[str] | None = None) -> object:
        script = self._scripts.get(text)
        if script is None:
            script = self._scripts[text] = self._redis.register_script(text)
        try:
            result: object = await script(keys=self._keys if keys is None else keys, args=arguments)
        except Exception as exc:  # noqa: BLE001 - a peer that is no Redis makes redis-py raise many things
            raise RedisUnavailable(self._reason(exc), permanent=_is_permanent(exc)) from None
        return result

    def _reason(self, exc: Exception) -> str:
        # Cut last: half a secret would not be recognised.
        return " ".join(redact(str(exc), self._secrets).split())[:200] or type(exc).__name__


def _is_permanent(exc: Exception) -> bool:
    if isinstance(exc, BusyLoadingError | ReadOnlyError | OutOfMemoryError):
        return False
    if isinstance(exc, AuthenticationError | AuthorizationError | InvalidResponse | TypeError):
        return True
    return isinstance(exc, ResponseError) and not str(exc).startswith(TRANSIENT)


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
