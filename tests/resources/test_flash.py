"""Restarts: notices and refusals."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest

from aiotravis import Build, Job, State, errors
from aiotravis._http import ApiResponse
from aiotravis.resources._flash import restart
from aiotravis.resources._runs import Restarts
from aiotravis.resources.builds import RESTART, Builds
from aiotravis.resources.caches import Caches
from aiotravis.resources.hooks import Hooks
from aiotravis.resources.jobs import RESTART as RESTART_JOB
from aiotravis.resources.jobs import Jobs
from aiotravis.resources.users import Users
from tests.samples import HTML, JSON, Scripted


@pytest.mark.parametrize(
    ("body", "notice"),
    [
        (
            b'{"result":true,"flash":[{"notice":"The build was successfully restarted."}]}',
            "The build was successfully restarted.",
        ),
        (b'{"result":true}', ""),
        (b"{}", ""),
    ],
)
async def test_an_accepted_restart_returns_the_notice(body: bytes, notice: str) -> None:
    assert await restart(Scripted(ApiResponse(202, JSON, body)), RESTART, ("build", 1)) == notice


@pytest.mark.parametrize(
    ("body", "flash"),
    [
        (b'{"result":true,"flash":[{"error":"No."},{"notice":"x"}]}', ("No.",)),
        (b'{"result":false,"flash":[{"error":"No."},{"error":"Never."}]}', ("No.", "Never.")),
        (b'{"result":false}', ()),
    ],
)
async def test_a_refusal_raises_whatever_the_status(body: bytes, flash: tuple[str, ...]) -> None:
    restarts = Restarts()
    with pytest.raises(errors.RefusedError, match=r"^POST /builds/1/restart was refused: ") as info:
        await restart(Scripted(ApiResponse(200, JSON, body)), RESTART, ("build", 1), restarts)
    assert (info.value.flash, info.value.status) == (flash, 200)
    assert not restarts.pending(0.0)


DONE = [
    b"", b" \n", b"null", b'{"result":null,"flash":[]}', b"ok", b'""', b"[]", b"{}", b"true", b'{"result":null}',
    b'{"result":{}}', b'{"flash":"ok"}', b'{"flash":[null]}', b'{"result":tr', b"\xff",
]  # fmt: skip


@pytest.mark.parametrize(("strict", "headers"), [(False, JSON), (True, JSON), (False, HTML)])
@pytest.mark.parametrize("body", DONE)
async def test_every_successful_answer_but_false_means_done(body: bytes, strict: bool, headers: Any) -> None:
    transport = Scripted(ApiResponse(200, headers, body, strict=strict))
    assert await Builds(transport).restart(1) == await Jobs(transport).restart(1) == ""
    await Builds(transport).cancel(1)
    await Jobs(transport).cancel(1)
    assert await Users(transport).sync() is True
    assert await Hooks(transport).enable(1) is True
    assert await Hooks(transport).disable(1) is True


async def test_a_result_that_is_false_means_not_done() -> None:
    for body in (b'{"result":false}', b'{"result":"false"}'):
        transport = Scripted(ApiResponse(200, JSON, body))
        assert await Users(transport).sync() is False
        assert await Hooks(transport).enable(1) is False


async def test_a_web_page_is_no_answer_to_a_write() -> None:
    transport = Scripted(ApiResponse(200, HTML, b"<html>Sign in</html>"))
    for call in (Users(transport).sync(), Hooks(transport).enable(1)):
        with pytest.raises(errors.DecodeError, match="a web page"):
            await call


@pytest.mark.parametrize("body", [b"", b" \n", b"null", b'{"result":null,"flash":[]}'])
@pytest.mark.parametrize("status", [200, 202, 204])
async def test_a_restart_that_was_answered_without_a_word_is_done(status: int, body: bytes) -> None:
    for kind, endpoint in (("build", RESTART), ("job", RESTART_JOB)):
        restarts = Restarts()
        assert await restart(Scripted(ApiResponse(status, JSON, body)), endpoint, (kind, 1), restarts) == ""
        assert restarts.pending(0.0)


async def test_an_empty_body_means_done_or_nothing_wherever_travis_sends_one() -> None:
    transport = Scripted(ApiResponse(200, JSON, b""))
    await Builds(transport).cancel(1)
    await Jobs(transport).cancel(1)
    assert await Users(transport).sync()
    assert await Hooks(transport).enable(1)
    # fact 3.7: caching is not configured.
    assert await Caches(transport).list(1) == ()
    assert await Caches(transport).delete(1) == ()


WHERE = {"method": "POST", "path": "/builds/1/restart"}


def failing(error: BaseException) -> Any:
    def fail(_: object) -> ApiResponse:
        raise error

    return Scripted(fail)


async def test_a_web_page_with_status_200_may_be_that_of_a_proxy() -> None:
    restarts = Restarts()
    with pytest.raises(errors.DecodeError, match="a web page"):
        await restart(Scripted(ApiResponse(200, HTML, b"<html>Sign in</html>")), RESTART, ("build", 1), restarts)
    (possible,) = restarts.concerning(None, 0.0)
    assert not possible.is_certain


@pytest.mark.parametrize("body", [*DONE, b"<html>Accepted</html>", b"\x1f\x8b", b'{"result":{"flash":'])
@pytest.mark.parametrize("headers", [JSON, HTML, {}])
async def test_status_202_means_done_whatever_the_body(body: bytes, headers: Any) -> None:
    for kind, endpoint in (("build", RESTART), ("job", RESTART_JOB)):
        restarts = Restarts()
        assert await restart(Scripted(ApiResponse(202, headers, body)), endpoint, (kind, 1), restarts) == ""
        (made,) = restarts.concerning(None, 0.0)
        assert made.is_certain


@pytest.mark.parametrize(("status", "is_done"), [(202, True), (204, True), (200, False), (500, False), (None, False)])
async def test_a_body_that_was_cut_is_done_where_the_status_says_so(status: int | None, is_done: bool) -> None:
    error = errors.TruncatedError("cut", **WHERE)
    error.status = status
    restarts = Restarts()
    if is_done:
        assert await restart(failing(error), RESTART, ("build", 1), restarts) == ""
    else:
        with pytest.raises(errors.TruncatedError):
            await restart(failing(error), RESTART, ("build", 1), restarts)
    (made,) = restarts.concerning(None, 0.0)
    assert made.is_certain is is_done


def unsent(error: errors.RequestError) -> errors.RequestError:
    error.unsent = True
    return error


def with_status(error: errors.RequestError, status: int) -> errors.RequestError:
    error.status = status
    return error


@pytest.mark.parametrize(
    ("error", "is_possible"),
    [
        (errors.RequestError("lost", **WHERE), True),
        (errors.RequestTimeout("silent", **WHERE), True),
        (errors.TooLargeError("large", limit=1, **WHERE), True),
        (errors.WriteInterrupted("closed", **WHERE), True),
        (with_status(errors.WriteInterrupted("closed", **WHERE), 202), True),
        (asyncio.CancelledError(), True),
        (errors.ServerError("down", status=502, **WHERE), True),
        (unsent(errors.RequestError("refused", **WHERE)), False),
        (unsent(errors.RequestTimeout("not connected", **WHERE)), False),
        (errors.RedirectError("elsewhere", location="http://a", **WHERE), False),
        (errors.RateLimited("slow down", status=429, **WHERE), False),
        (errors.BannedError("stop", status=403, **WHERE), False),
        (errors.RefusedError("runs", status=400, **WHERE), False),
        (errors.NotFoundError("missing", status=404, **WHERE), False),
        (errors.RepositoryMigrated("moved", status=403, **WHERE), False),
        (errors.UsageError("closed"), False),
    ],
)
async def test_a_restart_that_may_have_been_carried_out_is_remembered(error: BaseException, is_possible: bool) -> None:
    began_at = datetime.now(UTC)
    calls: list[Callable[[Restarts], Awaitable[str]]] = [
        lambda restarts: Builds(failing(error), restarts).restart(Build(id=1, state=State.FAILED, started_at=began_at)),
        lambda restarts: Jobs(failing(error), restarts).restart(
            Job(id=1, build_id=2, state=State.FAILED, started_at=began_at)
        ),
    ]
    for call in calls:
        restarts = Restarts()
        with pytest.raises(type(error)):
            await call(restarts)
        found = restarts.concerning(None, 0.0)
        assert [(one.is_certain, len(one.old_runs)) for one in found] == ([(False, 1)] if is_possible else [])


async def test_an_accepted_restart_is_recorded_with_the_time_of_the_server() -> None:
    restarts = Restarts()
    headers = {**JSON, "date": "Fri, 27 Nov 2026 16:00:00 GMT"}
    await restart(Scripted(ApiResponse(202, headers, b"{}")), RESTART, ("build", 1), restarts)
    finished_at = datetime(2026, 11, 27, 16, 0, 1, tzinfo=UTC)
    old = Build(id=1, state=State.CANCELED, finished_at=finished_at - timedelta(seconds=1))
    new = Build(id=1, state=State.CANCELED, finished_at=finished_at)
    since, key = anyio.current_time(), ("build", 1)
    assert [one.accepts(old, since) for one in restarts.concerning([key], since)] == [False]
    restarts.record(key, "Fri, 27 Nov 2026 16:00:00 GMT")
    assert [one.accepts(new, since) for one in restarts.concerning([key], since)] == [True]
