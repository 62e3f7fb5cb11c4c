"""The transport against a real server: what comes back, what goes wrong, what must never travel."""

import asyncio
import dataclasses
import gzip
import logging
import socket
import zlib
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import aiohttp
import anyio
import anyio.lowlevel
import pytest
from aiohttp import web

from aiotravis import Travis, errors
from aiotravis._http import Call, judge
from aiotravis.testing import Repository, TravisServer
from tests.conftest import TOKEN

CONFIG = b'{"config":{"host":"travis-ci.org"}}'


@asynccontextmanager
async def wire(answer: Callable[[bytes], bytes | None]) -> AsyncGenerator[str]:
    """Serve raw bytes for each request head, then close; None closes at once."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            told = answer(head)
            if told is not None:
                writer.write(told)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


def whole(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def client(endpoint: str, *, attempts: int = 1, max_response: int = 64 << 20, read_timeout: float = 30.0) -> Travis:
    return Travis(TOKEN, endpoint=endpoint, attempts=attempts, max_response=max_response, read_timeout=read_timeout)


def hasty(travis: Travis) -> None:
    """Let a client try again without delay."""
    travis._transport.connecting = dataclasses.replace(travis._transport.connecting, first_delay=0.0)


async def test_requests_say_who_asks_and_for_what(server: TravisServer, travis: Travis) -> None:
    await travis.config.get()
    headers = server.requests[-1].headers
    assert headers["user-agent"].startswith("aiotravis/")
    assert headers["accept"] == "application/vnd.travis-ci.2+json"
    assert headers["accept-encoding"] == "gzip"
    assert headers["authorization"] == f"token {TOKEN}"
    assert "cookie" not in headers


async def test_nothing_is_opened_before_the_first_call() -> None:
    travis = Travis()
    await travis.aclose()
    await travis.aclose()


async def test_many_calls_share_connections_and_leave_none(server: TravisServer, repository: Repository) -> None:
    builds = repository.history(40)
    async with Travis(endpoint=server.endpoint) as travis, anyio.create_task_group() as group:
        for build in builds:
            group.start_soon(travis.builds.get, build.id)
    assert len(server.requests) == 40


async def test_a_refused_connection_names_request_and_remedy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"
    async with client(endpoint) as travis:
        with pytest.raises(
            errors.RequestError, match=r"GET /config: http://127.*no connection.*is the endpoint right"
        ) as info:
            await travis.config.get()
    assert (info.value.method, info.value.path, info.value.attempts, info.value.unsent) == ("GET", "/config", 1, True)


async def test_an_unknown_host_is_told_as_such() -> None:
    async with client("http://no-such-host.invalid") as travis:
        with pytest.raises(errors.RequestError, match="its name is unknown"):
            await travis.config.get()


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (None, errors.RequestError),
        (b"this is not HTTP\r\n\r\n", errors.RequestError),
        (whole(CONFIG)[:-5], errors.TruncatedError),
        (b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{"config', errors.TruncatedError),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", errors.RequestError),
        (whole(gzip.compress(CONFIG)[:-9], "Content-Encoding: gzip"), errors.TruncatedError),
        (whole(b"no gzip at all", "Content-Encoding: gzip"), errors.TruncatedError),
        (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + CONFIG[:-1], errors.DecodeError),
        (whole(b""), errors.DecodeError),
        (whole(b"", "Content-Encoding: gzip"), errors.DecodeError),
        (whole(b"<html>", status="502 Bad Gateway"), errors.ServerError),
    ],
)
async def test_a_broken_answer_is_an_error_of_the_tree(answer: bytes | None, kind: type[errors.TravisError]) -> None:
    async with wire(lambda head: answer) as endpoint, client(endpoint) as travis:
        with pytest.raises(kind) as info:
            await travis.config.get()
        assert "/config" in str(info.value)
        assert TOKEN not in str(info.value)


async def test_reads_are_tried_again_and_the_attempts_counted() -> None:
    answers = [None, whole(b"", status="503 Service Unavailable"), whole(CONFIG)]
    async with wire(lambda head: answers.pop(0)) as endpoint, client(endpoint, attempts=3) as travis:
        hasty(travis)
        assert (await travis.config.get()).host == "travis-ci.org"
    assert answers == []


async def test_after_the_last_attempt_the_error_tells_how_many_there_were() -> None:
    async with wire(lambda head: None) as endpoint, client(endpoint, attempts=3) as travis:
        hasty(travis)
        with pytest.raises(errors.RequestError) as info:
            await travis.config.get()
    assert info.value.attempts == 3


async def test_writes_that_may_have_arrived_are_sent_once() -> None:
    heads: list[bytes] = []
    async with wire(lambda head: heads.append(head)) as endpoint, client(endpoint, attempts=3) as travis:
        with pytest.raises(errors.RequestError):
            await travis.pusher_auth.sign("1.1", ["repo-1"])
    assert len(heads) == 1


@pytest.mark.parametrize("packed", [False, True])
async def test_an_answer_above_the_limit_is_refused(packed: bool) -> None:
    body = b'{"config":' + b" " * 3_000_000 + b"{}}"
    sent = whole(gzip.compress(body), "Content-Encoding: gzip") if packed else whole(body)
    async with wire(lambda head: sent) as endpoint, client(endpoint, max_response=2_000_000) as travis:
        with pytest.raises(errors.TooLargeError, match="larger than 2000000 bytes") as info:
            await travis.config.get()
        assert info.value.limit == 2_000_000
    async with wire(lambda head: sent) as endpoint, client(endpoint) as travis:
        assert (await travis.config.get()).host is None


async def test_a_deflated_answer_is_unpacked_too() -> None:
    sent = whole(zlib.compress(CONFIG), "Content-Encoding: deflate")
    async with wire(lambda head: sent) as endpoint, client(endpoint) as travis:
        assert (await travis.config.get()).host == "travis-ci.org"


async def test_a_silent_server_times_out() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    listening = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with listening:
        endpoint = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        async with client(endpoint, read_timeout=0.05, attempts=3) as travis:
            with pytest.raises(errors.RequestTimeout, match="did not answer in time") as info:
                await travis.config.get()
        assert info.value.attempts == 1
        assert isinstance(info.value, TimeoutError)


async def test_closing_ends_what_is_under_way(server: TravisServer) -> None:
    server.latency = 30
    travis = Travis(endpoint=server.endpoint)
    raised: list[Exception] = []

    async def ask() -> None:
        try:
            await travis.config.get()
        except errors.TravisError as exc:
            raised.append(exc)

    async with anyio.create_task_group() as group:
        group.start_soon(ask)
        await anyio.wait_all_tasks_blocked()
        await travis.aclose()
    assert isinstance(raised[0], errors.UsageError)
    assert "closed while GET /config was under way" in str(raised[0])
    server.latency = 0


async def test_a_closed_client_says_so(travis: Travis) -> None:
    await travis.aclose()
    with pytest.raises(errors.UsageError, match="This client is closed"):
        await travis.config.get()


async def test_a_cancelled_call_leaves_the_client_usable(server: TravisServer, travis: Travis) -> None:
    server.latency = 30
    with anyio.move_on_after(0.02) as scope:
        await travis.config.get()
    assert scope.cancelled_caught
    server.latency = 0
    assert (await travis.config.get()).host == "travis-ci.org"


def test_another_event_loop_is_told_as_such() -> None:
    async def use(travis: Travis) -> None:
        async with TravisServer() as server:
            travis._transport._endpoint = server.endpoint
            await travis.config.get()

    travis = Travis(endpoint="http://127.0.0.1:1")
    with asyncio.Runner() as first:
        first.run(use(travis))
        with asyncio.Runner() as second, pytest.raises(errors.UsageError, match="another event loop"):
            second.run(use(travis))
        first.run(travis.aclose())


def test_without_an_event_loop_of_asyncio_nothing_works() -> None:
    coroutine = Travis().config.get()
    with pytest.raises(errors.UsageError, match="needs asyncio"):
        coroutine.send(None)


async def test_a_session_of_ones_own_is_used_and_never_closed(server: TravisServer) -> None:
    async with aiohttp.ClientSession(headers={"X-Mine": "yes"}) as session:
        async with Travis(endpoint=server.endpoint, session=session) as travis:
            await travis.config.get()
        assert not session.closed
        assert server.requests[-1].headers["x-mine"] == "yes"
    with pytest.raises(errors.UsageError, match="session given to this client is closed"):
        await Travis(endpoint=server.endpoint, session=session).config.get()


async def test_traces_see_every_attempt(server: TravisServer) -> None:
    seen: list[str] = []

    async def start(session: object, context: object, params: aiohttp.TraceRequestStartParams) -> None:
        seen.append(str(params.url))

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(start)
    server.respond("GET", "/config", status=502, times=1)
    async with Travis(endpoint=server.endpoint, trace_configs=[trace]) as travis:
        hasty(travis)
        await travis.config.get()
    assert seen == [f"{server.endpoint}/config"] * 2


# Redirects ------------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def foreign_host() -> AsyncGenerator[tuple[str, list[web.BaseRequest]]]:
    """Serve a log on another origin, and note who asks."""
    asked: list[web.BaseRequest] = []

    async def serve(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(request)
        return web.Response(text="the archived log")

    runner = web.ServerRunner(web.Server(serve))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}", asked
    await runner.cleanup()


async def test_a_redirect_to_another_host_carries_no_token_and_no_header_of_ones_own(server: TravisServer) -> None:
    headers = {"X-Mine": "secret", "Authorization": "token of-the-session"}
    async with foreign_host() as (address, asked), aiohttp.ClientSession(headers=headers) as session:
        server.respond("GET", "/jobs/7/log", status=307, headers={"Location": f"{address}/archive/7.txt?sig=1"})
        async with Travis(TOKEN, endpoint=server.endpoint, session=session) as travis:
            assert await travis.logs.text(7) == "the archived log"
        assert set(asked[0].headers) == {"Host", "Accept", "Accept-Encoding", "User-Agent"}
        assert asked[0].query_string == "sig=1"


async def test_a_redirect_within_the_api_keeps_the_token(server: TravisServer, travis: Travis) -> None:
    server.respond("GET", "/config", status=302, headers={"Location": "/uptime"}, times=1)
    with pytest.raises(errors.DecodeError):
        await travis.config.get()
    assert server.requests[-1].path == "/uptime"
    assert server.requests[-1].headers["authorization"] == f"token {TOKEN}"


async def test_redirects_in_circles_end(server: TravisServer, travis: Travis) -> None:
    server.respond("GET", "/config", status=301, headers={"Location": "/config"})
    with pytest.raises(errors.RedirectError, match="in circles"):
        await travis.config.get()
    assert len(server.requests) == 6


async def test_a_write_is_never_repeated_elsewhere(server: TravisServer, travis: Travis) -> None:
    async with foreign_host() as (address, asked):
        server.respond("POST", "/pusher/auth", status=307, headers={"Location": address})
        with pytest.raises(errors.RedirectError, match="a write is never repeated elsewhere"):
            await travis.pusher_auth.sign("1.1", ["private-user-1"])
        assert asked == []


# Budgets --------------------------------------------------------------------------------------------------------------


async def test_a_ban_stops_what_waits_and_all_that_follows(server: TravisServer) -> None:
    server.respond("GET", "/config", status=403, body=b"Forbidden\n", headers={"Content-Type": "text/plain"})
    async with Travis(TOKEN, endpoint=server.endpoint) as travis:
        with pytest.raises(errors.BannedError) as info:
            await travis.config.get()
        assert info.value.lifted_at is not None
        with pytest.raises(errors.BannedError, match="was not sent"):
            await travis.users.me()
        assert travis.limits.banned_until == info.value.lifted_at
    assert len(server.requests) == 1


async def test_a_throttled_identity_waits_and_a_ban_ends_the_wait(server: TravisServer) -> None:
    server.respond("GET", "/config", status=429, body=b"Retry later\n", headers={"Content-Type": "text/plain"})
    async with Travis(TOKEN, endpoint=server.endpoint) as travis:
        raised: list[errors.TravisError] = []

        async def ask() -> None:
            try:
                await travis.config.get()
            except errors.TravisError as exc:
                raised.append(exc)

        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            while not travis.limits.waiting:
                await anyio.lowlevel.checkpoint()
            assert travis.limits.paused > 0
            travis._transport.budget.banned(
                errors.BannedError("banned", status=403, method="GET", path="/config", remedy="wait")
            )
        assert isinstance(raised[0], errors.BannedError)
        assert travis.limits.waiting == 0


async def test_no_token_is_logged(
    server: TravisServer, travis: Travis, caplog: pytest.LogCaptureFixture, repository: Repository
) -> None:
    caplog.set_level(logging.DEBUG)
    async with travis.events(repository.id) as feed:
        repository.build()
        await anext(feed)
    call = Call("GET", "/nothing", (("access_token", TOKEN),))
    error = judge(call, await travis._transport.send(call))
    assert isinstance(error, errors.NotFoundError)
    assert TOKEN not in caplog.text
    assert TOKEN not in repr(travis) + repr(travis._transport) + repr(call) + str(error) + error.path
