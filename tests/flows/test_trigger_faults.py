"""Triggering on a Travis that fails, answers oddly, and loses events; closed and cancelled at every step."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace

import anyio
import pytest

from aiotravis import Build, PendingRequest, Travis, errors
from aiotravis.flows import trigger as trigger_flow
from aiotravis.testing import Repository, RestRule, TravisServer
from tests.conftest import HASTY, TOKEN
from tests.resources.test_odd_values import WILD
from tests.steps import cancelled
from tests.waiting import until

POST, STATUS = "/v3/repo/82/requests", "/v3/repo/82/request/*"

PAGE = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>proxy</body></html>"
HTML, JSON = {"Content-Type": "text/html"}, {"Content-Type": "application/json"}


pytestmark = pytest.mark.usefixtures("fast_trigger")


@pytest.fixture
async def travis(server: TravisServer) -> AsyncGenerator[Travis]:
    async with Travis(TOKEN, endpoint=server.endpoint, live=HASTY) as travis:
        travis._bind(travis._transport.with_config(replace(travis._transport.config, first_delay=0.01)))
        yield travis


def posts(server: TravisServer) -> int:
    return sum(seen.method == "POST" and seen.path.endswith("/requests") for seen in server.requests)


# Failures -------------------------------------------------------------------------------------------------------------

FAULTS: dict[str, Callable[[RestRule], None]] = {
    "404": lambda rule: rule.status(404, b'{"@type":"error","error_type":"not_found","error_message":"no"}', JSON),
    "500": lambda rule: rule.status(500, b"Sorry, we experienced an error.\n", {"Content-Type": "text/plain"}),
    "502": lambda rule: rule.status(502, PAGE, HTML),
    "503": lambda rule: rule.status(503),
    "a page": lambda rule: rule.status(200, PAGE, HTML),
    "nothing": lambda rule: rule.status(200, b"", JSON),
    "null": lambda rule: rule.status(200, b"null", JSON),
    "a list": lambda rule: rule.status(200, b"[]", JSON),
    "reset": lambda rule: rule.reset(),
    "truncated": lambda rule: rule.truncate(),
    "garbled": lambda rule: rule.garble(),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("path", [STATUS, "/builds/*"])
async def test_failures_after_the_request_was_made_are_outlasted(
    server: TravisServer, travis: Travis, repository: Repository, fault: str, path: str
) -> None:
    # A read that fails is repeated by the client, too.
    FAULTS[fault](server.faults.rest(path, times=7))
    build = await travis.trigger(82)
    assert build.id == repository.builds[0].id
    assert (posts(server), len(repository.builds)) == (1, 1)


@pytest.mark.parametrize("fault", FAULTS)
async def test_failures_that_last_are_undecided_and_name_the_request(
    server: TravisServer, travis: Travis, repository: Repository, fault: str
) -> None:
    FAULTS[fault](server.faults.rest(STATUS))
    with pytest.raises(errors.TriggerUndecided, match="was made, but it cannot be read") as info:
        await travis.trigger(82, appear_within=0.2)
    assert info.value.request_id == repository.data.requests[0].id
    assert isinstance(info.value.__cause__, errors.TravisError)
    assert posts(server) == 1


async def test_a_build_that_cannot_be_read_is_named(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    server.faults.rest("/builds/*").status(503)
    with pytest.raises(errors.TriggerUndecided, match="Travis made build") as info:
        await travis.trigger(82, appear_within=0.2)
    assert info.value.build_id == repository.builds[0].id


@pytest.mark.parametrize("body", [b"access denied", b"Forbidden\n"])
async def test_a_token_that_no_longer_works_ends_at_once(
    server: TravisServer, travis: Travis, repository: Repository, body: bytes
) -> None:
    server.faults.rest(STATUS).status(403, body, {"Content-Type": "text/plain"})
    with anyio.fail_after(5), pytest.raises(errors.TriggerUndecided) as info:
        await travis.trigger(82)
    assert isinstance(info.value.__cause__, errors.AuthenticationError | errors.BannedError)


async def test_what_stays_missing_ends_after_a_patience_of_its_own(
    server: TravisServer, travis: Travis, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trigger_flow, "REFUSAL_PATIENCE", 0.05)
    FAULTS["404"](server.faults.rest(STATUS))
    with anyio.fail_after(5), pytest.raises(errors.TriggerUndecided) as info:
        await travis.trigger(82)
    assert isinstance(info.value.__cause__, errors.NotFoundError)


DONE = {"truncated", "garbled"}
"""What replaces the body of a 202, which says itself that it is done."""

REFUSED = {"404": errors.NotFoundError, "429": errors.RateLimited}


@pytest.mark.parametrize("fault", [*FAULTS, "429"])
async def test_a_post_is_sent_once_whatever_is_answered(
    server: TravisServer, travis: Travis, repository: Repository, fault: str
) -> None:
    rule = server.faults.rest(POST, method="POST")
    FAULTS.get(fault, RestRule.too_many)(rule)
    told: list[PendingRequest] = []
    with pytest.raises(REFUSED.get(fault, errors.TriggerUncertain)) as info:
        await travis.trigger(82, on_request=told.append)
    assert posts(server) == 1
    if isinstance(info.value, errors.TriggerUncertain):
        assert info.value.candidates == tuple(one.id for one in repository.data.requests)
    answered = fault in DONE | {"nothing", "null", "a list"}
    assert told == ([PendingRequest()] if answered else [])
    assert len(repository.data.requests) == (fault in DONE)


async def test_a_post_without_an_answer_is_sent_once(server: TravisServer, repository: Repository) -> None:
    server.faults.rest(POST, method="POST").late(30)
    async with Travis(TOKEN, endpoint=server.endpoint, live=HASTY, read_timeout=0.2) as travis:
        with pytest.raises(errors.TriggerUncertain) as info:
            await travis.trigger(82)
    assert isinstance(info.value.__cause__, errors.RequestTimeout)
    assert posts(server) <= 1


@pytest.mark.parametrize("fault", ["500", "502", "reset", "garbled", "a page"])
@pytest.mark.parametrize("path", ["/requests", "/config"])
async def test_failures_before_the_request_send_it_once_or_not_at_all(
    server: TravisServer, travis: Travis, repository: Repository, fault: str, path: str
) -> None:
    FAULTS[fault](server.faults.rest(path))
    found: list[int] = []
    with contextlib.suppress(errors.RequestError, errors.ServerError):
        found.append((await travis.trigger(82)).id)
    assert posts(server) == len(repository.data.requests) == len(found)
    assert found == [build.id for build in repository.builds]


async def test_a_silent_travis_is_told_before_anything_is_sent(server: TravisServer, repository: Repository) -> None:
    server.faults.rest("/repos/*").freeze()
    async with Travis(TOKEN, endpoint=server.endpoint, read_timeout=0.05) as travis:
        with anyio.fail_after(10), pytest.raises(errors.RequestTimeout):
            await travis.trigger(repository.slug)
    assert (len(server.faults.made), posts(server)) == (1, 0)


# Odd values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", WILD)
async def test_odd_values_in_the_answer_cost_their_field_only(
    server: TravisServer, travis: Travis, repository: Repository, value: bytes
) -> None:
    told: list[PendingRequest] = []
    body = (
        b'{"@type":"pending","remaining_requests":%s,"repository":%s,'
        b'"request":{"id":7,"branch":%s,"sha":%s,"config":%s,"repository":%s}}'
    )
    server.respond("POST", POST, status=202, body=body % ((value,) * 6))
    found = b'{"@type":"request","id":7,"state":%s,"result":%s,"message":%s,"commit":%s,"builds":[%s,{"id":%d}]}'
    build = repository.build()
    server.respond("GET", "/v3/repo/82/request/7", body=found % ((value,) * 5 + (build.id,)))
    assert (await travis.trigger(82, on_request=told.append)).id == build.id
    assert told[0].id == 7


@pytest.mark.parametrize("value", [*WILD, b'"pending"', b'"finished"', b'"no such state"'])
async def test_odd_states_decide_nothing(
    server: TravisServer, travis: Travis, repository: Repository, value: bytes
) -> None:
    server.respond("POST", POST, status=202, body=b'{"@type":"pending","request":{"id":7}}')
    body = b'{"@type":"request","id":7,"state":%s,"result":%s,"builds":%s}' % (value, value, value)
    server.respond("GET", "/v3/repo/82/request/7", body=body)
    with pytest.raises(errors.TriggerUndecided):
        await travis.trigger(82, appear_within=0.05)


# Outages and lost events ----------------------------------------------------------------------------------------------


async def test_an_outage_is_outlasted(server: TravisServer, travis: Travis, repository: Repository) -> None:
    answered, port = anyio.Event(), server.port
    found: list[int] = []

    async with anyio.create_task_group() as group:

        async def outage() -> None:
            await answered.wait()
            await server.stop()
            await anyio.sleep(0.2)
            await server.start(port)

        group.start_soon(outage)
        with anyio.fail_after(10):
            found.append((await travis.trigger(82, on_request=lambda _: answered.set())).id)
    assert found == [repository.builds[0].id]
    assert posts(server) == 1


@pytest.mark.parametrize("fault", ["drop", "duplicate", "cut", "garble"])
async def test_lost_and_repeated_events_change_nothing(
    server: TravisServer, travis: Travis, repository: Repository, fault: str
) -> None:
    getattr(server.faults.live("build:*"), fault)()
    assert (await travis.trigger(82)).id == repository.builds[0].id
    assert posts(server) == 1


async def test_a_live_channel_that_refuses_leaves_polling(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    server.faults.live("pusher:subscribe").refuse()
    assert (await travis.trigger(82)).id == repository.builds[0].id


# Closing and cancelling -----------------------------------------------------------------------------------------------


async def test_closing_ends_the_wait_for_a_decision(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    server.switches.gatekeeper = "silent"
    async with anyio.create_task_group() as group:

        async def close() -> None:
            await until(lambda: len(repository.data.requests) > 0 and repository.data.requests[0].reads > 0)
            await travis.aclose()

        group.start_soon(close)
        with pytest.raises(errors.UsageError, match="closed while a build of repository 82 was triggered"):
            await travis.trigger(82)


async def test_closing_in_the_middle_of_the_post_tells_that_it_may_have_been_made(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    server.faults.rest(POST, method="POST").freeze()
    async with anyio.create_task_group() as group:

        async def close() -> None:
            await until(lambda: len(server.faults.made) > 0)
            await travis.aclose()

        group.start_soon(close)
        with pytest.raises(errors.WriteInterrupted):
            await travis.trigger(82)


def frozen(path: str, method: str = "*") -> Callable[[TravisServer], None]:
    return lambda server: server.faults.rest(path, method=method).freeze()


def lost(server: TravisServer) -> None:
    server.faults.rest(POST).reset()


def silent(server: TravisServer) -> None:
    server.switches.gatekeeper = "silent"


STATES: dict[str, tuple[Callable[[TravisServer], None], Callable[[TravisServer], bool]]] = {
    "the list of requests": (frozen("/requests"), lambda server: bool(server.faults.made)),
    "the configuration": (frozen("/config"), lambda server: bool(server.faults.made)),
    "the POST": (frozen(POST, "POST"), lambda server: bool(server.faults.made)),
    "the request": (frozen(STATUS), lambda server: bool(server.faults.made)),
    "the build": (frozen("/builds/*"), lambda server: bool(server.faults.made)),
    "the decision": (silent, lambda server: any("/request/" in seen.path for seen in server.requests)),
    "candidates": (lost, lambda server: sum(seen.path.startswith("/requests") for seen in server.requests) > 1),
}


@pytest.mark.parametrize("state", STATES)
async def test_cancelling_takes_no_time_whatever_is_waited_for(
    server: TravisServer, repository: Repository, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for delay in ("FIRST_POLL", "MAX_POLL", "SETTLING"):
        monkeypatch.setattr(trigger_flow, delay, 30.0)
    monkeypatch.setattr(trigger_flow, "CANDIDATE_DELAYS", (0.0, 30.0))
    if state in {"the request", "the build", "the decision"}:
        monkeypatch.setattr(trigger_flow, "FIRST_POLL", 0.01)
    prepare, is_reached = STATES[state]
    prepare(server)
    taken: list[float] = []
    for _ in range(3):
        server.requests.clear()
        server.faults.made.clear()
        async with Travis(TOKEN, endpoint=server.endpoint, live=HASTY) as travis:
            triggering = asyncio.ensure_future(travis.trigger(82))
            await until(lambda: is_reached(server))
            triggering.cancel()
            began = time.perf_counter()
            with pytest.raises(asyncio.CancelledError):
                await triggering
            taken.append(time.perf_counter() - began)
        assert posts(server) <= 1
    assert min(taken) < 0.1, taken


async def test_cancelled_at_every_step_it_leaves_nothing_and_never_two_requests() -> None:
    async with TravisServer() as server:
        repository = server.world.repository("a/b", users=[server.world.user("sarah", token=TOKEN)])
        before = asyncio.all_tasks()
        told: list[PendingRequest] = []
        found: list[Build] = []
        step, taken = 0, 0
        while taken >= step:
            step += 1
            repository.data.requests.clear()
            told.clear()
            server.requests.clear()
            async with Travis(TOKEN, endpoint=server.endpoint, live=HASTY) as travis:

                async def trigger(travis: Travis = travis) -> None:
                    found.append(await travis.trigger("a/b", on_request=told.append))

                taken = await cancelled(trigger(), step)
                assert len(travis._waiting) == 0
                assert len(travis._hub._dispatcher) == 0
            assert posts(server) <= 1
            assert len(told) <= len(repository.data.requests) <= 1
            await until(lambda: not server.pusher.connections)
        assert step > 5
        assert found[-1].id == repository.data.requests[0].build_id
        await until(lambda: asyncio.all_tasks() <= before)
