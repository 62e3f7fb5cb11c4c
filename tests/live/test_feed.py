"""The feed: opening, iterating, closing."""

import asyncio
import contextlib
import gc

import anyio
import pytest

from aiotravis import Feed, errors, events
from tests.live.fakes import FakeHub, part, put, subscribed_to


async def test_a_feed_opens_once_and_closes_with_its_block() -> None:
    hub = FakeHub()
    subscription = subscribed_to("a", "b", max_events=10, hub=hub)
    async with Feed(subscription) as feed:
        assert repr(feed) == "<Feed open, 0 waiting>"
        put(subscription.buffer, part(0))
        assert await anext(feed) == part(0)
        put(subscription.buffer, part(1))
        statistics = feed.statistics()
        assert (statistics.delivered, statistics.waiting, statistics.channels) == (1, 1, ("a", "b"))
        async with feed:
            pass
    assert hub.opened == 1
    assert hub.closed >= 1
    assert repr(feed) == "<Feed closed, 1 waiting>"
    with pytest.raises(errors.UsageError, match="closed"):
        await feed.__aenter__()


async def test_a_bare_loop_opens_a_feed_and_deleting_it_closes_it() -> None:
    hub = FakeHub()
    subscription = subscribed_to("a", "b", max_events=10, hub=hub)
    put(subscription.buffer, part(0))

    async def first() -> events.Event | None:
        async for event in Feed(subscription):
            return event
        return None

    assert await first() == part(0)
    gc.collect()
    assert (hub.opened, hub.closed) == (1, 1)


async def test_a_feed_that_ends_is_closed() -> None:
    for error, kind in ((None, StopAsyncIteration), (errors.LiveError("x"), errors.LiveError)):
        hub = FakeHub()
        subscription = subscribed_to("a", "b", max_events=10, hub=hub)
        feed = Feed(subscription)
        subscription.buffer.end(error)
        with pytest.raises(kind):
            await anext(feed)
        assert hub.closed == 1


async def test_a_feed_that_cannot_open_is_closed() -> None:
    hub = FakeHub(errors.LiveUnavailable("off"))
    subscription = subscribed_to("a", "b", max_events=10, hub=hub)
    feed = Feed(subscription)
    assert repr(feed) == "<Feed not opened, 0 waiting>"
    with pytest.raises(errors.LiveUnavailable):
        await feed.__aenter__()
    assert hub.closed == 1
    with pytest.raises(errors.UsageError, match="This feed is closed"):
        aiter(feed)


async def test_a_closed_feed_yields_what_is_buffered_and_then_raises() -> None:
    subscription = subscribed_to("a", "b", max_events=10, hub=FakeHub())
    feed = Feed(subscription)
    async with feed:
        put(subscription.buffer, events.Lagged(dropped=1))
    assert [event async for event in feed] == [events.Lagged(dropped=1)]
    for _ in range(2):
        with pytest.raises(errors.UsageError, match="This feed is closed"):
            aiter(feed)


async def test_awaiting_a_feed_names_the_remedy() -> None:
    feed = Feed(subscribed_to("a", "b", max_events=10, hub=FakeHub()))
    with pytest.raises(errors.UsageError, match="A Feed cannot be awaited: use it in a block, `async with"):
        await feed  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]


async def test_ending_the_buffer_wakes_the_waiting_task() -> None:
    for error, kind in ((None, StopAsyncIteration), (errors.LiveError("gone"), errors.LiveError)):
        hub = FakeHub()
        subscription = subscribed_to("a", "b", max_events=10, hub=hub)
        waiting = asyncio.ensure_future(anext(Feed(subscription)))
        await anyio.wait_all_tasks_blocked()
        subscription.buffer.end(error)
        with pytest.raises(kind):
            await waiting


async def test_a_cancelled_iteration_can_be_continued() -> None:
    hub = FakeHub()
    subscription = subscribed_to("a", "b", max_events=10, hub=hub)
    async with Feed(subscription) as feed:
        with anyio.move_on_after(0):
            await anext(feed)
        put(subscription.buffer, part(1))
        assert await anext(feed) == part(1)


async def test_dropped_events_are_counted() -> None:
    hub = FakeHub()
    subscription = subscribed_to("a", "b", max_events=10, hub=hub)
    async with Feed(subscription) as feed:
        for number in range(13):
            put(subscription.buffer, part(number))
        statistics = feed.statistics()
        assert (statistics.delivered, statistics.waiting, statistics.dropped) == (0, 10, 3)


@pytest.mark.parametrize("how", ["break", "raise", "aclose", "cancel"])
async def test_every_way_out_of_the_block_unsubscribes(how: str) -> None:
    hub = FakeHub()
    subscription = subscribed_to("a", "b", max_events=10, hub=hub)
    put(subscription.buffer, part(0))
    with anyio.CancelScope() as scope, contextlib.suppress(KeyError):
        async with Feed(subscription) as feed:
            async for event in feed:
                assert event == part(0)
                if how == "break":
                    break
                if how == "raise":
                    raise KeyError
                if how == "aclose":
                    await feed.aclose()
                if how == "cancel":
                    scope.cancel()
    assert (hub.opened, hub.closed >= 1) == (1, True)


async def test_closing_ends_the_waiting_task_and_may_be_repeated() -> None:
    hub = FakeHub()
    subscription = subscribed_to("a", "b", max_events=10, hub=hub)
    feed = Feed(subscription)
    waiting = asyncio.ensure_future(anext(feed))
    await anyio.wait_all_tasks_blocked()
    await feed.aclose()
    await feed.aclose()
    with pytest.raises(StopAsyncIteration):
        await waiting


async def test_a_cancelled_block_unsubscribes_and_the_feed_can_be_opened_again() -> None:
    hub = FakeHub(gate=asyncio.Event())
    subscription = subscribed_to("a", "b", max_events=10, hub=hub)
    feed = Feed(subscription)
    with anyio.move_on_after(0):
        await feed.__aenter__()
    assert (hub.opened, hub.closed) == (1, 1)


def test_deleting_a_feed_that_was_never_opened_closes_it_once() -> None:
    hub = FakeHub()
    subscription = subscribed_to("a", "b", max_events=10, hub=hub)
    Feed(subscription)
    gc.collect()
    assert (hub.opened, hub.closed) == (0, 1)


async def test_a_second_consumer_raises_and_does_not_end_the_first() -> None:
    hub = FakeHub()
    subscription = subscribed_to("a", "b", max_events=10, hub=hub)
    feed = Feed(subscription)
    first = asyncio.ensure_future(anext(feed))
    await anyio.wait_all_tasks_blocked()
    with pytest.raises(errors.UsageError, match="Two tasks"):
        await anext(feed)
    put(subscription.buffer, part(1))
    assert await first == part(1)


async def test_a_full_buffer_takes_a_reconnected_mark() -> None:
    hub = FakeHub()
    subscription = subscribed_to("a", "b", max_events=1, hub=hub)
    for event in (part(0), part(1), events.Reconnected(down=1.0)):
        put(subscription.buffer, event)
    subscription.buffer.end()
    seen = [event async for event in Feed(subscription)]
    assert seen == [part(0), events.Lagged(dropped=1), events.Reconnected(down=1.0)]
