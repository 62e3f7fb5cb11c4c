"""The client as its user has it: made, shown, opened, closed."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import anyio
import anyio.from_thread
import anyio.lowlevel
import pytest

from aiotravis import COM, ORG, Feed, Travis, errors
from aiotravis._http import ApiResponse
from aiotravis.resources.jobs import Jobs
from aiotravis.testing import Build, Repository, TravisServer
from tests.conftest import TOKEN
from tests.samples import Scripted
from tests.steps import cancelled
from tests.waiting import until


def test_a_trailing_slash_does_not_matter_and_the_token_does_not_show() -> None:
    assert Travis(endpoint="https://host/api/").endpoint == "https://host/api"
    assert repr(Travis(TOKEN)) == f"Travis({COM!r}, with a token)"
    assert repr(Travis(endpoint=ORG)) == f"Travis({ORG!r}, without a token)"


def test_the_environment_is_read_only_by_from_env(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAVIS_TOKEN", TOKEN)
    monkeypatch.setenv("TRAVIS_ENDPOINT", ORG)
    assert repr(Travis()) == f"Travis({COM!r}, without a token)"
    assert repr(Travis.from_env()) == f"Travis({ORG!r}, with a token)"
    monkeypatch.setenv("TRAVIS_TOKEN", "")
    monkeypatch.delenv("TRAVIS_ENDPOINT")
    assert repr(Travis.from_env()) == f"Travis({COM!r}, without a token)"


async def test_closing_works_in_every_state_and_twice(server: TravisServer, repository: Repository) -> None:
    unused = Travis(endpoint=server.endpoint)
    await unused.aclose()
    await unused.aclose()
    bare = Travis(endpoint=server.endpoint)
    await bare.repos.get(repository.id)
    await bare.aclose()
    async with bare:
        pass


async def test_every_flow_of_a_closed_client_raises_usage_error(server: TravisServer, repository: Repository) -> None:
    travis = Travis(endpoint=server.endpoint)
    await travis.aclose()
    build = repository.build()
    uses: list[Callable[[], Awaitable[object]]] = [
        lambda: travis.repos.get(repository.id),
        lambda: travis.wait_for_build(build.id),
        lambda: travis.wait_for_job(build.jobs[0].id),
        lambda: travis.wait_for_commit(repository.id, build.commit.sha),
        lambda: anext(travis.follow_log(build.jobs[0].id)),
        lambda: travis.events(repository.id).__aenter__(),
        lambda: travis.events(channels=["repo-1"]).__aenter__(),
        lambda: travis.builds.list(repository.id).__anext__(),
        lambda: travis.request("GET", "/config"),
    ]
    for use in uses:
        with pytest.raises(errors.UsageError, match="closed"):
            await use()
    assert server.requests == []


def test_every_flow_on_another_event_loop_raises_usage_error() -> None:
    """The first loop runs on, in a thread of its own: whoever waited there would wait in vain here."""
    with anyio.from_thread.start_blocking_portal() as portal:
        server = portal.call(TravisServer().__aenter__)
        build = server.world.repository("a/b").build()
        travis = Travis(endpoint=server.endpoint)
        portal.call(travis.repos.get, "a/b")
        waiting = portal.start_task_soon(travis.wait_for_build, build.id)
        portal.call(server.pusher.wait_occupied, f"repo-{build.repository.id}")
        uses: list[Callable[[], Coroutine[None, None, object]]] = [
            lambda: travis.repos.get("a/b"),
            lambda: travis.wait_for_build(build.id),
            lambda: travis.wait_for_commit(build.repository.id, build.commit.sha),
            lambda: travis.follow_log(build.jobs[0].id).__anext__(),
            lambda: travis.events(build.repository.id).__aenter__(),
        ]

        async def elsewhere() -> None:
            for use in uses:
                with pytest.raises(errors.UsageError, match="another event loop"), anyio.fail_after(2):
                    await use()

        asyncio.run(elsewhere())
        portal.call(build.finish)
        assert waiting.result(5).finished
        portal.call(travis.aclose)
        portal.call(server.__aexit__, None, None, None)


async def test_two_clients_on_one_loop_are_independent(server: TravisServer, repository: Repository) -> None:
    first, second = Travis(endpoint=server.endpoint), Travis(endpoint=server.endpoint)
    async with second:
        await first.repos.get(repository.id)
        await first.aclose()
        assert (await second.repos.get(repository.id)).id == repository.id


Flow = Callable[[Travis, Build], Coroutine[Any, Any, object]]

FLOWS: dict[str, Flow] = {
    "follow_log": lambda t, b: t.follow_log(b.jobs[0].id).text(),
    "wait_for_build": lambda t, b: t.wait_for_build(b.id),
    "wait_for_commit": lambda t, b: t.wait_for_commit(b.repository.id, "a" * 40),
}


@pytest.mark.parametrize("name", FLOWS)
@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize("fails", [False, True])
async def test_closing_ends_every_flow_at_once_with_the_reason(name: str, live: bool, fails: bool) -> None:
    """With a live channel, or polling; while all goes well, or while a failing server is waited out."""
    async with TravisServer(pusher_key="key" if live else None) as server:
        build = server.world.repository("a/b").build()
        travis = Travis(endpoint=server.endpoint, attempts=1)
        if fails:
            server.respond("GET", "/config", status=500)
            server.respond("GET", "/builds", status=500)
            server.respond("GET", f"/jobs/{build.jobs[0].id}", status=500)
        flow = asyncio.ensure_future(FLOWS[name](travis, build))
        await until(lambda: len(server.requests) >= (1 if fails else 3))
        await anyio.wait_all_tasks_blocked()
        # The shortest wait that could go on is that for the next poll of a log, of two seconds.
        with anyio.fail_after(1.5):
            await travis.aclose()
            with pytest.raises(errors.UsageError, match="client was closed"):
                await flow


async def test_cancelling_aclose_closes_everything_all_the_same(server: TravisServer, repository: Repository) -> None:
    build = repository.build()
    step = taken = 0
    while taken >= step:
        step += 1
        travis = Travis(endpoint=server.endpoint)
        waiting = asyncio.ensure_future(travis.wait_for_build(build.id))
        listening = asyncio.ensure_future(anext(travis.events(channels=["repo-7"])))
        await server.pusher.wait_occupied("repo-82")
        await server.pusher.wait_occupied("repo-7")
        taken = await cancelled(travis.aclose(), step)
        with anyio.fail_after(2):
            for task in (waiting, listening):
                with pytest.raises(errors.UsageError, match="closed"):
                    await task
            await until(lambda: not server.pusher.connections)
        session = travis._transport.pool._main
        assert session is not None
        assert session.closed
    assert step > 1


async def test_options_hold_for_following_a_log(travis: Travis, repository: Repository) -> None:
    job = repository.build().jobs[0]
    job.start()
    job.write("x" * 5000, final=True)
    job.finish()
    job.log.aggregated = True
    with pytest.raises(errors.TooLargeError), anyio.fail_after(5):
        await travis.with_options(max_response=100).follow_log(job.id).text()
    # The log itself is streamed, and may be larger.
    assert await travis.with_options(max_response=4000).follow_log(job.id).text() == job.log.text


@pytest.mark.parametrize("live", [True, False])
async def test_options_hold_for_every_flow(live: bool) -> None:
    async with TravisServer(pusher_key="key" if live else None) as server:
        build = server.world.repository("a/b").build().start()
        flows: dict[str, Callable[[Travis], Awaitable[object]]] = {
            "wait_for_build": lambda client: client.wait_for_build(build.id, until=lambda found: found.running),
            "wait_for_job": lambda client: client.wait_for_job(build.jobs[0].id, until=lambda found: found.running),
            "wait_for_commit": lambda client: client.wait_for_commit(
                "a/b", build.commit.sha, until=lambda found: found.running
            ),
        }
        if live:
            flows["events"] = lambda client: opened(client.events("a/b"))
        async with Travis(endpoint=server.endpoint) as travis:
            small = travis.with_options(max_response=5)
            for flow in flows.values():
                with pytest.raises(errors.TooLargeError), anyio.fail_after(5):
                    await flow(small)
                with anyio.fail_after(5):
                    await flow(travis)


async def opened(feed: Feed) -> None:
    async with feed:
        pass


async def test_closing_the_client_ends_waits_of_a_client_with_other_options(server: TravisServer) -> None:
    build = server.world.repository("a/b").build()
    travis = Travis(endpoint=server.endpoint)
    waiting = asyncio.ensure_future(travis.with_options(attempts=1).wait_for_build(build.id))
    await server.pusher.wait_occupied(f"repo-{build.repository.id}")
    await travis.aclose()
    with pytest.raises(errors.UsageError, match="client was closed"):
        await waiting


async def test_a_strict_client_raises_where_another_reads_what_it_can(server: TravisServer) -> None:
    body = b'{"builds":[{"id":1,"number":null},{"number":"2"}]}'
    server.respond("GET", "/builds", body=body)
    async with Travis(TOKEN, endpoint=server.endpoint) as travis:
        results = await travis.builds.recent()
        assert ([(build.id, build.number) for build in results], len(results.unreadable)) == ([(1, "")], 1)
        strict = travis.with_options(strict=True)
        with pytest.raises(errors.DecodeError, match=r"at `\$\.builds\[0\]\.number`"):
            await strict.builds.recent()
        assert len(await strict.with_options(strict=False).builds.recent()) == 1
    async with Travis(TOKEN, endpoint=server.endpoint, strict=True) as travis:
        with pytest.raises(errors.DecodeError):
            [build async for build in travis.builds.list(82)]


async def test_other_tasks_run_while_a_large_odd_answer_is_read(server: TravisServer, travis: Travis) -> None:
    jobs = ",".join(f'{{"id":{number},"number":null}}' for number in range(1, 3001))
    server.respond("GET", "/jobs", body=f'{{"jobs":[{jobs}]}}'.encode())
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await anyio.lowlevel.checkpoint()
            turns += 1

    response = ApiResponse(200, {}, f'{{"jobs":[{jobs}]}}'.encode())
    async with anyio.create_task_group() as group:
        group.start_soon(count)
        assert len(await Jobs(Scripted(response)).list()) == 3000
        group.cancel_scope.cancel()
    assert turns > 50
    assert len(await travis.jobs.list()) == 3000
