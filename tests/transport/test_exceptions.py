"""What goes wrong under way, as errors of the tree."""

import asyncio
import gzip
import socket

import pytest

from aiotravis import errors
from tests.conftest import TOKEN
from tests.transport.answers import CONFIG, client, whole, wire


async def test_a_refused_connection_names_request_and_remedy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"
    async with client(endpoint) as travis:
        with pytest.raises(
            errors.RequestError, match=r"GET /config: http://127.*no connection.*is the endpoint right"
        ) as info:
            await travis.config.get()
    assert (info.value.method, info.value.path, info.value.attempts, info.value.unsent) == ("GET", "/config", 1, True)


async def test_an_unknown_host_is_named_as_the_cause() -> None:
    async with client("http://no-such-host.invalid") as travis:
        with pytest.raises(errors.RequestError, match="its name "):
            await travis.config.get()


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (None, errors.RequestError),
        (b"this is not HTTP\r\n\r\n", errors.RequestError),
        (whole(CONFIG)[:-5], errors.TruncatedError),
        (b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{"config', errors.TruncatedError),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", errors.RequestError),
        (whole(gzip.compress(CONFIG)[:-9], "Content-Encoding: gzip"), errors.TruncatedError),
        (whole(b"no gzip at all", "Content-Encoding: gzip"), errors.TruncatedError),
        (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + CONFIG[:-1], errors.TruncatedError),
        (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + CONFIG[1:], errors.DecodeError),
        (whole(b""), errors.DecodeError),
        (whole(b"", "Content-Encoding: gzip"), errors.DecodeError),
        (whole(b"<html>", status="502 Bad Gateway"), errors.ServerError),
    ],
)
async def test_a_malformed_response_is_a_request_error(answer: bytes | None, kind: type[errors.TravisError]) -> None:
    async with wire(lambda head: answer) as endpoint, client(endpoint) as travis:
        with pytest.raises(kind) as info:
            await travis.config.get()
        assert "/config" in str(info.value)
        assert TOKEN not in str(info.value)


async def test_a_silent_server_times_out() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    listening = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with listening:
        endpoint = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        async with client(endpoint, read_timeout=0.05, attempts=3) as travis:
            with pytest.raises(errors.RequestTimeout, match="did not answer in time") as info:
                await travis.config.get()
        assert info.value.attempts == 1
        assert isinstance(info.value, TimeoutError)
