"""Faults on the wire, as bytes, and how the client handles them."""

import asyncio
import dataclasses
import json
from collections.abc import Callable

import anyio
import pytest

from aiotravis import Travis, errors, events
from aiotravis.testing import Repository, TravisServer
from tests.autojump import run
from tests.conftest import HASTY, TOKEN
from tests.raw import ask
from tests.testing.pusher_apps import KEY, open_websocket
from tests.waiting import until


def retry_at_once(travis: Travis) -> None:
    """Retry without delays: these tests are about what is retried, not when."""
    travis._transport.config = dataclasses.replace(travis._transport.config, first_delay=0.0)


async def raw(server: TravisServer, path: str = "/config") -> tuple[bytes, bytes, BaseException | None]:
    """Send a request; return head and body of the answer, and the error that ended the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    received, ended = b"", None
    try:
        while chunk := await reader.read(1 << 16):
            received += chunk
    except ConnectionResetError as exc:
        ended = exc
    writer.close()
    head, _, body = received.partition(b"\r\n\r\n")
    return head, body, ended


async def test_a_status_replaces_the_answer_of_the_route(server: TravisServer, repository: Repository) -> None:
    server.faults.rest("/repos/*", method="GET", times=1).status(503, b"Down", {"Content-Type": "text/html"})
    first, second = [await ask(server, f"/repos/{repository.id}") for _ in range(2)]
    assert (first.status, first.content_type, first.body) == (503, "text/html", b"Down")
    assert second.status == 200
    assert [seen.status for seen in server.requests_to("/repos/*")] == [503, 200]


async def test_a_status_can_replace_the_answer_of_a_route_that_has_acted(
    server: TravisServer, repository: Repository
) -> None:
    build = repository.build().start().finish("failed")
    server.faults.rest("/builds/*", method="POST").status(502, b"Down", {"Content-Type": "text/html"}, processed=True)
    answer = await ask(server, f"/builds/{build.id}/restart", method="POST", token=TOKEN)
    assert (answer.status, answer.body, build.queued_restarts) == (502, b"Down", [build])
    # The route answered; that answer was lost.
    assert [seen.status for seen in server.requests_to("/builds/*")] == [202]


async def test_too_many_and_ban_answer_as_travis_does(server: TravisServer) -> None:
    server.faults.rest("/config").too_many()
    server.faults.rest("/uptime").too_many(retry_after=7)
    server.faults.rest("/").ban()
    answers = [await ask(server, path) for path in ("/config", "/uptime", "/")]
    later = (429, "text/plain", b"Retry later\n")
    told = [(one.status, one.content_type, one.body) for one in answers]
    assert told == [later, later, (403, "text/plain", b"Forbidden\n")]
    assert [one.headers.get("retry-after") for one in answers] == [None, "7", None]


async def test_a_reset_comes_before_the_request_is_processed(server: TravisServer, repository: Repository) -> None:
    server.faults.rest().reset()
    head, body, ended = await raw(server)
    assert (head, body) == (b"", b"")
    assert isinstance(ended, ConnectionResetError)
    assert [(seen.path, seen.status) for seen in server.requests] == [("/config", 0)]


async def test_a_truncated_answer_announces_more_than_it_has(server: TravisServer) -> None:
    whole = (await raw(server))[1]
    server.faults.rest().truncate(at=20)
    head, body, _ = await raw(server)
    assert body == whole[:20]
    assert f"content-length: {len(whole) + 1}".encode() in head.lower()


async def test_a_garbled_answer_has_the_same_length(server: TravisServer) -> None:
    whole = (await raw(server))[1]
    server.faults.rest().garble()
    body = (await raw(server))[1]
    assert len(body) == len(whole)
    assert body != whole


async def test_a_late_answer_is_delayed_and_a_frozen_one_waits_for_clear(server: TravisServer) -> None:
    server.faults.rest("/config").late(0.05)
    began = anyio.current_time()
    assert (await ask(server, "/config")).status == 200
    assert anyio.current_time() - began >= 0.05
    server.faults.rest("/uptime").freeze()
    answers: list[int] = []
    async with anyio.create_task_group() as group:

        async def frozen() -> None:
            answers.append((await ask(server, "/uptime")).status)

        group.start_soon(frozen)
        await until(lambda: len(server.faults.made) == 2)
        assert answers == []
        server.faults.clear()
    assert answers == [200]


async def test_a_server_with_frozen_requests_stops() -> None:
    async with TravisServer() as server:
        server.faults.rest().freeze()
        task = asyncio.ensure_future(ask(server, "/config"))
        await until(lambda: len(server.faults.made) == 1)
    with pytest.raises(Exception):  # noqa: B017, PT011 - answered or cut, as it falls
        (await task).json["nothing"]


async def test_events_are_dropped_duplicated_delayed_garbled_and_cut(server: TravisServer) -> None:
    faults = server.faults
    faults.live("lost").drop()
    faults.live("twice").duplicate()
    faults.live("late").late(0.02)
    faults.live("junk").garble()
    faults.live("end").cut()
    async with open_websocket(server.port, path=f"/app/{KEY}") as socket:
        await socket.receive()
        await socket.send_str(json.dumps({"event": "pusher:subscribe", "data": {"channel": "a"}}))
        await socket.receive()
        for name in ("lost", "late", "twice", "junk", "last"):
            server.pusher.publish(["a"], name, "1")
        texts = [(await socket.receive()).data for _ in range(4)]
        assert [json.loads(text)["event"] for text in (*texts[:2], texts[3])] == ["twice", "twice", "last"]
        assert texts[2] != '{"event":"junk","data":"1","channel":"a"}'
        assert "junk" not in texts[2]
        assert json.loads((await socket.receive()).data)["event"] == "late"
        server.pusher.publish(["a"], "end", "1")
        assert (await socket.receive()).data is None
    assert [fault.kind for fault in faults.made] == ["drop", "late", "duplicate", "garble", "cut"]


async def test_a_subscription_is_refused(server: TravisServer, travis: Travis) -> None:
    server.faults.live(channel="my-*").refuse()
    async with travis.events(channels=["other"]):
        with pytest.raises(errors.SubscriptionError, match="my-channel"):
            await travis.events(channels=["my-channel"]).__aenter__()


# The client with faults ----------------------------------------------------------------------------------------------


async def test_a_client_retries_until_the_faults_end(server: TravisServer, repository: Repository) -> None:
    server.faults.rest("/repos/*", times=2).status(503)
    async with Travis(TOKEN, endpoint=server.endpoint) as travis:
        retry_at_once(travis)
        assert (await travis.repos.get(repository.id)).slug == repository.slug
    assert [seen.status for seen in server.requests_to("/repos/*")] == [503, 503, 200]


@pytest.mark.parametrize("seed", range(3))
def test_a_log_is_complete_though_events_are_dropped_and_duplicated(seed: int) -> None:
    async def follow(clock: Callable[[], float]) -> None:
        async with TravisServer(clock=clock) as server:
            user = server.world.user("sarah", token=TOKEN)
            build = server.world.repository("travis-ci/travis.rb", users=[user]).build()
            server.faults.seed(seed)
            server.faults.live("job:log", chance=0.2).drop()
            server.faults.live("job:log", chance=0.2).duplicate()
            server.faults.live("job:log", chance=0.02, times=2).cut()
            server.faults.rest("/v3/job/*", chance=0.2).status(502)
            async with Travis(TOKEN, endpoint=server.endpoint, live=HASTY) as travis:
                task = server.play(build)
                assert await travis.follow_log(build.jobs[0].id).text() == build.jobs[0].log.text
                await task
            assert {fault.kind for fault in server.faults.made} >= {"drop", "duplicate"}

    # In virtual time: the follower waits seconds for late parts.
    run(follow)


async def test_dropped_events_do_not_stop_a_feed(server: TravisServer, travis: Travis, repository: Repository) -> None:
    server.faults.live("build:started").drop()
    async with travis.events(repository.id, only=events.BuildEvent) as feed:
        build = repository.build()
        build.start()
        build.finish()
        assert [type(await anext(feed)).__name__ for _ in range(2)] == ["BuildCreated", "BuildFinished"]
