"""Opening, closing, losing and failing of one subscription."""

import asyncio

import anyio
import pytest

from aiotravis import Feed, errors, events
from aiotravis.live.channels import ChannelSelection
from tests.live.fakes import FakeHub, selecting


@pytest.mark.parametrize(
    ("selection", "own", "channels"),
    [
        (ChannelSelection(repositories=frozenset({1})), True, {"private-user-1", "repo-1"}),
        (ChannelSelection(channels=frozenset({"c"})), False, {"c"}),
        (ChannelSelection(), True, {"private-user-1"}),
    ],
)
async def test_the_users_own_channels_are_read_only_if_needed(
    selection: ChannelSelection, own: bool, channels: set[str]
) -> None:
    hub = FakeHub()
    subscription = selecting(selection, hub=hub)
    await subscription.open()
    assert hub.own_needed == [own]
    assert subscription.channels == channels
    subscription.close()
    assert hub.removed == 1


async def test_a_reconnected_mark_comes_once_every_channel_is_confirmed_again() -> None:
    subscription = selecting(ChannelSelection(channels=frozenset({"a", "b"})))
    await subscription.open()
    subscription.disconnect(10.0)
    subscription.disconnect(11.0)
    subscription.confirm("a", 12.0)
    assert len(subscription.buffer) == 0
    subscription.confirm("b", 13.0)
    assert await subscription.buffer.get() == events.Reconnected(down=3.0)
    subscription.confirm("b", 14.0)
    assert len(subscription.buffer) == 0


async def test_a_failure_is_raised_where_the_feed_is_iterated() -> None:
    subscription = selecting(ChannelSelection(channels=frozenset({"a"})))
    await subscription.open()
    subscription.fail(errors.LiveError("gone"))
    with pytest.raises(errors.LiveError):
        await subscription.buffer.get()


async def test_only_the_given_event_classes_are_accepted() -> None:
    subscription = selecting(ChannelSelection(channels=frozenset({"a"})), events.UnknownEvent)
    await subscription.open()
    assert subscription.accepts(events.UnknownEvent(channel="a", name="x"))
    assert not subscription.accepts(events.JobLog(channel="a", job_id=1))


async def test_open_waits_for_the_last_channel() -> None:
    subscription = selecting(ChannelSelection(channels=frozenset({"a", "b"})), hub=FakeHub(confirms=False))
    opening = asyncio.ensure_future(subscription.open())
    await anyio.wait_all_tasks_blocked()
    subscription.confirm("a", 0.0)
    await anyio.wait_all_tasks_blocked()
    assert not opening.done()
    subscription.confirm("b", 0.0)
    await opening


async def test_a_failure_while_opening_is_raised_by_open() -> None:
    subscription = selecting(ChannelSelection(channels=frozenset({"a"})), hub=FakeHub(confirms=False))
    opening = asyncio.ensure_future(subscription.open())
    await anyio.wait_all_tasks_blocked()
    subscription.fail(errors.SubscriptionError("no", channel="a"))
    with pytest.raises(errors.SubscriptionError):
        await opening


async def test_a_connection_lost_while_opening_makes_no_reconnected_mark() -> None:
    subscription = selecting(ChannelSelection(channels=frozenset({"a", "b"})), hub=FakeHub(confirms=False))
    subscription.disconnect(0.0)
    opening = asyncio.ensure_future(subscription.open())
    await anyio.wait_all_tasks_blocked()
    subscription.confirm("a", 1.0)
    subscription.disconnect(2.0)
    assert subscription.unconfirmed == {"a", "b"}
    for name in ("a", "b"):
        subscription.confirm(name, 3.0)
    await opening
    assert (len(subscription.buffer), subscription.disconnected_at) == (0, None)


async def test_the_time_down_is_never_negative() -> None:
    subscription = selecting(ChannelSelection(channels=frozenset({"a"})))
    await subscription.open()
    subscription.disconnect(10.0)
    subscription.confirm("a", 9.0)
    assert await subscription.buffer.get() == events.Reconnected(down=0.0)


@pytest.mark.parametrize(
    ("selection", "private", "error"),
    [
        (ChannelSelection(), False, errors.UsageError),
        (ChannelSelection(repositories=frozenset({1})), True, errors.LiveUnavailable),
    ],
)
async def test_a_selection_without_channels_is_never_added_to_the_hub(
    selection: ChannelSelection, private: bool, error: type[Exception]
) -> None:
    hub = FakeHub(private=private, own=())
    with pytest.raises(error):
        await selecting(selection, hub=hub).open()
    assert hub.added == 0


async def test_closing_from_another_task_ends_the_opening() -> None:
    feed = Feed(selecting(ChannelSelection(channels=frozenset({"a"})), hub=FakeHub(confirms=False)))
    opening = asyncio.ensure_future(feed.__aenter__())
    await anyio.wait_all_tasks_blocked()
    await feed.aclose()
    with pytest.raises((errors.UsageError, asyncio.CancelledError)), anyio.fail_after(0.2):
        await opening


async def test_a_feed_closed_while_it_resolves_is_never_added_to_the_hub() -> None:
    gate = asyncio.Event()
    hub = FakeHub(gate=gate)
    feed = Feed(selecting(ChannelSelection(channels=frozenset({"a"})), hub=hub))
    opening = asyncio.ensure_future(feed.__aenter__())
    await anyio.wait_all_tasks_blocked()
    await feed.aclose()
    gate.set()
    await asyncio.gather(opening, return_exceptions=True)
    assert hub.added == 0
    assert hub.removed >= 1


async def test_of_a_failure_and_a_close_at_once_open_raises_the_first() -> None:
    subscription = selecting(ChannelSelection(channels=frozenset({"a"})), hub=FakeHub(confirms=False))
    opening = asyncio.ensure_future(subscription.open())
    await anyio.wait_all_tasks_blocked()
    subscription.close()
    subscription.fail(errors.SubscriptionError("no", channel="a"))
    with pytest.raises(errors.SubscriptionError):
        await opening
