"""One request as data, one answer as data. No I/O.

https://docs.travis-ci.com/api/#making-requests
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol
from urllib.parse import urlencode

import msgspec

__all__ = ["ApiRequest", "ApiResponse", "Sink", "Transport", "one_line"]

SECRET_PARAMETERS: Final = frozenset({"access_token", "token", "github_token", "log.token"})

SHORTEST_SECRET: Final = 4
"""Characters; to hide less, in every text that holds it by chance, would hide more than it protects."""

EXCERPT: Final = 300
"""Characters of a body that an error shows."""

READ_OF_A_REFUSAL: Final = 1 << 18
"""Bytes of a body that are read for an error."""


def one_line(text: str) -> str:
    """Make a text fit for a message: one line, printable, not long."""
    text = " ".join("".join(c if c.isprintable() else " " for c in text[: EXCERPT * 8]).split())
    return text if len(text) <= EXCERPT else f"{text[:EXCERPT]}..."


JSON_TYPE: Final = ("Content-Type", "application/json")


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """One request, before it is sent. It never holds the client's own token.

    Attributes:
        method: HTTP method, upper case.
        path: Path relative to the API endpoint, beginning with a slash, already percent-encoded.
        query: Pairs of name and value, not yet encoded.
        headers: Pairs of header name and value, beyond what every request carries.
        body: Bytes to send, or None.
        accept: The Accept header, or None for the client's JSON version.
        hidden: Texts in the body that no error may repeat.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes | None = field(default=None, repr=False)
    accept: str | None = None
    hidden: tuple[str, ...] = field(default=(), repr=False)

    def with_json(self, value: object) -> "ApiRequest":
        """Give the same request with a value as its JSON body; `msgspec.UNSET` stands for none."""
        if value is msgspec.UNSET:
            return self
        return replace(self, body=msgspec.json.encode(value), headers=(*self.headers, JSON_TYPE))

    @property
    def reads(self) -> bool:
        """Whether sending it twice changes nothing."""
        return self.method in {"GET", "HEAD"}

    @property
    def target(self) -> str:
        """Path with query, as sent."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path

    @property
    def shown(self) -> str:
        """Path with query for people: secrets left out."""
        if not self.query:
            return self.path
        pairs = ((name, "..." if name in SECRET_PARAMETERS else value) for name, value in self.query)
        return f"{self.path}?{urlencode(tuple(pairs), safe='/[],:')}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What of this request must not be repeated to anyone."""
        in_query = (value for name, value in self.query if name in SECRET_PARAMETERS and value)
        return (*in_query, *(value for value in self.hidden if len(value) >= SHORTEST_SECRET))


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """One answer, read whole.

    Attributes:
        status: HTTP status.
        headers: Header names in lower case, to their (last) values.
        body: The unpacked body.
        authenticated: Whether the request carried a token.
        received_at: When it came, in seconds since the epoch.
        secrets: Strings that no error may repeat.
        delimited: Whether the server announced where the body ends. If not, it may have been cut short unseen.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    authenticated: bool = False
    received_at: float = field(default_factory=time.time)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    delimited: bool = True

    @property
    def content_type(self) -> str:
        """Media type without parameters, lower case, or an empty string."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def text(self) -> str:
        """The body as text; what is not UTF-8 is replaced."""
        return self.body.decode("utf-8", "replace")

    @property
    def safe(self) -> str:
        """The body as text without secrets, as far as an error can have use for it."""
        return self._without_secrets(self.body[:READ_OF_A_REFUSAL])

    def _without_secrets(self, body: bytes) -> str:
        text = body.decode("utf-8", "replace")
        # The longest first: one secret may be the beginning of another.
        for secret in sorted(self.secrets, key=len, reverse=True):
            text = text.replace(secret, "[token]")
        return text

    @property
    def excerpt(self) -> str:
        """The beginning of the body for people: one printable line without secrets."""
        return one_line(self.safe)

    @property
    def json(self) -> Any:
        """The body as JSON without secrets, or None where it is not JSON."""
        return _parsed(self._without_secrets(self.body))

    @property
    def refusal(self) -> Any:
        """The same, or None where it is longer than a refusal ever is."""
        return _parsed(self.safe) if len(self.body) <= READ_OF_A_REFUSAL else None


def _parsed(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


class Sink(Protocol):
    """Where a body goes piece by piece as it comes, instead of into memory.

    Attributes:
        limit: Most bytes, unpacked, that it takes.
    """

    limit: int

    async def begin(self) -> None:
        """An answer begins to come. What an earlier attempt left is void."""
        ...

    async def take(self, piece: bytes) -> None:
        """Take the next piece, unpacked."""
        ...


class Transport(Protocol):
    """Whatever carries calls to a server.

    Attributes:
        waiting: Calls that wait for room in the server's rate rules.
    """

    @property
    def waiting(self) -> int: ...

    async def send(self, request: ApiRequest, sink: Sink | None = None) -> ApiResponse:
        """Send one call and read its answer whole, whatever its status.

        Args:
            request: What to send.
            sink: Takes the body of an answer of status 200 that is no JSON; the reply's own is then empty.

        Raises:
            RequestError: Nothing usable came back.
            UsageError: The client is closed, or was opened on another event loop.
        """
        ...
