"""Reads the body of a request to a server of the user's, bounded in size and in time."""

import anyio
from aiohttp import web

__all__ = ["read_body"]


async def read_body(request: web.Request, max_bytes: int, seconds: float) -> bytes:
    """Return the body of a request, whatever the application's ``client_max_size``.

    Args:
        request: The request.
        max_bytes: Bytes of the largest body.
        seconds: How long it may take to arrive.

    Raises:
        HTTPRequestEntityTooLarge: It is larger.
        HTTPRequestTimeout: It does not arrive in time.
        HTTPBadRequest: It is cut short, or cannot be decompressed.
    """
    body = bytearray()
    try:
        with anyio.fail_after(seconds):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > max_bytes:
                    raise web.HTTPRequestEntityTooLarge(max_bytes, len(body))
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    except web.RequestPayloadError:
        raise web.HTTPBadRequest from None
    return bytes(body)
