"""What one feed wants of the hub."""

import asyncio

import anyio
import pytest

from aiotravis import Feed, errors, events
from aiotravis.live.channels import ChannelSelection
from aiotravis.live.subscription import HubSubscription


class Switchboard:
    """A hub of a public deployment that puts everything in force at once, or never."""

    def __init__(
        self,
        *,
        at_once: bool = True,
        private: bool = False,
        own: tuple[str, ...] = ("private-user-1",),
        gate: asyncio.Event | None = None,
    ) -> None:
        self.at_once = at_once
        self.private = private
        self.own = own
        self.gate = gate
        self.added = 0
        self.asked: list[bool] = []
        self.removed = 0

    async def site(self, *, own: bool) -> tuple[bool, tuple[str, ...]]:
        self.asked.append(own)
        if self.gate is not None:
            await self.gate.wait()
        return self.private, self.own if own else ()

    def add(self, subscription: HubSubscription) -> None:
        self.added += 1
        subscription.waiting = set(subscription.channels)
        if self.at_once:
            for name in subscription.channels:
                subscription.confirmed(name, 0.0)

    def remove(self, subscription: HubSubscription) -> None:
        self.removed += 1


def line(board: Switchboard, interest: ChannelSelection, *only: type[events.Event]) -> HubSubscription:
    async def resolve() -> ChannelSelection:
        return interest

    return HubSubscription(board, resolve, only, 10)


@pytest.mark.parametrize(
    ("interest", "own", "channels"),
    [
        (ChannelSelection(repositories=frozenset({1})), True, {"private-user-1", "repo-1"}),
        (ChannelSelection(channels=frozenset({"c"})), False, {"c"}),
        (ChannelSelection(), True, {"private-user-1"}),
    ],
)
async def test_the_user_is_looked_up_only_where_that_matters(
    interest: ChannelSelection, own: bool, channels: set[str]
) -> None:
    board = Switchboard()
    subscription = line(board, interest)
    await subscription.open()
    assert board.asked == [own]
    assert subscription.channels == channels
    subscription.close()
    assert board.removed == 1


async def test_coming_back_is_told_once_every_channel_is_in_force_again() -> None:
    subscription = line(Switchboard(), ChannelSelection(channels=frozenset({"a", "b"})))
    await subscription.open()
    subscription.lost(10.0)
    subscription.lost(11.0)
    subscription.confirmed("a", 12.0)
    assert len(subscription.mailbox) == 0
    subscription.confirmed("b", 13.0)
    assert await subscription.mailbox.get() == events.Reconnected(down=3.0)
    subscription.confirmed("b", 14.0)
    assert len(subscription.mailbox) == 0


async def test_a_failure_reaches_who_opens_or_who_iterates() -> None:
    subscription = line(Switchboard(), ChannelSelection(channels=frozenset({"a"})))
    await subscription.open()
    subscription.fail(errors.LiveError("gone"))
    with pytest.raises(errors.LiveError):
        await subscription.mailbox.get()


async def test_only_what_was_asked_for_is_wanted() -> None:
    subscription = line(Switchboard(), ChannelSelection(channels=frozenset({"a"})), events.UnknownEvent)
    await subscription.open()
    assert subscription.wants(events.UnknownEvent(channel="a", name="x"))
    assert not subscription.wants(events.JobLog(channel="a", job_id=1))


async def test_who_opens_waits_for_the_last_channel() -> None:
    subscription = line(Switchboard(at_once=False), ChannelSelection(channels=frozenset({"a", "b"})))
    opening = asyncio.ensure_future(subscription.open())
    await anyio.wait_all_tasks_blocked()
    subscription.confirmed("a", 0.0)
    await anyio.wait_all_tasks_blocked()
    assert not opening.done()
    subscription.confirmed("b", 0.0)
    await opening


async def test_a_failure_while_it_opens_is_raised_there() -> None:
    subscription = line(Switchboard(at_once=False), ChannelSelection(channels=frozenset({"a"})))
    opening = asyncio.ensure_future(subscription.open())
    await anyio.wait_all_tasks_blocked()
    subscription.fail(errors.SubscriptionError("no", channel="a"))
    with pytest.raises(errors.SubscriptionError):
        await opening


async def test_a_connection_lost_before_it_was_ever_open_is_no_reconnect() -> None:
    subscription = line(Switchboard(at_once=False), ChannelSelection(channels=frozenset({"a", "b"})))
    subscription.lost(0.0)
    opening = asyncio.ensure_future(subscription.open())
    await anyio.wait_all_tasks_blocked()
    subscription.confirmed("a", 1.0)
    subscription.lost(2.0)
    assert subscription.waiting == {"a", "b"}
    for name in ("a", "b"):
        subscription.confirmed(name, 3.0)
    await opening
    assert (len(subscription.mailbox), subscription.lost_at) == (0, None)


async def test_time_down_is_never_negative() -> None:
    subscription = line(Switchboard(), ChannelSelection(channels=frozenset({"a"})))
    await subscription.open()
    subscription.lost(10.0)
    subscription.confirmed("a", 9.0)
    assert await subscription.mailbox.get() == events.Reconnected(down=0.0)


@pytest.mark.parametrize(
    ("interest", "private", "error"),
    [
        (ChannelSelection(), False, errors.UsageError),
        (ChannelSelection(repositories=frozenset({1})), True, errors.LiveUnavailable),
    ],
)
async def test_what_cannot_be_listened_to_is_never_put_in_force(
    interest: ChannelSelection, private: bool, error: type[Exception]
) -> None:
    board = Switchboard(private=private, own=())
    with pytest.raises(error):
        await line(board, interest).open()
    assert board.added == 0


async def test_closing_from_another_task_ends_the_opening() -> None:
    feed = Feed(line(Switchboard(at_once=False), ChannelSelection(channels=frozenset({"a"}))))
    opening = asyncio.ensure_future(feed.__aenter__())
    await anyio.wait_all_tasks_blocked()
    await feed.aclose()
    with pytest.raises((errors.UsageError, asyncio.CancelledError)), anyio.fail_after(0.2):
        await opening


async def test_what_is_closed_while_it_looks_things_up_is_never_put_in_force() -> None:
    gate = asyncio.Event()
    board = Switchboard(gate=gate)
    feed = Feed(line(board, ChannelSelection(channels=frozenset({"a"}))))
    opening = asyncio.ensure_future(feed.__aenter__())
    await anyio.wait_all_tasks_blocked()
    await feed.aclose()
    gate.set()
    await asyncio.gather(opening, return_exceptions=True)
    assert board.added == 0
    assert board.removed >= 1


async def test_of_a_failure_and_a_closing_at_once_the_first_that_arrives_is_told() -> None:
    subscription = line(Switchboard(at_once=False), ChannelSelection(channels=frozenset({"a"})))
    opening = asyncio.ensure_future(subscription.open())
    await anyio.wait_all_tasks_blocked()
    subscription.close()
    subscription.fail(errors.SubscriptionError("no", channel="a"))
    with pytest.raises(errors.SubscriptionError):
        await opening
