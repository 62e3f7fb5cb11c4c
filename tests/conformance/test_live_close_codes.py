"""How a live server ends a connection, or turns it away: section 7.4 of the facts."""

import json
from dataclasses import dataclass

import aiohttp
import pytest

from aiotravis.testing import Dialect
from tests.conformance.live import EACH, Socket, greeted, opened, rows, shows, travis


@dataclass(frozen=True)
class Code:
    """A code, and a text for it."""

    number: int
    text: str


CODES = {
    "4000": Code(4000, "SSL required"),
    "4001": Code(4001, "Could not find app by key X"),
    "4003": Code(4003, "App is disabled"),
    "4004": Code(4004, "Over connection quota"),
    "4005": Code(4005, "Path not found"),
    "4006": Code(4006, "Invalid version string format"),
    "4007": Code(4007, "Unsupported protocol version"),
    "4008": Code(4008, "No protocol version supplied"),
    "4009": Code(4009, "Connection is unauthorized"),
    "other 4000 to 4099": Code(4077, "Never heard of"),
    "4100": Code(4100, "Over capacity"),
    "4100 to 4199": Code(4199, "Back off"),
    "4200": Code(4200, "Generic reconnect immediately"),
    "4201": Code(4201, "Pong reply not received in time"),
    "4202": Code(4202, "Closed after inactivity"),
    "4200 to 4299": Code(4299, "Come back"),
    "4301 as a close code": Code(4301, "Client event rejected"),
    "4302 as a close code": Code(4302, "Watchlist limit"),
}


async def ended(socket: Socket, dialect: Dialect, code: Code) -> None:
    """Read the end of a connection, to the byte."""
    error = f'{{"code":{code.number},"message":"{code.text}"}}'
    if dialect == "slanger":
        assert await socket.text() == '{"event":"pusher:error","data":' + json.dumps(error) + "}"
        assert await socket.closed() == (None, "")
    else:
        if dialect == "soketi":
            assert await socket.text() == '{"event":"pusher:error","data":' + error + "}"
        assert await socket.closed() == (code.number, code.text)


@pytest.mark.parametrize("dialect", EACH)
@rows("7.4", CODES)
async def test_a_connection_is_ended_in_the_manner_of_the_dialect(row: Code, dialect: Dialect) -> None:
    async with travis(dialect=dialect) as scene, greeted(scene.server) as socket:
        scene.server.pusher.disconnect(row.number, row.text)
        await ended(socket, dialect, row)


@pytest.mark.parametrize("dialect", EACH)
@pytest.mark.parametrize("row", CODES.values(), ids=CODES)
async def test_whoever_comes_is_turned_away_in_the_manner_of_the_dialect(row: Code, dialect: Dialect) -> None:
    async with travis(dialect=dialect) as scene:
        scene.server.pusher.reject_with = row.number, row.text
        async with opened(scene.server) as socket:
            await ended(socket, dialect, row)


# Path and query of whoever comes, and what Pusher and Slanger think of it; None: they are greeted.
COMERS = {
    "4001 by itself": ("/app/X", "protocol=7", 4001, 4001),
    "4006 by itself": ("", "protocol=seven", 4006, 4007),
    "4007 by itself": ("", "protocol=2", 4007, 4007),
    "4008 by itself": ("", "", 4008, 4007),
}


@pytest.mark.parametrize("dialect", ["pusher", "slanger"])
@rows("7.4", COMERS)
async def test_a_mistake_is_told_by_its_code(row: tuple[str, str, int, int], dialect: Dialect) -> None:
    path, query, pusher, slanger = row
    texts = {code.number: code.text for code in CODES.values()}
    number = slanger if dialect == "slanger" else pusher
    async with travis(dialect=dialect) as scene:
        where = {"path": path} if path else {}
        async with opened(scene.server, query, **where) as socket:
            await ended(socket, dialect, Code(number, texts[number]))


@pytest.mark.parametrize("dialect", EACH)
@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003])
@shows("7.4", "1000", "1001", "1002 to 1004")
async def test_codes_of_the_websocket_protocol_are_the_same_in_every_dialect(dialect: Dialect, code: int) -> None:
    async with travis(dialect=dialect) as scene, greeted(scene.server) as socket:
        scene.server.pusher.disconnect(code, "why")
        assert await socket.closed() == (code, "why")


@shows("7.4", "1005")
async def test_a_close_frame_may_have_no_code() -> None:
    async with travis(dialect="slanger") as scene, greeted(scene.server) as socket:
        scene.server.pusher.disconnect(4200)
        await socket.text()
        assert await socket.closed() == (None, "")


@pytest.mark.parametrize("dialect", EACH)
@shows("7.4", "1006, none")
async def test_a_connection_may_be_cut_without_a_word(dialect: Dialect) -> None:
    async with travis(dialect=dialect) as scene, greeted(scene.server) as socket:
        scene.server.pusher.disconnect()
        message = await socket.receive()
        assert message.type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR, aiohttp.WSMsgType.CLOSING}
        assert socket.websocket.close_code == 1006


# What is told, and whether a client's own event brings it about.
PASSING = {"4301 as an error": (4301, True), "4302 as an error": (4302, False), "no code, or an odd one": (5001, False)}


@pytest.mark.parametrize("dialect", EACH)
@rows("7.4", PASSING)
async def test_some_errors_end_nothing(row: tuple[int, bool], dialect: Dialect) -> None:
    code, asked_for = row
    async with travis(dialect=dialect) as scene, greeted(scene.server) as socket:
        if not asked_for:
            scene.server.pusher.error(code, "a reason")
        else:
            await socket.websocket.send_str('{"event":"client-hello","channel":"private-x","data":{}}')
        heard = await socket.heard()
        if asked_for and dialect == "slanger":
            assert heard == []
        else:
            (frame,) = heard
            assert frame["event"] == "pusher:error"
            data = json.loads(frame["data"]) if dialect == "slanger" else frame["data"]
            assert data["code"] == code
        assert scene.server.pusher.connections
        await socket.listens("repo-82")
