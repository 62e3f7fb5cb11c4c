"""The body of an answer, read whole: unpacked slice by slice, never past a limit, never cut short unseen."""

import asyncio
from collections.abc import Mapping
from typing import Final

import aiohttp
import anyio.lowlevel

from aiotravis._async._turns import in_turns
from aiotravis._async.deadlines import Deadline
from aiotravis._http import ApiRequest, Sink
from aiotravis._http.decompression import BodyReader, BodyTooLarge, MalformedBody, check_encodings
from aiotravis._http.json_text import cut_short

__all__ = ["delimited", "read_body"]

PARTIAL: Final = 206

BLOCK: Final = 256 << 10
"""Bytes that are gathered before a sink gets them: each hand-over to a disk costs."""


def delimited(headers: Mapping[str, str]) -> bool:
    """Tell whether an answer announces where its body ends. If not, that is where the connection ends.

    Args:
        headers: Names in lower case, to their values.
    """
    return "content-length" in headers or "chunked" in headers.get("transfer-encoding", "").lower()


async def read_body(
    request: ApiRequest,
    response: aiohttp.ClientResponse,
    sink: Sink | None,
    deadline: Deadline,
    *,
    limit: int,
    silence: float,
    unpack: bool,
) -> bytes:
    """Read a body; the loop is never held for long.

    Args:
        request: What was asked.
        response: Its answer.
        sink: Takes what comes with status 200 and is no JSON; it is not given then.
        deadline: Ends it when nothing comes.
        limit: Most bytes, unless there is a sink.
        silence: Seconds for which nothing may come.
        unpack: Whether it comes as the server packed it.

    Raises:
        BodyTooLarge: It is more than the limit.
        MalformedBody: It is not, or not all of, what was announced.
    """
    headers = response.headers
    if sink is not None and (response.status != 200 or response.content_type.endswith("json")):
        sink = None
    encoding = ",".join(headers.getall("Content-Encoding")) if unpack and "Content-Encoding" in headers else ""
    transfer = ",".join(headers.getall("Transfer-Encoding")) if "Transfer-Encoding" in headers else ""
    if encoding or transfer:
        check_encodings(encoding, transfer)
    if response.status == PARTIAL and not any(name.lower() == "range" for name, _ in request.headers):
        raise MalformedBody("a part that nobody asked for")
    ending = _ending(response)
    deadline.without_end()
    if response.content.is_eof() and not encoding and sink is None:
        whole = response.content.read_nowait()
        if len(whole) > limit:
            raise BodyTooLarge
    else:
        body = BodyReader(encoding, limit if sink is None else sink.limit)
        whole = await _gathered(response.content, body, sink, deadline, silence)
    if ending is not None and ending.done() and not ending.cancelled() and ending.exception() is not None:
        raise MalformedBody("the connection was reset")
    if sink is not None:
        await sink.take(whole)
        return b""
    announced = "Content-Length" in headers or "chunked" in transfer.lower()
    if not announced and await _ends_early(request, response, whole):
        raise MalformedBody("its end is missing")
    return whole


async def _gathered(
    content: aiohttp.StreamReader, body: BodyReader, sink: Sink | None, deadline: Deadline, silence: float
) -> bytes:
    """Read piece by piece, and give what is left for the end: all, unless there is a sink."""
    now = asyncio.get_running_loop().time
    if sink is not None:
        await sink.begin()
    while True:
        if content.is_eof():
            chunk = content.read_nowait()
        else:
            deadline.until(now() + silence)
            chunk = await content.readany()
            deadline.without_end()
        if not chunk:
            return body.whole()
        for _ in body.feed(chunk):
            await anyio.lowlevel.checkpoint()
        if sink is not None and body.held >= BLOCK:
            await sink.take(body.taken())


async def _ends_early(request: ApiRequest, response: aiohttp.ClientResponse, body: bytes) -> bool:
    """Tell whether JSON is cut short that ended with the connection, where only it itself can tell."""
    if response.status != 200 or request.method == "HEAD" or not response.content_type.endswith("json"):
        return False
    if not body.strip():
        # To a write, that may be all there is to say.
        return request.reads
    return await in_turns(cut_short(body))


def _ending(response: aiohttp.ClientResponse) -> "asyncio.Future[None] | None":
    """Give what tells how the connection ended, where that alone marks the end of a body."""
    if "Content-Length" in response.headers or "Transfer-Encoding" in response.headers:
        return None
    connection = response.connection
    protocol = connection.protocol if connection is not None else None
    ending: asyncio.Future[None] | None = protocol.closed if protocol is not None else None
    if ending is not None:
        # Looked at, so that nobody complains that nobody did.
        ending.add_done_callback(lambda future: future.cancelled() or future.exception())
    return ending
