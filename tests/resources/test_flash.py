"""Restarts: notices and refusals."""

import pytest

from aiotravis import errors
from aiotravis._http import ApiResponse
from aiotravis.resources._flash import restart
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
    with pytest.raises(errors.RefusedError, match=r"^POST /builds/1/restart was refused: ") as info:
        await restart(Scripted(ApiResponse(200, JSON, body)), RESTART, ("build", 1))
    assert (info.value.flash, info.value.status) == (flash, 200)
