"""Restarts: notices and refusals."""

from datetime import UTC, datetime, timedelta

import anyio
import pytest

from aiotravis import Build, State, errors
from aiotravis._http import ApiResponse
from aiotravis.resources._flash import restart
from aiotravis.resources._runs import Restarts
from aiotravis.resources.builds import RESTART
from tests.samples import JSON, Scripted


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


async def test_an_accepted_restart_is_recorded_with_the_time_of_the_server() -> None:
    restarts = Restarts()
    headers = {**JSON, "date": "Fri, 27 Nov 2026 16:00:00 GMT"}
    await restart(Scripted(ApiResponse(202, headers, b"{}")), RESTART, ("build", 1), restarts)
    finished_at = datetime(2026, 11, 27, 16, 0, 1, tzinfo=UTC)
    old = Build(id=1, state=State.CANCELED, finished_at=finished_at - timedelta(seconds=1))
    new = Build(id=1, state=State.CANCELED, finished_at=finished_at)
    since = anyio.current_time()
    assert [one.accepts(old, since) for one in restarts.concerning(old, since)] == [False]
    assert [one.accepts(new, since) for one in restarts.concerning(new, since)] == [True]
