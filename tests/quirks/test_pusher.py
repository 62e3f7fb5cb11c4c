"""Quirks of the Pusher protocol as servers speak it: numbers 37 to 39."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from aiotravis import LiveOptions, State, Travis, errors, events
from aiotravis.testing import Dialect, Repository, TravisServer
from tests.conftest import HASTY, TOKEN
from tests.quirks.served import JOB_EVENT, frame
from tests.waiting import until


@asynccontextmanager
async def slanger(
    *, secure: bool = False, live: LiveOptions = HASTY
) -> AsyncGenerator[tuple[TravisServer, Travis, Repository]]:
    """A Travis with a Slanger of its own."""
    async with TravisServer(dialect="slanger", secure=secure) as server:
        user = server.world.user("sarah", token=TOKEN)
        repository = server.world.repository("travis-ci/travis.rb", users=[user])
        async with Travis(TOKEN, endpoint=server.endpoint, live=live) as travis:
            yield server, travis, repository


def received(server: TravisServer, event: str) -> list[dict[str, object]]:
    """Return the data of the frames with that event that the server has received."""
    frames = [json.loads(frame.text) for frame in server.pusher.frames if frame.incoming]
    return [frame["data"] for frame in frames if frame["event"] == event]


@pytest.mark.parametrize("data", [JOB_EVENT, json.dumps(JOB_EVENT), f'{{"job":{JOB_EVENT}}}'])
async def test_quirk_37_data_is_an_object_or_a_string_that_holds_one(
    server: TravisServer, travis: Travis, repository: Repository, data: str
) -> None:
    async with travis.events(repository.id) as feed:
        server.pusher.send_raw(frame("job:started", "repo-82", data))
        event = await anext(feed)
        assert isinstance(event, events.JobStarted)
        assert (event.job.id, event.job.number, event.job.state) == (501, "1.1", State.STARTED)


@pytest.mark.parametrize(
    "data",
    [
        '{"code":null,"message":"Existing subscription to repo-82"}',
        '"{\\"code\\":null,\\"message\\":\\"Existing subscription to repo-82\\"}"',
        '"{\\"message\\":\\"Invalid signature\\"}"',
        '"not JSON at all"',
        '"{\\"code\\":500,\\"message\\":\\"undefined method\\\\nbacktrace\\"}"',
        '{"code":5001,"message":"Invalid JSON"}',
        '{"code":4301,"message":"Client event rejected"}',
        "null",
        "[]",
    ],
)
async def test_quirk_37_an_error_frame_of_any_shape_ends_nothing(
    server: TravisServer, travis: Travis, repository: Repository, data: str
) -> None:
    async with travis.events(repository.id) as feed:
        server.pusher.send_raw(f'{{"event":"pusher:error","data":{data}}}')
        repository.build()
        assert isinstance(await anext(feed), events.BuildCreated)
        assert server.pusher.opened == 1


async def test_quirk_38_a_slanger_that_never_pings_is_pinged_and_kept() -> None:
    live = LiveOptions(activity_timeout=0.01, pong_timeout=1.0)
    async with slanger(live=live) as (server, travis, repository), travis.events(repository.id) as feed:
        await until(lambda: len(received(server, "pusher:ping")) > 1)
        repository.build()
        assert isinstance(await anext(feed), events.BuildCreated)
        assert server.pusher.opened == 1


async def test_quirk_38_a_close_without_a_code_has_the_code_of_the_last_error() -> None:
    async with slanger() as (server, travis, repository):
        server.pusher.key = "another"
        with pytest.raises(errors.LiveUnavailable, match="knows no app with this key") as info:
            await anext(travis.events(repository.id))
        assert info.value.code == 4001
        assert server.pusher.opened == 0


async def test_quirk_38_the_client_reconnects_after_a_close_without_code_or_error() -> None:
    async with slanger() as (server, travis, repository), travis.events(repository.id) as feed:
        for connection in list(server.pusher.connections.values()):
            connection.close(None)
        assert isinstance(await anext(feed), events.Reconnected)
        repository.build()
        assert isinstance(await anext(feed), events.BuildCreated)
        assert server.pusher.opened == 2


async def test_quirk_38_private_channels_are_signed_although_slanger_needs_no_signature() -> None:
    async with slanger(secure=True) as (server, travis, repository):
        async with travis.events(repository.id):
            with pytest.raises(errors.SubscriptionError, match="this token may not subscribe to it"):
                await anext(travis.events(channels=["private-user-7"]))
        subscribed = received(server, "pusher:subscribe")
        assert [data["channel"] for data in subscribed] == ["private-user-201"]
        assert str(subscribed[0]["auth"]).startswith(f"{server.pusher.key}:")


async def test_quirk_39_a_channel_without_a_signature_raises_an_error_that_names_it(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    server.respond("POST", "/pusher/auth", body=b'{"channels":{}}', times=1)
    with pytest.raises(errors.SubscriptionError, match="Cannot subscribe to the channel private-user-201") as info:
        await anext(travis.events())
    assert info.value.channel == "private-user-201"
    assert received(server, "pusher:subscribe") == []
    async with travis.events() as feed:
        repository.build()
        assert isinstance(await anext(feed), events.BuildCreated)


@pytest.mark.parametrize("dialect", ["pusher", "slanger"])
async def test_quirk_39_a_new_socket_gets_new_signatures_in_one_call(dialect: Dialect) -> None:
    async with TravisServer(dialect=dialect, secure=True) as server:
        user = server.world.user("sarah", token=TOKEN)
        jobs = server.world.repository("a/b", users=[user]).build(jobs=2).jobs
        async with (
            Travis(TOKEN, endpoint=server.endpoint, live=HASTY) as travis,
            travis.events(job=[job.id for job in jobs]) as feed,
        ):
            await server.pusher.disconnect()
            assert isinstance(await anext(feed), events.Reconnected)
        bodies = [json.loads(seen.body) for seen in server.requests if seen.path == "/pusher/auth"]
        channels = {"private-user-201", *(f"private-job-{job.id}" for job in jobs)}
        assert [set(body["channels"]) for body in bodies] == [channels, channels]
        first, second = (body["socket_id"] for body in bodies)
        assert first != second
        assert {(data["channel"], data["auth"]) for data in received(server, "pusher:subscribe")} == {
            (name, server.pusher.sign(socket_id, name)) for name in channels for socket_id in (first, second)
        }
