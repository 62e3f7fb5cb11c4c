"""Identity: what clients with different tokens do not share, see `ConnectionPool` for what they do."""

from collections.abc import Mapping
from dataclasses import dataclass

from aiotravis._async.lifetime import ClientLifetime
from aiotravis._http.response_cache import ResponseCache, ResponseMemory
from aiotravis.rate_limits import Limiter

__all__ = ["Identity", "RequestCounts"]


@dataclass(slots=True)
class RequestCounts:
    """Counters of requests, and of what waits.

    Attributes:
        requests: Requests sent, each attempt counted.
        retries: Attempts that followed a failed one.
        pauses: Responses 429, after each of which every call waits.
        bytes: Bytes of bodies received, as they were transferred.
        not_modified: Those of them that were answered 304.
        bytes_saved: Bytes of the bodies that were not sent therefore, decompressed.
        waiters: Calls that wait, see `Statistics`.
    """

    requests: int = 0
    retries: int = 0
    pauses: int = 0
    bytes: int = 0
    not_modified: int = 0
    bytes_saved: int = 0
    waiters: int = 0


class Identity:
    """Who sends requests, and what that concerns alone.

    Args:
        token: API token, or None.
        accept: Accept header for JSON, which differs without a token.
        limiter: Decides when a request may be sent.
        lifetime: Ends what is in flight.
        memory: Bounds the cache, together with those of other identities.

    Attributes:
        token: As given.
        accept: As given.
        limiter: As given.
        lifetime: As given.
        cache: What the server may confirm with 304.
        counts: What was sent.
        authorization: The header with the token, if there is one.
        headers: That and the Accept header.
    """

    def __init__(
        self, token: str | None, accept: str, limiter: Limiter, lifetime: ClientLifetime, memory: ResponseMemory
    ) -> None:
        self.token: str | None = token
        self.accept: str = accept
        self.limiter: Limiter = limiter
        self.lifetime: ClientLifetime = lifetime
        self.cache: ResponseCache = ResponseCache(memory)
        self.counts: RequestCounts = RequestCounts()
        self.authorization: Mapping[str, str] = {} if token is None else {"Authorization": f"token {token}"}
        self.headers: Mapping[str, str] = {"Accept": accept, **self.authorization}
        lifetime.on_closed(self._close)

    async def _close(self) -> None:
        self.cache.clear()
        await self.limiter.aclose()
