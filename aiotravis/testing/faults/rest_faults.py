"""Injecting the faults of requests on the wire."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable

from aiohttp import web

from aiotravis.testing.faults.rules import Faults, RestFault

__all__ = ["with_faults"]

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER with a time of zero: closing sends a reset."""


async def with_faults(
    request: web.Request,
    fault: RestFault,
    faults: Faults,
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> web.StreamResponse:
    """Answer a request with a fault.

    Args:
        request: The request.
        fault: The fault.
        faults: The rules that chose it.
        answer: The handler of the route.
    """
    if fault.kind == "status":
        if fault.processed:
            await answer(request)
        return web.Response(status=fault.status, body=fault.body, headers=fault.headers)
    if fault.kind == "reset":
        _reset(request)
        return web.Response()
    if fault.kind == "freeze":
        cleared = asyncio.Event()
        faults.when_cleared(cleared.set)
        await cleared.wait()
    elif fault.kind == "late":
        await asyncio.sleep(fault.seconds)
    response = await answer(request)
    body = response.body if isinstance(response, web.Response) else None
    if fault.kind == "garble" and isinstance(response, web.Response) and isinstance(body, bytes):
        response.body = faults.garbled(body)
    if fault.kind == "truncate" and isinstance(body, bytes):
        return await _truncated(request, response, body, fault.at)
    return response


def _reset(request: web.Request) -> None:
    transport = request.transport
    if transport is not None:
        raw = transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        transport.abort()


async def _truncated(request: web.Request, response: web.StreamResponse, body: bytes, at: int) -> web.StreamResponse:
    headers = {name: value for name, value in response.headers.items() if name != "Content-Length"}
    truncated = web.StreamResponse(status=response.status, headers=headers)
    # One byte more than there is, so that the answer is incomplete even if all of the body is sent.
    truncated.content_length = len(body) + 1
    await truncated.prepare(request)
    await truncated.write(body[:at])
    if request.transport is not None:
        request.transport.close()
    return truncated
