"""One route of the API: building its request, reading its response. No I/O."""

import string
from collections.abc import Generator, Iterable
from types import NoneType
from typing import Final, Generic, TypeVar, cast
from urllib.parse import quote

import msgspec

from aiotravis._http.json_text import DECODE_ERRORS
from aiotravis._http.lenient import LenientReader, UnreadableValue, exhaust
from aiotravis._http.messages import ApiRequest, ApiResponse
from aiotravis._http.response_errors import raise_for_status
from aiotravis.errors import DecodeError

__all__ = ["ACCEPTED", "ACCEPT_TEXT", "Endpoint", "Part"]

T = TypeVar("T")

Part = int | str | tuple[str, ...]
"""The value of a path parameter: an id, one segment, or several segments with raw slashes between them (a slug)."""

ACCEPT_TEXT: Final = "text/plain"

OK: Final = 200

ACCEPTED: Final = frozenset({201, 202, 204})
"""Statuses that say themselves that a write is done."""


class Endpoint(Generic[T]):
    """One route of the API.

    Args:
        method: HTTP method.
        path: Path with parameters: ``"/builds/{id}"``.
        answer: Type of the body: a struct (JSON), ``str`` (text), ``bytes``, or ``NoneType`` (ignored).
        empty: Value of an empty body or ``null``; None if these are errors.
        done: Value of every body that cannot be read as ``answer``, but for a web page with status 200; None if these
            are errors. For a write: it is done unless the body says otherwise, and who sends it again does it twice.
    """

    __slots__ = ("_decoder", "answer", "done", "empty", "method", "path")

    def __init__(
        self, method: str, path: str, answer: type[T], *, empty: T | None = None, done: T | None = None
    ) -> None:
        self.method: str = method
        self.path: str = path
        self.answer: type[T] = answer
        self.empty: T | None = empty
        self.done: T | None = done
        self._decoder: msgspec.json.Decoder[T] | None = None
        if answer not in (str, bytes, NoneType):
            # fact 9.12: types differ between servers: `active` comes as true or "true", a port as 443 or "443".
            self._decoder = msgspec.json.Decoder(answer, strict=False)

    def __repr__(self) -> str:
        return f"Endpoint({self.method} {self.path})"

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the path parameters."""
        return tuple(name for _, name, _, _ in string.Formatter().parse(self.path) if name)

    def request(
        self,
        *,
        query: Iterable[tuple[str, str]] = (),
        json: object = msgspec.UNSET,
        headers: Iterable[tuple[str, str]] = (),
        accept: str | None = None,
        hidden: Iterable[str] = (),
        **parts: Part,
    ) -> ApiRequest:
        """Return the request.

        Args:
            query: Pairs of parameter name and value.
            json: Value to send as JSON.
            headers: Further headers.
            accept: Accept header; None for the client's JSON version.
            hidden: Texts of the body that no error may repeat.
            **parts: One value for each path parameter.
        """
        path = self.path
        if parts:
            for name, part in parts.items():
                if not isinstance(part, int):
                    parts[name] = _segments(part)
            path = path.format_map(parts)
        request = ApiRequest(self.method, path, tuple(query), tuple(headers), accept=accept, hidden=tuple(hidden))
        return request if json is msgspec.UNSET else request.with_json(json)

    def read(self, request: ApiRequest, response: ApiResponse) -> T:
        """Return the value of a response.

        Raises:
            ResponseError: The server refused; the class tells why.
            DecodeError: The status is good, but the body is not what this route promises.
        """
        return exhaust(self.steps(request, response))

    def steps(self, request: ApiRequest, response: ApiResponse) -> Generator[None, None, T]:
        """Return the value of a response, as `read` does; yield now and then where records are read one by one."""
        if response.status != OK:
            raise_for_status(request, response)
        body = response.body
        if self._decoder is None:
            plain = response.text if self.answer is str else body if self.answer is bytes else None
            return cast("T", plain)
        if self.empty is not None and body.strip() in {b"", b"null"}:
            return self.empty
        cause: Exception | None = None
        try:
            return self._decoder.decode(body)
        except msgspec.ValidationError:
            pass
        except DECODE_ERRORS as exc:
            # A UnicodeError holds the body itself, which may contain a secret.
            cause = ValueError(str(exc)) if isinstance(exc, UnicodeError) else exc
        strict = response.strict and self.done is None
        reader = LenientReader(self.answer, strict=strict, excerpt=response.excerpt_of)
        try:
            return (yield from reader.read(body))
        except UnreadableValue as exc:
            cause = exc
        except DECODE_ERRORS as exc:
            cause = cause or ValueError(str(exc))
        # fact 9.1: what a body is typed as tells nothing. fact 9.26: a restart is 202. Proxies send pages with 200.
        if self.done is not None and (response.status in ACCEPTED or not body.lstrip().startswith(b"<")):
            return self.done
        raise _decode_error(request, response, cause) from cause


def _segments(part: str | tuple[str, ...]) -> str:
    if isinstance(part, tuple):
        # fact 1.3: slugs need a raw slash; `owner%2Fname` matches another route and returns an empty list.
        return "/".join(quote(segment, safe="") for segment in part)
    return quote(part, safe="")


def _decode_error(request: ApiRequest, response: ApiResponse, cause: Exception) -> DecodeError:
    kind = response.line(response.headers.get("content-type", "").partition(";")[0]) or "no content type"
    if not response.body:
        what = "an empty body"
    elif response.is_html:
        what = "a web page, not JSON. Is the endpoint that of the API (https://api.travis-ci.com)?"
    elif not isinstance(cause, UnreadableValue):
        what = f"something that is not JSON ({kind})"
    else:
        # It names the field, and quotes no values.
        what = f"JSON in an unknown shape ({cause})"
    message = f"{request.method} {request.safe_target} answered {response.status} with {what}"
    return DecodeError(
        f"{message}: {response.excerpt!r}" if response.body else message,
        status=response.status,
        method=request.method,
        path=request.safe_target,
        excerpt=response.excerpt,
    )
