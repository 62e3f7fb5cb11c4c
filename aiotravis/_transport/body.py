"""Reading the body of a response: decompressed, never beyond a limit, never truncated unnoticed."""

import asyncio
from collections.abc import Mapping
from typing import Final

import aiohttp
import anyio.lowlevel
import msgspec

from aiotravis._async.deadlines import NEVER, Deadline
from aiotravis._http import ApiRequest, Sink
from aiotravis._http.decompression import BodyReader, BodyTooLarge, MalformedBody, check_encodings, decompress_at_once

__all__ = ["is_delimited", "is_truncated_json", "read_body"]

PARTIAL_CONTENT: Final = 206

CHUNKED: Final = ["chunked"]

GZIP: Final = ["gzip"]

MIN_RATE: Final = 1 << 10
"""Bytes per second that a body has to come with on average, beyond the longest silence: one that trickles never ends.

What its headers announce does not count: a server can announce anything.
"""

SINK_BLOCK: Final = 256 << 10
"""Bytes collected before a sink gets them: each hand-over to a disk has a cost of its own."""

_validate_json = msgspec.json.Decoder(msgspec.Raw).decode


def is_delimited(headers: Mapping[str, str]) -> bool:
    """Return whether a response announces where its body ends. If not, the body ends with the connection.

    Args:
        headers: Names in lower case, mapped to values.
    """
    return "content-length" in headers or "chunked" in headers.get("transfer-encoding", "").lower()


def is_truncated_json(body: bytes) -> bool:
    """Return whether JSON was cut: more bytes could still make it valid."""
    # msgspec reports a cut number as malformed; with a digit added, it reports the end of the text as missing.
    for text in (body, body + b"0"):
        try:
            _validate_json(text)
        except msgspec.DecodeError as exc:
            if "truncated" in str(exc):
                return True
        except RecursionError:
            return False
        else:
            return text is not body
    return False


async def read_body(
    request: ApiRequest,
    response: aiohttp.ClientResponse,
    sink: Sink | None,
    deadline: Deadline,
    *,
    limit: int,
    read_timeout: float,
    decompress: bool,
) -> bytes:
    """Read a body.

    Args:
        request: The request.
        response: Its response.
        sink: Receives a body with status 200 that is not JSON; nothing is returned then.
        deadline: Ends the read when nothing, or too little, is received in time.
        limit: Largest body in bytes, without a sink.
        read_timeout: Longest silence in seconds.
        decompress: Whether the body is still compressed.

    Raises:
        BodyTooLarge: The body exceeds the limit.
        MalformedBody: It is not, or not all of, what was announced.
    """
    headers, content = response.headers, response.content
    if sink is None and content.is_eof() and response.status != PARTIAL_CONTENT:
        # Most responses are small, and here as a whole with their head.
        transfer_encodings, encodings = headers.getall("Transfer-Encoding", None), None
        if transfer_encodings == CHUNKED or (transfer_encodings is None and "Content-Length" in headers):
            if decompress:
                encodings = headers.getall("Content-Encoding", None)
            if encodings is None or encodings == GZIP:
                deadline.when = NEVER
                body = content.read_nowait()
                if encodings is None and len(body) > limit:
                    raise BodyTooLarge(limit)
                whole = body if encodings is None else decompress_at_once(body, limit)
                return whole if whole is not None else await _decompress(body, limit)
    if sink is not None and (response.status != 200 or response.content_type.endswith("json")):
        sink = None
    encoding = ",".join(headers.getall("Content-Encoding")) if decompress and "Content-Encoding" in headers else ""
    transfer = ",".join(headers.getall("Transfer-Encoding")) if "Transfer-Encoding" in headers else ""
    if encoding or transfer:
        check_encodings(encoding, transfer)
    if response.status == PARTIAL_CONTENT and not any(name.lower() == "range" for name, _ in request.headers):
        raise MalformedBody("a partial response that was not requested")
    closed = _connection_closed(response)
    deadline.clear()
    reader = BodyReader(encoding, limit if sink is None else sink.limit)
    body = await _read_chunks(content, reader, sink, deadline, read_timeout)
    if closed is not None and closed.done() and not closed.cancelled() and closed.exception() is not None:
        raise MalformedBody("the connection was reset")
    if sink is not None:
        await sink.take(body)
        return b""
    if not is_delimited(headers) and _is_truncated(request, response, body):
        raise MalformedBody("the end is missing")
    return body


async def _decompress(body: bytes, limit: int) -> bytes:
    """Decompress a body that is here as a whole, in turns with other tasks."""
    reader = BodyReader("gzip", limit)
    for _ in reader.feed(body):
        await anyio.lowlevel.checkpoint()
    return reader.finish()


async def _read_chunks(
    content: aiohttp.StreamReader, reader: BodyReader, sink: Sink | None, deadline: Deadline, read_timeout: float
) -> bytes:
    """Read to the end; return the whole body, or with a sink what it has not received yet."""
    now = asyncio.get_running_loop().time
    # Only what the server takes counts, not what decompressing and a disk take.
    waited, received = 0.0, 0
    if sink is not None:
        await sink.begin()
    while True:
        if content.is_eof():
            chunk = content.read_nowait()
        else:
            began = now()
            deadline.set(began + min(read_timeout, read_timeout + received / MIN_RATE - waited))
            chunk = await content.readany()
            deadline.clear()
            waited += now() - began
        if not chunk:
            return reader.finish()
        received += len(chunk)
        for _ in reader.feed(chunk):
            await anyio.lowlevel.checkpoint()
        if sink is not None and reader.pending >= SINK_BLOCK:
            await sink.take(reader.take())


def _is_truncated(request: ApiRequest, response: aiohttp.ClientResponse, body: bytes) -> bool:
    """Return whether a body that ended with its connection was cut, as far as the body itself shows it."""
    if response.status != 200 or request.method == "HEAD" or not response.content_type.endswith("json"):
        return False
    if not body.strip():
        # fact 9.26: an empty body is a complete answer to some writes.
        return request.reads
    return is_truncated_json(body)


def _connection_closed(response: aiohttp.ClientResponse) -> "asyncio.Future[None] | None":
    """Return the future that tells how the connection ended, where its end alone marks the end of the body."""
    if "Content-Length" in response.headers or "Transfer-Encoding" in response.headers:
        return None
    connection = response.connection
    protocol = connection.protocol if connection is not None else None
    closed: asyncio.Future[None] | None = protocol.closed if protocol is not None else None
    if closed is not None:
        # Retrieve the exception so that asyncio does not log it as never retrieved.
        closed.add_done_callback(lambda future: future.cancelled() or future.exception())
    return closed
