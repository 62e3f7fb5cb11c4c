"""One route of the API: how to ask, how to read the answer. No I/O."""

import string
from collections.abc import Iterable
from types import NoneType
from typing import Final, Generic, TypeVar, cast
from urllib.parse import quote

import msgspec

from aiotravis._http.in_steps import Steps, decoded, text_of
from aiotravis._http.messages import ApiRequest, ApiResponse
from aiotravis._http.response_errors import raise_for_status
from aiotravis.errors import DecodeError

__all__ = ["ACCEPT_TEXT", "Endpoint", "Part"]

T = TypeVar("T")

Part = int | str | tuple[str, ...]
"""What fills a hole in a path: an id, one segment, or several segments with raw slashes between them (a slug)."""

ACCEPT_TEXT: Final = "text/plain"


class Endpoint(Generic[T]):
    """One route of the API: how to ask, and what the answer is.

    Args:
        method: HTTP method.
        path: Path with holes: ``"/builds/{id}"``.
        answer: What the body holds: a struct (JSON), ``str`` (text), ``bytes``, or ``NoneType`` (not looked at).
    """

    __slots__ = ("_decoder", "answer", "method", "path")

    def __init__(self, method: str, path: str, answer: type[T]) -> None:
        self.method: str = method
        self.path: str = path
        self.answer: type[T] = answer
        self._decoder: msgspec.json.Decoder[T] | None = None
        if answer not in (str, bytes, NoneType):
            # Lax, since types drift between servers: ``active`` comes as true or "true", a port as 443 or "443".
            self._decoder = msgspec.json.Decoder(answer, strict=False)

    def __repr__(self) -> str:
        return f"Endpoint({self.method} {self.path})"

    @property
    def holes(self) -> tuple[str, ...]:
        """Names of the holes in the path."""
        return tuple(name for _, name, _, _ in string.Formatter().parse(self.path) if name)

    def request(
        self,
        *,
        query: Iterable[tuple[str, str]] = (),
        json: object = msgspec.UNSET,
        body: bytes | None = None,
        headers: Iterable[tuple[str, str]] = (),
        accept: str | None = None,
        hidden: Iterable[str] = (),
        **parts: Part,
    ) -> ApiRequest:
        """Make the request.

        Args:
            query: Pairs of parameter name and value.
            json: Value to send as JSON.
            body: Bytes to send instead.
            headers: Further headers.
            accept: Accept header where it is not the client's JSON version.
            hidden: What of the body no error may repeat.
            **parts: One value for each hole of the path.
        """
        path = self.path.format_map({name: _segments(part) for name, part in parts.items()}) if parts else self.path
        request = ApiRequest(self.method, path, tuple(query), tuple(headers), body, accept, tuple(hidden))
        return request if json is msgspec.UNSET else request.with_json(json)

    def read(self, request: ApiRequest, response: ApiResponse) -> T:
        """Turn the answer into its value.

        Raises:
            ResponseError: The server said no; the class tells why.
            DecodeError: The status is good, the body is not what this route promises.
        """
        raise_for_status(request, response)
        if self._decoder is None:
            return cast("T", _plain(self.answer, response))
        try:
            return self._decoder.decode(response.body)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as exc:
            cause = _sanitized(exc)
        raise _undecodable(request, response, cause) from cause

    def read_in_steps(self, request: ApiRequest, response: ApiResponse) -> Steps[T]:
        """Do what `read` does, in steps: a large answer takes long."""
        raise_for_status(request, response)
        if self.answer is str:
            return cast("T", (yield from text_of(response.body)))
        if self._decoder is None:
            return cast("T", _plain(self.answer, response))
        try:
            return (yield from decoded(response.body, self.answer))
        except (msgspec.DecodeError, UnicodeError, RecursionError) as exc:
            cause = _sanitized(exc)
        raise _undecodable(request, response, cause) from cause


def _segments(part: Part) -> str:
    if isinstance(part, int):
        return str(part)
    if isinstance(part, tuple):
        return "/".join(quote(segment, safe="") for segment in part)
    return quote(part, safe="")


def _plain(answer: type[object], response: ApiResponse) -> str | bytes | None:
    if answer is str:
        return response.text
    return response.body if answer is bytes else None


def _sanitized(exc: Exception) -> Exception:
    """Give what may be shown: a Unicode error holds the bytes themselves, and they what may be a secret."""
    return ValueError(str(exc)) if isinstance(exc, UnicodeError) else exc


def _undecodable(request: ApiRequest, response: ApiResponse, cause: Exception) -> DecodeError:
    kind = response.content_type or "no content type"
    if not response.body:
        what = "an empty body"
    elif response.content_type == "text/html" or response.body.lstrip()[:1] == b"<":
        what = "a web page, not JSON. Is the endpoint that of the API (https://api.travis-ci.com)?"
    elif not isinstance(cause, msgspec.ValidationError):
        what = f"something that is not JSON ({kind})"
    else:
        # msgspec names the field at fault; its text quotes no values.
        what = f"JSON in an unknown shape ({cause})"
    message = f"{request.method} {request.shown} answered {response.status} with {what}"
    return DecodeError(
        f"{message}: {response.excerpt!r}" if response.body else message,
        status=response.status,
        method=request.method,
        path=request.shown,
        excerpt=response.excerpt,
    )
