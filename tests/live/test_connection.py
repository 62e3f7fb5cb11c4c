"""One connection to the live server: subscriptions, signatures, error frames, its end."""

import asyncio
from collections.abc import Callable

import pytest

from aiotravis import LiveOptions, Travis, errors, events
from aiotravis.live.protocol import Address
from aiotravis.live.socket import PusherSocket
from aiotravis.testing import Repository, ServerConnection, TravisServer
from tests.conftest import HASTY, TOKEN
from tests.waiting import until

ERROR = '{"event":"pusher:error","data":%s}'


async def test_a_resubscribed_channel_counts_once_its_last_subscription_is_confirmed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first confirmation belongs to the subscription that has ended: events may still be missed after it."""
    held: list[Callable[[], None]] = []
    # Delayed, the first subscription arrives after its own unsubscription: only soketi confirms the second one then.
    server = TravisServer(dialect="soketi")
    subscribe = server.pusher._subscribe

    def later(connection: ServerConnection, channel: str, signature: str | None) -> None:
        held.append(lambda: subscribe(connection, channel, signature))

    async with (
        server,
        Travis(endpoint=server.endpoint, live=HASTY) as travis,
        travis.events(channels=["repo-1"]),
    ):
        monkeypatch.setattr(server.pusher, "_subscribe", later)
        connection = travis._hub._connection
        assert connection is not None
        first, second = (travis.events(channels=["repo-2"]) for _ in range(2))
        tasks = [asyncio.ensure_future(first.__aenter__())]
        await until(lambda: len(held) == 1)
        await first.aclose()
        tasks.append(asyncio.ensure_future(second.__aenter__()))
        await until(lambda: len(held) == 2)
        held[0]()
        await until(lambda: server.pusher.occupied("repo-2"))
        await until(lambda: connection.channels._unanswered["repo-2"].answers == 1)
        assert not second.live
        held[1]()
        await until(lambda: second.live)
        await second.aclose()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_signing_is_retried_after_a_server_error(server: TravisServer) -> None:
    server.respond("POST", "/pusher/auth", status=503, times=1)
    async with (
        Travis(TOKEN, endpoint=server.endpoint, live=LiveOptions(subscribe_timeout=5.0)) as travis,
        travis.events(channels=["private-user-201"]),
    ):
        assert [seen.status for seen in server.requests if seen.path == "/pusher/auth"] == [503, 200]


async def test_signing_is_not_retried_after_an_authentication_error(server: TravisServer, travis: Travis) -> None:
    server.respond("POST", "/pusher/auth", status=403, body=b"access denied", headers={"Content-Type": "text/html"})
    with pytest.raises(errors.SubscriptionError) as info:
        await anext(travis.events(channels=["private-user-201"]))
    assert isinstance(info.value.__cause__, errors.AuthenticationError)
    assert sum(seen.path == "/pusher/auth" for seen in server.requests) == 1
    assert travis.live.statistics().refused == 1


@pytest.mark.parametrize("code", [4001, 4003, 4007, 4009, 4099])
@pytest.mark.parametrize("form", ['{"code":%d,"message":"no"}', '"{\\"code\\":%d,\\"message\\":\\"no\\"}"'])
async def test_a_fatal_error_frame_ends_every_feed_even_without_a_close(
    server: TravisServer, travis: Travis, code: int, form: str
) -> None:
    async with travis.events(channels=["repo-1"]) as one, travis.events(channels=["repo-2"]) as two:
        server.pusher.send_raw(ERROR % (form % code))
        for feed in (one, two):
            with pytest.raises(errors.LiveUnavailable) as info:
                await anext(feed)
            assert info.value.code == code
            assert TOKEN not in str(info.value)
    assert server.pusher.opened == 1


@pytest.mark.parametrize("code", ["null", "4300", "4301", "5001", "500", '"x"'])
async def test_an_error_frame_that_is_not_fatal_ends_nothing_and_is_counted(
    server: TravisServer, travis: Travis, repository: Repository, code: str
) -> None:
    async with travis.events(repository.id) as feed:
        server.pusher.send_raw(ERROR % f'{{"code":{code},"message":"odd"}}')
        repository.build()
        assert isinstance(await anext(feed), events.BuildCreated)
        assert (travis.live.statistics().errors, server.pusher.opened) == (1, 1)


@pytest.mark.parametrize("code", [4100, 4200, 4201])
async def test_an_error_frame_with_a_temporary_code_makes_the_client_reconnect(
    server: TravisServer, travis: Travis, code: int
) -> None:
    async with travis.events(channels=["repo-1"]) as feed:
        server.pusher.send_raw(ERROR % f'{{"code":{code},"message":"later"}}')
        assert isinstance(await anext(feed), events.Reconnected)
    assert server.pusher.opened == 2


async def test_after_code_4000_the_client_tries_tls_and_then_what_worked(server: TravisServer) -> None:
    # fact 7.4: 4000 demands TLS, which this server does not have.
    attempts: list[bool] = []
    async with Travis(endpoint=server.endpoint, live=HASTY) as travis, travis.events(channels=["repo-1"]) as feed:
        connect = travis._hub._connector.connect

        async def noted(address: Address) -> PusherSocket:
            attempts.append(address.tls)
            return await connect(address)

        travis._hub._connector.connect = noted  # type: ignore[method-assign]
        await server.pusher.disconnect(4000)
        assert isinstance(await anext(feed), events.Reconnected)
        assert attempts == [True, False]
        await server.pusher.disconnect(4000)
        with pytest.raises(errors.LiveUnavailable, match="only encrypted connections") as info:
            await anext(feed)
        assert (info.value.code, attempts) == (4000, [True, False])


async def test_a_message_that_is_too_large_makes_the_client_reconnect(server: TravisServer) -> None:
    options = LiveOptions(max_message_size=1000, reconnect_delay=0.0)
    async with Travis(endpoint=server.endpoint, live=options) as travis, travis.events(channels=["repo-1"]) as feed:
        server.pusher.send_raw('{"event":"x","channel":"repo-1","data":"%s"}' % ("x" * 1000))
        assert isinstance(await anext(feed), events.Reconnected)
        server.pusher.send_raw('{"event":"x","channel":"repo-1","data":"small"}')
        assert await anext(feed) == events.UnknownEvent(channel="repo-1", name="x", data="small")
