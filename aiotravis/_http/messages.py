"""One request and one response as data. No I/O.

https://docs.travis-ci.com/api/#making-requests
"""

import time
from collections.abc import Mapping
from typing import Any, Final, Protocol
from urllib.parse import urlencode

import msgspec
from multidict import CIMultiDict

from aiotravis._http.json_text import DECODE_ERRORS, decode_any
from aiotravis._http.redaction import header_secrets, is_secret_name, redact, redact_json
from aiotravis.errors import UsageError

__all__ = ["LOGOUT", "ApiRequest", "ApiResponse", "Sink", "Transport", "encode_json", "one_line"]

MAX_EXCERPT: Final = 300
"""Characters of a body that an error shows."""

MAX_ERROR_BODY: Final = 1 << 18
"""Bytes of a body that are read to explain an error."""


def one_line(text: str) -> str:
    """Return the beginning of a text as one printable line, for a message."""
    text = " ".join("".join(c if c.isprintable() else " " for c in text[: MAX_EXCERPT * 8]).split())
    return text if len(text) <= MAX_EXCERPT else f"{text[:MAX_EXCERPT]}..."


def encode_json(value: object) -> bytes | None:
    """Return a value as JSON; None if it is none that JSON has."""
    try:
        return msgspec.json.encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError):
        return None


LOGOUT: Final = "/logout"
"""fact 9.47: a GET of it revokes the token."""

JSON_TYPE: Final = ("Content-Type", "application/json")


# Structs, since dataclasses take ten times as long to make. Everything that shows one shows no secrets.
class ApiRequest(msgspec.Struct, frozen=True, gc=False):
    """One request. It never holds the client's own token.

    Attributes:
        method: HTTP method, upper case.
        path: Path relative to the API endpoint, beginning with a slash, already percent-encoded.
        query: Pairs of name and value, not yet encoded.
        headers: Pairs of header name and value, besides those of every request.
        body: Bytes to send, or None.
        accept: The Accept header, or None for the client's JSON version.
        hidden: Texts of the body that no error may repeat.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    accept: str | None = None
    hidden: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"ApiRequest(method={self.method!r}, path={self.path!r}, accept={self.accept!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("method", self.method), ("path", self.path), ("accept", self.accept)]

    def with_json(self, value: object) -> "ApiRequest":
        """Return the same request with a value as its JSON body; `msgspec.UNSET` leaves it without one.

        Raises:
            UsageError: It is not JSON.
        """
        if value is msgspec.UNSET:
            return self
        body = encode_json(value)
        if body is None:
            # Not in a handler: the exception may quote a secret.
            raise UsageError("json must be a value that JSON has, of finite size and valid text.", argument="json")
        return msgspec.structs.replace(self, body=body, headers=(*self.headers, JSON_TYPE))

    def with_header(self, name: str, value: str) -> "ApiRequest":
        """Return the same request with a further header."""
        return msgspec.structs.replace(self, headers=(*self.headers, (name, value)))

    @property
    def reads(self) -> bool:
        """Whether it only reads: sending it twice changes nothing."""
        return self.method in {"GET", "HEAD"} and self.path != LOGOUT

    @property
    def target(self) -> str:
        """Path with query, as sent."""
        return f"{self.path}?{urlencode(self.query, safe=',')}" if self.query else self.path

    @property
    def safe_target(self) -> str:
        """Path and query for messages, without secrets."""
        if not self.query:
            return self.path
        pairs = ((name, "..." if is_secret_name(name) else value) for name, value in self.query)
        return f"{self.path}?{urlencode(tuple(pairs), safe='/[],:')}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts of this request that no message may repeat."""
        if not (self.query or self.headers or self.hidden):
            return ()
        in_query = (value for name, value in self.query if value and is_secret_name(name))
        return (*in_query, *self.hidden, *header_secrets(self.headers))


class ApiResponse(msgspec.Struct, frozen=True, gc=False):
    """One response, read whole.

    Attributes:
        status: HTTP status.
        headers: Header names, mapped to their (first) values. Look them up in lower case, whatever the server sent.
        body: The decompressed body.
        received_at: When it was received, in seconds since the epoch.
        redirected: Whether it came from where a redirect led: for logs, an archive.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    # Those without a line above are for the library alone: whether the request carried a token, texts that no error may
    # repeat, whether the body's length was announced (if not, a cut body may go unnoticed), and the client's `strict`.
    authenticated: bool = False
    received_at: float = msgspec.field(default_factory=time.time)
    secrets: tuple[str, ...] = ()
    delimited: bool = True
    strict: bool = False
    redirected: bool = False

    def __repr__(self) -> str:
        return f"ApiResponse(status={self.status}, {len(self.body)} bytes)"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("status", self.status), ("bytes", len(self.body))]

    def __hash__(self) -> int:
        """Hash without the headers, which need not be hashable."""
        return hash((self.status, self.body))

    def __reduce__(self) -> tuple[object, ...]:
        # The headers of aiohttp cannot be pickled; a copy of them is equal.
        headers = self.headers if isinstance(self.headers, dict) else CIMultiDict(self.headers)
        values = (headers if name == "headers" else getattr(self, name) for name in self.__struct_fields__)
        return type(self), tuple(values)

    @property
    def content_type(self) -> str:
        """Media type without parameters, lower case, or an empty string."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def text(self) -> str:
        """The body as text; bytes that are not UTF-8 are replaced."""
        return self.body.decode("utf-8", "replace")

    @property
    def safe(self) -> str:
        """The beginning of the body as text, without secrets."""
        return redact(self.body[:MAX_ERROR_BODY].decode("utf-8", "replace"), self.secrets)

    @property
    def excerpt(self) -> str:
        """The beginning of the body as one printable line, without secrets."""
        return one_line(self.safe)

    def excerpt_of(self, piece: bytes) -> str:
        """Return the beginning of a piece of the body in the same form."""
        return self.line(piece[:MAX_ERROR_BODY].decode("utf-8", "replace"))

    def line(self, text: str) -> str:
        """Return a text of the response, such as a header, as one printable line without secrets."""
        return one_line(redact(text, self.secrets))

    @property
    def json(self) -> Any:
        """The body decoded as JSON, without secrets; None if it is not JSON."""
        try:
            return redact_json(decode_any(self.body), self.secrets)
        except DECODE_ERRORS:
            return None

    @property
    def error_json(self) -> Any:
        """The same; None if it is longer than an error answer ever is."""
        return self.json if len(self.body) <= MAX_ERROR_BODY else None

    @property
    def is_html(self) -> bool:
        """Whether the body is a web page, whatever its type says."""
        return self.content_type == "text/html" or self.body.lstrip()[:1] == b"<"


class Sink(Protocol):
    """Receives a body piece by piece, instead of keeping it in memory.

    Attributes:
        limit: Largest decompressed body, in bytes.
    """

    limit: int

    async def begin(self) -> None:
        """Start receiving a body. Discard everything that an earlier attempt received."""
        ...

    async def take(self, piece: bytes) -> None:
        """Receive the next piece, decompressed."""
        ...


class Transport(Protocol):
    """Sends requests to a server.

    Attributes:
        waiting: Number of calls that wait for the rate limits.
    """

    @property
    def waiting(self) -> int: ...

    async def send(self, request: ApiRequest, sink: Sink | None = None) -> ApiResponse:
        """Send one request and return its response, whatever its status.

        Args:
            request: What to send.
            sink: Receives the body of a response with status 200 that is not JSON; `ApiResponse.body` is then empty.

        Raises:
            RequestError: No usable response was received.
            UsageError: The client is closed, or belongs to another event loop.
        """
        ...
