"""The answer to a restart."""

import pytest

from aiotravis import errors
from aiotravis._http import Call, Reply
from aiotravis.resources._flash import granted
from aiotravis.resources.builds import RESTART
from tests.samples import JSON

CALL = Call("POST", "/builds/1/restart")


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
    reply = Reply(202, JSON, body)
    assert granted(CALL, reply, RESTART.read(CALL, reply)) == said


@pytest.mark.parametrize(
    ("body", "flash"),
    [
        (b'{"result":true,"flash":[{"error":"No."},{"notice":"x"}]}', ("No.",)),
        (b'{"result":false,"flash":[{"error":"No."},{"error":"Never."}]}', ("No.", "Never.")),
        (b'{"result":false}', ()),
    ],
)
def test_a_no_is_an_error_whatever_the_status_says(body: bytes, flash: tuple[str, ...]) -> None:
    reply = Reply(200, JSON, body)
    with pytest.raises(errors.RefusedError) as info:
        granted(CALL, reply, RESTART.read(CALL, reply))
    assert (info.value.flash, info.value.status) == (flash, 200)
