"""Frames to the byte: section 7.2 of the facts."""

import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable

import pytest

from aiotravis.testing import Dialect
from tests.conformance.live import EACH, KEY, SECRET, Scene, Socket, covers, open_socket, rows, signed, travis

Scenario = Callable[[Scene, Socket, Dialect], Awaitable[None]]


def by_dialect(dialect: Dialect, pusher: str, slanger: str, soketi: str) -> str:
    return {"pusher": pusher, "slanger": slanger, "soketi": soketi}[dialect]


async def hello(scene: Scene, socket: Socket, dialect: Dialect) -> None:
    timeout = by_dialect(dialect, "120", "120", "30")
    assert await socket.hello() == (
        '{"event":"pusher:connection_established","data":"{\\"socket_id\\":\\"' + socket.socket_id + '\\",'
        '\\"activity_timeout\\":' + timeout + '}"}'
    )  # fmt: skip


def confirmed(dialect: Dialect, channel: str) -> str:
    data = by_dialect(dialect, ',"data":"{}"', ',"data":"{}"', "")
    return '{"event":"pusher_internal:subscription_succeeded","channel":"' + channel + '"' + data + "}"


async def subscription(scene: Scene, socket: Socket, dialect: Dialect) -> None:
    await socket.hello()
    answer = await socket.send('{"event":"pusher:subscribe","data":{"channel":"repo-82"}}')
    assert answer == confirmed(dialect, "repo-82")


async def subscription_in_a_string(scene: Scene, socket: Socket, dialect: Dialect) -> None:
    await socket.hello()
    answer = await socket.send('{"event":"pusher:subscribe","data":"{\\"channel\\":\\"repo-82\\"}"}')
    assert answer == confirmed(dialect, "repo-82")


async def subscription_of_rb(scene: Scene, socket: Socket, dialect: Dialect) -> None:
    await socket.hello()
    answer = await socket.send('{"event":"pusher:subscribe","data":{"channel":"repo-82","auth":null}}')
    assert answer == confirmed(dialect, "repo-82")


async def private_subscription(scene: Scene, socket: Socket, dialect: Dialect) -> None:
    await socket.hello()
    digest = hmac.new(SECRET.encode(), f"{socket.socket_id}:private-job-501".encode(), hashlib.sha256).hexdigest()
    assert len(digest) == 64
    frame = '{"event":"pusher:subscribe","data":{"channel":"private-job-501","auth":"' + f"{KEY}:{digest}" + '"}}'
    assert await socket.send(frame) == confirmed(dialect, "private-job-501")


async def stale_signature(scene: Scene, socket: Socket, dialect: Dialect) -> None:
    await socket.hello()
    answer = json.loads(await socket.subscribe("private-job-501", signed("8123.1", "private-job-501")))
    assert answer["event"] == by_dialect(
        dialect, "pusher:subscription_error", "pusher:error", "pusher:subscription_error"
    )
    assert not scene.server.pusher.occupied("private-job-501")


async def existing_subscription(scene: Scene, socket: Socket, dialect: Dialect) -> None:
    await socket.hello()
    await socket.subscribe("repo-82")
    assert await socket.subscribe("repo-82") == by_dialect(
        dialect,
        '{"event":"pusher:error","data":{"code":null,"message":"Existing subscription to repo-82"}}',
        '{"event":"pusher:error","data":"{\\"code\\":null,\\"message\\":\\"Existing subscription to repo-82\\"}"}',
        confirmed(dialect, "repo-82"),
    )


async def log_part(scene: Scene, socket: Socket, dialect: Dialect) -> None:
    job = scene.job()
    await socket.hello()
    await socket.subscribe(f"job-{job.id}")
    for text in ("", "", "", "$ make grün ☃\n"):
        job.write(text)
    for _ in range(3):
        await socket.text()
    assert await socket.text() == (
        f'{{"event":"job:log","channel":"job-{job.id}","data":"{{\\"id\\":{job.id},'
        '\\"_log\\":\\"$ make grün ☃\\\\n\\",\\"number\\":3,\\"final\\":false}"}'
    )  # fmt: skip


async def ping(scene: Scene, socket: Socket, dialect: Dialect) -> None:
    await socket.hello()
    pong = by_dialect(dialect, "{}", '"{}"', "{}")
    for data in ("{}", '"{}"', '""'):
        answer = await socket.send('{"event":"pusher:ping","data":' + data + "}")
        assert answer == '{"event":"pusher:pong","data":' + pong + "}"


async def unsubscription(scene: Scene, socket: Socket, dialect: Dialect) -> None:
    await socket.hello()
    await socket.subscribe("job-501")
    await socket.websocket.send_str('{"event":"pusher:unsubscribe","data":{"channel":"job-501"}}')
    assert await socket.received() == []
    scene.server.pusher.publish(["job-501"], "job:log", "{}")
    assert await socket.received() == []


async def missed_event(scene: Scene, socket: Socket, dialect: Dialect) -> None:
    scene.server.pusher.publish(["repo-82"], "job:started", "{}")
    await socket.hello()
    await socket.subscribe("repo-82")
    assert await socket.received() == []


SCENARIOS: dict[str, Scenario] = {
    "pusher:connection_established": hello,
    "pusher:subscribe": subscription,
    "pusher:subscribe, data in a string": subscription_in_a_string,
    "pusher:subscribe, auth null": subscription_of_rb,
    "pusher:subscribe, private": private_subscription,
    "a signature of another socket": stale_signature,
    "pusher:error, existing subscription": existing_subscription,
    "an event with data in a string": log_part,
    "pusher:ping and pusher:pong": ping,
    "pusher:unsubscribe has no confirmation": unsubscription,
    "events while disconnected are lost": missed_event,
}


@pytest.mark.parametrize("dialect", EACH)
@rows("7.2", SCENARIOS)
async def test_frames_are_those_of_the_facts(row: Scenario, dialect: Dialect) -> None:
    async with travis(dialect=dialect) as scene, open_socket(scene.server) as socket:
        await row(scene, socket, dialect)


@pytest.mark.parametrize("dialect", ["slanger", "soketi"])
@covers("7.2", "pusher:error, 4001")
async def test_a_wrong_key_is_an_error_frame_of_the_dialect(dialect: Dialect) -> None:
    async with travis(dialect=dialect) as scene, open_socket(scene.server, path="/app/X") as socket:
        error = '{"code":4001,"message":"Could not find app by key X"}'
        data = json.dumps(error) if dialect == "slanger" else error
        assert await socket.text() == '{"event":"pusher:error","data":' + data + "}"
