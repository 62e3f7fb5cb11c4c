"""The demo."""

import asyncio
from collections.abc import Sized
from functools import partial

import pytest

from aiotravis import Travis, events
from aiotravis.testing import Demo, TravisServer, demo
from tests.waiting import until


async def test_demo_starts_and_finishes_builds() -> None:
    before = asyncio.all_tasks()
    async with (
        TravisServer() as server,
        Demo(server, speed=200) as running,
        Travis(running.token, endpoint=server.endpoint) as travis,
    ):
        slugs = {repo.slug async for repo in travis.repos.many(repo.id for repo in running.repositories)}
        assert slugs == {*demo.PUBLIC_SLUGS, demo.PRIVATE_SLUG}
        finished: set[str] = set()
        async with travis.events(only=(events.BuildFinished, events.BuildCanceled)) as feed:
            async for event in feed:
                assert isinstance(event, events.BuildEvent)
                finished.add(str(event.build.state))
                if len(finished) >= 2:
                    break
        build = await anext(travis.builds.list(demo.PUBLIC_SLUGS[0]))
        assert build.commit is not None
        message = build.commit.message or ""
        assert message in demo.SUBJECTS or message.startswith("Change number")
    await until(lambda: asyncio.all_tasks() <= before)


async def test_demo_plays_what_clients_trigger_and_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "MEAN_INTERVAL", 1e9)
    async with (
        TravisServer() as server,
        Demo(server, speed=200) as running,
        Travis(running.token, endpoint=server.endpoint) as travis,
    ):
        triggered = await travis.trigger(demo.PUBLIC_SLUGS[0], branch="master")
        assert (await travis.wait_for_build(triggered)).finished
        # Such runs are over within the second of the runs before, so that only the server can tell them apart.
        build = next(build for build in running.repositories[-1].builds if len(build.jobs) > 1)
        ends = [job.finished_at for job in build.jobs]
        await travis.jobs.restart(build.jobs[0].id)
        await until(lambda: build.jobs[0].finished_at not in {None, ends[0]})
        assert [job.finished_at for job in build.jobs[1:]] == ends[1:]
        await travis.builds.restart(build.id)
        await until(lambda: all(job.finished_at not in {None, end} for job, end in zip(build.jobs, ends, strict=True)))
        assert build.finished_at is not None


async def test_demo_has_past_builds_with_logs() -> None:
    async with TravisServer() as server:
        running = Demo(server)
        for repository in running.repositories:
            assert repository.private is (repository.slug == demo.PRIVATE_SLUG)
            assert len(repository.builds) >= 8
            assert all("travis_fold:start:git.checkout" in job.log.text for job in repository.builds[-1].jobs)


async def test_demo_has_past_builds_of_every_ending() -> None:
    async with TravisServer() as server:
        running = Demo(server)
        builds = [build for repository in running.repositories for build in repository.builds]
        assert {build.state for build in builds} == {"passed", "failed", "errored", "canceled"}
        assert all(job.state == build.state for build in builds for job in build.jobs)
        logs = [build.jobs[0].log.text for build in builds if build.state == "errored"]
        for says in ("has been stopped", "No output has been received", "maximum time limit", "maximum log length"):
            assert any(says in log for log in logs), says


def has_sixty_builds(builds: Sized) -> bool:
    return len(builds) >= 60


async def test_same_seed_plays_the_same_builds() -> None:
    plays: list[list[tuple[str, str | None, int]]] = []
    for seed in (7, 7, 8):
        async with TravisServer() as server, Demo(server, speed=500, seed=seed) as running:
            builds = server.world.builds
            await until(partial(has_sixty_builds, builds))
            first = list(builds.values())[:60]
            plays.append([(one.repository.slug, one.commit.message, len(one.jobs)) for one in first])
            assert running.token == demo.TOKEN
    assert plays[0] == plays[1] != plays[2]


async def test_demo_drops_old_builds_requests_and_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "MAX_BUILDS", 3)
    monkeypatch.setattr(demo, "MAX_RECORDS", 5)
    async with TravisServer() as server, Demo(server, speed=1000) as running:
        first = [repository.builds[0] for repository in running.repositories]
        async with Travis(running.token, endpoint=server.endpoint) as travis, travis.events() as feed:
            for _ in range(8):
                await travis.config.get()
            async for _ in feed:
                if all(repository.builds[0] not in first for repository in running.repositories):
                    break
        assert all(len(repository.builds) < 20 for repository in running.repositories)
        assert len(server.world.builds) == sum(len(repository.builds) for repository in running.repositories)
        assert len(server.world.jobs) == sum(len(build.jobs) for build in server.world.builds.values())
        await until(lambda: len(server.requests) <= 6 and len(server.pusher.frames) <= 50)


async def test_demo_drops_restarted_builds_and_those_after_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "MAX_BUILDS", 3)
    async with TravisServer() as server, Demo(server, speed=1000) as running:
        first = [repository.builds[0].restart() for repository in running.repositories]
        await until(lambda: not any(build.id in server.world.builds for build in first))
        await until(lambda: all(len(repository.builds) < 20 for repository in running.repositories))


@pytest.mark.parametrize("speed", [0, -1, float("inf"), float("nan")])
async def test_demo_refuses_a_speed_that_is_not_positive_and_finite(speed: float) -> None:
    with pytest.raises(ValueError, match="speed must be positive and finite"):
        Demo(TravisServer(), speed=speed)
