"""Quirks of the live channel's events: numbers 40 to 43, and 50 again."""

import json
from datetime import UTC, datetime

import anyio
import pytest

from aiotravis import LogReset, State, Travis, events
from aiotravis.follow_log import log_timeout, poll_schedule, state
from aiotravis.testing import Repository, TravisServer
from tests.conftest import TOKEN
from tests.quirks.served import JOB_EVENT, frame


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poll_schedule, "POLL_DELAY", 0.02)
    monkeypatch.setattr(state, "MAX_OLD_LOG", 0.05)
    monkeypatch.setattr(log_timeout, "LATE_PARTS", 0.05)


async def test_quirk_40_a_restart_arrives_as_created(travis: Travis, repository: Repository) -> None:
    (build,) = repository.history(1)
    async with travis.events(repository.id) as feed:
        build.restart()
        first, second = await anext(feed), await anext(feed)
        assert isinstance(first, events.BuildCreated)
        assert isinstance(second, events.JobCreated)
        assert (first.build.id, first.build.state, first.build.finished_at) == (build.id, State.CREATED, None)
        assert (second.job.id, second.job.pending) == (build.jobs[0].id, True)


async def test_quirk_40_a_requeue_resets_the_log(travis: Travis, repository: Repository) -> None:
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
async def test_quirk_40_the_state_counts_not_the_name_of_the_event(
    server: TravisServer, travis: Travis, repository: Repository, state: str
) -> None:
    async with travis.events(repository.id) as feed:
        server.pusher.send_raw(frame("job:finished", "repo-82", JOB_EVENT.replace("started", state)))
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


async def test_quirk_41_common_is_used_only_if_the_server_names_no_channels(
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
            old.pusher.send_raw(frame("job:started", "common", json.dumps(JOB_EVENT)))
            assert isinstance(await anext(feed), events.JobStarted)


LONG = "x" * 10_000


async def test_quirk_42_an_event_without_a_payload_is_completed_before_delivery(
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


async def test_quirk_42_an_event_without_a_payload_reaches_a_feed_of_its_repository(
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


async def test_quirk_42_a_followed_log_ends_although_the_event_has_no_state(
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
            frame("job:started", "repo-82", JOB_EVENT.replace("started", "simmering")[:-1] + ',"mood":[]}')
        )
        first, second, third = [await anext(feed) for _ in range(3)]
    assert first == events.UnknownEvent(channel="repo-82", name="build:teleported", data={"build": {"id": 500}})
    assert second == events.UnknownEvent(channel="repo-82", name="build:started", data="no JSON")
    assert isinstance(third, events.JobStarted)
    assert (third.job.state, third.job.state.known, third.job.finished) == ("simmering", False, False)
