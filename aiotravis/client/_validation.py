"""Validation of what a client is given, before anything is opened. No I/O."""

import platform
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeVar, cast
from urllib.parse import SplitResult, urlsplit

import aiohttp
import msgspec

from aiotravis._http import ApiRequest
from aiotravis._http.redaction import json_secrets
from aiotravis._http.redirects import normalized
from aiotravis._validation import display, is_text, trimmed, validate_iterable
from aiotravis._version import __version__
from aiotravis.errors import UsageError

__all__ = [
    "COM",
    "ORG",
    "accept_header",
    "build_request",
    "validate_endpoint",
    "validate_several",
    "validate_token",
    "validate_user_agent",
]

T = TypeVar("T")

COM: Final = "https://api.travis-ci.com"
"""The API of travis-ci.com."""

ORG: Final = "https://api.travis-ci.org"
"""The API of travis-ci.org."""

API_HOSTS: Final = {"api.travis-ci.com", "api.travis-ci.org"}

WEBSITES: Final = {"travis-ci.com", "www.travis-ci.com", "app.travis-ci.com", "travis-ci.org", "www.travis-ci.org"}
"""Hosts that answer with pages, whatever the path."""

VERSION_PATH: Final = re.compile(r"/(?:api/)?v\d+/?", re.IGNORECASE)
"""A version, as other APIs have one in the path: Travis names it in a header."""

ROUTE_PATH: Final = re.compile(
    r"/(?:api/)?(?:accounts|broadcasts|builds?|config|hooks|jobs?|logs?|orgs|organizations|owners?|repos?|repositories"
    r"|requests?|users?)/?",
    re.IGNORECASE,
)
"""A route of the API, which is no API itself."""

NETLOC: Final = re.compile(r"(?:[\w.~-]+|\[[0-9a-f:.]+\])(?::[0-9]*)?", re.IGNORECASE)

PATH: Final = re.compile(r"(?:[^\x00-\x20\x7f-\xa0?#\\%\ud800-\udfff]|%[0-9A-Fa-f]{2})*")

DOTS: Final = re.compile(r"/(?:\.|%2e){1,2}(?:/|$)", re.IGNORECASE)
"""A segment that stands for another path."""

HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

HEADER_VALUE: Final = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")

USER_AGENT: Final = f"aiotravis/{__version__} Python/{platform.python_version()} aiohttp/{aiohttp.__version__}"

# fact 9.7: without a version in it, Travis answers with the bodies of v1.
ACCEPT: Final = "application/vnd.travis-ci.2+json"

# fact 1.1: the same bodies; travis-ci.com shows public repositories without a token only to this version.
ACCEPT_ANONYMOUS: Final = "application/vnd.travis-ci.2.1+json"


def validate_endpoint(endpoint: object) -> str:
    """Return the URL of an API in its usual spelling: host in lower case, no default port, no trailing slash.

    Raises:
        UsageError: It is not a URL of an API.
    """
    endpoint = trimmed(endpoint)
    if not isinstance(endpoint, str):
        raise _wrong_endpoint(f"must be a URL, not {type(endpoint).__name__}")
    parts = _split(endpoint)
    if parts is None:
        raise _wrong_endpoint("is not a URL, or has a port that is not a number")
    reason = _endpoint_reason(endpoint, parts)
    if reason:
        raise _wrong_endpoint(reason)
    return normalized(endpoint)


def _wrong_endpoint(reason: str) -> UsageError:
    return UsageError(f"endpoint {reason}. It looks like {COM!r} or 'https://HOST/api'.", argument="endpoint")


def _split(url: str) -> SplitResult | None:
    """Return the parts of a URL; None if it is none. The exception, which may quote a password, does not leave it."""
    try:
        parts = urlsplit(url)
        return parts if parts.port != 0 else None
    except ValueError:
        return None


def _endpoint_reason(endpoint: str, parts: SplitResult) -> str | None:
    """Return what is wrong with the URL of an API; None if nothing is. It never quotes it: it may hold a password."""
    if any(c.isspace() for c in endpoint):
        return "must not contain spaces"
    if not endpoint.isprintable():
        return "must not contain characters that are not printable"
    if parts.scheme not in {"http", "https"}:
        return "must begin with https:// or http://"
    if "@" in parts.netloc:
        return "must not contain a user or a password; pass a token as token="
    if not parts.hostname:
        return "names no host"
    if not NETLOC.fullmatch(parts.netloc):
        return "names a host that cannot be one"
    if parts.hostname in WEBSITES:
        return "is the website, not the API"
    if "?" in endpoint or "#" in endpoint:
        return "must not contain a query or a fragment"
    if not PATH.fullmatch(parts.path) or DOTS.search(parts.path):
        return "has a path that is not percent-encoded, or leads to another one"
    if VERSION_PATH.fullmatch(parts.path):
        return "must not contain a version; for API v3, call travis.request with the header Travis-API-Version"
    if ROUTE_PATH.fullmatch(parts.path):
        return "must be the API itself, without the path of a route"
    if parts.path.strip("/") and parts.hostname in API_HOSTS:
        return "must have no path on this host"
    return None


def validate_token(token: object) -> str | None:
    """Return an API token, or None for none.

    Raises:
        UsageError: It cannot be a token. The value is never quoted: errors are printed and logged.
    """
    token = trimmed(token)
    if token is None:
        return None
    if not isinstance(token, str):
        raise UsageError(f"token must be a string, not {type(token).__name__}.", argument="token")
    if not token or not token.isascii() or not token.isprintable():
        raise UsageError("token must be printable ASCII characters, and not empty.", argument="token")
    if any(c in " \"'" for c in token):
        raise UsageError("token must not contain spaces or quotes: pass the bare value.", argument="token")
    return token


def validate_user_agent(user_agent: object) -> str:
    """Return the User-Agent header: the caller's own name, then that of this library.

    Raises:
        UsageError: It cannot be sent in a header.
    """
    if user_agent is None:
        return USER_AGENT
    if not isinstance(user_agent, str) or not user_agent.strip() or not _is_printable_ascii(user_agent):
        raise UsageError("user_agent must be a string of printable ASCII characters.", argument="user_agent")
    return f"{user_agent.strip()} {USER_AGENT}"


def _is_printable_ascii(text: str) -> bool:
    return text.isascii() and text.isprintable()


def accept_header(endpoint: str, token: str | None) -> str:
    """Return the Accept header for JSON from a site, with or without a token."""
    public_mode = token is None and (urlsplit(endpoint).hostname or "").endswith("travis-ci.com")
    return ACCEPT_ANONYMOUS if public_mode else ACCEPT


def build_request(
    method: object,
    path: object,
    *,
    query: object = (),
    json: object = msgspec.UNSET,
    body: object = None,
    headers: object = None,
    accept: object = None,
) -> ApiRequest:
    """Return a request for any route, see `Travis.request`.

    Raises:
        UsageError: An argument is not valid.
    """
    if not isinstance(method, str) or not method.isascii() or not method.isalpha():
        raise UsageError(f"method must be an HTTP method, not {display(method)}.", argument="method")
    if not isinstance(path, str) or not PATH.fullmatch(path) or not path.startswith("/") or path.startswith("//"):
        message = f"path must begin with one slash and contain neither a query nor spaces, not {display(path)}."
        raise UsageError(message, argument="path")
    if DOTS.search(path):
        raise UsageError(f"path must not contain . or .. as a segment, not {display(path)}.", argument="path")
    if body is not None and (not isinstance(body, bytes) or json is not msgspec.UNSET):
        raise UsageError("body must be bytes, and not be combined with json.", argument="body")
    if accept is not None and not (isinstance(accept, str) and _is_printable_ascii(accept) and accept.strip()):
        raise UsageError("accept must be a media type.", argument="accept")
    request = ApiRequest(method.upper(), path, _pairs(query, "query"), _headers(headers), body, accept)
    return msgspec.structs.replace(request.with_json(json), hidden=tuple(json_secrets(json)))


def _pairs(values: object, argument: str) -> tuple[tuple[str, str], ...]:
    """Return pairs of texts; whole numbers are taken for theirs."""
    validate_iterable(values, argument)
    items = cast("Mapping[object, object]", values).items() if isinstance(values, Mapping) else values
    pairs: list[tuple[str, str]] = []
    for item in cast("Iterable[object]", items):
        pair = cast("tuple[object, ...]", item) if isinstance(item, tuple | list) else ()
        texts = [str(one) if isinstance(one, int) and not isinstance(one, bool) else one for one in pair]
        if len(texts) != 2 or not all(is_text(one) for one in texts):
            raise UsageError(f"{argument} must hold texts that can be sent.", argument=argument)
        pairs.append((str(texts[0]), str(texts[1])))
    return tuple(pairs)


def _headers(headers: object) -> tuple[tuple[str, str], ...]:
    if headers is None:
        return ()
    given: object = headers
    pairs = _pairs(given, "headers") if isinstance(headers, Mapping) else None
    if pairs is None or not all(HEADER_NAME.fullmatch(name) and HEADER_VALUE.fullmatch(value) for name, value in pairs):
        message = "headers must be a mapping of names to values that can be sent: one line of text each."
        raise UsageError(message, argument="headers")
    return pairs


def validate_several(values: Sequence[T], argument: str, kind: type[object] = object) -> tuple[T, ...]:
    """Return the items of a sequence.

    Raises:
        UsageError: It is not a sequence, or an item is of another kind.
    """
    validate_iterable(values, argument)
    several = tuple(values)
    if not all(isinstance(one, kind) and (kind is not object or callable(one)) for one in several):
        raise UsageError(f"{argument} holds what it cannot hold: {display(several)}.", argument=argument)
    return several
