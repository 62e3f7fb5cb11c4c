"""Events without a payload, completed over REST."""

from collections.abc import AsyncIterator
from typing import Any, cast

import anyio
import anyio.lowlevel
import pytest
from anyio.abc import TaskGroup

from aiotravis import Travis, errors, events
from aiotravis._http import ApiRequest, ApiResponse
from aiotravis.live.monitor import LiveMonitor
from aiotravis.live.payload_fetcher import PayloadFetcher
from aiotravis.live.subscription import LiveResources
from aiotravis.resources.builds import Build, Builds
from aiotravis.resources.jobs import Job, Jobs
from aiotravis.testing import Repository, TravisServer
from tests.samples import JSON, Scripted
from tests.waiting import until

LONG = "x" * 10_001


@pytest.fixture
async def group() -> AsyncIterator[TaskGroup]:
    async with anyio.create_task_group() as group:
        yield group
        group.cancel_scope.cancel()


def fetcher_with(builds: Builds, jobs: Jobs, coalesce: float = 0.01) -> PayloadFetcher:
    unused = cast("Any", None)
    resources = LiveResources(unused, unused, None, unused, builds, jobs)
    return PayloadFetcher(lambda: resources, coalesce, LiveMonitor(), anyio.lowlevel.checkpoint)


def ids_only(number: int) -> events.JobEvent:
    return events.JobStarted(job=Job(id=number), complete=False)


def jobs_reply(*ids: int) -> bytes:
    rows = ",".join(f'{{"id":{number},"repository_id":82,"build_id":7,"state":"started"}}' for number in ids)
    return f'{{"jobs":[{rows}],"commits":[]}}'.encode()


async def test_ids_are_collected_and_fetched_in_one_request(group: TaskGroup) -> None:
    transport = Scripted(jobs_reply(1, 2, 3))
    fetcher = fetcher_with(Builds(transport), Jobs(transport))
    group.start_soon(fetcher.run)
    done: list[events.BuildEvent | events.JobEvent] = []
    for number in (3, 1, 2):
        assert fetcher.hold(ids_only(number), done.append)
    await until(lambda: len(done) == 3)
    assert [event.job.id for event in done if isinstance(event, events.JobEvent)] == [3, 1, 2]
    assert all(event.complete for event in done)
    assert [call.path for call in transport.calls] == ["/jobs"]
    assert len(fetcher) == 0


async def test_later_events_of_the_same_job_keep_their_order(group: TaskGroup) -> None:
    transport = Scripted(jobs_reply(1))
    fetcher = fetcher_with(Builds(transport), Jobs(transport))
    done: list[events.BuildEvent | events.JobEvent] = []
    other = events.JobStarted(job=Job(id=2))
    assert fetcher.hold(ids_only(1), done.append)
    assert fetcher.hold(events.JobFinished(job=Job(id=1)), done.append)
    assert not fetcher.hold(other, done.append)
    group.start_soon(fetcher.run)
    await until(lambda: len(done) == 2)
    assert [type(event) for event in done] == [events.JobStarted, events.JobFinished]


async def test_an_event_that_comes_during_a_fetch_is_fetched_again(group: TaskGroup) -> None:
    gate = anyio.Event()

    class Slow(Jobs):
        __slots__ = ()

        def many(self, *args: object, **kwargs: object) -> object:  # type: ignore[override]
            async def later() -> AsyncIterator[Job]:
                await gate.wait()
                yield Job(id=1, repository_id=82)

            return later()

    transport = Scripted(b"")
    fetcher = fetcher_with(Builds(transport), Slow(transport), coalesce=0.0)
    group.start_soon(fetcher.run)
    done: list[events.BuildEvent | events.JobEvent] = []
    fetcher.hold(ids_only(1), done.append)
    await anyio.wait_all_tasks_blocked()
    fetcher.hold(events.JobQueued(job=Job(id=1)), done.append)
    fetcher.hold(ids_only(1), done.append)
    fetcher.hold(events.JobFinished(job=Job(id=1)), done.append)
    assert done == []
    gate.set()
    await until(lambda: len(done) == 4)
    assert [type(event) for event in done] == [
        events.JobStarted, events.JobQueued, events.JobStarted, events.JobFinished,
    ]  # fmt: skip


async def test_an_event_whose_payload_cannot_be_fetched_stays_incomplete(
    group: TaskGroup, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(call: object) -> bytes:
        raise errors.RequestTimeout("late", method="GET", path="/builds")

    transport = Scripted(fail)
    fetcher = fetcher_with(Builds(transport), Jobs(transport), coalesce=0.0)
    group.start_soon(fetcher.run)
    done: list[events.BuildEvent | events.JobEvent] = []
    event = events.BuildStarted(build=Build(id=7), complete=False)
    fetcher.hold(event, done.append)
    await until(lambda: len(done) == 1)
    assert done == [event]
    assert "RequestTimeout" in caplog.text


async def test_a_payload_that_cannot_be_read_leaves_its_event_alone_incomplete(group: TaskGroup) -> None:
    def respond(request: ApiRequest) -> ApiResponse:
        numbers = [value for name, value in request.query if name == "ids[]"]
        rows = ",".join(f'{{"id":{one},"number":{"[]" if one == "2" else 0}}}' for one in numbers)
        return ApiResponse(200, JSON, f'{{"jobs":[{rows}]}}'.encode(), strict="2" in numbers)

    transport = Scripted(respond)
    fetcher = fetcher_with(Builds(transport), Jobs(transport))
    group.start_soon(fetcher.run)
    done: list[events.BuildEvent | events.JobEvent] = []
    for number in (1, 2, 3):
        assert fetcher.hold(ids_only(number), done.append)
    await until(lambda: len(done) == 3)
    assert [event.complete for event in done] == [True, False, True]


async def test_without_resources_events_stay_incomplete(group: TaskGroup) -> None:
    fetcher = PayloadFetcher(lambda: None, 0.0, LiveMonitor(), anyio.lowlevel.checkpoint)
    group.start_soon(fetcher.run)
    done: list[events.BuildEvent | events.JobEvent] = []
    event = ids_only(1)
    fetcher.hold(event, done.append)
    await until(lambda: len(done) == 1)
    assert done == [event]


async def test_a_large_event_reaches_each_feed_once_and_complete(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    builds = [repository.build(quiet=True, message=LONG) for _ in range(3)]
    async with travis.events(repository.id) as feed, travis.events(build=builds[0].id) as single:
        before = len(server.requests)
        for build in builds:
            build.start()
        seen = [await anext(feed) for _ in range(6)]
        assert [type(event) for event in seen] == [events.JobStarted, events.BuildStarted] * 3
        for event in seen:
            assert isinstance(event, events.JobEvent | events.BuildEvent)
            assert event.complete
        assert [type(await anext(single)) for _ in range(2)] == [events.JobStarted, events.BuildStarted]
        # One request for the builds, one for the jobs, however many there are.
        assert sorted(seen.path.partition("?")[0] for seen in server.requests[before:]) == ["/builds", "/jobs"]
        assert travis.live.statistics().incomplete >= 6
    assert feed.statistics().waiting == 0
