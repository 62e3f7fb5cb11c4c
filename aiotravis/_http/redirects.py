"""Which redirects to follow, and what to send along. No I/O.

aiotravis follows redirects itself: aiohttp 3.14 would send every header except Authorization to the new host, follow
from https to http, and repeat a write elsewhere.
"""

from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit, urlunsplit

from aiotravis._http.messages import ApiRequest, one_line
from aiotravis._http.redaction import redact
from aiotravis.errors import RedirectError

__all__ = ["MAX_REDIRECTS", "REDIRECT_STATUSES", "RedirectTarget", "normalized", "origin_of", "redirect_target"]

REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})

MAX_REDIRECTS = 5

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class RedirectTarget:
    """Where to send the request next.

    Attributes:
        url: Absolute URL.
        cross_origin: Whether its origin is not that of the API. If so, neither the token nor our headers are sent.
        shown: The URL for messages: without its query and without secrets.
    """

    url: str
    cross_origin: bool
    shown: str = field(compare=False, default="")


def origin_of(url: str) -> tuple[str, str, int | None]:
    """Return scheme, host and port of a URL.

    Raises:
        ValueError: The port is not a number.
    """
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or _PORTS.get(parts.scheme)


def normalized(url: str) -> str:
    """Return a URL in its usual spelling: host in lower case, no default port, no trailing slash.

    Raises:
        ValueError: It is not a URL.
    """
    scheme, host, port = origin_of(url)
    host = f"[{host}]" if ":" in host else host.rstrip(".")
    origin = f"{scheme}://{host}" if port in {None, _PORTS.get(scheme)} else f"{scheme}://{host}:{port}"
    return origin + urlsplit(url).path.rstrip("/")


def redirect_target(
    request: ApiRequest,
    url: str,
    location: str,
    *,
    base_url: str,
    authenticated: bool,
    followed: int,
    secrets: tuple[str, ...] = (),
) -> RedirectTarget:
    """Return where a redirect leads.

    Args:
        request: The redirected request.
        url: The absolute URL that answered with the redirect.
        location: Its Location header; may be relative.
        base_url: The API endpoint.
        authenticated: Whether the request carried the token.
        followed: Number of redirects already followed.
        secrets: Texts that no error may repeat.

    Raises:
        RedirectError: The redirect must not be followed.
    """
    shown = "elsewhere"

    def refuse(reason: str) -> RedirectError:
        message = f"{request.method} {request.safe_target} was redirected to {shown}: {reason}"
        return RedirectError(message, method=request.method, path=request.safe_target, location=shown)

    target = _joined(url, location)
    if target is None:
        raise refuse("that is not a valid URL")
    scheme, host, port = origin_of(target)
    parts = urlsplit(target)
    shown = one_line(redact(urlunsplit((scheme, parts.netloc.rpartition("@")[2], parts.path, "", "")), secrets))
    if scheme not in _PORTS or not host:
        raise refuse("that is not an HTTP URL")
    if not request.reads:
        raise refuse("writes are never repeated elsewhere. If the API has moved, change the endpoint")
    if followed >= MAX_REDIRECTS:
        raise refuse(f"more than {MAX_REDIRECTS} redirects; they may form a loop")
    if urlsplit(url).scheme == "https" and scheme == "http":
        raise refuse("it leads from https to http")
    # fact 9.9: archived logs are on another host.
    cross_origin = (scheme, host, port) != origin_of(base_url)
    upgraded = (scheme, host) == ("https", origin_of(base_url)[1]) and base_url.startswith("http:")
    if cross_origin and authenticated and upgraded:
        raise refuse("the API requires TLS. Change the endpoint to https://, so that the token is never sent in clear")
    return RedirectTarget(target, cross_origin, shown)


def _joined(url: str, location: str) -> str | None:
    """Return an absolute URL; None if it is not valid. Not in a handler: the exception would quote it."""
    try:
        target = urljoin(url, location)
        origin_of(target)
    except ValueError:
        return None
    return target
