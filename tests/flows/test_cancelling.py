"""Every flow, cancelled at every point where it suspends, leaves nothing behind."""

import asyncio
import contextlib
import gc
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import anyio
import pytest

from aiotravis import Travis, errors
from aiotravis.flows import trigger as trigger_flow
from aiotravis.flows import waiting
from aiotravis.testing import Build, TravisServer
from tests.conftest import HASTY, TOKEN
from tests.steps import cancelled
from tests.waiting import until

Flow = Callable[[Travis, Build, Path], Coroutine[Any, Any, None]]


async def events(travis: Travis, build: Build, _: Path) -> None:
    async with travis.events("a/b", job=build.jobs[0].id) as feed:
        build.repository.build()
        await anext(feed)


async def bare_events(travis: Travis, build: Build, _: Path) -> None:
    feed = travis.events("a/b")
    async with anyio.create_task_group() as group:

        async def create_build() -> None:
            await until(lambda: feed._open)
            build.repository.build()

        group.start_soon(create_build)
        async for _event in feed:
            break


async def follow_log(travis: Travis, build: Build, _: Path) -> None:
    assert await travis.follow_log(build.jobs[0].id).text() == "one\ntwo\n"


async def lines(travis: Travis, build: Build, _: Path) -> None:
    async with travis.follow_log(build.jobs[0].id) as log:
        assert [line async for line in log.lines()] == ["one\n", "two\n"]


async def wait_for_build(travis: Travis, build: Build, _: Path) -> None:
    assert (await travis.wait_for_build(build.id)).passed


async def wait_for_job(travis: Travis, build: Build, _: Path) -> None:
    assert (await travis.wait_for_job(build.jobs[0].id)).passed


async def restart(travis: Travis, build: Build, _: Path) -> None:
    while True:
        build.start().finish("passed")
        # A restart of an earlier step may take effect only now, so that this one is refused.
        with contextlib.suppress(errors.RefusedError):
            assert (await travis.restart(build.id)).pending
            return


async def trigger(travis: Travis, build: Build, _: Path) -> None:
    # Those of earlier steps count towards the hourly limit.
    build.repository.data.requests.clear()
    assert (await travis.trigger("a/b")).pending


async def wait_for_commit(travis: Travis, build: Build, _: Path) -> None:
    assert (await travis.wait_for_commit("a/b", build.commit.sha)).passed
    with pytest.raises(errors.CommitNotBuilt):
        await travis.wait_for_commit("a/b", "b" * 40, appear_within=0.0)


async def mapped(travis: Travis, build: Build, _: Path) -> None:
    async with travis.map(travis.jobs.get, [build.jobs[0].id, 999], at_once=2) as outcomes:
        assert [outcome.error is None async for outcome in outcomes] == [True, False]


async def many(travis: Travis, build: Build, _: Path) -> None:
    assert [one.id async for one in travis.builds.many([build.id] * 150)] == [build.id] * 150


async def listing(travis: Travis, build: Build, _: Path) -> None:
    assert build.id in [one.id async for one in travis.builds.list("a/b")]


async def download(travis: Travis, build: Build, folder: Path) -> None:
    (file,) = await travis.logs.download([build.jobs[0].id], folder / "logs", overwrite=True)
    assert file.error is None


async def sign_in(travis: Travis, build: Build, _: Path) -> None:
    assert await travis.sign_in("sarah", "secret") == TOKEN


FLOWS: list[Flow] = [
    events, bare_events, follow_log, lines, wait_for_build, wait_for_job, wait_for_commit, mapped, many, listing,
    download, sign_in, restart, trigger,
]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def earlier_garbage() -> None:
    """Hide the objects of earlier tests from the collector, which runs at every step and would take long."""
    gc.collect()
    gc.freeze()


def threads() -> list[str]:
    """Return the names of all threads but the workers of anyio, which end with the loop."""
    return sorted(thread.name for thread in threading.enumerate() if not thread.name.startswith("AnyIO worker"))


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.__name__)
async def test_cancelling_anywhere_leaves_nothing_behind(
    flow: Flow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "BATCH_DELAY", 0.0)
    monkeypatch.setattr(trigger_flow, "FIRST_POLL", 0.01)
    async with TravisServer() as server:
        user = server.world.user("sarah", token=TOKEN)
        user.password = "secret"
        repository = server.world.repository("a/b", users=[user])
        build = repository.build(quiet=True)
        build.start()
        build.jobs[0].write("one\n")
        build.jobs[0].write("two\n", final=True)
        build.finish("passed")
        before = asyncio.all_tasks(), threads()
        step, taken = 0, 0
        while taken >= step:
            step += 1
            async with Travis(TOKEN, endpoint=server.endpoint, live=HASTY) as travis:
                taken = await cancelled(flow(travis, build, tmp_path), step)
                # A feed that is collected unsubscribes; a traceback may keep it alive in a cycle.
                gc.collect()
                assert len(travis._waiting) == 0
                assert len(travis._hub._dispatcher) == 0
                assert [path async for path in anyio.Path(tmp_path).glob("**/.*")] == []
            await until(lambda: not server.pusher.connections)
        assert step > 1
        assert server.world.github_tokens == {}
        await until(lambda: asyncio.all_tasks() <= before[0])
        assert threads() == before[1]
