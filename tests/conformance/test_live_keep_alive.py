"""Keeping connections alive, in virtual time: section 7.3 of the facts."""

import asyncio
import json
from collections.abc import Callable

import aiohttp
import pytest

from aiotravis.testing import Dialect
from tests.autojump import run
from tests.conformance.live import EACH, connect, covers, open_socket, rows, travis

CLOSED_FOR_SILENCE = 4201, "Pong reply not received in time"


ANSWERS = {
    '{"event":"pusher:ping","data":{}}': ["pusher:pong"],
    '{"event":"pusher:unheard-of"}': [],
    "junk": ["pusher:error"],
}

# Dialect, protocol, the configured timeout, the announced timeout.
ANNOUNCED: dict[str, tuple[Dialect, str, float | None, float | None]] = {
    "Pusher, protocol 7": ("pusher", "7", None, 120),
    "Pusher, below protocol 7": ("pusher", "6", None, None),
    "Pusher, protocol 4": ("pusher", "4", 45, None),
    "Slanger, protocol 7": ("slanger", "7", None, 120),
    "Slanger, below protocol 7": ("slanger", "5", None, 120),
    "soketi": ("soketi", "7", None, 30),
    "another time": ("pusher", "7", 45, 45),
}


@rows("7.3", ANNOUNCED)
async def test_the_activity_timeout_is_announced(row: tuple[Dialect, str, float | None, float | None]) -> None:
    dialect, protocol, timeout, announced = row
    async with (
        travis(dialect=dialect, activity_timeout=timeout) as scene,
        open_socket(scene.server, f"protocol={protocol}") as socket,
    ):
        data = json.loads(json.loads(await socket.hello())["data"])
    assert data.get("activity_timeout") == announced
    assert ("activity_timeout" in data) is (announced is not None)


@pytest.mark.parametrize("dialect", EACH)
@covers("7.3", "a ping of the WebSocket protocol is answered")
async def test_a_websocket_ping_is_answered_with_its_payload(dialect: Dialect) -> None:
    async with travis(dialect=dialect) as scene, connect(scene.server) as socket:
        await socket.websocket.ping(b"still there?")
        message = await socket.receive()
    assert (message.type, message.data) == (aiohttp.WSMsgType.PONG, b"still there?")


@covers("7.3", "Pusher pings, and closes with 4201")
def test_pusher_sends_pusher_ping_to_an_idle_client_and_then_closes() -> None:
    async def scenario(clock: Callable[[], float]) -> None:
        async with travis() as scene, connect(scene.server) as socket:
            began = clock()
            assert await socket.text() == '{"event":"pusher:ping","data":"{}"}'
            assert clock() - began == pytest.approx(100, abs=1)
            await socket.websocket.send_str('{"event":"pusher:pong","data":{}}')
            answered = clock()
            assert await socket.text() == '{"event":"pusher:ping","data":"{}"}'
            assert await socket.close_frame() == CLOSED_FOR_SILENCE
            assert clock() - answered == pytest.approx(120, abs=1)

    run(scenario)


@covers("7.3", "soketi pings below, and closes with 4201 all the same")
def test_soketi_closes_although_websocket_pongs_arrive() -> None:
    async def scenario(clock: Callable[[], float]) -> None:
        async with travis(dialect="soketi") as scene, connect(scene.server) as socket:
            began = clock()
            message = await socket.receive()
            assert message.type is aiohttp.WSMsgType.PING
            assert clock() - began == pytest.approx(100, abs=1)
            await socket.websocket.pong(message.data)
            assert json.loads(await socket.text())["data"]["code"] == 4201
            assert await socket.close_frame() == CLOSED_FOR_SILENCE
            assert clock() - began == pytest.approx(120, abs=1)

    run(scenario)


@pytest.mark.parametrize("dialect", EACH)
@pytest.mark.parametrize("frame", ANSWERS)
@covers("7.3", "any received frame counts as activity")
def test_any_text_frame_is_activity(dialect: Dialect, frame: str) -> None:
    async def scenario(clock: Callable[[], float]) -> None:
        async with travis(dialect=dialect) as scene, connect(scene.server) as socket:
            while clock() < 1800:
                await socket.websocket.send_str(frame)
                await asyncio.sleep(90)
            answers = [message["event"] for message in await socket.received()]
            assert answers == ANSWERS[frame] * 20

    run(scenario)


@covers("7.3", "Slanger never pings and never closes")
def test_slanger_neither_pings_nor_closes_for_a_day() -> None:
    async def scenario(clock: Callable[[], float]) -> None:
        async with travis(dialect="slanger") as scene, connect(scene.server) as socket:
            with pytest.raises(TimeoutError):
                await socket.websocket.receive(timeout=24 * 3600)
            assert clock() > 24 * 3600
            assert await socket.received() == []

    run(scenario)
