"""Quirks of HTTP, limits and routes: numbers 5, 7 to 9, 23, 24, 45 and 47."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import anyio
import pytest

from aiotravis import Travis, errors
from aiotravis.testing import Repository, TravisServer
from tests.conftest import TOKEN
from tests.quirks.served import TEXT


async def test_quirk_5_status_429_pauses_the_client_until_the_next_minute(server: TravisServer, travis: Travis) -> None:
    server.respond("GET", "/users", status=429, body=b"Retry later\n", headers={"Content-Type": TEXT})
    with pytest.raises(errors.RateLimited, match="Wait for the next whole minute") as info:
        await travis.with_options(attempts=1).users.me()
    assert info.value.retry_after is None
    assert 0 < travis.limits.paused <= 60
    sent = len(server.requests)
    with anyio.move_on_after(min(0.05, travis.limits.paused / 2)) as scope:
        await travis.config.get()
    assert scope.cancelled_caught
    assert len(server.requests) == sent


async def test_quirk_5_a_second_sign_in_is_delayed_by_the_rate_limiter() -> None:
    async with TravisServer(rate_rules=True, clock=lambda: 1.5e9) as server:
        server.world.user("sarah", token=TOKEN)
        async with Travis(endpoint=server.endpoint, rate_limits=True) as travis:
            assert await travis.auth.github(f"github-{TOKEN}") == TOKEN
            with anyio.move_on_after(0.1) as scope:
                await travis.auth.github(f"github-{TOKEN}")
            assert scope.cancelled_caught
            assert [seen.path for seen in server.requests] == ["/auth/github"]
            assert server.rates is not None
            assert server.rates.banned == {}


async def test_quirk_5_a_sign_in_ban_lasts_five_hours_and_stops_all_requests() -> None:
    async with TravisServer(rate_rules=True, clock=lambda: 1.5e9) as server:
        server.world.user("sarah", token=TOKEN)
        async with Travis(endpoint=server.endpoint, rate_limits=False) as travis:
            for _ in range(2):
                assert await travis.auth.github(f"github-{TOKEN}") == TOKEN
            with pytest.raises(errors.BannedError, match=r"ends after 5 h\. Signing in again makes it worse") as info:
                await travis.auth.github(f"github-{TOKEN}")
            assert info.value.lifted_at is not None
            assert timedelta(hours=4.9) < info.value.lifted_at - datetime.now(UTC) <= timedelta(hours=5)
            with pytest.raises(errors.BannedError, match="was not sent"):
                await travis.config.get()
            assert [seen.status for seen in server.requests] == [200, 200, 403]


READS: dict[str, Callable[[Travis], Awaitable[object]]] = {
    "repos": lambda t: t.repos.get("travis-ci/travis.rb"),
    "build": lambda t: t.builds.get(1001),
    "builds": lambda t: t.builds.recent(),
    "job": lambda t: t.jobs.get(1002),
    "branches": lambda t: t.branches.list(82),
    "log": lambda t: t.logs.get(1002),
    "user": lambda t: t.users.me(),
    "key": lambda t: t.repository_keys.get(82),
}


@pytest.mark.parametrize("name", READS)
async def test_quirk_7_every_request_accepts_version_2_and_no_path_has_a_suffix(
    server: TravisServer, travis: Travis, repository: Repository, name: str
) -> None:
    repository.build().jobs[0].write("text")
    await READS[name](travis)
    seen = server.requests[-1]
    assert "application/vnd.travis-ci.2+json" in seen.headers["accept"] or "version=2" in seen.headers["accept"]
    assert not seen.path.endswith((".json", ".xml", ".txt"))


async def test_quirk_7_a_body_of_version_1_raises_a_decode_error(server: TravisServer, travis: Travis) -> None:
    server.respond("GET", "/builds/7", body=b'{"id":7,"repository_id":82,"number":"1","state":"finished","result":0}')
    with pytest.raises(errors.DecodeError, match=r"JSON in an unknown shape.*`build`") as info:
        await travis.builds.get(7)
    assert (info.value.status, info.value.path) == (200, "/builds/7")


@pytest.mark.parametrize("slash", ["", "/"])
async def test_quirk_8_every_request_to_enterprise_is_below_its_base_path(slash: str) -> None:
    async with TravisServer(mode="enterprise") as server:
        user = server.world.user("sarah", token=TOKEN)
        build = server.world.repository("a/b", users=[user]).build()
        async with Travis(TOKEN, endpoint=server.endpoint + slash) as travis:
            assert travis.endpoint.endswith("/api")
            assert (await travis.repos.get("a/b")).slug == "a/b"
            assert [one.id async for one in travis.builds.list("a/b")] == [build.id]
            await travis.logs.parts(build.jobs[0].id)
            await travis.builds.cancel(build.id)
            await travis.config.get()
            assert travis.auth.handshake_url("http://localhost:8080/").startswith(f"{server.endpoint}/auth/handshake?")
    assert len(server.requests) == 5
    assert all(seen.path.startswith("/api/") for seen in server.requests)
    assert {seen.status for seen in server.requests} == {200, 204}


async def test_quirk_9_a_redirect_to_another_host_drops_the_token(server: TravisServer, travis: Travis) -> None:
    async with TravisServer() as archive:
        archive.respond("GET", "/jobs/42/log.txt", body="größe\r\n".encode(), headers={"Content-Type": TEXT})
        location = f"{archive.endpoint}/jobs/42/log.txt?Signature=a%2Bb"
        server.respond("GET", "/jobs/42/log", status=307, headers={"Location": location})
        assert await travis.logs.text(42) == "größe\r\n"
        assert server.requests[-1].headers["authorization"] == f"token {TOKEN}"
        (seen,) = archive.requests
        assert seen.path == "/jobs/42/log.txt?Signature=a%2Bb"
        assert TOKEN not in str(seen)
        assert {"authorization", "cookie"}.isdisjoint(seen.headers)


async def test_quirk_9_a_redirect_within_the_api_keeps_the_token(server: TravisServer, travis: Travis) -> None:
    server.respond("GET", "/users", status=301, headers={"Location": f"{server.endpoint}/users/"})
    assert (await travis.users.me()).login == "sarah"


async def test_quirk_23_documented_routes_that_do_not_exist_are_never_requested(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    build = repository.build()
    build.jobs[0].write("text")
    assert [one.id async for one in travis.builds.list(repository.id)] == [build.id]
    assert (await travis.builds.find(repository.id, 1)).id == build.id
    await travis.logs.get(build.jobs[0].id)
    await travis.logs.text(build.jobs[0].id)
    await travis.env_vars.list(repository.id)
    assert [seen.path for seen in server.requests] == [
        "/builds?repository_id=82",
        "/builds?repository_id=82&number=1",
        f"/jobs/{build.jobs[0].id}/log",
        f"/jobs/{build.jobs[0].id}/log",
        "/settings/env_vars?repository_id=82",
    ]


async def test_quirk_24_the_handshake_url_has_the_parameter_that_works(travis: Travis) -> None:
    url = travis.auth.handshake_url("http://localhost:8080/")
    assert "redirect_uri=http%3A%2F%2Flocalhost%3A8080%2F" in url


class Front:
    """A server that counts the requests per connection, and closes the first connection.

    Args:
        closes: ``idle``: after the first response; ``busy``: instead of the second; ``never``.
    """

    def __init__(self, closes: str) -> None:
        self.closes = closes
        self.counts: list[int] = []
        self.closed = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.counts.append(0)
        closes = self.closes if len(self.counts) == 1 else "never"
        while await reader.readline():
            while (await reader.readline()).strip():
                pass
            self.counts[-1] += 1
            if closes == "busy" and self.counts[-1] == 2:
                break
            writer.write(CONFIG)
            await writer.drain()
            if closes == "idle":
                break
        writer.close()
        self.closed.set()


CONFIG = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json;charset=utf-8\r\nContent-Length: 35\r\n\r\n"
    b'{"config":{"host":"travis-ci.org"}}'
)


@pytest.mark.parametrize("closes", ["idle", "busy"])
async def test_quirk_45_a_read_survives_a_closed_keep_alive_connection(closes: str) -> None:
    front = Front(closes)
    async with (
        await asyncio.start_server(front.serve, "127.0.0.1", 0) as listening,
        Travis(TOKEN, endpoint=f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}") as travis,
    ):
        assert (await travis.config.get()).host == "travis-ci.org"
        if closes == "idle":
            await front.closed.wait()
        assert (await travis.config.get()).host == "travis-ci.org"
    assert front.counts == ([1, 1] if closes == "idle" else [2, 1])


async def test_quirk_45_idle_connections_are_closed_before_the_server_closes_them(travis: Travis) -> None:
    await travis.config.get()
    connector = travis._transport.pool.main().connector
    assert connector is not None
    timeout = connector._keepalive_timeout
    assert timeout is not None
    assert 1 <= timeout < 5


async def test_quirk_45_a_write_on_a_lost_connection_is_not_retried(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    build = repository.history(1)[0]
    server.lose_answer("POST", f"/builds/{build.id}/restart")
    with pytest.raises(errors.RequestError, match="the connection was lost before a response came"):
        await travis.builds.restart(build.id)
    assert [seen.path for seen in server.requests] == [f"/builds/{build.id}/restart"]


async def test_quirk_47_logout_sends_the_token_in_the_query_and_shows_it_nowhere(
    server: TravisServer, travis: Travis
) -> None:
    await travis.auth.logout()
    assert server.requests[-1].path == f"/logout?access_token={TOKEN}"
    with pytest.raises(errors.AuthenticationError, match=r"GET /logout\?access_token=\.\.\. answered 403") as info:
        await travis.auth.logout()
    assert TOKEN not in f"{info.value} {info.value.path} {info.value.excerpt}"
