"""WebSocket handshakes that are redirected: to another origin, to plain text, to what is no URL."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import anyio
import pytest

from aiotravis import Travis, errors, events
from aiotravis._network.handshakes import refuse_redirect
from aiotravis.live.protocol import Address
from aiotravis.testing import TravisServer
from tests.conftest import TOKEN
from tests.rest_faults.asking import moved, told
from tests.wire import Answer, Wire, certified, framed, wire

STATUSES = pytest.mark.parametrize("status", [301, 302, 303, 307, 308])


def address_of(server: Wire) -> Address:
    parts = urlsplit(server.endpoint)
    return Address(key="key", host="127.0.0.1", port=parts.port or 0, path="", tls=parts.scheme == "https")


async def connect(travis: Travis, server: Wire) -> str:
    """Open a WebSocket, and return what the error says."""
    with pytest.raises(ConnectionError) as info, anyio.fail_after(5):
        await travis._hub._connector.connect(address_of(server))
    assert info.value.__context__ is None
    return told(info.value)


@STATUSES
async def test_a_handshake_is_never_redirected_from_tls_to_plain_text(tmp_path: Path, status: int) -> None:
    served, trusted = certified(tmp_path)
    async with (
        wire(Answer()) as plain,
        wire(lambda head: moved(f"{plain.endpoint}/app/key", status=status), tls=served) as home,
        Travis(TOKEN, endpoint="http://127.0.0.1:1", ssl=trusted) as travis,
    ):
        said = await connect(travis, home)
    assert f"its handshake was redirected to {plain.endpoint}, which is another origin" in said
    assert (len(home.heads), plain.heads) == (1, [])


LOCATIONS = {
    "another port": "{away}/app/key",
    "another port, as a WebSocket": "{away_ws}/app/key",
    "without a scheme": "//{netloc}/app/key",
    "with a user": "http://sarah:5ecret@{netloc}/app/key?signature=5ecret",
    "another host": "http://localhost:1/app/key",
    "to TLS": "https://{home_netloc}/app/key",
    "no URL": "http://[::1/5ecret",
    "a port that is none": "http://127.0.0.1:5ecret/",
    "a file": "file:///etc/passwd",
    "another scheme": "javascript:alert(1)",
}


@pytest.mark.parametrize("location", LOCATIONS.values(), ids=LOCATIONS.keys())
async def test_a_handshake_is_never_redirected_to_another_origin(location: str) -> None:
    def answer(head: bytes) -> Answer:
        netloc = urlsplit(away.endpoint).netloc
        to = location.format(
            away=away.endpoint, away_ws=f"ws://{netloc}", netloc=netloc, home_netloc=urlsplit(home.endpoint).netloc
        )
        return moved(to)

    async with (
        wire(Answer()) as away,
        wire(answer) as home,
        Travis(TOKEN, endpoint="http://127.0.0.1:1") as travis,
    ):
        said = await connect(travis, home)
    assert "redirected to" in said
    assert "5ecret" not in said
    assert (len(home.heads), away.heads) == (1, [])


async def test_a_redirect_within_the_origin_is_followed() -> None:
    def answer(head: bytes) -> Answer:
        return moved("/elsewhere") if b"/app/key" in head else Answer(framed(b"", status="404 Not Found"))

    async with wire(answer) as home, Travis(TOKEN, endpoint="http://127.0.0.1:1") as travis:
        assert "it answers the handshake with status 404" in await connect(travis, home)
    assert [head.split()[1][:10] for head in home.heads] == [b"/app/key?c", b"/elsewhere"]


@asynccontextmanager
async def announcing(port: int) -> AsyncGenerator[TravisServer]:
    async with TravisServer() as server:
        server.announced_port = port
        yield server


async def test_a_feed_ends_with_an_error_that_names_the_redirect() -> None:
    async with wire(Answer()) as away, wire(lambda head: moved(away.endpoint)) as home:
        port = urlsplit(home.endpoint).port or 0
        async with announcing(port) as server, Travis(endpoint=server.endpoint) as travis:
            with pytest.raises(errors.LiveUnavailable, match=f"redirected to {away.endpoint}"):
                async with travis.events(channels=["repo-1"]) as _:
                    pass  # pragma: no cover - it does not open
        assert away.heads == []


@pytest.mark.parametrize("location", ["http://{token}/", "//{token}.example", "http://x.{lower}:8/", "{token}://x/"])
async def test_an_echoed_token_in_a_redirect_is_not_shown(location: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    async with wire(lambda head: moved(location.format(token=TOKEN, lower=TOKEN.lower()))) as home:
        port = urlsplit(home.endpoint).port or 0
        async with announcing(port) as server, Travis(TOKEN, endpoint=server.endpoint) as travis:
            server.world.user("sarah", token=TOKEN)
            with pytest.raises(errors.LiveUnavailable) as info:
                async with travis.events(channels=["repo-1"]) as _:
                    pass  # pragma: no cover - it does not open
    for shown in (str(info.value), repr(info.value.__cause__), caplog.text):
        assert TOKEN.lower() not in shown.lower()


async def test_an_echoed_token_in_a_frame_or_as_a_host_is_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    async with TravisServer() as server, Travis(TOKEN, endpoint=server.endpoint) as travis:
        server.world.user("sarah", token=TOKEN)
        async with travis.events(channels=["repo-1"]) as feed:
            for event in (f"pusher:{TOKEN}", f"pusher_internal:{TOKEN}", "pusher:\x1b[2J"):
                server.pusher.publish(["repo-1"], event, "{}")
            server.pusher.publish(["repo-1"], "x:y", "{}")
            assert isinstance(await anext(feed), events.UnknownEvent)
            assert travis.live.statistics().invalid_frames == 3
    pusher = f'{{"config":{{"pusher":{{"key":"k","host":"{TOKEN}.invalid"}}}}}}'
    async with wire(Answer(framed(pusher.encode()))) as home, Travis(TOKEN, endpoint=home.endpoint) as travis:
        with pytest.raises(errors.LiveUnavailable) as info:
            async with travis.events(channels=["repo-1"]) as _:
                pass  # pragma: no cover - it does not open
    for shown in (str(info.value), repr(info.value.__cause__), caplog.text):
        assert TOKEN not in shown
    assert "\x1b" not in caplog.text


async def test_other_requests_of_the_session_get_their_redirects() -> None:
    async with (
        wire(moved("http://127.0.0.1:1/")) as home,
        aiohttp.ClientSession(middlewares=[refuse_redirect]) as session,
        session.get(home.endpoint, allow_redirects=False) as response,
    ):
        assert response.status == 302
