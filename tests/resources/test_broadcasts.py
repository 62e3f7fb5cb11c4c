"""Broadcasts."""

from aiotravis.resources.broadcasts import Broadcasts
from tests.samples import Scripted


async def test_messages_may_be_empty() -> None:
    transport = Scripted(b'{"broadcasts":[{"id":2,"message":"We are back."},{"id":1,"message":null}]}')
    assert [one.message for one in await Broadcasts(transport).list()] == ["We are back.", None]
    assert transport.calls[0].target == "/broadcasts"
