"""One waiter, one build or one refusal among many: the others go on, and all get the same value."""

import asyncio
import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

import anyio
import pytest

from aiotravis import Build, Job, Travis, errors, events
from aiotravis.flows import waiting
from aiotravis.resources._runs import Restarts
from aiotravis.testing import Build as BuildOfWorld
from aiotravis.testing import Repository, TravisServer
from tests.conftest import HASTY, TOKEN
from tests.waiting import ignored, until


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "BATCH_DELAY", 0.001)
    monkeypatch.setattr(waiting, "FIRST_RETRY", 0.01)


@pytest.fixture
def build(repository: Repository) -> BuildOfWorld:
    return repository.build().start()


def reads(server: TravisServer) -> int:
    return sum(seen.path.startswith(("/builds", "/jobs")) for seen in server.requests)


def date(build: BuildOfWorld) -> str:
    return datetime.fromtimestamp(build.started_at or 0, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


async def watched(server: TravisServer, travis: Travis) -> None:
    """Wait until the events of the repository are received, and its targets were read again."""
    await until(
        lambda: bool(travis._waiting._receivers) and all(w.feed.live for w in travis._waiting._receivers.values())
    )
    await until(lambda: reads(server) >= 2 and not travis._waiting._due)
    await anyio.sleep(0.01)


# What `until` raises --------------------------------------------------------------------------------------------------


class Odd(BaseException):
    pass


@pytest.mark.parametrize("error", [Odd(), SystemExit(3), GeneratorExit(), KeyError("x")])
@pytest.mark.parametrize("by_event", [False, True])
async def test_whatever_until_raises_ends_that_wait_alone(
    server: TravisServer, travis: Travis, build: BuildOfWorld, error: BaseException, by_event: bool
) -> None:
    def fail(value: Build) -> bool:
        if not by_event or value.finished:
            raise error
        return False

    other = asyncio.ensure_future(travis.wait_for_build(build.id))

    async def caught() -> BaseException | None:
        try:
            await travis.wait_for_build(build.id, until=fail)
        except BaseException as exc:  # noqa: BLE001 - compared below
            return exc
        return None

    failing = asyncio.ensure_future(caught())
    await watched(server, travis)
    if by_event:
        assert not failing.done()
    else:
        assert await failing is error
    build.finish()
    assert (await other).passed
    assert await failing is error


async def test_pytest_fail_in_until_is_raised_where_it_is_waited_for(travis: Travis, build: BuildOfWorld) -> None:
    with pytest.raises(pytest.fail.Exception, match="not like this"):
        await travis.wait_for_build(build.id, until=lambda _: pytest.fail("not like this"))


async def test_a_cancelled_error_of_until_ends_that_wait_alone(
    server: TravisServer, travis: Travis, build: BuildOfWorld
) -> None:
    def cancelled(_: Build) -> bool:
        raise asyncio.CancelledError

    other = asyncio.ensure_future(travis.wait_for_build(build.id))
    with pytest.raises(asyncio.CancelledError):
        await asyncio.ensure_future(travis.wait_for_build(build.id, until=cancelled))
    await watched(server, travis)
    build.finish()
    assert (await other).passed


# The same value, whoever decides --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["build", "job"])
async def test_a_wait_decided_by_an_event_returns_what_a_read_returns(
    server: TravisServer, travis: Travis, build: BuildOfWorld, kind: str
) -> None:
    build.commit.tag = "v1"
    wait: Callable[..., Any] = travis.wait_for_build if kind == "build" else travis.wait_for_job
    number = build.id if kind == "build" else build.jobs[0].id
    seen: list[Build | Job] = []

    def until_finished(value: Build | Job) -> bool:
        seen.append(value)
        return value.config["language"] == "ruby" and value.finished

    waiter = asyncio.ensure_future(wait(number, until=until_finished))
    await watched(server, travis)
    before = reads(server)
    build.finish()
    by_event = await waiter
    assert (reads(server), by_event.updated_at is not None) == (before, True)
    by_read = await wait(number, until=until_finished)
    assert by_event.config == by_read.config != {}
    assert all(value.config == by_read.config for value in seen)
    different = {
        name for name in by_read.__struct_fields__ if getattr(by_read, name) != getattr(by_event, name)
    }  # fmt: skip
    # What only events tell.
    assert different <= {"updated_at", "stage", "repository_private"}


# Refusals that pass ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_refusal_of_what_could_be_read_before_passes(
    server: TravisServer, travis: Travis, build: BuildOfWorld, status: int
) -> None:
    waits = [asyncio.ensure_future(travis.wait_for_build(build.id)) for _ in range(300)]
    await watched(server, travis)
    server.respond(
        "GET", "/builds", status=status, body=b"access denied", headers={"Content-Type": "text/html"}, times=2
    )
    before = reads(server)
    await server.pusher.disconnect(1001)
    await until(lambda: reads(server) >= before + 3)
    build.finish()
    assert all(one.passed for one in await asyncio.gather(*waits))


async def test_a_build_that_makes_travis_fail_leaves_the_other_waits_alone(
    server: TravisServer, travis: Travis, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("aiotravis.testing"), "disabled", True)
    monkeypatch.setattr(waiting, "REFUSAL_PATIENCE", 0.05)
    monkeypatch.setattr(waiting, "POLL_INTERVAL", 0.02)
    builds = [repository.build().start() for _ in range(20)]
    builds[7].finished_at = cast("Any", "what no serializer takes")
    waits = [asyncio.ensure_future(travis.wait_for_build(one.id)) for one in builds]
    with pytest.raises(errors.ServerError):
        await waits.pop(7)
    await watched(server, travis)
    for build in builds:
        build.finish()
    assert all(one.passed for one in await asyncio.gather(*waits))


@pytest.mark.parametrize("body", [b'{"builds":[]}', b'{"builds":[{"id":"x"}]}', b'{"builds":null}'])
async def test_a_build_that_is_missing_from_a_re_read_is_read_again(
    server: TravisServer, travis: Travis, build: BuildOfWorld, monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    waiter = asyncio.ensure_future(travis.wait_for_build(build.id))
    await watched(server, travis)
    travis._restarts.patience = 0.1
    monkeypatch.setattr(waiting, "POLL_INTERVAL", 0.05)
    server.respond("GET", "/builds", body=body, times=3)
    before = reads(server)
    await server.pusher.disconnect(1001)
    await until(lambda: reads(server) >= before + 3)
    assert not waiter.done()
    build.finish()
    assert (await waiter).passed


@pytest.mark.parametrize("answer", ["missing", "refused"])
async def test_a_refusal_that_lasts_is_raised(
    server: TravisServer, travis: Travis, build: BuildOfWorld, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    monkeypatch.setattr(waiting, "REFUSAL_PATIENCE", 0.1)
    monkeypatch.setattr(waiting, "MAX_RETRY", 0.02)
    travis._restarts.patience = 0.1
    waiter = asyncio.ensure_future(travis.wait_for_build(build.id))
    await watched(server, travis)
    if answer == "missing":
        server.respond("GET", "/builds", body=b'{"builds":[]}')
    else:
        server.respond("GET", "/builds", status=403, body=b"no", headers={"Content-Type": "text/plain"})
    await server.pusher.disconnect(1001)
    with pytest.raises(errors.NotFoundError if answer == "missing" else errors.PermissionDenied):
        await waiter


@pytest.mark.parametrize(
    "repository_id", ['"x"', "null", "{}", "0", f"1{'0' * 30}", "9223372036854775808", '"18446744073709551616"', "1e30"]
)
async def test_one_build_of_an_unreadable_repository_is_polled_beside_the_others(
    server: TravisServer, repository: Repository, monkeypatch: pytest.MonkeyPatch, repository_id: str
) -> None:
    monkeypatch.setattr(waiting, "POLL_INTERVAL", 0.02)
    builds = [repository.build(quiet=True).start() for _ in range(4)]
    odd = builds[0].id
    one = f'{{"id":{odd},"repository_id":{repository_id},"state":"%s"}}'
    rest = ",".join(
        f'{{"id":{build.id},"repository_id":82,"state":"started","started_at":"{date(build)}"}}' for build in builds[1:]
    )
    server.respond("GET", "/builds", body=f'{{"builds":[{one % "started"},{rest}]}}'.encode())
    async with Travis(TOKEN, endpoint=server.endpoint, live=HASTY) as travis:
        waits = [asyncio.ensure_future(travis.wait_for_build(build.id)) for build in builds]
        await watched(server, travis)
        for build in builds[1:]:
            build.finish()
        assert all(value.passed for value in await asyncio.gather(*waits[1:]))
        server.respond("GET", "/builds", body=f'{{"builds":[{one % "passed"}]}}'.encode())
        assert (await waits[0]).passed


@pytest.mark.parametrize("number", ['"x"', "null", "0", f"1{'0' * 30}"])
async def test_a_build_without_a_readable_id_is_read_again_and_then_told(
    server: TravisServer, repository: Repository, monkeypatch: pytest.MonkeyPatch, number: str
) -> None:
    monkeypatch.setattr(waiting, "REFUSAL_PATIENCE", 0.5)
    monkeypatch.setattr(Restarts, "poll_interval", 0.02)
    # Once the record can be read, it has no repository and is polled; until then, this has no effect.
    monkeypatch.setattr(waiting, "POLL_INTERVAL", 0.05)
    one, lost = repository.build(quiet=True).start(), repository.build(quiet=True).start()
    body = f'{{"builds":[{{"id":{number}}},{{"id":{one.id},"repository_id":82,"state":"%s"}}]}}'
    server.respond("GET", "/builds", body=(body % "started").encode())
    async with Travis(TOKEN, endpoint=server.endpoint, live=HASTY) as travis:
        good, odd = (asyncio.ensure_future(travis.wait_for_build(build.id)) for build in (one, lost))
        with pytest.raises(errors.DecodeError, match=rf"GET /builds/{lost.id}: .* cannot be read .*\.id"):
            await odd
        assert not good.done()
        odd = asyncio.ensure_future(travis.wait_for_build(lost.id))
        await until(lambda: bool(travis._waiting._read_often))
        # What passes is waited for.
        server.respond("GET", "/builds", body=(body % "passed").replace(number, str(lost.id), 1).encode())
        assert (await good).passed
        await until(lambda: not travis._waiting._read_often)
        odd.cancel()


# Odd events -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "field",
    ['"updated_at":"0001-01-01T00:00:00"', '"started_at":{}', '"number":[]', '"commit":7', '"finished_at":"x"'],
)
async def test_an_event_with_an_odd_field_still_ends_the_wait(
    server: TravisServer, travis: Travis, build: BuildOfWorld, monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    job = build.jobs[0]
    waiter = asyncio.ensure_future(travis.wait_for_job(job.id))
    await watched(server, travis)
    monkeypatch.setattr(server.world, "notify", ignored)
    # What such an event tells may be of an earlier run: it is read.
    job.finish("passed")
    data = f'{{"id":{job.id},"repository_id":82,"state":"passed",{field}}}'
    server.pusher.publish(["repo-82"], "job:finished", data)
    assert (await waiter).passed


async def test_an_error_in_the_handling_of_an_event_makes_the_targets_be_read(
    server: TravisServer, travis: Travis, build: BuildOfWorld, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    def fail(event: events.Event, watch: object) -> None:
        raise ZeroDivisionError(json.dumps("secret"))

    waiter = asyncio.ensure_future(travis.wait_for_build(build.id))
    await watched(server, travis)
    monkeypatch.setattr(travis._waiting, "_apply_event", fail)
    build.finish()
    assert (await waiter).passed
    assert [record.levelno for record in caplog.records if record.name == "aiotravis.flows"] != []
    assert logging.ERROR in {record.levelno for record in caplog.records}


async def test_thousands_of_waits_for_one_build_are_cancelled_in_any_order(travis: Travis, build: BuildOfWorld) -> None:
    clock = asyncio.get_running_loop().time
    seconds: dict[str, float] = {}
    for order in ("oldest", "newest", "oldest", "newest"):
        waits = [asyncio.ensure_future(travis.wait_for_build(build.id)) for _ in range(1500)]
        await anyio.sleep(0.01)
        began = clock()
        for one in waits if order == "oldest" else reversed(waits):
            one.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
        seconds[order] = min(seconds.get(order, 99.0), clock() - began)
    # Removing each from a list took eight times as long for the newest.
    assert seconds["newest"] < 3 * seconds["oldest"] + 0.1
    assert len(travis._waiting) == 0
