"""Subscribing to channels: refusals without a trace, signatures in one request, waiting for the limits."""

import asyncio
from collections.abc import Callable
from itertools import pairwise
from typing import cast

import anyio
import pytest

from aiotravis import LiveOptions, Travis, errors, events
from aiotravis.live import channel_subscriber
from aiotravis.live.channel_subscriber import ChannelSubscriber
from aiotravis.live.dispatcher import Dispatcher
from aiotravis.live.monitor import LiveMonitor
from aiotravis.live.socket import PusherSocket
from aiotravis.testing import Dialect, Repository, ServerConnection, TravisServer
from tests.conftest import HASTY, TOKEN
from tests.live.fakes import subscribed_to
from tests.waiting import ignored, until

OWN = "private-user-201"


def signings(server: TravisServer) -> list[int]:
    return [seen.status for seen in server.requests if seen.path == "/pusher/auth"]


# Many channels --------------------------------------------------------------------------------------------------------


class RecordedSocket:
    """A socket that records what is queued, and never waits."""

    def __init__(self) -> None:
        self.subscribed: list[str] = []
        self.unsubscribed: list[str] = []

    def subscribe(self, name: str, signature: str | None = None) -> None:
        self.subscribed.append(name)

    def unsubscribe(self, name: str) -> None:
        self.unsubscribed.append(name)

    async def flush(self) -> None: ...


async def test_others_have_their_turn_while_many_channels_are_subscribed_to() -> None:
    names = [f"c-{number}" for number in range(1000)]
    socket, dispatcher = RecordedSocket(), Dispatcher()
    for name in names:
        dispatcher.add(subscribed_to(name))
    subscriber = ChannelSubscriber(cast("PusherSocket", socket), dispatcher, LiveMonitor(), 5.0)
    steps = [0]
    async with anyio.create_task_group() as group:
        group.start_soon(subscriber.run)
        while len(socket.subscribed) < 999:
            await asyncio.sleep(0)
            if steps[-1] == 0 and socket.subscribed:
                # What has had no turn yet is not sent, and not taken back.
                subscriber.unsubscribe(["c-999", "c-0"])
            steps.append(len(socket.subscribed))
        await asyncio.sleep(0)
        group.cancel_scope.cancel()
    assert max(after - before for before, after in pairwise(steps)) == channel_subscriber.SUBSCRIBED_PER_TURN
    assert (socket.subscribed, socket.unsubscribed) == (names[:-1], ["c-0"])


# Refusals -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", ["pusher", "soketi"])
@pytest.mark.parametrize("how", ["bad signature", "not signed", "server error"])
async def test_a_channel_that_was_refused_opens_later_on_the_same_connection(dialect: Dialect, how: str) -> None:
    async with TravisServer(dialect=dialect) as server:
        server.world.user("sarah", token=TOKEN)
        bodies = {
            "bad signature": b'{"channels":{"private-user-201":"wrong:signature"}}',
            "not signed": b'{"channels":{}}',
        }
        options = LiveOptions(subscribe_timeout=0.3)
        async with (
            Travis(TOKEN, endpoint=server.endpoint, live=options) as travis,
            travis.events(channels=["repo-1"]) as other,
        ):
            for _ in range(2):
                if how == "server error":
                    server.respond("POST", "/pusher/auth", status=500, body=b"Sorry", times=1)
                    server.respond("POST", "/pusher/auth", status=401, body=b"no", times=1)
                else:
                    server.respond("POST", "/pusher/auth", body=bodies[how], times=1)
                with pytest.raises(errors.SubscriptionError):
                    await anext(travis.events(channels=[OWN]))
                async with travis.events(channels=[OWN]) as feed:
                    server.pusher.publish([OWN], "user:logout", "{}")
                    assert await anext(feed) == events.UnknownEvent(channel=OWN, name="user:logout", data={})
            assert (other.live, server.pusher.opened) == (True, 1)
            connection = travis._hub._connection
            assert connection is not None
            assert not connection.channels._unanswered


@pytest.mark.parametrize("left", ["timed out", "cancelled", "cancelled twice"])
async def test_an_unanswered_subscription_leaves_no_trace(
    server: TravisServer, monkeypatch: pytest.MonkeyPatch, left: str
) -> None:
    options = LiveOptions(subscribe_timeout=0.1)
    async with Travis(endpoint=server.endpoint, live=options) as travis, travis.events(channels=["repo-1"]):
        with monkeypatch.context() as patch:
            patch.setattr(server.pusher, "_subscribe", ignored)
            if left == "timed out":
                with pytest.raises(errors.SubscriptionError, match="did not confirm"):
                    await anext(travis.events(channels=["repo-2"]))
            for _ in range(left.count("cancelled") + left.count("twice")):
                with anyio.move_on_after(0.02):
                    await anext(travis.events(channels=["repo-2"]))
            await until(lambda: server.pusher.frames[-1].text.count("unsubscribe") == 1)
        async with travis.events(channels=["repo-2"]) as feed:
            server.pusher.publish(["repo-2"], "x", "{}")
            assert isinstance(await anext(feed), events.UnknownEvent)
        assert server.pusher.opened == 1


async def test_a_refusal_of_the_subscription_before_does_not_refuse_the_present_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held: list[Callable[[], None]] = []
    async with TravisServer(dialect="soketi") as server, Travis(endpoint=server.endpoint, live=HASTY) as travis:
        subscribe = server.pusher._subscribe

        def later(connection: ServerConnection, channel: str, signature: str | None) -> None:
            held.append(lambda: subscribe(connection, channel, signature))

        async with travis.events(channels=["repo-1"]):
            monkeypatch.setattr(server.pusher, "_subscribe", later)
            first, second = (travis.events(channels=["repo-2"]) for _ in range(2))
            opening = asyncio.ensure_future(first.__aenter__())
            await until(lambda: len(held) == 1)
            await first.aclose()
            entered = asyncio.ensure_future(second.__aenter__())
            await until(lambda: len(held) == 2)
            refusal = '{"event":"pusher:subscription_error","channel":"repo-2","data":{"status":401}}'
            server.pusher.send_raw(refusal)
            await until(lambda: travis.live.statistics().errors == 1)
            assert not entered.done()
            held[1]()
            await entered
            assert second.live
            await second.aclose()
            await asyncio.gather(opening, return_exceptions=True)


@pytest.mark.parametrize(
    "data",
    ['{"status":4001}', '"{\\"code\\":4001,\\"message\\":\\"no\\"}"', '{"type":"AuthError","status":4200}', "null"],
)
async def test_a_subscription_error_without_a_channel_is_counted_and_ends_nothing(
    server: TravisServer, travis: Travis, repository: Repository, data: str
) -> None:
    async with travis.events(repository.id) as feed:
        server.pusher.send_raw(f'{{"event":"pusher:subscription_error","data":{data}}}')
        repository.build()
        assert isinstance(await anext(feed), events.BuildCreated)
        # What ends without a code afterwards was not ended by that error.
        await server.pusher.disconnect(None)
        while not isinstance(await anext(feed), events.Reconnected):
            pass
        assert (travis.live.statistics().errors, server.pusher.opened) == (1, 2)


async def test_an_optional_feed_gets_a_refused_channel_as_soon_as_it_is_allowed(
    server: TravisServer, travis: Travis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel_subscriber, "REFUSAL_AGE", 0.05)
    monkeypatch.setattr("aiotravis.live.hub.IDLE_CHECK", 0.02)
    monkeypatch.setattr("aiotravis.live.channel_subscriber.is_private", "job-7".__eq__)
    server.respond("POST", "/pusher/auth", body=b'{"channels":{}}', times=1)
    server.respond("GET", "/jobs/7", body=b'{"job":{"id":7}}')
    async with travis._subscriber.events(job=7, optional=True) as feed:
        was_live = feed.live
        assert isinstance(await anext(feed), events.Reconnected)
        assert (was_live, feed.live) == (False, True)
    assert len(signings(server)) == 2


# Signatures -----------------------------------------------------------------------------------------------------------


async def test_a_burst_of_private_feeds_is_signed_once_and_so_is_each_reconnect() -> None:
    async with TravisServer(secure=True) as server:
        user = server.world.user("sarah", token=TOKEN)
        jobs = server.world.repository("a/b", users=[user]).build(jobs=40).jobs
        async with Travis(TOKEN, endpoint=server.endpoint, live=HASTY) as travis:
            feeds = [travis.events(channels=[f"private-job-{job.id}"]) for job in jobs]
            await asyncio.gather(*(feed.__aenter__() for feed in feeds))
            assert signings(server) == [200]
            for reconnects in (2, 3):
                await server.pusher.disconnect(1001)
                assert [type(await anext(feed)) for feed in feeds] == [events.Reconnected] * 40
                assert signings(server) == [200] * reconnects


async def test_waiting_for_room_in_the_limits_is_no_failure() -> None:
    token = f"{TOKEN}-of-forty-feeds"
    async with TravisServer(secure=True) as server:
        user = server.world.user("sarah", token=token)
        jobs = server.world.repository("a/b", users=[user]).build(jobs=40).jobs
        options = LiveOptions(subscribe_timeout=0.1, reconnect_delay=0.0)
        async with Travis(token, endpoint=server.endpoint, live=options, rate_limits=True) as travis:
            feeds = [travis.events(channels=[f"private-job-{job.id}"]) for job in jobs]
            await asyncio.gather(*(feed.__aenter__() for feed in feeds))
            limiter = travis._transport.limiter
            limiter.pause(0.5)
            await server.pusher.disconnect(1001)
            await until(lambda: travis.statistics().waiting_for_limits == 1)
            assert [type(await anext(feed)) for feed in feeds] == [events.Reconnected] * 40
            assert (signings(server), travis.live.statistics().refused) == ([200, 200], 0)


async def test_a_server_that_throttles_signing_is_asked_again(server: TravisServer, travis: Travis) -> None:
    server.respond("POST", "/pusher/auth", status=429, headers={"Retry-After": "0"}, times=4)
    async with travis.events(channels=[OWN]) as feed:
        assert feed.live
    assert signings(server) == [429, 429, 429, 429, 200]


async def test_a_silent_server_is_asked_once_and_ends_the_feeds_that_need_it(server: TravisServer) -> None:
    server.faults.rest("/pusher/auth").freeze()
    options = LiveOptions(subscribe_timeout=0.1)
    async with Travis(TOKEN, endpoint=server.endpoint, live=options) as travis, travis.events(channels=["repo-1"]):
        with pytest.raises(errors.SubscriptionError) as info:
            await anext(travis.events(channels=[OWN]))
        assert isinstance(info.value.__cause__, TimeoutError)
