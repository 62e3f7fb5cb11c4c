"""Where a redirect may lead, and what may travel along. No I/O.

An HTTP library's own rule sends every header but Authorization on to the new host, follows from TLS to plain text, and
repeats a write elsewhere. This one does none of these.
"""

from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit, urlunsplit

from aiotravis._http.messages import ApiRequest
from aiotravis.errors import RedirectError

__all__ = ["MOST_REDIRECTS", "REDIRECTS", "RedirectTarget", "origin_of", "redirected"]

REDIRECTS = frozenset({301, 302, 303, 307, 308})

MOST_REDIRECTS = 5

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class RedirectTarget:
    """The next address to ask.

    Attributes:
        url: Absolute URL.
        cross_origin: Whether it is of another origin, where neither the token nor any header of ours may go.
    """

    url: str
    cross_origin: bool


def origin_of(url: str) -> tuple[str, str, int | None]:
    """Take scheme, host and port out of a URL.

    Raises:
        ValueError: The port is not a number.
    """
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or _PORTS.get(parts.scheme)


def redirected(
    request: ApiRequest, asked: str, location: str, *, base_url: str, authenticated: bool, hops: int
) -> RedirectTarget:
    """Say where a redirect leads.

    Args:
        request: The request being redirected.
        asked: The absolute URL that answered with the redirect.
        location: Its Location header; may be relative.
        base_url: The API endpoint.
        authenticated: Whether the request carried the token.
        hops: How many redirects were followed already.

    Raises:
        RedirectError: It must not be followed.
    """
    shown = "elsewhere"

    def refuse(reason: str) -> RedirectError:
        message = f"{request.method} {request.shown} was redirected to {shown}: {reason}"
        return RedirectError(message, method=request.method, path=request.shown, location=shown)

    try:
        url = urljoin(asked, location)
        scheme, host, port = origin_of(url)
    except ValueError:
        raise refuse("that is not an address") from None
    parts = urlsplit(url)
    shown = urlunsplit((scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    if scheme not in _PORTS or not host:
        raise refuse("that is not an address of the web")
    if not request.reads:
        raise refuse("a write is never repeated elsewhere. If the API has moved, change the endpoint")
    if hops >= MOST_REDIRECTS:
        raise refuse(f"that is redirect number {hops + 1}; they seem to go in circles")
    if urlsplit(asked).scheme == "https" and scheme == "http":
        raise refuse("it leads from TLS to plain text")
    cross_origin = (scheme, host, port) != origin_of(base_url)
    if (
        cross_origin
        and authenticated
        and (scheme, host) == ("https", origin_of(base_url)[1])
        and base_url.startswith("http:")
    ):
        raise refuse("the API wants TLS. Change the endpoint to https://, so that the token never travels in clear")
    return RedirectTarget(url, cross_origin)
