"""How a server closes or rejects a connection: section 7.4 of the facts."""

import json
from dataclasses import dataclass

import aiohttp
import pytest

from aiotravis.testing import Dialect
from tests.conformance.live import EACH, Socket, connect, covers, open_socket, rows, travis


@dataclass(frozen=True)
class Code:
    """A close code with its reason."""

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


async def check_end(socket: Socket, dialect: Dialect, code: Code) -> None:
    """Check the last frames of a connection, to the byte."""
    error = f'{{"code":{code.number},"message":"{code.text}"}}'
    if dialect == "slanger":
        assert await socket.text() == '{"event":"pusher:error","data":' + json.dumps(error) + "}"
        assert await socket.close_frame() == (None, "")
    else:
        if dialect == "soketi":
            assert await socket.text() == '{"event":"pusher:error","data":' + error + "}"
        assert await socket.close_frame() == (code.number, code.text)


@pytest.mark.parametrize("dialect", EACH)
@rows("7.4", CODES)
async def test_a_connection_is_closed_as_the_dialect_does(row: Code, dialect: Dialect) -> None:
    async with travis(dialect=dialect) as scene, connect(scene.server) as socket:
        scene.server.pusher.disconnect(row.number, row.text)
        await check_end(socket, dialect, row)


@pytest.mark.parametrize("dialect", EACH)
@pytest.mark.parametrize("row", CODES.values(), ids=CODES)
async def test_a_new_connection_is_rejected_as_the_dialect_does(row: Code, dialect: Dialect) -> None:
    async with travis(dialect=dialect) as scene:
        scene.server.pusher.reject_with = row.number, row.text
        async with open_socket(scene.server) as socket:
            await check_end(socket, dialect, row)


# Path and query, and the codes of Pusher and Slanger.
INVALID = {
    "4001 by itself": ("/app/X", "protocol=7", 4001, 4001),
    "4006 by itself": ("", "protocol=seven", 4006, 4007),
    "4007 by itself": ("", "protocol=2", 4007, 4007),
    "4008 by itself": ("", "", 4008, 4007),
}


@pytest.mark.parametrize("dialect", ["pusher", "slanger"])
@rows("7.4", INVALID)
async def test_an_invalid_connection_is_rejected_with_its_code(
    row: tuple[str, str, int, int], dialect: Dialect
) -> None:
    path, query, pusher, slanger = row
    texts = {code.number: code.text for code in CODES.values()}
    number = slanger if dialect == "slanger" else pusher
    async with travis(dialect=dialect) as scene:
        where = {"path": path} if path else {}
        async with open_socket(scene.server, query, **where) as socket:
            await check_end(socket, dialect, Code(number, texts[number]))


@pytest.mark.parametrize("dialect", EACH)
@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003])
@covers("7.4", "1000", "1001", "1002 to 1004")
async def test_codes_of_the_websocket_protocol_are_the_same_everywhere(dialect: Dialect, code: int) -> None:
    async with travis(dialect=dialect) as scene, connect(scene.server) as socket:
        scene.server.pusher.disconnect(code, "why")
        assert await socket.close_frame() == (code, "why")


@covers("7.4", "1005")
async def test_a_close_frame_may_have_no_code() -> None:
    async with travis(dialect="slanger") as scene, connect(scene.server) as socket:
        scene.server.pusher.disconnect(4200)
        await socket.text()
        assert await socket.close_frame() == (None, "")


@pytest.mark.parametrize("dialect", EACH)
@covers("7.4", "1006, none")
async def test_a_connection_may_end_without_a_close_frame(dialect: Dialect) -> None:
    async with travis(dialect=dialect) as scene, connect(scene.server) as socket:
        scene.server.pusher.disconnect()
        message = await socket.receive()
        assert message.type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR, aiohttp.WSMsgType.CLOSING}
        assert socket.websocket.close_code == 1006


# The code, and whether a client event causes it.
NOT_FATAL = {
    "4301 as an error": (4301, True),
    "4302 as an error": (4302, False),
    "no code, or an odd one": (5001, False),
}


@pytest.mark.parametrize("dialect", EACH)
@rows("7.4", NOT_FATAL)
async def test_some_errors_do_not_end_the_connection(row: tuple[int, bool], dialect: Dialect) -> None:
    code, by_client = row
    async with travis(dialect=dialect) as scene, connect(scene.server) as socket:
        if not by_client:
            scene.server.pusher.error(code, "a reason")
        else:
            await socket.websocket.send_str('{"event":"client-hello","channel":"private-x","data":{}}')
        received = await socket.received()
        if by_client and dialect == "slanger":
            assert received == []
        else:
            (frame,) = received
            assert frame["event"] == "pusher:error"
            data = json.loads(frame["data"]) if dialect == "slanger" else frame["data"]
            assert data["code"] == code
        assert scene.server.pusher.connections
        await socket.subscribe_all("repo-82")
