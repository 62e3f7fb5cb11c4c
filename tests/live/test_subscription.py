"""Confirming, losing and failing of one subscription."""

import asyncio

import pytest

from aiotravis import errors, events
from tests.live.fakes import opening, subscribed_to


async def test_a_reconnected_mark_comes_once_every_channel_is_confirmed_again() -> None:
    subscription = opening("a", "b")
    for name in ("a", "b"):
        subscription.confirm(name, 0.0)
    assert subscription.live
    subscription.disconnect(10.0)
    subscription.disconnect(11.0)
    subscription.confirm("a", 12.0)
    assert (len(subscription.buffer), subscription.live) == (0, False)
    subscription.confirm("b", 13.0)
    assert subscription.live
    assert await subscription.buffer.get() == events.Reconnected(down=3.0)
    subscription.confirm("b", 14.0)
    assert len(subscription.buffer) == 0


async def test_a_failure_is_raised_by_the_opening_and_where_the_feed_is_iterated() -> None:
    subscription = opening("a")
    assert subscription.fail(errors.SubscriptionError("no", channel="a"))
    assert subscription.opened is not None
    for waiting in (subscription.opened, subscription.buffer.get()):
        with pytest.raises(errors.SubscriptionError):
            await waiting


def test_only_the_given_event_classes_are_accepted() -> None:
    subscription = subscribed_to("a", only=(events.UnknownEvent,))
    assert subscription.accepts(events.UnknownEvent(channel="a", name="x"))
    assert not subscription.accepts(events.JobLog(channel="a", job_id=1))


async def test_it_is_open_with_the_confirmation_of_the_last_channel() -> None:
    subscription = opening("a", "b")
    assert subscription.opened is not None
    subscription.confirm("a", 0.0)
    assert not subscription.opened.done()
    subscription.confirm("b", 0.0)
    assert subscription.opened.done()


async def test_a_connection_lost_while_opening_makes_no_reconnected_mark() -> None:
    subscription = opening("a", "b")
    subscription.confirm("a", 1.0)
    subscription.disconnect(2.0)
    assert subscription.unconfirmed == {"a", "b"}
    for name in ("a", "b"):
        subscription.confirm(name, 3.0)
    assert (len(subscription.buffer), subscription.disconnected_at, subscription.live) == (0, None, True)


async def test_the_time_down_is_never_negative() -> None:
    subscription = opening("a")
    subscription.confirm("a", 0.0)
    subscription.disconnect(10.0)
    subscription.confirm("a", 9.0)
    assert await subscription.buffer.get() == events.Reconnected(down=0.0)


async def test_an_optional_subscription_opens_without_the_channel_and_is_told_of_it_later() -> None:
    subscription = opening("a", optional=True)
    assert not subscription.fail(errors.LiveUnavailable("away"))
    assert subscription.opened is not None
    await subscription.opened
    assert (subscription.live, subscription.buffer.ended) == (False, False)
    subscription.confirm("a", asyncio.get_running_loop().time())
    assert subscription.live
    assert isinstance(await subscription.buffer.get(), events.Reconnected)


async def test_of_a_failure_and_a_close_at_once_the_opening_raises_the_first() -> None:
    for first in ("failure", "close"):
        subscription = opening("a")
        opened = subscription.opened
        assert opened is not None
        if first == "close":
            subscription.abandon()
        subscription.end(errors.SubscriptionError("no", channel="a"))
        subscription.abandon()
        with pytest.raises(errors.UsageError if first == "close" else errors.SubscriptionError):
            await opened


async def test_an_abandoned_subscription_can_be_opened_anew() -> None:
    subscription = opening("a")
    subscription.abandon()
    assert subscription.opened is None
    subscription.opened = asyncio.get_running_loop().create_future()
    subscription.confirm("a", 0.0)
    assert subscription.live
