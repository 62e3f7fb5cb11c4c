"""Broadcasts: requests and decoded responses."""

from aiotravis.resources.broadcasts import Broadcasts
from tests.samples import Scripted


async def test_a_message_can_be_null() -> None:
    transport = Scripted(b'{"broadcasts":[{"id":2,"message":"We are back."},{"id":1,"message":null}]}')
    assert [one.message for one in await Broadcasts(transport).list()] == ["We are back.", None]
    assert transport.calls[0].target == "/broadcasts"
