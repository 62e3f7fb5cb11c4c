"""The live connection against the embedded Travis: subscribe, receive, lose, recover, refuse, close."""

import asyncio
import gc
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager

import anyio
import anyio.lowlevel
import pytest

from aiotravis import LiveOptions, Travis, errors, events
from aiotravis.flows.event_subscriber import EventSubscriber
from aiotravis.testing import Dialect, Repository, ServerConnection, TravisServer
from tests.conftest import HASTY, TOKEN
from tests.waiting import ignored, until


@asynccontextmanager
async def server_and_client(
    *, dialect: Dialect = "pusher", secure: bool = False, token: str | None = TOKEN, pusher_path: str = ""
) -> AsyncGenerator[tuple[TravisServer, Travis, Repository]]:
    async with TravisServer(dialect=dialect, secure=secure, pusher_path=pusher_path) as server:
        user = server.world.user("sarah", token=TOKEN)
        repository = server.world.repository("travis-ci/travis.rb", users=[user])
        async with Travis(token, endpoint=server.endpoint, live=HASTY) as travis:
            yield server, travis, repository


def subscribed(server: TravisServer) -> set[str]:
    return {channel for connection in server.pusher.connections.values() for channel in connection.channels}


@pytest.mark.parametrize("dialect", ["pusher", "slanger"])
@pytest.mark.parametrize("path", ["", "/some/where"])
async def test_events_arrive_typed_in_order_and_once(dialect: Dialect, path: str) -> None:
    async with server_and_client(dialect=dialect, pusher_path=path) as (server, travis, repository):
        async with travis.events("travis-ci/travis.rb") as feed:
            assert subscribed(server) == {"repo-82", "private-user-201"}
            build = repository.build()
            build.start()
            build.finish("failed")
            kinds = [type(await anext(feed)) for _ in range(6)]
            assert kinds == [
                events.BuildCreated, events.JobCreated, events.JobStarted, events.BuildStarted, events.JobFinished,
                events.BuildFinished,
            ]  # fmt: skip
            assert len(server.pusher.connections) == 1
        assert feed.statistics().delivered == 6
        assert [request.path for request in server.requests].count("/pusher/auth") == 1


async def test_a_client_without_a_token_gets_events_of_public_repositories() -> None:
    async with server_and_client(token=None) as (server, travis, repository), travis.events(repository.id) as feed:
        assert subscribed(server) == {"repo-82"}
        build = repository.build()
        event = await anext(feed)
        assert isinstance(event, events.BuildEvent)
        assert (event.build.id, event.build.commit and event.build.commit.sha) == (build.id, build.commit.sha)


async def test_a_log_part_arrives_on_the_jobs_own_channel(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    job = repository.build().jobs[0]
    async with travis.events(job=job.id, only=events.JobLog) as feed:
        job.start()
        job.write("größe\r\x1b[0K")
        assert await anext(feed) == events.JobLog(
            channel=f"job-{job.id}", job_id=job.id, content="größe\r\x1b[0K", number=0, final=False
        )


async def test_a_private_deployment_signs_every_channel_in_one_call() -> None:
    async with server_and_client(secure=True) as (server, travis, repository):
        jobs = repository.build(jobs=3).jobs
        async with travis.events(job=[job.id for job in jobs]) as feed:
            assert subscribed(server) == {"private-user-201", *(f"private-job-{job.id}" for job in jobs)}
            assert [request.path for request in server.requests].count("/pusher/auth") == 1
            jobs[2].write("x")
            event = await anext(feed)
            assert isinstance(event, events.JobLog)


@pytest.mark.parametrize(
    "name", ["private-user-9\\u0000", "private-a b", "", " ", "private-\\ud800", "\\u001b[2J", "x" * 165]
)
@pytest.mark.parametrize("others", ['"private-user-201",', ""])
async def test_what_is_no_channel_name_among_those_of_the_user_costs_itself(name: str, others: str) -> None:
    async with TravisServer(mode="com-private") as server:
        server.world.user("sarah", token=TOKEN)
        server.respond("GET", "/users", body=f'{{"user":{{"id":201,"channels":[{others}"{name}"]}}}}'.encode())
        async with Travis(TOKEN, endpoint=server.endpoint) as travis, travis.events() as feed:
            assert feed.statistics().channels == (("private-user-201",) if others else ("common",))


async def test_a_private_deployment_needs_a_token() -> None:
    async with server_and_client(secure=True, token=None) as (_, travis, repository):
        with pytest.raises(errors.LiveUnavailable, match="Pass a token"):
            async with travis.events(repository.id):
                pass


async def test_without_a_key_there_is_no_live_channel() -> None:
    async with TravisServer(pusher_key=None) as server, Travis(endpoint=server.endpoint) as travis:
        with pytest.raises(errors.LiveUnavailable, match="GET /config names no Pusher key"):
            await anext(travis.events(channels=["repo-1"]))


async def test_a_refused_channel_ends_its_own_feed_alone(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    async with travis.events(repository.id) as feed:
        with pytest.raises(errors.SubscriptionError, match="Cannot subscribe to the channel private-user-7") as info:
            async with travis.events(channels=["private-user-7"]):
                pass
        assert info.value.channel == "private-user-7"
        repository.build()
        assert isinstance(await anext(feed), events.BuildCreated)


async def test_an_auth_endpoint_that_fails_ends_only_feeds_that_need_it(
    server: TravisServer, repository: Repository
) -> None:
    server.respond("POST", "/pusher/auth", status=500, body=b"Sorry", headers={"Content-Type": "text/plain"})
    options = LiveOptions(subscribe_timeout=0.1)
    async with (
        Travis(TOKEN, endpoint=server.endpoint, live=options) as travis,
        travis.events(channels=["repo-82"]) as feed,
    ):
        with pytest.raises(errors.SubscriptionError) as info:
            await anext(travis.events(channels=["private-user-201"]))
        assert isinstance(info.value.__cause__, errors.ServerError)
        repository.build()
        assert isinstance(await anext(feed), events.BuildCreated)


async def test_a_refused_signature_raises_subscription_error(server: TravisServer, travis: Travis) -> None:
    server.respond("POST", "/pusher/auth", body=b'{"channels":{"private-user-201":"wrong:signature"}}')
    with pytest.raises(errors.SubscriptionError, match="refused the subscription"):
        await anext(travis.events(channels=["private-user-201"]))


async def test_a_channel_that_is_never_confirmed_raises_subscription_error(
    server: TravisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.pusher, "_subscribe", ignored)
    async with Travis(endpoint=server.endpoint, live=LiveOptions(subscribe_timeout=0.05)) as travis:
        with pytest.raises(errors.SubscriptionError, match="did not confirm"):
            await anext(travis.events(channels=["repo-1"]))


@pytest.mark.parametrize("code", [None, 1001, 4200, 4100])
async def test_a_lost_connection_is_reopened_with_new_signatures_and_a_mark(code: int | None) -> None:
    async with server_and_client() as (server, travis, repository), travis.events(repository.id) as feed:
        await server.pusher.disconnect(code)
        event = await anext(feed)
        assert isinstance(event, events.Reconnected)
        assert event.down >= 0
        assert subscribed(server) == {"repo-82", "private-user-201"}
        repository.build()
        assert isinstance(await anext(feed), events.BuildCreated)
        assert [request.path for request in server.requests].count("/pusher/auth") == 2


async def test_the_client_reconnects_to_a_restarted_server() -> None:
    async with TravisServer() as server:
        server.world.repository("a/b")
        async with Travis(endpoint=server.endpoint, live=HASTY) as travis, travis.events("a/b") as feed:
            port = server.port
            await server.stop()
            await server.start(port)
            assert isinstance(await anext(feed), events.Reconnected)
            server.world.repository("a/b").build()
            assert isinstance(await anext(feed), events.BuildCreated)


@pytest.mark.parametrize("dialect", ["pusher", "slanger"])
async def test_a_wrong_key_raises_live_unavailable_after_one_connection(dialect: Dialect) -> None:
    async with server_and_client(dialect=dialect) as (server, travis, repository):
        server.pusher.key = "another"
        with pytest.raises(errors.LiveUnavailable, match="knows no app with this key") as info:
            await anext(travis.events(repository.id))
        assert info.value.code == 4001


async def test_a_live_server_that_cannot_be_reached_raises_live_unavailable(
    server: TravisServer, travis: Travis
) -> None:
    body = b'{"config":{"pusher":{"key":"k","host":"127.0.0.1","port":1,"scheme":"http"}}}'
    server.respond("GET", "/config", body=body)
    with pytest.raises(errors.LiveUnavailable, match=r"127\.0\.0\.1:1 cannot be reached"):
        await anext(travis.events(channels=["repo-1"]))


async def test_a_server_without_a_handshake_is_left_and_tried_again(
    server: TravisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    manners: Iterator[Callable[[ServerConnection], None]] = iter([ignored, server.pusher._greet])

    def late(connection: ServerConnection) -> None:
        next(manners)(connection)

    monkeypatch.setattr(server.pusher, "_greet", late)
    options = LiveOptions(handshake_timeout=0.02, reconnect_delay=0.0)
    async with Travis(endpoint=server.endpoint, live=options) as travis, travis.events(channels=["repo-82"]):
        assert server.pusher.opened == 2


async def test_invalid_frames_are_ignored_on_the_same_connection(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    async with travis.events(repository.id) as feed:
        for frame in ("{", "[]", b"\xff\xfe", '{"event":"pusher:what"}', '{"event":"job:started"}', "null"):
            server.pusher.send_raw(frame)
        server.pusher.send_raw('{"event":"pusher:error","data":{"code":null,"message":"odd"}}')
        server.pusher.send_raw('{"event":"pusher:error","data":{"code":4301,"message":"rate"}}')
        repository.build()
        assert isinstance(await anext(feed), events.BuildCreated)
        assert server.pusher.opened == 1
        assert travis.live.statistics().invalid_frames == 5


async def test_a_ping_is_answered(server: TravisServer, travis: Travis) -> None:
    async with travis.events(channels=["repo-1"]):
        server.pusher.send_raw('{"event":"pusher:ping","data":{}}')
        while not any("pusher:pong" in frame.text for frame in server.pusher.frames if frame.incoming):
            await anyio.lowlevel.checkpoint()


async def test_a_silent_connection_is_pinged_and_a_dead_one_reopened(
    server: TravisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.pusher.activity_timeout = 0.05
    options = LiveOptions(pong_timeout=0.3, reconnect_delay=0.0)
    async with (
        Travis(endpoint=server.endpoint, live=options) as travis,
        travis.events(channels=["repo-1"]) as feed,
    ):
        await until(lambda: any("pusher:pong" in frame.text for frame in server.pusher.frames))
        assert server.pusher.opened == 1
        server.pusher.activity_timeout = 60
        hear = server.pusher._handle
        monkeypatch.setattr(server.pusher, "_handle", ignored)
        await until(lambda: server.pusher.opened > 1)
        monkeypatch.setattr(server.pusher, "_handle", hear)
        assert feed.statistics().dropped == 0


async def test_a_channel_is_unsubscribed_with_its_last_feed(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    async with travis.events(channels=["repo-82"]) as first:
        async with travis.events(channels=["repo-82", "repo-83"]) as second:
            repository.build()
            for feed in (first, second):
                assert isinstance(await anext(feed), events.BuildCreated)
            assert first.statistics().channels == ("repo-82",)
        await until(lambda: subscribed(server) == {"repo-82"})
        assert len([frame for frame in server.pusher.frames if '"pusher:subscribe"' in frame.text]) == 2
    await until(lambda: subscribed(server) == set())


async def test_breaking_out_of_a_loop_and_deleting_a_feed_unsubscribe(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    async with travis.events(channels=["repo-1"]):

        async def first_event() -> None:
            async for _ in travis.events(repository.id):
                break

        async with anyio.create_task_group() as group:
            group.start_soon(first_event)
            await server.pusher.wait_occupied("repo-82")
            repository.build()
        gc.collect()
        await until(lambda: subscribed(server) == {"repo-1"})
        forgotten = travis.events(channels=["repo-9"])
        await forgotten.__aenter__()
        assert "repo-9" in subscribed(server)
        thread = threading.Thread(target=travis._hub.close, args=[forgotten._subscription])
        thread.start()
        await asyncio.to_thread(thread.join)
        await until(lambda: subscribed(server) == {"repo-1"})


async def test_cancelling_an_opening_leaves_no_subscription(server: TravisServer, travis: Travis) -> None:
    server.latency = 30
    with anyio.move_on_after(0.02) as scope:
        await anext(travis.events(channels=["repo-1"]))
    assert scope.cancelled_caught
    server.latency = 0
    assert len(travis._hub._dispatcher) == 0


async def test_opening_a_feed_of_a_closed_client_raises_usage_error(travis: Travis) -> None:
    await travis.aclose()
    with pytest.raises(errors.UsageError, match="closed"):
        await anext(travis.events(channels=["repo-1"]))


async def test_a_client_may_be_closed_from_another_task(server: TravisServer) -> None:
    travis = Travis(endpoint=server.endpoint)

    async def use() -> None:
        await travis.events(channels=["repo-1"]).__aenter__()

    await asyncio.create_task(use())
    await asyncio.create_task(travis.aclose())
    await until(lambda: not server.pusher.connections)


async def test_a_slow_consumer_gets_a_lagged_mark_and_delays_no_other(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    job = repository.build().jobs[0]
    async with travis.events(job=job.id, buffer=3) as slow, travis.events(job=job.id) as quick:
        for number in range(10):
            job.write(str(number))
        for number in range(10):
            event = await anext(quick)
            assert isinstance(event, events.JobLog)
            assert event.content == str(number)
        assert [type(await anext(slow)) for _ in range(4)] == [events.JobLog] * 3 + [events.Lagged]
        job.write("10")
        event = await anext(slow)
        assert isinstance(event, events.JobLog)
        assert event.number == 10


async def test_each_subscription_calls_the_resources_of_its_own_client(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    job = repository.build(quiet=True, message="x" * 10_001).jobs[0]

    def calls(agent: str) -> list[str]:
        sent_by = [seen for seen in server.requests if seen.headers.get("user-agent", "").startswith(agent)]
        return [seen.path.partition("?")[0] for seen in sent_by]

    async with Travis(TOKEN, endpoint=server.endpoint, user_agent="first/1") as first:
        subscriber = EventSubscriber(travis._hub, first._subscriber._resources)
        async with subscriber.events(repository.id) as feed:
            assert calls("first/1") == ["/config", "/users", "/pusher/auth"]
            assert calls("aiotravis") == []
            job.start()
            await anext(feed)
            assert {"/builds", "/jobs"} & set(calls("first/1"))
            async with travis.events(channels=[f"private-job-{job.id}"]):
                assert calls("aiotravis") == ["/pusher/auth"]
    assert server.pusher.opened == 1
