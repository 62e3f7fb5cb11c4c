"""Frames, and bytes in place of frames, that no Pusher server would send: none stops the reader."""

import json
import random
from collections.abc import Callable

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiotravis import Feed, LiveOptions, Travis, events
from aiotravis.live import reconnect_policy
from aiotravis.testing import FaultProxy, Repository, ServerConnection, TravisServer
from tests.conftest import HASTY, TOKEN
from tests.live.mutations import BROKEN_HANDSHAKES, BROKEN_WEBSOCKET, INVALID_FRAMES, mutated, read

GOOD = '{"event":"good","channel":"repo-82","data":"yes"}'


async def next_good(travis: Travis, server: TravisServer, feed: Feed) -> list[events.Event]:
    """Return the events up to the good one, which is sent again after each reconnect."""
    seen: list[events.Event] = []
    with anyio.fail_after(5):
        async for event in feed:
            seen.append(event)
            if isinstance(event, events.UnknownEvent) and event.name == "good":
                return seen
            if isinstance(event, events.Reconnected):
                server.pusher.send_raw(GOOD)
    return seen


def test_there_are_seventy_two_malformed_inputs() -> None:
    assert len(INVALID_FRAMES) + len(BROKEN_WEBSOCKET) + len(BROKEN_HANDSHAKES) == 72


@pytest.mark.parametrize("frame", INVALID_FRAMES)
async def test_an_invalid_frame_is_counted_and_ignored_on_the_same_connection(
    server: TravisServer, travis: Travis, frame: str | bytes
) -> None:
    async with travis.events(channels=["repo-82"]) as feed:
        server.pusher.send_raw(frame)
        server.pusher.send_raw(GOOD)
        assert [event.channel for event in await next_good(travis, server, feed)] == ["repo-82"]
        counted = travis.live.statistics()
        # What can be read as an event is on a channel without subscriptions.
        assert counted.invalid_frames + counted.frames >= 4
        assert (counted.connections, counted.gaps, server.pusher.opened) == (1, 0, 1)


ODD_JOB_EVENTS = (
    r"{\"id\":501,\"state\":\"passed\",\"updated_at\":\"0001-01-01T00:00:00\"}",
    r"{\"id\":501,\"state\":\"passed\",\"finished_at\":\"0001-01-01T00:00:00\"}",
    r"{\"id\":501,\"state\":\"passed\",\"number\":7,\"commit\":{\"sha\":null}}",
    r"{\"id\":501,\"state\":\"passed\",\"queue\":\"\\ud800\"}",
)


@pytest.mark.parametrize("data", ODD_JOB_EVENTS)
async def test_an_event_with_an_odd_field_is_delivered_counted_and_ends_nothing(
    server: TravisServer, travis: Travis, data: str
) -> None:
    async with travis.events(channels=["repo-82"]) as feed:
        server.pusher.send_raw(f'{{"event":"job:finished","channel":"repo-82","data":"{data}"}}')
        server.pusher.send_raw(GOOD)
        event, _ = await next_good(travis, server, feed)
        assert isinstance(event, events.JobFinished)
        assert (event.job.id, event.job.passed, event.updated_at) == (501, True, None)
        counted = travis.live.statistics()
        assert (counted.unreadable, counted.connections, counted.gaps) == (1, 1, 0)


ODD_VALUES = (r'"\ud800"', "1e400", "-1e400", "NaN", "-Infinity", "9" * 5000, r'{"a":["\udc00"]}')


@pytest.mark.parametrize("value", ODD_VALUES)
async def test_an_odd_value_in_data_that_is_an_object_leaves_its_event(
    server: TravisServer, travis: Travis, value: str
) -> None:
    # fact 9.37: data is a string as a rule, sometimes the value itself.
    async with travis.events(repo=82) as feed:
        for field in ("queue", "unknown", "started_at", "build_id", "repository_id", "commit"):
            job = f'{{"id":501,"repository_id":82,"state":"passed","{field}":{value}}}'
            for number, data in enumerate((job, json.dumps(job))):
                event = f"job:{('finished', 'canceled')[number]}"
                server.pusher.send_raw(f'{{"event":"{event}","channel":"repo-82","data":{data}}}')
                received = await anext(feed)
                assert isinstance(received, events.JobFinished | events.JobCanceled)
                assert (received.job.id, received.job.passed, received.job.repository_id) == (501, True, 82)
        counted = travis.live.statistics()
        assert (counted.invalid_frames, counted.connections, counted.gaps) == (0, 1, 0)


@pytest.mark.parametrize("repository", ["null", '"x"', "{}", "[]", "1.5", None])
async def test_an_event_without_a_readable_repository_is_of_that_of_its_channel(
    server: TravisServer, travis: Travis, repository: str | None
) -> None:
    field = "" if repository is None else f'"repository_id":{repository},'
    async with travis.events(repo=82) as feed, travis.events(repo=83) as other:
        server.pusher.send_raw(
            f'{{"event":"job:finished","channel":"repo-82","data":{{{field}"id":501,"state":"passed"}}}}'
        )
        server.pusher.send_raw(
            f'{{"event":"build:finished","channel":"repo-82","data":{{"build":{{{field}"id":500,"state":"passed"}}}}}}'
        )
        job, build = await anext(feed), await anext(feed)
        assert isinstance(job, events.JobFinished)
        assert isinstance(build, events.BuildFinished)
        assert job.job.repository_id == build.build.repository_id == 82
        assert (job.complete, build.complete, other.statistics().waiting) == (True, True, 0)


@pytest.mark.parametrize("block", BROKEN_WEBSOCKET)
async def test_bytes_that_are_no_websocket_frame_make_the_client_reconnect(
    server: TravisServer, repository: Repository, block: bytes
) -> None:
    async with FaultProxy(server.port) as proxy:
        server.announced_port = proxy.port
        async with (
            Travis(TOKEN, endpoint=server.endpoint, live=HASTY) as travis,
            travis.events(channels=["repo-82"]) as feed,
        ):
            once = [block]
            proxy.mangle(lambda data: once.pop() + data if once else data)
            server.pusher.send_raw(GOOD)
            assert any(isinstance(event, events.Reconnected) for event in await next_good(travis, server, feed))
            assert travis.live.statistics().gaps == 1


@pytest.mark.parametrize("handshake", BROKEN_HANDSHAKES)
async def test_a_malformed_handshake_is_tried_again(
    server: TravisServer, monkeypatch: pytest.MonkeyPatch, handshake: str
) -> None:
    greet: Callable[[ServerConnection], None] = server.pusher._greet
    left = [handshake]

    def odd(connection: ServerConnection) -> None:
        if left:
            connection.send(left.pop())
        else:
            greet(connection)

    monkeypatch.setattr(server.pusher, "_greet", odd)
    options = LiveOptions(handshake_timeout=0.05, reconnect_delay=0.0)
    async with Travis(endpoint=server.endpoint, live=options) as travis, travis.events(channels=["repo-82"]) as feed:
        server.pusher.send_raw(GOOD)
        await next_good(travis, server, feed)
        assert server.pusher.opened == 2


@pytest.mark.parametrize("chunk", [1, 7])
async def test_frames_in_small_chunks_are_put_together(server: TravisServer, chunk: int) -> None:
    async with FaultProxy(server.port) as proxy:
        server.announced_port, proxy.chunk = proxy.port, chunk
        async with Travis(endpoint=server.endpoint) as travis, travis.events(channels=["repo-82"]) as feed:
            for number in range(3):
                server.pusher.send_raw(GOOD.replace("yes", str(number)))
            assert [len(await next_good(travis, server, feed)) for _ in range(3)] == [1, 1, 1]


async def test_a_frame_of_nearly_sixteen_mebibytes_is_accepted(server: TravisServer) -> None:
    options = LiveOptions(buffer_bytes=64 << 20)
    async with Travis(endpoint=server.endpoint, live=options) as travis, travis.events(channels=["repo-82"]) as feed:
        text = "x" * ((16 << 20) - 100)
        server.pusher.send_raw(f'{{"event":"large","channel":"repo-82","data":"{text}"}}')
        event = await anext(feed)
        assert isinstance(event, events.UnknownEvent)
        assert event.data == text


async def test_the_reader_survives_mutated_frames_one_by_one_and_in_bursts() -> None:
    kinds = await read(20_000, seed=1)
    assert {"JobLog", "JobStarted", "BuildCreated", "UnknownEvent", "invalid_frames", "errors"} <= set(kinds)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**64))
def test_no_mutated_frame_stops_the_reader(seed: int) -> None:
    draw = random.Random(seed)

    async def story() -> None:
        async with (
            TravisServer() as server,
            Travis(endpoint=server.endpoint, live=HASTY) as travis,
            travis.events(channels=["repo-82", "job-501"]) as feed,
        ):
            for _ in range(50):
                server.pusher.send_raw(mutated(draw))
            server.pusher.send_raw(GOOD)
            await next_good(travis, server, feed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reconnect_policy, "ATTEMPT_LIMITS", ((10.0, 10_000),))
        anyio.run(story)
