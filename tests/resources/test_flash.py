"""The answer to a restart."""

import pytest

from aiotravis import errors
from aiotravis._http import ApiRequest, ApiResponse
from aiotravis.resources._flash import raise_if_refused
from aiotravis.resources.builds import RESTART
from tests.samples import JSON

CALL = ApiRequest("POST", "/builds/1/restart")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            b'{"result":true,"flash":[{"notice":"The build was successfully restarted."}]}',
            "The build was successfully restarted.",
        ),
        (b'{"result":true}', ""),
        (b"{}", ""),
    ],
)
def test_a_yes_says_what_travis_says(body: bytes, said: str) -> None:
    response = ApiResponse(202, JSON, body)
    assert raise_if_refused(CALL, response, RESTART.read(CALL, response)) == said


@pytest.mark.parametrize(
    ("body", "flash"),
    [
        (b'{"result":true,"flash":[{"error":"No."},{"notice":"x"}]}', ("No.",)),
        (b'{"result":false,"flash":[{"error":"No."},{"error":"Never."}]}', ("No.", "Never.")),
        (b'{"result":false}', ()),
    ],
)
def test_a_no_is_an_error_whatever_the_status_says(body: bytes, flash: tuple[str, ...]) -> None:
    response = ApiResponse(200, JSON, body)
    with pytest.raises(errors.RefusedError) as info:
        raise_if_refused(CALL, response, RESTART.read(CALL, response))
    assert (info.value.flash, info.value.status) == (flash, 200)
