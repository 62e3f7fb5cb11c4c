"""The feed and its mailbox: bounded, in order, honest about loss."""

import gc

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiotravis import Feed, errors, events
from aiotravis.live.feed import Mailbox


def part(number: int, size: int = 0) -> events.JobLog:
    return events.JobLog(job_id=1, number=number, content="x" * size)


class Line:
    """A subscription that notes what is done to it."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.mailbox = Mailbox(10)
        self.channels: frozenset[str] = frozenset({"b", "a"})
        self.failure = failure
        self.opened = 0
        self.closed = 0

    async def open(self) -> None:
        self.opened += 1
        if self.failure is not None:
            raise self.failure

    def close(self) -> None:
        self.closed += 1


async def test_events_come_in_order_and_then_the_end() -> None:
    mailbox = Mailbox(10)
    for number in range(3):
        mailbox.put(part(number))
    mailbox.end()
    mailbox.put(part(9))
    assert [await mailbox.get() for _ in range(3)] == [part(0), part(1), part(2)]
    for _ in range(2):
        with pytest.raises(StopAsyncIteration):
            await mailbox.get()


async def test_an_error_comes_after_what_waits_and_the_first_end_counts() -> None:
    mailbox = Mailbox(10)
    mailbox.put(part(0))
    mailbox.end(errors.LiveUnavailable("gone", code=4001))
    mailbox.end()
    assert await mailbox.get() == part(0)
    with pytest.raises(errors.LiveUnavailable):
        await mailbox.get()


@given(st.integers(1, 5), st.lists(st.booleans(), max_size=60))
async def test_every_loss_is_told_in_its_place(size: int, steps: list[bool]) -> None:
    """Put where True, get where False: what is given, with the losses told, is everything in order."""
    mailbox = Mailbox(size)
    sent = 0
    seen: list[events.Event] = []
    for put in steps:
        if put:
            mailbox.put(part(sent))
            sent += 1
        elif len(mailbox):
            seen.append(await mailbox.get())
    mailbox.end()
    try:
        while True:
            seen.append(await mailbox.get())
    except StopAsyncIteration:
        pass
    expected, dropped = 0, 0
    for event in seen:
        if isinstance(event, events.Lagged):
            expected += event.dropped
            dropped += event.dropped
        else:
            assert event == part(expected)
            expected += 1
    assert expected == sent
    assert dropped == mailbox.dropped


async def test_a_mailbox_is_bounded_in_bytes_too() -> None:
    mailbox = Mailbox(1000, most_bytes=3000)
    mailbox.put(part(0, 2000))
    mailbox.put(part(1, 2000))
    assert await mailbox.get() == part(0, 2000)
    mailbox.put(part(2, 2000))
    assert [await mailbox.get(), await mailbox.get()] == [events.Lagged(dropped=1), part(2, 2000)]


async def test_who_waits_is_woken_and_two_may_not_wait() -> None:
    mailbox = Mailbox(10)
    seen: list[events.Event] = []

    async def take() -> None:
        seen.append(await mailbox.get())

    async with anyio.create_task_group() as group:
        group.start_soon(take)
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(errors.UsageError, match="Two tasks"):
            await mailbox.get()
        mailbox.put(part(1))
    assert seen == [part(1)]


async def test_a_wait_that_is_cancelled_loses_nothing() -> None:
    mailbox = Mailbox(10)
    with anyio.move_on_after(0):
        await mailbox.get()
    mailbox.put(part(1))
    assert await mailbox.get() == part(1)


async def test_a_feed_opens_once_and_closes_with_its_block() -> None:
    line = Line()
    async with Feed(line) as feed:
        assert repr(feed) == "<Feed open, 0 waiting>"
        line.mailbox.put(part(0))
        assert await anext(feed) == part(0)
        line.mailbox.put(part(1))
        statistics = feed.statistics()
        assert (statistics.delivered, statistics.waiting, statistics.channels) == (1, 1, ("a", "b"))
        async with feed:
            pass
    assert line.opened == 1
    assert line.closed >= 1
    assert repr(feed) == "<Feed closed, 1 waiting>"
    with pytest.raises(errors.UsageError, match="closed"):
        await feed.__aenter__()


async def test_a_bare_loop_opens_it_and_forgetting_it_closes_it() -> None:
    line = Line()
    line.mailbox.put(part(0))

    async def first() -> events.Event | None:
        async for event in Feed(line):
            return event
        return None

    assert await first() == part(0)
    gc.collect()
    assert (line.opened, line.closed) == (1, 1)


async def test_a_feed_that_ends_is_closed() -> None:
    for error, kind in ((None, StopAsyncIteration), (errors.LiveError("x"), errors.LiveError)):
        line = Line()
        feed = Feed(line)
        line.mailbox.end(error)
        with pytest.raises(kind):
            await anext(feed)
        assert line.closed == 1


async def test_a_feed_that_cannot_open_is_closed() -> None:
    line = Line(errors.LiveUnavailable("off"))
    feed = Feed(line)
    assert repr(feed) == "<Feed not opened, 0 waiting>"
    with pytest.raises(errors.LiveUnavailable):
        await feed.__aenter__()
    assert line.closed == 1
    assert [event async for event in feed] == []
