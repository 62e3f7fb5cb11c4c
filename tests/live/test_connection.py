"""One connection to the live server: what it asks for, what it makes of answers, how it ends."""

from collections.abc import Callable

import pytest

from aiotravis import LiveOptions, Travis, errors, events
from aiotravis.live.channels import ChannelSelection
from aiotravis.testing import Repository, ServerConnection, TravisServer
from tests.conftest import HASTY, TOKEN
from tests.waiting import until

ERROR = '{"event":"pusher:error","data":%s}'


def asked(server: TravisServer, event: str) -> int:
    return sum(f'"{event}"' in frame.text for frame in server.pusher.frames if frame.incoming)


async def test_a_channel_given_up_and_wanted_again_counts_once_its_last_subscription_is_confirmed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first confirmation belongs to the subscription that was given up: events may still be lost behind it."""
    held: list[Callable[[], None]] = []
    # Held back, the first subscription comes behind its own end: only soketi confirms the second one then.
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
        first, second = (travis._hub.subscription(_nothing) for _ in range(2))
        first.channels = second.channels = frozenset({"repo-2"})
        travis._hub.add(first)
        await until(lambda: len(held) == 1)
        travis._hub.remove(first)
        travis._hub.add(second)
        await until(lambda: len(held) == 2)
        held[0]()
        await until(lambda: server.pusher.occupied("repo-2"))
        await until(lambda: connection._asked["repo-2"] == 1)
        assert second.waiting == {"repo-2"}
        held[1]()
        await until(lambda: not second.waiting)
        travis._hub.remove(second)


async def _nothing() -> ChannelSelection:
    return ChannelSelection()


async def test_a_signature_that_could_not_be_had_in_passing_is_asked_for_again(server: TravisServer) -> None:
    server.respond("POST", "/pusher/auth", status=503, times=1)
    async with (
        Travis(TOKEN, endpoint=server.endpoint, live=LiveOptions(subscribe_timeout=5.0)) as travis,
        travis.events(channels=["private-user-201"]),
    ):
        assert [seen.status for seen in server.requests if seen.path == "/pusher/auth"] == [503, 200]


async def test_what_the_auth_endpoint_refuses_for_good_is_not_asked_for_again(
    server: TravisServer, travis: Travis
) -> None:
    server.respond("POST", "/pusher/auth", status=403, body=b"access denied", headers={"Content-Type": "text/html"})
    with pytest.raises(errors.SubscriptionError) as info:
        await anext(travis.events(channels=["private-user-201"]))
    assert isinstance(info.value.__cause__, errors.AuthenticationError)
    assert sum(seen.path == "/pusher/auth" for seen in server.requests) == 1
    assert travis.live.statistics().refused == 1


@pytest.mark.parametrize("code", [4001, 4003, 4007, 4009, 4099])
@pytest.mark.parametrize("form", ['{"code":%d,"message":"no"}', '"{\\"code\\":%d,\\"message\\":\\"no\\"}"'])
async def test_a_fatal_complaint_ends_every_feed_even_if_the_server_does_not_close(
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
async def test_a_complaint_without_a_closing_code_ends_nothing_and_is_counted(
    server: TravisServer, travis: Travis, repository: Repository, code: str
) -> None:
    async with travis.events(repository.id) as feed:
        server.pusher.send_raw(ERROR % f'{{"code":{code},"message":"odd"}}')
        repository.build()
        assert isinstance(await anext(feed), events.BuildCreated)
        assert (travis.live.statistics().complaints, server.pusher.opened) == (1, 1)


@pytest.mark.parametrize("code", [4100, 4200, 4201])
async def test_a_complaint_with_a_passing_code_is_a_loss_to_come_back_from(
    server: TravisServer, travis: Travis, code: int
) -> None:
    async with travis.events(channels=["repo-1"]) as feed:
        server.pusher.send_raw(ERROR % f'{{"code":{code},"message":"later"}}')
        assert isinstance(await anext(feed), events.Reconnected)
    assert server.pusher.opened == 2


async def test_a_server_that_wants_tls_is_asked_once_over_tls(server: TravisServer) -> None:
    """The embedded server speaks no TLS: what shows is that it is tried, once, and not for ever."""
    async with Travis(endpoint=server.endpoint, live=HASTY) as travis, travis.events(channels=["repo-1"]) as feed:
        await server.pusher.disconnect(4000)
        await until(lambda: travis._hub._encrypt)
        assert (await travis._hub._address()).tls
        assert travis.live.state == "reconnecting"
        assert feed.statistics().dropped == 0


async def test_a_frame_that_is_too_large_costs_the_connection_and_leaves_a_mark(server: TravisServer) -> None:
    options = LiveOptions(largest_frame=1000, first_delay=0.0)
    async with Travis(endpoint=server.endpoint, live=options) as travis, travis.events(channels=["repo-1"]) as feed:
        server.pusher.send_raw('{"event":"x","channel":"repo-1","data":"%s"}' % ("x" * 1000))
        assert isinstance(await anext(feed), events.Reconnected)
        server.pusher.send_raw('{"event":"x","channel":"repo-1","data":"small"}')
        assert await anext(feed) == events.UnknownEvent(channel="repo-1", name="x", data="small")
