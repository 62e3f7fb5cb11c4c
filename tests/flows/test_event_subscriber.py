"""From repositories, builds, jobs and names to the channels of a feed."""

import gc
import tracemalloc
from typing import Any

import pytest

from aiotravis import Travis, errors, events
from aiotravis.testing import Repository, TravisServer


async def test_ids_slugs_and_values_select_channels(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    other = server.world.repository("sarah/notes")
    repository.build()
    build = await travis.builds.get(other.build().id)
    job = build.jobs[0]
    repo = await travis.repos.get(repository.id)
    own = "private-user-201"
    for feed, channels in (
        (travis.events(repo), {own, "repo-82"}),
        (travis.events(["sarah/notes", repository.id]), {own, "repo-82", "repo-83"}),
        (travis.events(build=build), {own, "repo-83"}),
        (travis.events(build=[build.id]), {own, "repo-83"}),
        (travis.events(job=job), {own, "repo-83", f"job-{job.id}"}),
        (travis.events(repo, job.id), {own, "repo-82", "repo-83", f"job-{job.id}"}),
        (travis.events(channels=["common"]), {"common"}),
        (travis.events(), {own}),
    ):
        async with feed:
            assert set(feed.statistics().channels) == channels


async def test_a_value_with_a_repository_id_needs_no_request(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    build = await travis.builds.get(repository.build().id)
    before = len(server.requests)
    async with travis.events(build=build, job=build.jobs[0]):
        pass
    paths = [request.path for request in server.requests[before:]]
    assert paths == ["/config", "/users", "/pusher/auth"]


async def test_only_the_selected_events_are_delivered(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    first, second = repository.build(jobs=2).jobs
    async with (
        travis.events(job=second.id, only=[events.JobFinished]) as job_feed,
        travis.events(build=first.build.id, only=events.BuildFinished) as build_feed,
    ):
        for job in (first, second):
            job.start()
            job.finish()
        finished = await anext(job_feed)
        assert isinstance(finished, events.JobFinished)
        assert finished.job.id == second.id
        assert isinstance(await anext(build_feed), events.BuildFinished)


async def test_an_unknown_repository_job_or_build_raises_when_the_feed_opens(travis: Travis) -> None:
    for feed in (travis.events("no/such"), travis.events(job=9), travis.events(build=9)):
        with pytest.raises(errors.NotFoundError):
            await anext(feed)


async def test_all_events_without_a_token_raises_usage_error(server: TravisServer) -> None:
    async with Travis(endpoint=server.endpoint) as travis:
        with pytest.raises(errors.UsageError, match="Without a token"):
            await anext(travis.events())


async def test_an_invalid_channel_name_raises_before_anything_is_sent(server: TravisServer, travis: Travis) -> None:
    names: list[Any] = ["", "with space", "x" * 165, "größe", 5, None, b"repo-1", ["repo-1"], "a\x00", "\ud800"]
    several: list[Any] = [*([name] for name in names), "repo-1", b"repo-1", 5, True]
    for channels in several:
        with pytest.raises(errors.UsageError) as info:
            travis.events(channels=channels)
        assert info.value.argument == "channels"
    assert server.requests == []


@pytest.mark.parametrize(
    "only", [int, type, "JobStarted", 5, None, [events.JobLog, str], ["JobLog"], [events.UnknownEvent(name="x")]]
)
async def test_only_what_is_a_class_of_events_can_be_selected(travis: Travis, only: Any) -> None:
    with pytest.raises(errors.UsageError) as info:
        travis.events(only=only)
    assert info.value.argument == "only"


@pytest.mark.parametrize("token", [None, "a-token-that-must-not-leak"])
@pytest.mark.parametrize(
    "arguments",
    [
        {"repo": []}, {"repo": ()}, {"repo": set[int]()}, {"repo": iter(())}, {"channels": iter(())}, {"job": []},
        {"build": [], "job": []},
        {"channels": []}, {"channels": ()}, {"channels": frozenset[str]()}, {"repo": [], "channels": []}, {"repo": {}},
    ],
)  # fmt: skip
async def test_an_emptied_list_is_not_everything_of_the_user(
    server: TravisServer, token: str | None, arguments: dict[str, Any]
) -> None:
    async with Travis(token, endpoint=server.endpoint) as travis:
        with pytest.raises(errors.UsageError, match="empty") as info:
            travis.events(**arguments)
        assert info.value.argument == "repo"


async def test_an_empty_list_beside_something_selects_that(travis: Travis, repository: Repository) -> None:
    async with travis.events([repository.id], job=[], channels=[]) as feed:
        assert set(feed.statistics().channels) == {"private-user-201", "repo-82"}


async def test_a_feed_without_events_takes_little_memory(travis: Travis) -> None:
    count = 500
    held = [travis.events(number) for number in range(1, count + 1)]
    gc.collect()
    tracemalloc.start()
    try:
        held += [travis.events(number) for number in range(1, count + 1)]
        # 900 bytes; 2,900 with a deque and six empty sets each.
        assert tracemalloc.get_traced_memory()[0] / count < 1500
    finally:
        tracemalloc.stop()
    assert len(held) == 2 * count
