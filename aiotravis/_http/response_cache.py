"""Responses that a server may confirm with 304, by their ETags. No I/O.

fact 1.3: an ETag of Travis stands for a time in whole seconds, not for a body. It says nothing about a second change in
the same second, so it is used only once a body was read some seconds after the ETag was first seen.

https://docs.travis-ci.com/api/#making-requests
"""

import logging
import re
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

import msgspec

from aiotravis._http.json_text import DECODE_ERRORS
from aiotravis._http.messages import LOGOUT, ApiRequest, ApiResponse

__all__ = ["CachedResponse", "ResponseCache", "ResponseMemory"]

logger: Final = logging.getLogger("aiotravis.rest")

MAX_BYTES: Final = 16 << 20
"""Bytes of all responses of a pool, whatever the number of its identities."""

MAX_BODY: Final = 1 << 20
"""Bytes of one body: logs and huge lists are read again rather than kept."""

OVERHEAD: Final = 3500
"""Bytes that a response takes beside its body: mostly headers."""

SETTLING: Final = 5.0
"""Seconds after which no change shares the second of an ETag: the clocks of Travis's machines may differ, too."""

MAX_AGE: Final = 300.0
"""Seconds after which a body is read again, whatever the server confirms: some changes may leave `updated_at` alone."""

ETAG: Final = re.compile(r'(?:W/)?"[\x21\x23-\x7e]{1,200}"')

OF_CALLER: Final = frozenset(
    {"if-none-match", "if-modified-since", "if-match", "if-unmodified-since", "if-range", "range", "cache-control"}
)
"""Headers with which a caller does its own caching."""

OF_BODY: Final = ("content-", "transfer-")
"""Beginnings of the names of headers that a 304 says about its own, empty, body."""

Key = tuple[object, ...]


@dataclass(slots=True, eq=False)
class CachedResponse:
    """A response with status 200.

    Attributes:
        response: As received.
        etag: Its ETag.
        first_seen: When this ETag was first received, by the loop's clock, in seconds.
        read_at: When this response was requested.
        checked: Whether its body is known to be valid JSON, if it is called so.
    """

    response: ApiResponse
    etag: str
    first_seen: float
    read_at: float
    checked: bool = False

    def is_valid(self) -> bool:
        """Return whether the body is what its type says. Checked before its first use: most are never used."""
        if not self.checked and self.response.content_type.endswith("json"):
            try:
                msgspec.json.decode(self.response.body, type=msgspec.Raw)
            except DECODE_ERRORS:
                return False
        self.checked = True
        return True


class ResponseMemory:
    """The responses of all identities of a pool, each in the cache of its own, bounded together.

    Args:
        max_bytes: Bytes to keep; what was used longest ago goes first.

    Attributes:
        size: Bytes kept.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self.size: int = 0
        self._max_bytes = max_bytes
        self._sizes: OrderedDict[tuple[ResponseCache, Key], int] = OrderedDict()

    def add(self, cache: "ResponseCache", key: Key, size: int) -> None:
        """Add a response, and drop others for it."""
        self._sizes[cache, key] = size
        self.size += size
        while self.size > self._max_bytes:
            (owner, oldest), _ = next(iter(self._sizes.items()))
            owner.drop(oldest)

    def use(self, cache: "ResponseCache", key: Key) -> None:
        """Record the use of a response."""
        self._sizes.move_to_end((cache, key))

    def remove(self, cache: "ResponseCache", key: Key) -> None:
        """Remove a response."""
        self.size -= self._sizes.pop((cache, key))


class ResponseCache:
    """The responses of one identity.

    Args:
        memory: Bounds them, together with those of others.

    Attributes:
        reliable: Whether the server has never confirmed another response than the one it was asked about.
    """

    def __init__(self, memory: ResponseMemory) -> None:
        self.reliable: bool = True
        self._memory = memory
        self._entries: dict[Key, CachedResponse] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, request: ApiRequest, *, now: float, max_body: int) -> CachedResponse | None:
        """Return the response that the server may confirm, or None.

        Args:
            request: What is to be sent.
            now: The time of the loop's clock.
            max_body: Bytes of the largest body to return.
        """
        key = _key(request)
        known = None if key is None else self._entries.get(key)
        if key is None or known is None or not self.reliable:
            return None
        settled = known.read_at - known.first_seen >= SETTLING and now - known.read_at < MAX_AGE
        if not settled or len(known.response.body) > max_body:
            return None
        if not known.is_valid():
            self.drop(key)
            return None
        self._memory.use(self, key)
        return known

    def store(self, request: ApiRequest, response: ApiResponse, *, sent_at: float, now: float) -> None:
        """Keep a response, if the server may confirm it later.

        Args:
            request: Its request, without a condition of ours.
            response: The response, with its body.
            sent_at: When the request was sent, by the loop's clock.
            now: When the response was received.
        """
        key = _key(request)
        if key is None:
            return
        before = self._entries.get(key)
        if before is not None:
            if sent_at < before.read_at:
                return
            self.drop(key)
        etag = response.headers.get("etag")
        if etag is None or not self.reliable or not ETAG.fullmatch(etag) or not _may_keep(response):
            return
        first_seen = before.first_seen if before is not None and before.etag == etag else now
        self._entries[key] = CachedResponse(response, etag, first_seen, sent_at)
        self._memory.add(self, key, len(response.body) + OVERHEAD)

    def confirm(self, request: ApiRequest, known: CachedResponse, response: ApiResponse) -> ApiResponse | None:
        """Return the response that a 304 confirms; None if it confirms another, so that the request is sent again.

        Args:
            request: The request.
            known: What the server was asked about.
            response: The 304.
        """
        if response.redirected:
            return None
        # Proxies that compress make ETags weak. A 304 may lack its ETag: only one was asked about.
        etag = response.headers.get("etag", known.etag)
        if etag.removeprefix("W/") != known.etag.removeprefix("W/"):
            logger.warning("%s %s: 304 for another ETag. ETags are not used any more.", request.method, request.path)
            self.reliable = False
            self.clear()
            return None
        headers = {name.lower(): value for name, value in known.response.headers.items()}
        told = ((name.lower(), value) for name, value in response.headers.items())
        headers.update((name, value) for name, value in told if not name.startswith(OF_BODY))
        return msgspec.structs.replace(response, status=200, headers=headers, body=known.response.body, delimited=True)

    def forget(self, request: ApiRequest) -> None:
        """Remove the response to a request, if it is kept."""
        key = _key(request)
        if key is not None and key in self._entries:
            self.drop(key)

    def drop(self, key: Key) -> None:
        """Remove a response."""
        del self._entries[key]
        self._memory.remove(self, key)

    def clear(self) -> None:
        """Remove all responses."""
        for key in list(self._entries):
            self.drop(key)


def _key(request: ApiRequest) -> Key | None:
    """Return what tells the responses of an identity apart; None if those of this request are not kept."""
    if request.method != "GET" or request.path == LOGOUT or request.body is not None:
        return None
    if request.headers and any(name.lower() in OF_CALLER for name, _ in request.headers):
        return None
    # fact 1.3: the ETag of a text is that of the JSON.
    return request.path, request.query, request.accept, request.headers


def _may_keep(response: ApiResponse) -> bool:
    # A cut body that went unnoticed would be confirmed again and again.
    whole = response.status == 200 and response.delimited and not response.redirected
    if not whole or not 0 < len(response.body) <= MAX_BODY:
        return False
    get = response.headers.get
    return "no-store" not in get("cache-control", "").lower() and get("vary", "").strip() != "*"
