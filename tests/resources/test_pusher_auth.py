"""Signatures for private channels."""

from typing import Any

import pytest

from aiotravis import errors
from aiotravis.resources.pusher_auth import PusherAuth
from tests.samples import Scripted


async def test_all_channels_are_in_one_request_and_refused_ones_are_missing() -> None:
    transport = Scripted(b'{"channels":{"private-user-1":"KEY:abc"}}')
    signed = await PusherAuth(transport).sign("8123.55021", ["private-user-1", "private-user-2"])
    assert signed == {"private-user-1": "KEY:abc"}
    call = transport.calls[0]
    assert (call.method, call.path) == ("POST", "/pusher/auth")
    assert call.body == b'{"socket_id":"8123.55021","channels":["private-user-1","private-user-2"]}'


@pytest.mark.parametrize(
    ("socket_id", "channels", "argument"),
    [("", ["a"], "socket_id"), ("1.1", [], "channels"), ("1.1", "ab", "channels")],
)
async def test_invalid_arguments_are_refused_before_sending(socket_id: str, channels: Any, argument: str) -> None:
    transport = Scripted(b"")
    with pytest.raises(errors.UsageError) as info:
        await PusherAuth(transport).sign(socket_id, channels)
    assert info.value.argument == argument
    assert transport.calls == []


async def test_if_all_channels_are_refused_the_result_is_empty() -> None:
    assert await PusherAuth(Scripted(b'{"channels":{}}')).sign("1.1", ["private-user-2"]) == {}


async def test_one_signature_that_is_none_leaves_the_others() -> None:
    body = b'{"channels":{"private-a":"k:1","private-b":null,"private-c":{},"private-d":"k:4"}}'
    signatures = await PusherAuth(Scripted(body)).sign("1.1", ["private-a", "private-b", "private-d"])
    assert signatures == {"private-a": "k:1", "private-d": "k:4"}
