"""From what a user names to the channels of a feed."""

import pytest

from aiotravis import Travis, errors, events
from aiotravis.testing import Repository, TravisServer


async def test_one_or_several_things_by_id_slug_and_themselves(
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


async def test_a_value_that_knows_its_repository_costs_no_request(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    build = await travis.builds.get(repository.build().id)
    before = len(server.requests)
    async with travis.events(build=build, job=build.jobs[0]):
        pass
    asked = [request.path for request in server.requests[before:]]
    assert asked == ["/config", "/users", "/pusher/auth"]


async def test_only_what_was_asked_for_is_delivered(
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


async def test_an_unknown_thing_is_told_when_the_feed_opens(travis: Travis) -> None:
    for feed in (travis.events("no/such"), travis.events(job=9), travis.events(build=9)):
        with pytest.raises(errors.NotFoundError):
            await anext(feed)


async def test_everything_of_nobody_is_no_question(server: TravisServer) -> None:
    async with Travis(endpoint=server.endpoint) as travis:
        with pytest.raises(errors.UsageError, match="Without a token"):
            await anext(travis.events())


async def test_wrong_names_are_seen_beforehand(server: TravisServer, travis: Travis) -> None:
    for name in ("", "with space", "x" * 165, "größe"):
        with pytest.raises(errors.UsageError) as info:
            travis.events(channels=[name])
        assert info.value.argument == "channels"
    assert server.requests == []
