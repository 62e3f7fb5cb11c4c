"""The client as its user has it: made, shown, opened, closed."""

import asyncio
import pickle
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import anyio
import anyio.from_thread
import pytest

from aiotravis import COM, ORG, Travis, errors
from aiotravis import Repository as RepositoryValue
from aiotravis.testing import Build, Repository, TravisServer
from tests.conftest import TOKEN
from tests.steps import cancelled
from tests.waiting import until


def test_a_trailing_slash_does_not_matter_and_the_token_does_not_show() -> None:
    assert Travis(endpoint="https://host/api/").endpoint == "https://host/api"
    assert repr(Travis(TOKEN)) == f"Travis({COM!r}, with a token)"
    assert repr(Travis(endpoint=ORG)) == f"Travis({ORG!r}, without a token)"


def test_the_environment_is_read_only_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAVIS_TOKEN", TOKEN)
    monkeypatch.setenv("TRAVIS_ENDPOINT", ORG)
    assert repr(Travis()) == f"Travis({COM!r}, without a token)"
    assert repr(Travis.from_env()) == f"Travis({ORG!r}, with a token)"
    monkeypatch.setenv("TRAVIS_TOKEN", "")
    monkeypatch.delenv("TRAVIS_ENDPOINT")
    assert repr(Travis.from_env()) == f"Travis({COM!r}, without a token)"


async def test_it_is_closed_once_or_twice_entered_or_not_used_or_not(
    server: TravisServer, repository: Repository
) -> None:
    unused = Travis(endpoint=server.endpoint)
    await unused.aclose()
    await unused.aclose()
    bare = Travis(endpoint=server.endpoint)
    await bare.repos.get(repository.id)
    await bare.aclose()
    async with bare:
        pass


async def test_after_closing_every_flow_says_so(server: TravisServer, repository: Repository) -> None:
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


def test_on_another_event_loop_every_flow_says_so() -> None:
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


async def test_two_clients_on_one_loop_do_not_know_of_each_other(server: TravisServer, repository: Repository) -> None:
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
async def test_closing_it_ends_every_flow_at_once_and_says_why(name: str, live: bool, fails: bool) -> None:
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
        with anyio.fail_after(0.5):
            await travis.aclose()
            with pytest.raises(errors.UsageError, match="client was closed"):
                await flow


async def test_closing_that_is_cancelled_closes_all_the_same(server: TravisServer, repository: Repository) -> None:
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
        session = travis._transport._sessions._main
        assert session is not None
        assert session.closed
    assert step > 1


async def test_other_settings_hold_for_following_a_log_too(travis: Travis, repository: Repository) -> None:
    job = repository.build().jobs[0]
    job.start()
    job.write("x" * 5000, final=True)
    job.finish()
    job.log.aggregated = True
    with pytest.raises(errors.TooLargeError), anyio.fail_after(5):
        await travis.with_options(max_response=100).follow_log(job.id).text()
    # The log itself is streamed, and may be larger.
    assert await travis.with_options(max_response=4000).follow_log(job.id).text() == job.log.text


def test_values_are_pickled_and_clients_are_not() -> None:
    value = RepositoryValue(id=7, slug="a/b")
    assert pickle.loads(pickle.dumps(value)) == value
    with pytest.raises(TypeError):
        pickle.dumps(Travis(TOKEN))
