"""Who is to blame for a request that got no response: the endpoint, a proxy, a name in TLS, an archive."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import anyio
import pytest

from aiotravis import Travis, errors
from aiotravis._network.failures import failure
from aiotravis.live.protocol import Address
from tests.conftest import TOKEN
from tests.rest_faults.asking import JSON, kept, moved
from tests.wire import Answer, End, certified, framed, wire

REFUSED = r"no connection \(Connect"


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that refuses connections, and that no other test can take meanwhile: bound, and not listened to."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


async def said(endpoint: str, **settings: object) -> str:
    """Return what the error of a call says."""
    options = {"attempts": 1, **settings}
    async with Travis(TOKEN, endpoint=endpoint, **options) as travis:  # type: ignore[arg-type]
        with pytest.raises(errors.RequestError) as info, anyio.fail_after(5):
            await travis.logs.text(7)
    return str(info.value)


async def test_a_proxy_that_is_not_there_is_to_blame(closed_port: int) -> None:
    for endpoint in ("http://api.invalid", "https://api.invalid"):
        text = await said(endpoint, proxy=f"http://sarah:s3cret@127.0.0.1:{closed_port}")
        assert f"the proxy http://127.0.0.1:{closed_port}: no connection" in text
        assert "is the proxy right?" in text
        assert "endpoint" not in text
        assert "s3cret" not in text


async def test_a_proxy_whose_name_is_unknown_is_to_blame() -> None:
    text = await said("https://api.invalid", proxy="http://no-such-proxy.invalid:3128")
    assert "the proxy http://no-such-proxy.invalid:3128: its name " in text
    assert text.endswith("; is the proxy right?")
    assert "endpoint" not in text


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (socket.EAI_NONAME, "its name is unknown; is the endpoint right?"),
        (socket.EAI_AGAIN, "its name cannot be looked up at present: there may be no network; is the endpoint right?"),
    ],
)
def test_a_resolver_that_cannot_be_asked_is_no_unknown_name(number: int, reason: str) -> None:
    key: Any = SimpleNamespace(host="api.invalid", port=443, ssl=True)
    exc = aiohttp.ClientConnectorDNSError(key, socket.gaierror(number, "the resolver's words"))
    url = "https://api.invalid"
    assert failure(exc, f"{url}/x", proxy=None, endpoint=url) == f"{url}: {reason}"


def test_a_proxy_of_the_environment_is_named_with_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    key: Any = SimpleNamespace(host="p", port=1, ssl=True)
    exc = aiohttp.ClientProxyConnectionError(key, ConnectionRefusedError(111, "Connection refused"))
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    for value, check in (("http://u:s3cret@p:1", "is https_proxy in the environment"), ("http://", "is the proxy")):
        monkeypatch.setenv("https_proxy", value)
        text = failure(exc, "wss://ws.invalid/app", proxy="http://u:s3cret@p:1")
        assert text == f"the proxy http://p:1: no connection (Connection refused); {check} right?"


@pytest.mark.parametrize(("status", "hint"), [("407 No", "user and a password"), ("403 No", "403"), ("502 No", "502")])
async def test_a_proxy_that_refuses_is_to_blame(status: str, hint: str) -> None:
    async with wire(kept(framed(b"", status=status))) as proxy:
        text = await said("https://api.invalid", proxy=proxy.endpoint)
    assert f"the proxy {proxy.endpoint}: it refuses to connect to https://api.invalid" in text
    assert hint in text


async def test_the_server_behind_a_proxy_is_to_blame_for_its_own_silence() -> None:
    async with wire(Answer()) as proxy:
        text = await said("http://api.invalid", proxy=proxy.endpoint)
    assert "http://api.invalid: the connection was lost before a response came" in text
    async with wire(Answer(end=End.HOLD)) as proxy:
        text = await said("http://api.invalid", proxy=proxy.endpoint, read_timeout=0.1)
    assert f"http://api.invalid did not answer in time through the proxy {proxy.endpoint}" in text


async def test_a_certificate_is_to_blame_with_its_reason(tmp_path: Path) -> None:
    served, trusted = certified(tmp_path)
    async with wire(kept(framed(JSON)), tls=served) as server:
        text = await said(server.endpoint)
        assert f"{server.endpoint}: its certificate is not valid (self" in text.replace("-", " ").replace(
            "(self ", "(self"
        )
        assert "or needs ssl=" in text
        text = await said(server.endpoint.replace("127.0.0.1", "localhost"), ssl=trusted)
        assert "its certificate is not valid (Hostname mismatch" in text
        assert "localhost" in text


async def test_a_server_without_tls_is_told() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        text = await said(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    assert "TLS failed (" in text
    assert "is the endpoint right?" in text


async def test_an_archive_is_to_blame_not_the_endpoint(tmp_path: Path, closed_port: int) -> None:
    served, _ = certified(tmp_path)
    async with wire(kept(framed(JSON)), tls=served) as untrusted, wire(Answer()) as lost:
        elsewhere = untrusted.endpoint.replace("127.0.0.1", "localhost")
        for archive, reason in {
            "http://no-such-archive.invalid/7": "http://no-such-archive.invalid: its name ",
            f"http://127.0.0.1:{closed_port}/7?signature=s3cret": f"http://127.0.0.1:{closed_port}: no connection",
            f"{elsewhere}/7": f"{elsewhere}: its certificate is not valid",
            f"{lost.endpoint}/7": f"{lost.endpoint}: the connection was lost before a response came",
        }.items():
            async with wire(lambda head, archive=archive: moved(archive)) as server:  # type: ignore[misc]
                text = await said(server.endpoint)
            assert reason in text
            assert server.endpoint not in text
            assert "endpoint" not in text
            assert "s3cret" not in text


async def test_a_silent_archive_is_to_blame() -> None:
    async with wire(Answer(end=End.HOLD)) as archive, wire(lambda head: moved(archive.endpoint)) as server:
        text = await said(server.endpoint, read_timeout=0.1)
    assert f"{archive.endpoint} did not answer in time" in text


@pytest.mark.parametrize(
    ("host", "reason"),
    [("127.0.0.1", "no connection"), ("no-such-host.invalid", "its name ")],
)
async def test_the_live_channel_names_its_culprit(host: str, reason: str, closed_port: int) -> None:
    address = Address(key="a-key", host=host, port=closed_port, path="", tls=True)
    async with Travis(TOKEN, endpoint="http://127.0.0.1:1") as travis:
        with pytest.raises(ConnectionError, match=reason) as info:
            await travis._hub._connector.connect(address)
    assert f"https://{host}:{address.port}" in str(info.value)
    assert "a-key" not in str(info.value)
    assert info.value.__context__ is None
    assert info.value.__cause__ is None
