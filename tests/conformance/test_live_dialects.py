"""What Pusher, Slanger and soketi do differently: sections 7.5 and 7.10 of the facts."""

import json
import os
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from aiotravis.testing import Dialect, PusherApp, TravisServer
from tests.autojump import run
from tests.conformance.live import KEY, Socket, connect, covers, open_socket, rows, signed, travis
from tests.testing.pusher_apps import open_websocket, serve_app

Action = Callable[[TravisServer], Awaitable[Any]]
"""Acts as a client, and returns the result."""


@dataclass(frozen=True)
class Row:
    """An action, and its result in each dialect: a value, or a function that checks it."""

    action: Action
    expected: Mapping[Dialect, Any]


def on_a_socket(
    action: Callable[[Socket], Awaitable[Any]], query: str = "protocol=7", path: str = f"/app/{KEY}"
) -> Action:
    """Return an action on a connected socket."""

    async def act(server: TravisServer) -> Any:
        async with open_socket(server, query, path=path) as socket:
            await socket.hello()
            return await action(socket)

    return act


async def protocols(server: TravisServer) -> list[tuple[str, int | None]]:
    """Return the code with which each protocol version is rejected."""
    found: list[tuple[str, int | None]] = []
    for protocol in ("", "1", "3", "4", "7", "8", "x"):
        async with open_socket(server, f"protocol={protocol}" if protocol else "") as socket:
            message = await socket.receive()
            if message.type is aiohttp.WSMsgType.CLOSE:
                found.append((protocol, message.data))
            else:
                data = json.loads(json.loads(message.data)["data"])
                found.append((protocol, data.get("code")))
    return found


async def wrong_key(server: TravisServer) -> tuple[list[Any], int | None]:
    """Return the data of error frames and the close code for a wrong key."""
    async with open_socket(server, path="/app/wrong") as socket:
        errors: list[Any] = []
        while (message := await socket.receive()).type is aiohttp.WSMsgType.TEXT:
            errors.append(json.loads(message.data)["data"])
        return errors, message.data or None


def subscribing(channel: str, auth: Callable[[Socket], str | None] = lambda _: None, *, times: int = 1) -> Action:
    """Return an action that subscribes; its result is the last answer."""

    async def action(socket: Socket) -> Any:
        return [json.loads(await socket.subscribe(channel, auth(socket))) for _ in range(times)][-1]

    return on_a_socket(action)


async def announced(socket: Socket) -> Any:
    return (await hello_data(socket)).get("activity_timeout")


async def hello_data(socket: Socket) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(json.loads(await socket.hello())["data"])
    return data


def hello(query: str) -> Action:
    async def action(server: TravisServer) -> Any:
        async with open_socket(server, query) as socket:
            frame = json.loads(await socket.hello())
            assert isinstance(frame["data"], str)
            return json.loads(frame["data"]).get("activity_timeout")

    return action


async def socket_id(socket: Socket) -> str:
    return socket.socket_id


async def pong(socket: Socket) -> Any:
    return json.loads(await socket.send('{"event":"pusher:ping","data":{}}'))["data"]


async def invalid_frames(socket: Socket) -> list[Any]:
    """Return the data of the errors for invalid JSON and for a frame without an event."""
    return [json.loads(await socket.send(junk))["data"] for junk in ("{", "{}")]


def published(data: object) -> Action:
    async def action(server: TravisServer) -> Any:
        async with connect(server) as socket:
            await socket.subscribe_all("job-501")
            server.pusher.publish(["job-501"], "job:log", data)
            return json.loads(await socket.text())["data"]

    return action


def twice(code: int | None) -> dict[str, Any]:
    return {"code": code, "message": "Existing subscription to repo-82"}


def in_a_string(data: object) -> str:
    return json.dumps(data, separators=(",", ":"))


def slanger_error(code: int | None) -> Callable[[Any], bool]:
    return lambda data: isinstance(data, str) and json.loads(data).get("code", "none") == code


NO_APP = {"code": 4001, "message": "Could not find app by key wrong"}
AUTH_ERROR = {
    "event": "pusher:subscription_error", "channel": "private-user-201",
    "data": {"type": "AuthError", "error": "The connection is unauthorized.", "status": 401},
}  # fmt: skip


def two_numbers(name: str) -> bool:
    return re.fullmatch(r"\d+\.\d+", name) is not None


def process_and_number(name: str) -> bool:
    return re.fullmatch(rf"{os.getpid()}\.\d+", name) is not None


def accepted(answer: Any) -> bool:
    return bool(answer["event"] == "pusher_internal:subscription_succeeded")


def invalid_signature(answer: Any) -> bool:
    """Return whether the answer is an error without code and channel that quotes the expected signature."""
    message = json.loads(answer["data"])["message"]
    return (
        list(answer) == ["event", "data"]
        and answer["event"] == "pusher:error"
        and list(json.loads(answer["data"])) == ["message"]
        and message.startswith("Invalid signature: Expected HMAC SHA256 hex digest of ")
        and ":private-user-201" in message
    )


def slanger_errors(answers: Any) -> bool:
    bad_json, other = (json.loads(answer) for answer in answers)
    return bad_json["code"] == 5001 and other["code"] == 500 and "Traceback" in other["message"]


def other_errors(answers: Any) -> bool:
    return all(isinstance(answer, dict) and answer["code"] is None for answer in answers)


PUSHER_ROWS = {
    "protocols": Row(protocols, {
        "pusher": [("", 4008), ("1", 4007), ("3", 4007), ("4", None), ("7", None), ("8", 4007), ("x", 4006)],
        "slanger": [("", 4007), ("1", 4007), ("3", None), ("4", None), ("7", None), ("8", 4007), ("x", 4007)],
    }),
    "pusher:error data": Row(subscribing("repo-82", times=2), {
        "pusher": {"event": "pusher:error", "data": twice(None)},
        "slanger": {"event": "pusher:error", "data": in_a_string(twice(None))},
    }),
    "error codes": Row(on_a_socket(invalid_frames), {"pusher": other_errors, "slanger": slanger_errors}),
    "fatal errors": Row(wrong_key, {"pusher": ([], 4001), "slanger": ([in_a_string(NO_APP)], None)}),
    "activity_timeout, protocol 7": Row(hello("protocol=7"), {"pusher": 120, "slanger": 120}),
    "activity_timeout, protocol 5": Row(hello("protocol=5"), {"pusher": None, "slanger": 120}),
    "pong data": Row(on_a_socket(pong), {"pusher": {}, "slanger": "{}"}),
    "channel events": Row(published('{"id":501}'), {"pusher": '{"id":501}', "slanger": '{"id":501}'}),
    "subscription_succeeded data": Row(subscribing("repo-82"), {
        dialect: {"event": "pusher_internal:subscription_succeeded", "channel": "repo-82", "data": "{}"}
        for dialect in ("pusher", "slanger")
    }),
    "private channel without auth": Row(subscribing("private-user-201"), {
        "pusher": AUTH_ERROR, "slanger": accepted,
    }),
    "bad signature": Row(subscribing("private-user-201", lambda _: f"{KEY}:{'0' * 64}"), {
        "pusher": AUTH_ERROR, "slanger": invalid_signature,
    }),
    "socket_id": Row(on_a_socket(socket_id), {
        "pusher": two_numbers, "slanger": process_and_number,
    }),
}  # fmt: skip

SOKETI_ROWS = {
    "hello": Row(hello("protocol=7"), {"slanger": 120, "soketi": 30}),
    "pusher:error data": Row(on_a_socket(invalid_frames), {"slanger": slanger_errors, "soketi": other_errors}),
    "close code after a fatal error": Row(wrong_key, {
        "slanger": ([in_a_string(NO_APP)], None), "soketi": ([NO_APP], 4001),
    }),
    "pusher:ping": Row(on_a_socket(pong), {"slanger": "{}", "soketi": {}}),
    "subscription_succeeded": Row(subscribing("repo-82"), {
        "slanger": {"event": "pusher_internal:subscription_succeeded", "channel": "repo-82", "data": "{}"},
        "soketi": {"event": "pusher_internal:subscription_succeeded", "channel": "repo-82"},
    }),
    "duplicate subscribe": Row(subscribing("repo-82", times=2), {
        "slanger": {"event": "pusher:error", "data": in_a_string(twice(None))}, "soketi": accepted,
    }),
    "private, bad signature": Row(subscribing("private-user-201", lambda _: signed("1.1", "private-user-201")), {
        "slanger": invalid_signature, "soketi": AUTH_ERROR,
    }),
    "private, no signature": Row(subscribing("private-user-201"), {"slanger": accepted, "soketi": AUTH_ERROR}),
    "protocol": Row(protocols, {
        "slanger": [("", 4007), ("1", 4007), ("3", None), ("4", None), ("7", None), ("8", 4007), ("x", 4007)],
        "soketi": [(protocol, None) for protocol in ("", "1", "3", "4", "7", "8", "x")],
    }),
    "event data that is an object": Row(published({"id": 501}), {"slanger": {"id": 501}, "soketi": '{"id":501}'}),
}  # fmt: skip


async def check(row: Row, dialect: Dialect) -> None:
    async with travis(dialect=dialect) as scene:
        actual, expected = await row.action(scene.server), row.expected[dialect]
    assert expected(actual) if callable(expected) else actual == expected, actual


@pytest.mark.parametrize("dialect", ["pusher", "slanger"])
@rows("7.5", PUSHER_ROWS)
async def test_pusher_and_slanger_differ(row: Row, dialect: Dialect) -> None:
    await check(row, dialect)


@pytest.mark.parametrize("dialect", ["slanger", "soketi"])
@rows("7.10", SOKETI_ROWS)
async def test_slanger_and_soketi_differ(row: Row, dialect: Dialect) -> None:
    await check(row, dialect)


SILENCE: dict[Dialect, list[tuple[str, int]]] = {
    "pusher": [("pusher:ping", 100), ("4201", 120)],
    "slanger": [("nothing", 3600)],
    "soketi": [("PING", 100), ("pusher:error", 120), ("4201", 120)],
}


@pytest.mark.parametrize("dialect", SILENCE)
@covers("7.5", "server pings")
@covers("7.10", "server pings, idle")
def test_an_idle_client_receives_pings_as_the_dialect_sends_them(dialect: Dialect) -> None:
    async def record(clock: Callable[[], float]) -> list[tuple[str, int]]:
        received: list[tuple[str, int]] = []
        async with travis(dialect=dialect) as scene, connect(scene.server) as socket:
            started = clock()
            while not received or received[-1][0] not in {"nothing", "4201"}:
                try:
                    message = await socket.websocket.receive(timeout=3600)
                except TimeoutError:
                    name = "nothing"
                else:
                    name = message.type.name
                    if message.type is aiohttp.WSMsgType.TEXT:
                        name = message.json()["event"]
                    elif message.type is aiohttp.WSMsgType.CLOSE:
                        name = str(message.data)
                    elif message.type is aiohttp.WSMsgType.PING:
                        await socket.websocket.pong(message.data)
                received.append((name, int(clock() - started)))
        return received

    assert run(record) == SILENCE[dialect]


@pytest.mark.parametrize(("dialect", "read"), [("pusher", "ab-cd"), ("slanger", "ab"), ("soketi", "ab-cd")])
@covers("7.5", "app key in path")
async def test_slanger_cuts_keys_at_characters_outside_of_words(dialect: Dialect, read: str) -> None:
    app = PusherApp(key="another", secret="a-secret", dialect=dialect)
    async with serve_app(app) as port, open_websocket(port, path="/app/ab-cd") as websocket:
        message = await websocket.receive()
        assert f"Could not find app by key {read}" in f"{message.data}{message.extra}"
        assert f"{read}-" not in str(message.data)


@covers("7.10", "pusher:error data, sometimes with a channel")
async def test_soketi_names_the_channel_of_an_error() -> None:
    async with travis(dialect="soketi") as scene, connect(scene.server) as socket:
        answer = await socket.send('{"event":"client-hello","channel":"private-x","data":{}}')
        assert answer == (
            '{"event":"pusher:error","channel":"private-x","data":{"code":4301,"message":"Client event rejected"}}'
        )


@pytest.mark.parametrize(("code", "text"), [(4001, "no app"), (4200, "Server is closed"), (4201, "Pong")])
@covers("7.10", "close code after a fatal error: 4001, 4200, 4201")
async def test_soketi_sends_its_codes_in_an_error_and_in_the_close_frame(code: int, text: str) -> None:
    async with travis(dialect="soketi") as scene, connect(scene.server) as socket:
        scene.server.pusher.disconnect(code, text)
        assert json.loads(await socket.text())["data"]["code"] == code
        assert await socket.close_frame() == (code, text)
