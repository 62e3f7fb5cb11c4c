"""Restarts: notices and refusals."""

import pytest

from aiotravis import errors
from aiotravis._http import ApiResponse
from aiotravis.resources._flash import restart
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
    assert await restart(Scripted(ApiResponse(202, JSON, body)), RESTART, 1) == notice


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
        await restart(Scripted(ApiResponse(200, JSON, body)), RESTART, 1)
    assert (info.value.flash, info.value.status) == (flash, 200)


@pytest.mark.parametrize("body", [b"", b" \n", b"null", b'{"result":null,"flash":[]}'])
@pytest.mark.parametrize("status", [200, 202, 204])
async def test_a_restart_that_was_answered_without_a_word_is_done(status: int, body: bytes) -> None:
    for endpoint in (RESTART, RESTART_JOB):
        assert await restart(Scripted(ApiResponse(status, JSON, body)), endpoint, 1) == ""


async def test_an_empty_body_means_done_or_nothing_wherever_travis_sends_one() -> None:
    transport = Scripted(ApiResponse(200, JSON, b""))
    await Builds(transport).cancel(1)
    await Jobs(transport).cancel(1)
    assert await Users(transport).sync()
    assert await Hooks(transport).enable(1)
    # fact 3.7: caching is not configured.
    assert await Caches(transport).list(1) == ()
    assert await Caches(transport).delete(1) == ()


async def test_a_web_page_is_no_restart() -> None:
    with pytest.raises(errors.DecodeError, match="a web page"):
        await restart(Scripted(ApiResponse(200, HTML, b"<html>Sign in</html>")), RESTART, 1)
