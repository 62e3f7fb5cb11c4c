"""WebSocket handshakes that go nowhere else: aiohttp 3.14 follows redirects of them, from wss to ws too."""

from urllib.parse import urljoin, urlsplit

import aiohttp

from aiotravis._http.redirects import REDIRECT_STATUSES, origin_of

__all__ = ["RedirectedHandshake", "refuse_redirect"]


class RedirectedHandshake(aiohttp.ClientError):
    """A handshake was redirected to another origin, which must not get the signatures that follow it."""


async def refuse_redirect(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Send a request, as a middleware of a session; refuse a redirect of a handshake to another origin."""
    response = await handler(request)
    location = response.headers.get("Location") or response.headers.get("URI")
    if response.status in REDIRECT_STATUSES and location and request.headers.get("Upgrade") == "websocket":
        target = _target(str(request.url), location)
        if target is not None:
            response.close()
            raise RedirectedHandshake(f"its handshake was redirected to {target}, which is another origin")
    return response


def _target(url: str, location: str) -> str | None:
    """Return the origin that a redirect leads to, or what is wrong with it; None if it is that of the URL itself."""
    try:
        joined = urljoin(url, location)
        if origin_of(joined) == origin_of(url):
            return None
    except ValueError:
        return "what is not a URL"
    parts = urlsplit(joined)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
