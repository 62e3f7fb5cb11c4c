"""Validation of what a client is given, before anything is opened. No I/O."""

import platform
from collections.abc import Iterable, Mapping
from typing import Final, cast
from urllib.parse import urlsplit

import aiohttp
import msgspec

from aiotravis._http import ApiRequest
from aiotravis._version import __version__
from aiotravis.errors import UsageError

__all__ = [
    "COM",
    "ORG",
    "accept_header",
    "build_request",
    "validate_endpoint",
    "validate_token",
    "validate_user_agent",
]

COM: Final = "https://api.travis-ci.com"
"""The API of travis-ci.com."""

ORG: Final = "https://api.travis-ci.org"
"""The API of travis-ci.org."""

USER_AGENT: Final = f"aiotravis/{__version__} Python/{platform.python_version()} aiohttp/{aiohttp.__version__}"

# fact 9.7: without a version in it, Travis answers with the bodies of v1.
ACCEPT: Final = "application/vnd.travis-ci.2+json"

# fact 1.1: the same bodies; travis-ci.com shows public repositories without a token only to this version.
ACCEPT_ANONYMOUS: Final = "application/vnd.travis-ci.2.1+json"


def validate_endpoint(endpoint: str) -> str:
    """Return the URL of an API without a trailing slash.

    Raises:
        UsageError: It is not a URL of an API.
    """

    def wrong(reason: str) -> UsageError:
        return UsageError(f"endpoint {reason}. It looks like {COM!r} or 'https://HOST/api'.", argument="endpoint")

    if any(c.isspace() for c in endpoint):
        raise wrong("must not contain spaces")
    try:
        parts = urlsplit(endpoint)
        has_valid_port = parts.port is None or parts.port > 0
    except ValueError:
        raise wrong("has a port that is not a number") from None
    if parts.scheme not in {"http", "https"}:
        raise wrong("must begin with https:// or http://")
    if not parts.hostname or not has_valid_port:
        raise wrong("names no host")
    if parts.username is not None or parts.password is not None:
        raise wrong("must not contain a user or a password; pass a token as token=")
    if parts.query or parts.fragment:
        raise wrong("must not contain a query or a fragment")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def validate_token(token: object) -> str | None:
    """Return an API token, or None for none.

    Raises:
        UsageError: It cannot be a token. The value is never quoted: errors are printed and logged.
    """
    if token is None:
        return None
    if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
        raise UsageError("token must be a string of printable ASCII characters, not empty.", argument="token")
    if any(c in " \"'" for c in token):
        raise UsageError("token must not contain spaces or quotes: pass the bare value.", argument="token")
    return token


def validate_user_agent(user_agent: str | None) -> str:
    """Return the User-Agent header: the caller's own name, then that of this library.

    Raises:
        UsageError: It cannot be sent in a header.
    """
    if user_agent is None:
        return USER_AGENT
    if not user_agent.strip() or not user_agent.isascii() or not user_agent.isprintable():
        raise UsageError("user_agent must be a string of printable ASCII characters.", argument="user_agent")
    return f"{user_agent.strip()} {USER_AGENT}"


def accept_header(endpoint: str, token: str | None) -> str:
    """Return the Accept header for JSON from a site, with or without a token."""
    public_mode = token is None and (urlsplit(endpoint).hostname or "").endswith("travis-ci.com")
    return ACCEPT_ANONYMOUS if public_mode else ACCEPT


def build_request(
    method: str,
    path: str,
    *,
    query: Mapping[str, str] | Iterable[tuple[str, str]] = (),
    json: object = msgspec.UNSET,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    accept: str | None = None,
) -> ApiRequest:
    """Return a request for any route, see `Travis.request`.

    Raises:
        UsageError: The method or the path is not valid.
    """
    if not method.isascii() or not method.isalpha():
        raise UsageError(f"method must be an HTTP method, not {method!r}.", argument="method")
    if not path.startswith("/") or path.startswith("//") or not path.isprintable() or set(path) & set(" ?#"):
        message = f"path must begin with one slash and contain neither a query nor spaces, not {path!r}."
        raise UsageError(message, argument="path")
    pairs = tuple(cast("Mapping[str, str]", query).items()) if isinstance(query, Mapping) else tuple(query)
    return ApiRequest(method.upper(), path, pairs, tuple((headers or {}).items()), body, accept).with_json(json)
