"""The feed and its mailbox: bounded, in order, honest about loss."""

import asyncio
import contextlib
import gc

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiotravis import Commit, Feed, Job, errors, events
from aiotravis.live.feed import Mailbox, weight_of


def put(mailbox: Mailbox, event: events.Event) -> bool:
    return mailbox.put(event, weight_of(event))


def part(number: int, size: int = 0) -> events.JobLog:
    return events.JobLog(job_id=1, number=number, content="x" * size)


class Line:
    """A subscription that notes what is done to it."""

    def __init__(
        self, failure: Exception | None = None, *, mailbox: Mailbox | None = None, gate: asyncio.Event | None = None
    ) -> None:
        self.mailbox = Mailbox(10) if mailbox is None else mailbox
        self.gate = gate
        self.channels: frozenset[str] = frozenset({"b", "a"})
        self.failure = failure
        self.opened = 0
        self.closed = 0

    async def open(self) -> None:
        self.opened += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.failure is not None:
            raise self.failure

    def close(self) -> None:
        self.closed += 1


async def test_events_come_in_order_and_then_the_end() -> None:
    mailbox = Mailbox(10)
    for number in range(3):
        put(mailbox, part(number))
    mailbox.end()
    put(mailbox, part(9))
    assert [await mailbox.get() for _ in range(3)] == [part(0), part(1), part(2)]
    for _ in range(2):
        with pytest.raises(StopAsyncIteration):
            await mailbox.get()


async def test_an_error_comes_after_what_waits_and_the_first_end_counts() -> None:
    mailbox = Mailbox(10)
    put(mailbox, part(0))
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
    for full in steps:
        if full:
            put(mailbox, part(sent))
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
    put(mailbox, part(0, 2000))
    put(mailbox, part(1, 2000))
    assert await mailbox.get() == part(0, 2000)
    put(mailbox, part(2, 2000))
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
        put(mailbox, part(1))
    assert seen == [part(1)]


async def test_a_wait_that_is_cancelled_loses_nothing() -> None:
    mailbox = Mailbox(10)
    with anyio.move_on_after(0):
        await mailbox.get()
    put(mailbox, part(1))
    assert await mailbox.get() == part(1)


async def test_a_feed_opens_once_and_closes_with_its_block() -> None:
    line = Line()
    async with Feed(line) as feed:
        assert repr(feed) == "<Feed open, 0 waiting>"
        put(line.mailbox, part(0))
        assert await anext(feed) == part(0)
        put(line.mailbox, part(1))
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
    put(line.mailbox, part(0))

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


class Model:
    """What a mailbox does, in the plainest way: what was given out, and what each loss stood before."""

    def __init__(self, size: int, most_bytes: int) -> None:
        self.size, self.most_bytes = size, most_bytes
        self.line: list[events.Event] = []
        self.lost = 0

    def put(self, event: events.JobLog) -> None:
        used = sum(512 + len(one.content) for one in self.line if isinstance(one, events.JobLog))
        if len(self.line) >= self.size or used + 512 + len(event.content) > self.most_bytes:
            self.lost += 1
            return
        self.line += [*([events.Lagged(dropped=self.lost)] if self.lost else []), event]
        self.lost = 0

    def get(self) -> events.Event | None:
        if not self.line and self.lost:
            self.line.append(events.Lagged(dropped=self.lost))
            self.lost = 0
        return self.line.pop(0) if self.line else None


@given(st.integers(1, 6), st.integers(512, 4000), st.lists(st.none() | st.integers(0, 2500), max_size=80))
async def test_bounds_by_count_and_by_bytes_drop_exactly_what_does_not_fit(
    size: int, most_bytes: int, steps: list[int | None]
) -> None:
    """Put a part of that length, get where None."""
    mailbox, model = Mailbox(size, most_bytes), Model(size, most_bytes)
    for number, length in enumerate(steps):
        if length is None:
            expected = model.get()
            if expected is not None:
                assert await mailbox.get() == expected
        else:
            put(mailbox, part(number, length))
            model.put(part(number, length))
        assert len(mailbox) == len(model.line)
    mailbox.end(errors.LiveError("gone"))
    while (expected := model.get()) is not None:
        assert await mailbox.get() == expected
    with pytest.raises(errors.LiveError, match="gone"):
        await mailbox.get()


async def test_who_waits_is_told_of_the_end() -> None:
    for error, kind in ((None, StopAsyncIteration), (errors.LiveError("gone"), errors.LiveError)):
        mailbox = Mailbox(10)
        waiting = asyncio.ensure_future(anext(Feed(Line(mailbox=mailbox))))
        await anyio.wait_all_tasks_blocked()
        mailbox.end(error)
        with pytest.raises(kind):
            await waiting


async def test_a_wait_cancelled_after_the_event_came_leaves_it_for_the_next() -> None:
    mailbox = Mailbox(10)
    waiting = asyncio.ensure_future(mailbox.get())
    await anyio.wait_all_tasks_blocked()
    put(mailbox, part(1))
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await mailbox.get() == part(1)


async def test_a_cancelled_iteration_goes_on_later() -> None:
    line = Line()
    async with Feed(line) as feed:
        with anyio.move_on_after(0):
            await anext(feed)
        put(line.mailbox, part(1))
        assert await anext(feed) == part(1)


async def test_dropped_events_are_counted() -> None:
    line = Line()
    async with Feed(line) as feed:
        for number in range(13):
            put(line.mailbox, part(number))
        statistics = feed.statistics()
        assert (statistics.delivered, statistics.waiting, statistics.dropped) == (0, 10, 3)


@pytest.mark.parametrize("how", ["break", "raise", "aclose", "cancel"])
async def test_every_way_out_of_the_block_unsubscribes(how: str) -> None:
    line = Line()
    put(line.mailbox, part(0))
    with anyio.CancelScope() as scope, contextlib.suppress(KeyError):
        async with Feed(line) as feed:
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
    assert (line.opened, line.closed >= 1) == (1, True)


async def test_closing_ends_who_waits_in_another_task_and_may_be_repeated() -> None:
    line = Line()
    feed = Feed(line)
    waiting = asyncio.ensure_future(anext(feed))
    await anyio.wait_all_tasks_blocked()
    await feed.aclose()
    await feed.aclose()
    with pytest.raises(StopAsyncIteration):
        await waiting


async def test_opening_that_is_cancelled_closes_it() -> None:
    line = Line(gate=asyncio.Event())
    feed = Feed(line)
    with anyio.move_on_after(0):
        await feed.__aenter__()
    assert (line.opened, line.closed) == (1, 1)


def test_forgetting_a_feed_that_was_never_opened_closes_it_once() -> None:
    line = Line()
    Feed(line)
    gc.collect()
    assert (line.opened, line.closed) == (0, 1)


async def test_a_second_consumer_that_is_refused_does_not_end_the_first() -> None:
    line = Line()
    feed = Feed(line)
    first = asyncio.ensure_future(anext(feed))
    await anyio.wait_all_tasks_blocked()
    with pytest.raises(errors.UsageError, match="Two tasks"):
        await anext(feed)
    put(line.mailbox, part(1))
    assert await first == part(1)


async def test_two_who_open_the_same_feed_subscribe_once() -> None:
    gate = asyncio.Event()
    line = Line(gate=gate)
    feed = Feed(line)
    both = [asyncio.ensure_future(anext(feed)) for _ in range(2)]
    await anyio.wait_all_tasks_blocked()
    gate.set()
    await anyio.wait_all_tasks_blocked()
    for one in both:
        one.cancel()
    await asyncio.gather(*both, return_exceptions=True)
    assert line.opened == 1


async def test_an_opening_that_failed_is_not_tried_again_by_who_waited_for_it() -> None:
    gate = asyncio.Event()
    line = Line(errors.LiveUnavailable("off"), gate=gate)
    feed = Feed(line)
    both = [asyncio.ensure_future(feed.__aenter__()) for _ in range(2)]
    await anyio.wait_all_tasks_blocked()
    gate.set()
    for outcome in await asyncio.gather(*both, return_exceptions=True):
        assert isinstance(outcome, errors.LiveUnavailable | errors.UsageError)
    assert line.opened == 1


async def test_a_second_who_slips_in_is_not_left_waiting_for_ever() -> None:
    """The first is woken; the second takes its event, and waits in its place before the first has run."""
    mailbox = Mailbox(10)
    first = asyncio.ensure_future(mailbox.get())
    await anyio.wait_all_tasks_blocked()
    put(mailbox, part(0))
    assert await mailbox.get() == part(0)
    second = mailbox.get()
    wakes: asyncio.Future[None] = second.send(None)
    with pytest.raises(errors.UsageError, match="Two tasks"):
        await first
    put(mailbox, part(1))
    assert wakes.done()
    with pytest.raises(StopIteration) as stop:
        second.send(None)
    assert stop.value.value == part(1)


HEAVY = "😀" * 700


@pytest.mark.parametrize(
    "event",
    [
        events.JobLog(job_id=1, content=HEAVY),
        events.UnknownEvent(name="x", data=HEAVY),
        events.JobStarted(job=Job(id=1, commit=Commit(id=1, message=HEAVY))),
    ],
)
async def test_every_event_counts_with_the_bytes_it_holds(event: events.Event) -> None:
    mailbox = Mailbox(1000, most_bytes=2000)
    put(mailbox, event)
    assert len(mailbox) == 0


async def test_a_reconnect_is_told_even_where_the_buffer_is_full() -> None:
    line = Line(mailbox=Mailbox(1))
    for event in (part(0), part(1), events.Reconnected(down=1.0)):
        put(line.mailbox, event)
    line.mailbox.end()
    seen = [event async for event in Feed(line)]
    assert seen == [part(0), events.Lagged(dropped=1), events.Reconnected(down=1.0)]
