"""Quirks of the live channel: numbers 37 to 43, and 50 again; at the end, whether all fifty are there."""

import json
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import anyio
import pytest

from aiotravis import LiveOptions, LogReset, State, Travis, errors, events
from aiotravis.flows import log_following
from aiotravis.testing import Dialect, Repository, TravisServer
from tests.conftest import HASTY, TOKEN
from tests.quirks import test_entities, test_http, test_logs
from tests.waiting import until

QUIRKS = 50


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_following, "PATIENCE", 0.02)


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


def heard(server: TravisServer, event: str) -> list[dict[str, object]]:
    """Give what clients said of one kind."""
    frames = [json.loads(frame.text) for frame in server.pusher.frames if frame.incoming]
    return [frame["data"] for frame in frames if frame["event"] == event]


def frame(event: str, channel: str, data: str) -> str:
    """Write a frame around data that is JSON already: an object, or a string that holds one."""
    return f'{{"event":"{event}","channel":"{channel}","data":{data}}}'


JOB = '{"id":501,"repository_id":82,"build_id":500,"number":"1.1","state":"started"}'


@pytest.mark.parametrize("data", [JOB, json.dumps(JOB), f'{{"job":{JOB}}}'])
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
async def test_quirk_37_a_complaint_of_any_shape_ends_nothing(
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
        await until(lambda: len(heard(server, "pusher:ping")) > 1)
        repository.build()
        assert isinstance(await anext(feed), events.BuildCreated)
        assert server.pusher.opened == 1


async def test_quirk_38_a_close_without_a_code_is_judged_by_the_error_before_it() -> None:
    async with slanger() as (server, travis, repository):
        server.pusher.key = "another"
        with pytest.raises(errors.LiveUnavailable, match="knows no app with this key") as info:
            await anext(travis.events(repository.id))
        assert info.value.code == 4001
        assert server.pusher.opened == 0


async def test_quirk_38_a_close_without_a_code_or_an_error_is_a_loss_to_come_back_from() -> None:
    async with slanger() as (server, travis, repository), travis.events(repository.id) as feed:
        for connection in list(server.pusher.connections.values()):
            connection.close(None)
        assert isinstance(await anext(feed), events.Reconnected)
        repository.build()
        assert isinstance(await anext(feed), events.BuildCreated)
        assert server.pusher.opened == 2


async def test_quirk_38_what_a_slanger_would_let_in_unsigned_is_signed_or_not_asked_for() -> None:
    async with slanger(secure=True) as (server, travis, repository):
        async with travis.events(repository.id):
            with pytest.raises(errors.SubscriptionError, match="this token may not listen to it"):
                await anext(travis.events(channels=["private-user-7"]))
        asked = heard(server, "pusher:subscribe")
        assert [data["channel"] for data in asked] == ["private-user-201"]
        assert str(asked[0]["auth"]).startswith(f"{server.pusher.key}:")


async def test_quirk_39_a_channel_that_was_not_signed_is_an_error_that_names_it(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    server.respond("POST", "/pusher/auth", body=b'{"channels":{}}', times=1)
    with pytest.raises(errors.SubscriptionError, match="private-user-201 cannot be listened to") as info:
        await anext(travis.events())
    assert info.value.channel == "private-user-201"
    assert heard(server, "pusher:subscribe") == []
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
        assert {(data["channel"], data["auth"]) for data in heard(server, "pusher:subscribe")} == {
            (name, server.pusher.sign(socket_id, name)) for name in channels for socket_id in (first, second)
        }


async def test_quirk_40_a_restart_arrives_as_created(travis: Travis, repository: Repository) -> None:
    (build,) = repository.history(1)
    async with travis.events(repository.id) as feed:
        build.restart()
        first, second = await anext(feed), await anext(feed)
        assert isinstance(first, events.BuildCreated)
        assert isinstance(second, events.JobCreated)
        assert (first.build.id, first.build.state, first.build.finished_at) == (build.id, State.CREATED, None)
        assert (second.job.id, second.job.pending) == (build.jobs[0].id, True)


async def test_quirk_40_a_requeue_begins_the_log_anew(travis: Travis, repository: Repository) -> None:
    job = repository.build().jobs[0]
    job.start()
    job.write("old")
    async with travis.follow_log(job.id) as log:
        assert (await anext(log)).content == "old"
        job.restart()
        assert isinstance(await anext(log), LogReset)
        job.start()
        job.write("new", final=True)
        assert [part.content async for part in log] == ["new"]


@pytest.mark.parametrize("state", ["canceled", "errored", "failed", "created"])
async def test_quirk_40_the_state_counts_and_not_the_name_of_the_event(
    server: TravisServer, travis: Travis, repository: Repository, state: str
) -> None:
    async with travis.events(repository.id) as feed:
        server.pusher.send_raw(frame("job:finished", "repo-82", JOB.replace("started", state)))
        event = await anext(feed)
        assert isinstance(event, events.JobFinished)
        assert (event.job.state, event.job.finished, event.job.passed) == (state, state != "created", False)


async def test_quirk_41_the_same_event_on_two_channels_is_one_event(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    async with travis.events(repository.id) as feed:
        assert set(feed.statistics().channels) == {"repo-82", "private-user-201"}
        build = repository.build()
        build.start()
        names = [type(await anext(feed)) for _ in range(4)]
        assert names == [events.BuildCreated, events.JobCreated, events.JobStarted, events.BuildStarted]
        sent = [seen for seen in server.pusher.frames if '"job:started"' in seen.text]
        assert len(sent) == 2


async def test_quirk_41_common_is_left_to_servers_that_name_no_channels(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    async with travis.events(repository.id):
        assert not server.pusher.occupied("common")
    async with TravisServer() as old:
        old.world.user("sarah", token=TOKEN)
        old.world.repository("travis-ci/travis.rb")
        old.respond("GET", "/users", body=b'{"user":{"id":201,"login":"sarah"}}')
        async with Travis(TOKEN, endpoint=old.endpoint) as veteran, veteran.events(82) as feed:
            assert set(feed.statistics().channels) == {"repo-82", "common"}
            old.pusher.send_raw(frame("job:started", "common", json.dumps(JOB)))
            assert isinstance(await anext(feed), events.JobStarted)


LONG = "x" * 10_000


async def test_quirk_42_an_event_that_was_too_large_is_completed_before_it_is_delivered(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    build = repository.build(quiet=True)
    async with travis.events(build=build.id) as feed:
        build.commit.message = LONG
        build.start()
        first, second = await anext(feed), await anext(feed)
        assert isinstance(first, events.JobStarted)
        assert (first.job.id, first.job.build_id, first.complete) == (build.jobs[0].id, build.id, True)
        assert isinstance(second, events.BuildStarted)
        assert (second.build.id, second.complete, second.build.running) == (build.id, True, True)
        assert second.build.commit is not None
        assert second.build.commit.message == LONG
    assert any("_no_full_payload" in seen.text for seen in server.pusher.frames)


async def test_quirk_42_what_was_too_large_is_not_lost_to_those_who_listen_to_a_repository(
    travis: Travis, repository: Repository
) -> None:
    build = repository.build(quiet=True)
    async with travis.events(repository.id) as feed:
        build.commit.message = LONG
        build.start()
        first, second = await anext(feed), await anext(feed)
    assert isinstance(first, events.JobStarted)
    assert isinstance(second, events.BuildStarted)
    assert (first.job.id, first.complete, second.build.id, second.complete) == (
        build.jobs[0].id,
        True,
        build.id,
        True,
    )


async def test_quirk_42_a_log_ends_with_its_job_although_the_event_has_no_state(
    travis: Travis, repository: Repository
) -> None:
    build = repository.build()
    job = build.jobs[0]
    job.start()
    job.write("a")
    async with travis.follow_log(job.id) as log:
        assert (await anext(log)).content == "a"
        build.commit.message = LONG
        job.finish("canceled")
        with anyio.fail_after(10):
            assert [part async for part in log] == []
        assert log.complete


SHA = "a214c21f9ce4ab4c2af7bc1c3ae5e4ba4fd2fc0c"

BUILD = f"""{{"repository":{{"id":82,"slug":"travis-ci/travis.rb","private":false,"current_build_id":500,
"default_branch":{{"name":"master","last_build_id":500}}}},
"commit":{{"id":5,"sha":"{SHA}","branch":"master","message":"Fix it","committed_at":"2014-04-08T00:16:35Z"}},
"build":{{"id":500,"repository_id":82,"commit_id":5,"number":"784","pull_request":false,"state":"passed",
"started_at":"2014-04-08T00:17:34Z","finished_at":"2014-04-08T00:27:12Z","duration":1231,"job_ids":[501],
"event_type":"push","updated_at":"2014-04-08T00:27:12.345Z","created_by":null,
"commit":"{SHA}","branch":"master","message":"Fix it","committed_at":"2014-04-08T00:16:35Z"}}{{stages}}}}"""


@pytest.mark.parametrize("stages", ["", ',"stages":[]', ',"stages":null'])
async def test_quirk_43_the_commit_of_a_build_event_is_the_object_beside_the_build(
    server: TravisServer, travis: Travis, repository: Repository, stages: str
) -> None:
    async with travis.events(repository.id) as feed:
        server.pusher.send_raw(frame("build:finished", "repo-82", json.dumps(BUILD.replace("{stages}", stages))))
        event = await anext(feed)
    assert isinstance(event, events.BuildFinished)
    assert (event.build.id, event.build.number, event.build.state) == (500, "784", State.PASSED)
    assert event.build.commit is not None
    assert (event.build.commit.sha, event.build.commit.subject) == (SHA, "Fix it")
    assert event.build.updated_at == datetime(2014, 4, 8, 0, 27, 12, 345_000, tzinfo=UTC)
    assert (event.repository and event.repository.slug, event.stages) == ("travis-ci/travis.rb", ())


async def test_quirk_50_unknown_events_states_and_fields_come_through(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    async with travis.events(repository.id) as feed:
        server.pusher.send_raw(frame("build:teleported", "repo-82", '"{\\"build\\":{\\"id\\":500}}"'))
        server.pusher.send_raw(frame("build:started", "repo-82", '"no JSON"'))
        server.pusher.send_raw('{"event":"pusher:invented","data":{}}')
        server.pusher.send_raw(
            frame("job:started", "repo-82", JOB.replace("started", "simmering")[:-1] + ',"mood":[]}')
        )
        first, second, third = [await anext(feed) for _ in range(3)]
    assert first == events.UnknownEvent(channel="repo-82", name="build:teleported", data={"build": {"id": 500}})
    assert second == events.UnknownEvent(channel="repo-82", name="build:started", data="no JSON")
    assert isinstance(third, events.JobStarted)
    assert (third.job.state, third.job.state.known, third.job.finished) == ("simmering", False, False)


def test_every_quirk_has_its_test() -> None:
    names = [name for module in (test_http, test_entities, test_logs) for name in vars(module)] + list(globals())
    found = [re.match(r"test_quirk_(\d+)_", name) for name in names]
    assert {int(number[1]) for number in found if number} == set(range(1, QUIRKS + 1))
