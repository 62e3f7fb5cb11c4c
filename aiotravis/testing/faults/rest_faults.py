"""Faults of REST, carried out: on the wire, where a client meets them."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable

from aiohttp import web

from aiotravis.testing.faults.rules import Faults, RestFault

__all__ = ["with_faults"]

LINGER = struct.pack("ii", 1, 0)
"""Ends a connection by a reset."""


async def with_faults(
    request: web.Request,
    fault: RestFault,
    faults: Faults,
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> web.StreamResponse:
    """Do to a request what a rule says.

    Args:
        request: What was asked.
        fault: What is done to it.
        faults: The rules that it is from.
        answer: Answers it.
    """
    if fault.kind == "status":
        return web.Response(status=fault.status, body=fault.body, headers=fault.headers)
    if fault.kind == "reset":
        _reset(request)
        return web.Response()
    if fault.kind == "freeze":
        let_go = asyncio.Event()
        faults.when_cleared(let_go.set)
        await let_go.wait()
    elif fault.kind == "late":
        await asyncio.sleep(fault.seconds)
    response = await answer(request)
    body = response.body if isinstance(response, web.Response) else None
    if fault.kind == "garble" and isinstance(response, web.Response) and isinstance(body, bytes):
        response.body = faults.garbled(body)
    if fault.kind == "truncate" and isinstance(body, bytes):
        return await _cut(request, response, body, fault.at)
    return response


def _reset(request: web.Request) -> None:
    transport = request.transport
    if transport is not None:
        raw = transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
        transport.abort()


async def _cut(request: web.Request, response: web.StreamResponse, body: bytes, at: int) -> web.StreamResponse:
    """Announce all of a body, and send its beginning."""
    headers = {name: value for name, value in response.headers.items() if name != "Content-Length"}
    cut = web.StreamResponse(status=response.status, headers=headers)
    # One more than there is: then even all of it is not the whole.
    cut.content_length = len(body) + 1
    await cut.prepare(request)
    await cut.write(body[:at])
    if request.transport is not None:
        request.transport.close()
    return cut
