"""Refusals that every feed is told of, whatever the configuration says next."""

import asyncio

import anyio
import pytest

from aiotravis import Travis, errors
from aiotravis.live.protocol import Address
from aiotravis.live.socket import PusherSocket
from aiotravis.resources.config import Config, ConfigResource, PusherConfig
from aiotravis.testing import TravisServer
from tests.conftest import HASTY


async def test_without_a_key_every_feed_is_told_at_once() -> None:
    async with TravisServer(pusher_key=None) as server, Travis(endpoint=server.endpoint, live=HASTY) as travis:
        feeds = [travis.events(channels=[f"repo-{number}"]) for number in range(1, 6)]
        with anyio.fail_after(5):
            outcomes = await asyncio.gather(*(feed.__aenter__() for feed in feeds), return_exceptions=True)
        assert [type(one) for one in outcomes] == [errors.LiveUnavailable] * 5
        assert sum(seen.path == "/config" for seen in server.requests) == 1


async def test_a_configuration_that_names_another_key_each_time_is_followed_once(
    server: TravisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    async def get(_: ConfigResource) -> Config:
        read.append(f"wrong-{len(read)}")
        return Config(pusher=PusherConfig(key=read[-1], host="127.0.0.1", port=server.port, scheme="http"))

    monkeypatch.setattr(ConfigResource, "get", get)
    async with Travis(endpoint=server.endpoint, live=HASTY) as travis:
        with pytest.raises(errors.LiveUnavailable, match="no app with this key"), anyio.fail_after(2.0):
            await anext(travis.events(channels=["repo-1"]))
        assert read == ["wrong-0", "wrong-1"]


@pytest.mark.parametrize("code", [4000, 4001, 4009])
async def test_a_refusal_over_the_tls_that_was_demanded_is_told(server: TravisServer, code: int) -> None:
    attempts: list[bool] = []
    async with Travis(endpoint=server.endpoint, live=HASTY) as travis, travis.events(channels=["repo-1"]) as feed:
        connect = travis._hub._connector.connect

        async def without_tls(address: Address) -> PusherSocket:
            attempts.append(address.tls)
            socket = await connect(Address(address.key, address.host, address.port, address.path, tls=False))
            asyncio.get_running_loop().call_later(0.02, server.pusher.disconnect, code)
            return socket

        travis._hub._connector.connect = without_tls  # type: ignore[method-assign]
        await server.pusher.disconnect(4000)
        with pytest.raises(errors.LiveUnavailable) as info, anyio.fail_after(2.0):
            _ = [event async for event in feed]
        assert (info.value.code, attempts) == (code, [True])
