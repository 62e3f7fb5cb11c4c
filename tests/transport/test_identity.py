"""Clients of several identities over one pool: nothing but connections is shared."""

import gc
import tracemalloc
import weakref
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack

import aiohttp
import anyio
import pytest

from aiotravis import COM, Travis, errors, events
from aiotravis.testing import Repository, TravisServer
from tests.conftest import HASTY, TOKEN
from tests.waiting import until

OTHER = "another-token-that-must-not-leak"

LISTENERS = 210
"""More than the 200 requests that a pool has in flight."""

MAX_COST = 20_000
"""Bytes that one of a thousand clients may cost until it listens."""


@pytest.fixture
async def other(server: TravisServer, travis: Travis) -> AsyncGenerator[Travis]:
    """A client of another user over the connections of the first."""
    server.world.user("anja", token=OTHER)
    async with travis.with_options(token=OTHER) as other:
        yield other


async def test_each_identity_sends_its_own_token_over_the_same_connection(
    server: TravisServer, travis: Travis, other: Travis
) -> None:
    nobody = travis.with_options(token=None)
    assert ((await travis.users.me()).login, (await other.users.me()).login) == ("sarah", "anja")
    with pytest.raises(errors.AuthenticationError):
        await nobody.users.me()
    assert await other.with_options(token=TOKEN).users.me() == await travis.users.me()
    sent = [request.headers.get("authorization") for request in server.requests]
    assert sent == [f"token {token}" for token in (TOKEN, OTHER)] + [None] + [f"token {TOKEN}"] * 2
    connector = travis._transport.pool.main().connector
    assert connector is not None
    assert sum(map(len, connector._conns.values())) == 1
    assert [repr(one).split()[1] for one in (travis, other, nobody)] == ["with", "with", "without"]


async def test_an_identity_keeps_settings_and_has_the_accept_header_of_its_site() -> None:
    travis = Travis(TOKEN, endpoint=COM, strict=True, user_agent="Mine").with_options(attempts=7)
    other, nobody = travis.with_options(token=OTHER, attempts=2), travis.with_options(token=None)
    assert (other._transport.config.attempts, nobody._transport.config.attempts) == (2, 7)
    assert (other._transport.config.strict, nobody._transport.config.strict) == (True, True)
    versions = [one._transport.identity.accept for one in (travis, other, nobody)]
    assert versions == ["application/vnd.travis-ci.2+json"] * 2 + ["application/vnd.travis-ci.2.1+json"]
    for token in ("", "two words", 7, True):
        with pytest.raises(errors.UsageError) as info:
            travis.with_options(token=token)  # type: ignore[arg-type]
        assert info.value.argument == "token"


@pytest.mark.parametrize("status", [403, 500])
async def test_the_errors_of_an_identity_hide_its_token(server: TravisServer, other: Travis, status: int) -> None:
    text = {"Content-Type": "text/plain"}
    server.respond("GET", "/config", status=status, body=f"{OTHER} is wrong".encode(), headers=text)
    with pytest.raises(errors.ResponseError, match=r"\[token\] is wrong") as info:
        await other.with_options(attempts=1).config.get()
    assert OTHER not in repr(info.value) + str(info.value) + info.value.excerpt + repr(other)


async def test_a_ban_of_one_identity_leaves_the_other(server: TravisServer, other: Travis, travis: Travis) -> None:
    server.respond("GET", "/users", status=403, body=b"Forbidden\n", headers={"Content-Type": "text/plain"}, times=1)
    with pytest.raises(errors.BannedError):
        await other.users.me()
    with pytest.raises(errors.BannedError, match="was not sent"):
        await other.users.me()
    assert (await travis.users.me()).login == "sarah"
    assert (travis.limits.banned_until, other.limits.banned_until is None) == (None, False)


async def test_each_identity_listens_on_a_connection_of_its_own(
    server: TravisServer, travis: Travis, other: Travis
) -> None:
    anja = next(user for user in server.world.users.values() if user.login == "anja")
    mine, theirs = server.world.repository("a/mine", private=True), server.world.repository("a/theirs", private=True)
    mine.users.append(server.world.users[201])
    theirs.users.append(anja)
    async with travis.events() as feed, other.events() as other_feed:
        assert len(server.pusher.connections) == 2
        mine.build()
        theirs.build()
        for one, repository in ((feed, mine), (other_feed, theirs)):
            with anyio.fail_after(5):
                event = await anext(one)
            assert isinstance(event, events.BuildCreated)
            assert event.build.repository_id == repository.id
        with pytest.raises(errors.SubscriptionError):
            await anext(other.events(channels=["private-user-201"]))
    # One of the build and one of its job.
    assert (travis.live.statistics().events, other.live.statistics().events) == (2, 2)


async def test_a_restart_is_remembered_by_the_identity_that_made_it(
    travis: Travis, other: Travis, repository: Repository
) -> None:
    build = repository.history(1)[0]
    await travis.builds.restart(build.id)
    assert [len(one._restarts) for one in (travis, travis.with_options(attempts=1), other)] == [1, 1, 0]


async def test_closing_an_identity_ends_its_calls_and_leaves_the_others(
    server: TravisServer, travis: Travis, other: Travis, repository: Repository
) -> None:
    build, same = repository.build(), other.with_options(attempts=1)
    ended: list[str] = []

    async def wait(client: Travis, name: str) -> None:
        with pytest.raises(errors.UsageError, match="closed"):
            await client.wait_for_build(build.id)
        ended.append(name)

    async with anyio.create_task_group() as group, travis.events(repository.id) as feed:
        group.start_soon(wait, other, "waiter")
        await until(lambda: len(server.pusher.connections) == 2)
        await other.aclose()
        await until(lambda: ended == ["waiter"])
        await until(lambda: len(server.pusher.connections) == 1)
        build.start()
        assert isinstance(await anext(feed), events.JobReceived | events.JobStarted)
    for one in (other, same):
        with pytest.raises(errors.UsageError, match="This client is closed"):
            await one.users.me()
    await travis.users.me()
    await travis.with_options(token=OTHER).users.me()


async def test_closing_the_first_client_closes_every_identity(server: TravisServer, repository: Repository) -> None:
    build = repository.build()
    travis = Travis(TOKEN, endpoint=server.endpoint, live=HASTY)
    nobody = travis.with_options(token=None)
    again = nobody.with_options(token=TOKEN)
    unused = travis.with_options(token=None)
    ended: list[str] = []

    async def wait(client: Travis) -> None:
        with pytest.raises(errors.UsageError, match="closed"):
            await client.wait_for_build(build.id)
        ended.append("waiter")

    async with anyio.create_task_group() as group:
        for one in (travis, nobody, again):
            group.start_soon(wait, one)
        await until(lambda: len(server.pusher.connections) == 3)
        await travis.aclose()
    assert len(ended) == 3
    await until(lambda: not server.pusher.connections)
    for one in (nobody, again, unused, travis.with_options(token=None)):
        with pytest.raises(errors.UsageError, match="This client is closed"):
            await one.config.get()
    with pytest.raises(errors.UsageError, match="closed"):
        travis._transport.pool.main()


async def test_a_client_that_nobody_uses_any_more_needs_no_closing(travis: Travis, server: TravisServer) -> None:
    server.world.user("anja", token=OTHER)
    other = travis.with_options(token=OTHER)
    await other.users.me()
    gone = weakref.ref(other._transport.lifetime)
    del other
    gc.collect()
    assert gone() is None


async def test_more_identities_listen_than_requests_are_in_flight(server: TravisServer, travis: Travis) -> None:
    async with AsyncExitStack() as stack:
        for number in range(LISTENERS):
            server.world.user(f"user-{number}", token=f"token-{number}")
            client = travis.with_options(token=f"token-{number}")
            await stack.enter_async_context(client.events(channels=[f"repo-{number}"]))
        assert len(server.pusher.connections) == LISTENERS
        with anyio.fail_after(5):
            await travis.users.me()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_a_session_that_would_mix_identities_is_refused(server: TravisServer) -> None:
    server.world.user("anja", token=OTHER)
    refused = (
        aiohttp.ClientSession(),
        aiohttp.ClientSession(headers={"authorization": "token x"}, cookie_jar=aiohttp.DummyCookieJar()),
        aiohttp.ClientSession(auth=aiohttp.BasicAuth("me", "secret"), cookie_jar=aiohttp.DummyCookieJar()),
    )
    for session in refused:
        async with session, Travis(TOKEN, endpoint=server.endpoint, session=session) as travis:
            for token in (OTHER, None):
                with pytest.raises(errors.UsageError, match="session given to this client"):
                    travis.with_options(token=token)
            travis.with_options(attempts=1)
    async with (
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
        Travis(TOKEN, endpoint=server.endpoint, session=session) as travis,
    ):
        assert (await travis.with_options(token=OTHER).users.me()).login == "anja"
        await travis.with_options(token=None).config.get()
    assert "authorization" not in server.requests[-1].headers


async def test_a_thousand_clients_cost_twenty_kilobytes_each(server: TravisServer, travis: Travis) -> None:
    for number in range(1010):
        server.world.user(f"user-{number}", token=f"token-{number}")
    clients = [travis.with_options(token=f"token-{number}") for number in range(1000, 1010)]
    for one in clients:
        await one.users.me()
    server.max_records = 1
    await travis.users.me()
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        clients = [travis.with_options(token=f"token-{number}") for number in range(1000)]
        for one in clients:
            await one.users.me()
            one.statistics()
        gc.collect()
        each = (tracemalloc.get_traced_memory()[0] - before) / len(clients)
    finally:
        tracemalloc.stop()
    assert each < MAX_COST
