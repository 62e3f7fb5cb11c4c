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
from tests.conformance.live import KEY, Socket, greeted, opened, rows, shows, signed, travis
from tests.testing.bare import joined, served

Look = Callable[[TravisServer], Awaitable[Any]]
"""Does something as a client, and tells what came of it."""


@dataclass(frozen=True)
class Row:
    """One row: how to look, and what there is to see in each dialect; a function says whether it is right."""

    look: Look
    seen: Mapping[Dialect, Any]


def on_a_socket(look: Callable[[Socket], Awaitable[Any]], query: str = "protocol=7", path: str = f"/app/{KEY}") -> Look:
    """Look at a socket that has heard its greeting."""

    async def looked(server: TravisServer) -> Any:
        async with opened(server, query, path=path) as socket:
            await socket.greeting()
            return await look(socket)

    return looked


async def protocols(server: TravisServer) -> list[tuple[str, int | None]]:
    """Give the code with which each protocol is refused."""
    found: list[tuple[str, int | None]] = []
    for protocol in ("", "1", "3", "4", "7", "8", "x"):
        async with opened(server, f"protocol={protocol}" if protocol else "") as socket:
            message = await socket.receive()
            if message.type is aiohttp.WSMsgType.CLOSE:
                found.append((protocol, message.data))
            else:
                data = json.loads(json.loads(message.data)["data"])
                found.append((protocol, data.get("code")))
    return found


async def wrong_key(server: TravisServer) -> tuple[list[Any], int | None]:
    """Give the data of error frames, and the code of the close frame, of a socket for another app."""
    async with opened(server, path="/app/wrong") as socket:
        told: list[Any] = []
        while (message := await socket.receive()).type is aiohttp.WSMsgType.TEXT:
            told.append(json.loads(message.data)["data"])
        return told, message.data or None


def subscribing(channel: str, auth: Callable[[Socket], str | None] = lambda _: None, *, times: int = 1) -> Look:
    """Subscribe, and give the last answer."""

    async def look(socket: Socket) -> Any:
        return [json.loads(await socket.subscribes(channel, auth(socket))) for _ in range(times)][-1]

    return on_a_socket(look)


async def announced(socket: Socket) -> Any:
    return (await greeting_data(socket)).get("activity_timeout")


async def greeting_data(socket: Socket) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(json.loads(await socket.greeting())["data"])
    return data


def greeting(query: str) -> Look:
    async def look(server: TravisServer) -> Any:
        async with opened(server, query) as socket:
            frame = json.loads(await socket.greeting())
            assert isinstance(frame["data"], str)
            return json.loads(frame["data"]).get("activity_timeout")

    return look


async def socket_id(socket: Socket) -> str:
    return socket.socket_id


async def pong(socket: Socket) -> Any:
    return json.loads(await socket.says('{"event":"pusher:ping","data":{}}'))["data"]


async def errors_of_junk(socket: Socket) -> list[Any]:
    """Give the data of the errors for bad JSON, and for a frame without an event."""
    return [json.loads(await socket.says(junk))["data"] for junk in ("{", "{}")]


def published(data: object) -> Look:
    async def look(server: TravisServer) -> Any:
        async with greeted(server) as socket:
            await socket.listens("job-501")
            server.pusher.publish(["job-501"], "job:log", data)
            return json.loads(await socket.text())["data"]

    return look


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
    """Whether it is an error with neither code nor channel that quotes what was expected."""
    message = json.loads(answer["data"])["message"]
    return (
        list(answer) == ["event", "data"]
        and answer["event"] == "pusher:error"
        and list(json.loads(answer["data"])) == ["message"]
        and message.startswith("Invalid signature: Expected HMAC SHA256 hex digest of ")
        and ":private-user-201" in message
    )


def junk_of_slanger(answers: Any) -> bool:
    bad_json, other = (json.loads(answer) for answer in answers)
    return bad_json["code"] == 5001 and other["code"] == 500 and "Traceback" in other["message"]


def junk_of_others(answers: Any) -> bool:
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
    "error codes": Row(on_a_socket(errors_of_junk), {"pusher": junk_of_others, "slanger": junk_of_slanger}),
    "fatal errors": Row(wrong_key, {"pusher": ([], 4001), "slanger": ([in_a_string(NO_APP)], None)}),
    "activity_timeout, protocol 7": Row(greeting("protocol=7"), {"pusher": 120, "slanger": 120}),
    "activity_timeout, protocol 5": Row(greeting("protocol=5"), {"pusher": None, "slanger": 120}),
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

FAULTS_ROWS = {
    "hello": Row(greeting("protocol=7"), {"slanger": 120, "soketi": 30}),
    "pusher:error data": Row(on_a_socket(errors_of_junk), {"slanger": junk_of_slanger, "soketi": junk_of_others}),
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


async def right(row: Row, dialect: Dialect) -> None:
    async with travis(dialect=dialect) as scene:
        seen, expected = await row.look(scene.server), row.seen[dialect]
    assert expected(seen) if callable(expected) else seen == expected, seen


@pytest.mark.parametrize("dialect", ["pusher", "slanger"])
@rows("7.5", PUSHER_ROWS)
async def test_pusher_and_slanger_differ_as_the_facts_say(row: Row, dialect: Dialect) -> None:
    await right(row, dialect)


@pytest.mark.parametrize("dialect", ["slanger", "soketi"])
@rows("7.10", FAULTS_ROWS)
async def test_slanger_and_soketi_differ_as_was_measured(row: Row, dialect: Dialect) -> None:
    await right(row, dialect)


SILENCE: dict[Dialect, list[tuple[str, int]]] = {
    "pusher": [("pusher:ping", 100), ("4201", 120)],
    "slanger": [("nothing", 3600)],
    "soketi": [("PING", 100), ("pusher:error", 120), ("4201", 120)],
}


@pytest.mark.parametrize("dialect", SILENCE)
@shows("7.5", "server pings")
@shows("7.10", "server pings, idle")
def test_a_client_that_is_silent_hears(dialect: Dialect) -> None:
    async def story(clock: Callable[[], float]) -> list[tuple[str, int]]:
        heard: list[tuple[str, int]] = []
        async with travis(dialect=dialect) as scene, greeted(scene.server) as socket:
            began = clock()
            while not heard or heard[-1][0] not in {"nothing", "4201"}:
                try:
                    message = await socket.websocket.receive(timeout=3600)
                except TimeoutError:
                    what = "nothing"
                else:
                    what = message.type.name
                    if message.type is aiohttp.WSMsgType.TEXT:
                        what = message.json()["event"]
                    elif message.type is aiohttp.WSMsgType.CLOSE:
                        what = str(message.data)
                    elif message.type is aiohttp.WSMsgType.PING:
                        await socket.websocket.pong(message.data)
                heard.append((what, int(clock() - began)))
        return heard

    assert run(story) == SILENCE[dialect]


@pytest.mark.parametrize(("dialect", "read"), [("pusher", "ab-cd"), ("slanger", "ab"), ("soketi", "ab-cd")])
@shows("7.5", "app key in path")
async def test_slanger_breaks_on_keys_with_other_than_word_characters(dialect: Dialect, read: str) -> None:
    app = PusherApp(key="another", secret="a-secret", dialect=dialect)
    async with served(app) as port, joined(port, path="/app/ab-cd") as websocket:
        message = await websocket.receive()
        assert f"Could not find app by key {read}" in f"{message.data}{message.extra}"
        assert f"{read}-" not in str(message.data)


@shows("7.10", "pusher:error data, sometimes with a channel")
async def test_soketi_says_which_channel_an_error_is_about() -> None:
    async with travis(dialect="soketi") as scene, greeted(scene.server) as socket:
        answer = await socket.says('{"event":"client-hello","channel":"private-x","data":{}}')
        assert answer == (
            '{"event":"pusher:error","channel":"private-x","data":{"code":4301,"message":"Client event rejected"}}'
        )


@pytest.mark.parametrize(("code", "text"), [(4001, "no app"), (4200, "Server is closed"), (4201, "Pong")])
@shows("7.10", "close code after a fatal error: 4001, 4200, 4201")
async def test_soketi_tells_its_codes_twice(code: int, text: str) -> None:
    async with travis(dialect="soketi") as scene, greeted(scene.server) as socket:
        scene.server.pusher.disconnect(code, text)
        assert json.loads(await socket.text())["data"]["code"] == code
        assert await socket.closed() == (code, text)
