"""Calls against a real server: what is sent, again or never again, and what must never travel."""

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial

import aiohttp
import anyio
import anyio.lowlevel
import pytest
from aiohttp import web

from aiotravis import Travis, errors
from aiotravis._http import ApiRequest, error_from_response
from aiotravis.rate_limits import limiter
from aiotravis.testing import Repository, TravisServer
from tests.conftest import TOKEN
from tests.transport.answers import CONFIG, client, hasty, whole, wire
from tests.waiting import until


async def test_requests_carry_user_agent_accept_and_token(server: TravisServer, travis: Travis) -> None:
    await travis.config.get()
    headers = server.requests[-1].headers
    assert headers["user-agent"].startswith("aiotravis/")
    assert headers["accept"] == "application/vnd.travis-ci.2+json"
    assert headers["accept-encoding"] == "gzip"
    assert headers["authorization"] == f"token {TOKEN}"
    assert "cookie" not in headers


async def test_reads_are_retried_after_a_lost_connection_and_503() -> None:
    answers = [None, whole(b"", status="503 Service Unavailable"), whole(CONFIG)]
    async with wire(lambda head: answers.pop(0)) as endpoint, client(endpoint, attempts=3) as travis:
        hasty(travis)
        assert (await travis.config.get()).host == "travis-ci.org"
    assert answers == []


async def test_the_last_error_counts_the_attempts() -> None:
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


CUT = b'HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 90\r\n\r\n{"result":tr'


@pytest.mark.parametrize(
    ("answer", "kind", "status"),
    [
        (b"", errors.RequestError, None),
        (b"HTTP/1.1 202 Acc", errors.RequestError, None),
        (b"nonsense\r\n\r\n", errors.RequestError, None),
        (CUT, errors.TruncatedError, 202),
        (CUT.replace(b"202 Accepted", b"500 Internal Server Error"), errors.TruncatedError, 500),
        (CUT.replace(b"Length: 90", b"Encoding: gzip"), errors.TruncatedError, 202),
        (CUT.replace(b"application/json\r\n", b"text/html\r\n"), errors.TruncatedError, 202),
    ],
)
async def test_a_write_whose_answer_is_lost_may_have_been_carried_out(
    answer: bytes, kind: type[errors.RequestError], status: int | None
) -> None:
    async with wire(lambda head: answer) as endpoint, client(endpoint) as travis:
        with pytest.raises(kind) as info:
            await travis.request("POST", "/v3/anything")
        outcome = "The status was 202, so it was carried out" if status == 202 else "It may have been carried out"
        assert str(info.value).endswith(f". {outcome}: check before you repeat it.")
        assert "ry again" not in str(info.value)
        assert (info.value.status, info.value.unsent) == (status, False)
        # A read changes nothing.
        with pytest.raises(kind) as info:
            await travis.request("GET", "/v3/anything")
        assert "carried out" not in str(info.value)
        assert info.value.status == status


async def test_a_write_that_was_not_sent_was_not_carried_out() -> None:
    async with wire(lambda head: None) as endpoint:
        pass
    async with client(endpoint) as travis:
        with pytest.raises(errors.RequestError) as info:
            await travis.request("POST", "/v3/anything")
        assert info.value.unsent
        assert "carried out" not in str(info.value)


async def test_a_write_that_times_out_may_have_been_carried_out() -> None:
    heads: list[bytes] = []
    async with stalled(heads) as endpoint, client(endpoint, read_timeout=0.05) as travis:
        with pytest.raises(errors.RequestTimeout, match="It may have been carried out: check before you repeat it"):
            await travis.request("POST", "/v3/anything")
    assert len(heads) == 1
    async with stalled(heads, CUT) as endpoint, client(endpoint, read_timeout=0.05) as travis:
        with pytest.raises(errors.RequestTimeout, match="The status was 202, so it was carried out"):
            await travis.request("POST", "/v3/anything")


async def test_a_write_that_is_throttled_is_not_sent_again(
    server: TravisServer, travis: Travis, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The pause after each of them is tested without a server.
    monkeypatch.setattr(limiter, "MIN_PAUSE", 0.01)
    # fact 2: each of them counts towards the ban.
    server.faults.rest().too_many(retry_after=0)
    for path, write in WRITES.items():
        with pytest.raises(errors.RateLimited) as info:
            await write(travis)
        assert info.value.retry_after == 0.0
        # The token of GET /logout is in its query.
        sent = [f"{seen.method} {seen.path}".partition("?")[0] for seen in server.requests[-2:]]
        assert sent.count(path.partition("?")[0]) == 1


async def test_closing_ends_calls_in_flight(server: TravisServer) -> None:
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
    assert "closed while GET /config was in progress" in str(raised[0])
    server.latency = 0


@asynccontextmanager
async def stalled(heads: list[bytes], answer: bytes = b"") -> AsyncGenerator[str]:
    """Serve the beginning of an answer, then nothing more."""

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        # From Python 3.12 on, what a handler raises is reported.
        with suppress(ConnectionError):
            await reader.read()
        writer.close()

    async with await asyncio.start_server(respond, "127.0.0.1", 0) as listener:
        yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"


async def closed_during(travis: Travis, call: Callable[[], Awaitable[object]], sent: Callable[[], bool]) -> Exception:
    """Close the client once a call has been sent, and return the error that the call raised."""
    raised: list[Exception] = []

    async def run() -> None:
        try:
            await call()
        except errors.TravisError as exc:
            raised.append(exc)

    async with anyio.create_task_group() as group:
        group.start_soon(run)
        await until(sent)
        await travis.aclose()
    return raised[0]


WRITES: dict[str, Callable[[Travis], Awaitable[object]]] = {
    "POST /builds/1/restart": lambda travis: travis.builds.restart(1),
    "POST /jobs/2/cancel": lambda travis: travis.jobs.cancel(2),
    "PUT /hooks/82": lambda travis: travis.hooks.enable(82),
    "DELETE /settings/ssh_key/82": lambda travis: travis.ssh_keys.delete(82),
    "PATCH /repos/82/settings": lambda travis: travis.settings.update(82, build_pushes=True),
    "GET /logout?access_token=...": lambda travis: travis.auth.logout(),
    "POST /v3/anything": lambda travis: travis.request("POST", "/v3/anything"),
}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n", whole(b"{}")[:-1]])
async def test_closing_in_the_middle_of_a_write_says_that_it_may_have_been_done(write: str, answer: bytes) -> None:
    heads: list[bytes] = []
    async with stalled(heads, answer) as endpoint:
        travis = client(endpoint)
        error = await closed_during(travis, lambda: WRITES[write](travis), lambda: bool(heads))
    assert isinstance(error, errors.WriteInterrupted)
    assert not error.unsent
    assert not isinstance(error, errors.UsageError)
    assert (f"{error.method} {error.path}") == write
    assert "may have been carried out. Check before you repeat it." in str(error)
    with pytest.raises(errors.UsageError, match="This client is closed"):
        await WRITES[write](travis)
    assert len(heads) == 1


async def test_closing_before_a_write_was_sent_raises_usage_error() -> None:
    travis = client("http://127.0.0.1:1")
    travis._transport.pool.slots = asyncio.Semaphore(0)
    calls = travis._transport.lifetime.calls
    error = await closed_during(travis, lambda: travis.builds.restart(1), lambda: bool(calls._deadlines))
    assert type(error) is errors.UsageError
    assert "closed while POST /builds/1/restart was in progress" in str(error)


async def test_a_flow_that_is_closed_in_the_middle_of_a_write_says_so() -> None:
    async def write(travis: Travis) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(travis.builds.restart, 1)

    async def read(travis: Travis) -> None:
        await travis.builds.get(1)

    for call, kind in ((write, errors.WriteInterrupted), (read, errors.UsageError)):
        heads: list[bytes] = []
        async with stalled(heads) as endpoint:
            travis = client(endpoint)

            async def flow(travis: Travis = travis, call: Callable[[Travis], Awaitable[None]] = call) -> None:
                with travis._transport.lifetime.scope("a build was restarted"):
                    await call(travis)

            assert type(await closed_during(travis, flow, partial(bool, heads))) is kind


async def test_a_write_that_its_caller_cancels_is_no_error(server: TravisServer, travis: Travis) -> None:
    server.latency = 30
    with anyio.move_on_after(0.02) as scope:
        await travis.builds.restart(1)
    assert scope.cancelled_caught
    server.latency = 0


async def test_calls_of_a_closed_client_raise_usage_error(travis: Travis) -> None:
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


def test_a_call_on_another_event_loop_raises_usage_error() -> None:
    async def use(travis: Travis) -> None:
        async with TravisServer() as server:
            travis._transport.pool.endpoint = server.endpoint
            await travis.config.get()

    travis = Travis(endpoint="http://127.0.0.1:1")
    with asyncio.Runner() as first:
        first.run(use(travis))
        with asyncio.Runner() as second, pytest.raises(errors.UsageError, match="another event loop"):
            second.run(use(travis))
        first.run(travis.aclose())


def test_a_call_without_asyncio_raises_usage_error() -> None:
    coroutine = Travis().config.get()
    with pytest.raises(errors.UsageError, match="needs asyncio"):
        coroutine.send(None)


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


async def test_a_cross_origin_redirect_carries_neither_token_nor_custom_headers(server: TravisServer) -> None:
    headers = {"X-Mine": "secret", "Authorization": "token of-the-session"}
    async with foreign_host() as (address, asked), aiohttp.ClientSession(headers=headers) as session:
        server.respond("GET", "/jobs/7/log", status=307, headers={"Location": f"{address}/archive/7.txt?sig=1"})
        async with Travis(TOKEN, endpoint=server.endpoint, session=session) as travis:
            assert await travis.logs.text(7) == "the archived log"
        assert set(asked[0].headers) == {"Host", "Accept", "Accept-Encoding", "User-Agent"}
        assert asked[0].query_string == "sig=1"


async def test_an_api_that_answers_elsewhere_is_warned_of(
    server: TravisServer, travis: Travis, caplog: pytest.LogCaptureFixture
) -> None:
    async with foreign_host() as (address, asked):
        server.respond("GET", "/config", status=302, headers={"Location": f"{address}/x?sig=1"})
        with pytest.raises(errors.DecodeError):
            await travis.config.get()
        assert "authorization" not in {name.lower() for name in asked[0].headers}
        server.respond("GET", "/jobs/7/log", status=307, headers={"Location": f"{address}/archive/7.txt"})
        await travis.logs.text(7)
    warnings = [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]
    assert warnings == [f"GET /config was redirected to {address}/x: the token stays here"]


async def test_a_redirect_within_the_api_keeps_the_token(server: TravisServer, travis: Travis) -> None:
    server.respond("GET", "/config", status=302, headers={"Location": "/uptime"}, times=1)
    with pytest.raises(errors.DecodeError):
        await travis.config.get()
    assert server.requests[-1].path == "/uptime"
    assert server.requests[-1].headers["authorization"] == f"token {TOKEN}"


async def test_redirect_loops_end(server: TravisServer, travis: Travis) -> None:
    server.respond("GET", "/config", status=301, headers={"Location": "/config"})
    with pytest.raises(errors.RedirectError, match="more than 5 redirects"):
        await travis.config.get()
    assert len(server.requests) == 6


async def test_a_write_is_never_repeated_elsewhere(server: TravisServer, travis: Travis) -> None:
    async with foreign_host() as (address, asked):
        server.respond("POST", "/pusher/auth", status=307, headers={"Location": address})
        with pytest.raises(errors.RedirectError, match="writes are never repeated elsewhere"):
            await travis.pusher_auth.sign("1.1", ["private-user-1"])
        assert asked == []


async def test_a_ban_fails_waiting_calls_and_all_later_ones(server: TravisServer) -> None:
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
            travis._transport.limiter.ban(
                errors.BannedError("banned", status=403, method="GET", path="/config", remedy="wait")
            )
        assert isinstance(raised[0], errors.BannedError)
        assert travis.limits.waiting == 0


async def test_each_attempt_retry_and_pause_is_one_log_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    answers = [None, whole(b"", status="503 Service Unavailable"), whole(CONFIG)]
    async with wire(lambda head: answers.pop(0)) as endpoint, client(endpoint, attempts=3) as travis:
        hasty(travis)
        await travis.config.get()
        statistics = travis.statistics()
    assert (statistics.requests, statistics.retries, statistics.pauses) == (3, 2, 0)
    assert statistics.bytes == len(CONFIG)
    lines = [(record.levelname, record.getMessage()) for record in caplog.records if record.name == "aiotravis.rest"]
    assert [level for level, _ in lines] == ["INFO", "DEBUG", "INFO", "DEBUG"]
    assert re.fullmatch(r"attempt 2 of 3 in 0\.0 s after: GET /config: .*the connection was lost.*", lines[0][1])
    assert re.fullmatch(r"GET /config: status 503 in \d+\.\d{3} s", lines[1][1])
    assert re.fullmatch(r"attempt 3 of 3 in 0\.0 s after: GET /config.*503.*", lines[2][1])


async def test_a_429_is_logged_as_the_pause_of_all_calls(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    refusal = whole(b"", "Retry-After: 30", status="429 Too Many Requests")
    async with wire(lambda head: refusal) as endpoint, client(endpoint, attempts=1) as travis:
        with pytest.raises(errors.RateLimited):
            await travis.config.get()
        assert travis.statistics().pauses == 1
    (line,) = [record.getMessage() for record in caplog.records if record.name == "aiotravis.limits"]
    assert re.search(r"all calls pause for 30\.0 s \(429 Too Many Requests\)", line)


async def test_no_token_is_logged(
    server: TravisServer, travis: Travis, caplog: pytest.LogCaptureFixture, repository: Repository
) -> None:
    caplog.set_level(logging.DEBUG)
    async with travis.events(repository.id) as feed:
        repository.build()
        await anext(feed)
    call = ApiRequest("GET", "/nothing", (("access_token", TOKEN),))
    error = error_from_response(call, await travis._transport.send(call))
    assert isinstance(error, errors.NotFoundError)
    assert TOKEN not in caplog.text
    assert TOKEN not in repr(travis) + repr(travis._transport) + repr(call) + str(error) + error.path
