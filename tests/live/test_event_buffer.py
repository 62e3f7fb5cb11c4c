"""The bounded buffer of events: order, bounds, marks in place of dropped events."""

import asyncio

import anyio
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aiotravis import Commit, Job, errors, events
from aiotravis.live.event_buffer import EventBuffer
from tests.live.fakes import part, put


async def test_get_returns_events_in_order_and_then_the_end() -> None:
    buffer = EventBuffer(10)
    for number in range(3):
        put(buffer, part(number))
    buffer.end()
    put(buffer, part(9))
    assert [await buffer.get() for _ in range(3)] == [part(0), part(1), part(2)]
    for _ in range(2):
        with pytest.raises(StopAsyncIteration):
            await buffer.get()


async def test_the_error_follows_buffered_events_and_the_first_end_counts() -> None:
    buffer = EventBuffer(10)
    put(buffer, part(0))
    buffer.end(errors.LiveUnavailable("gone", code=4001))
    buffer.end()
    assert await buffer.get() == part(0)
    with pytest.raises(errors.LiveUnavailable):
        await buffer.get()


async def test_put_wakes_the_waiting_task_and_a_second_one_may_not_wait() -> None:
    buffer = EventBuffer(10)
    seen: list[events.Event] = []

    async def take() -> None:
        seen.append(await buffer.get())

    async with anyio.create_task_group() as group:
        group.start_soon(take)
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(errors.UsageError, match="Two tasks"):
            await buffer.get()
        put(buffer, part(1))
    assert seen == [part(1)]


async def test_a_cancelled_get_loses_nothing() -> None:
    buffer = EventBuffer(10)
    with anyio.move_on_after(0):
        await buffer.get()
    put(buffer, part(1))
    assert await buffer.get() == part(1)


class Model:
    """The simplest buffer that behaves the same."""

    def __init__(self, size: int, max_bytes: int) -> None:
        self.size, self.max_bytes = size, max_bytes
        self.events: list[events.Event] = []
        self.lost = 0
        self.dropped = 0

    def put(self, event: events.JobLog) -> None:
        used = sum(512 + len(one.content) for one in self.events if isinstance(one, events.JobLog))
        if len(self.events) >= self.size or (used and used + 512 + len(event.content) > self.max_bytes):
            self.lost += 1
            self.dropped += 1
            return
        self.events += [*([events.Lagged(dropped=self.lost)] if self.lost else []), event]
        self.lost = 0

    def get(self) -> events.Event | None:
        if not self.events and self.lost:
            self.events.append(events.Lagged(dropped=self.lost))
            self.lost = 0
        return self.events.pop(0) if self.events else None


@given(st.integers(1, 6), st.integers(512, 4000), st.lists(st.none() | st.integers(0, 2500), max_size=80))
@example(6, 3000, [2000, 2000, None, 2000, None, None])
@example(1, 4000, [0, 0, 0, None, 0, None, None])
async def test_a_full_buffer_drops_exactly_what_does_not_fit(
    size: int, max_bytes: int, steps: list[int | None]
) -> None:
    """Put a part of that length, get where None."""
    buffer, model = EventBuffer(size, max_bytes), Model(size, max_bytes)
    for number, length in enumerate(steps):
        if length is None:
            expected = model.get()
            if expected is not None:
                assert await buffer.get() == expected
        else:
            put(buffer, part(number, length))
            model.put(part(number, length))
        assert (len(buffer), buffer.dropped) == (len(model.events), model.dropped)
    buffer.end(errors.LiveError("gone"))
    while (expected := model.get()) is not None:
        assert await buffer.get() == expected
    with pytest.raises(errors.LiveError, match="gone"):
        await buffer.get()


async def test_a_get_cancelled_after_the_event_came_leaves_it_for_the_next() -> None:
    buffer = EventBuffer(10)
    waiting = asyncio.ensure_future(buffer.get())
    await anyio.wait_all_tasks_blocked()
    put(buffer, part(1))
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await buffer.get() == part(1)


async def test_a_second_task_that_takes_the_event_first_is_woken_by_the_next() -> None:
    """The first is woken; before it runs, the second takes its event and starts to wait."""
    buffer = EventBuffer(10)
    first = asyncio.ensure_future(buffer.get())
    await anyio.wait_all_tasks_blocked()
    put(buffer, part(0))
    assert await buffer.get() == part(0)
    second = buffer.get()
    wakes: asyncio.Future[None] = second.send(None)
    with pytest.raises(errors.UsageError, match="Two tasks"):
        await first
    put(buffer, part(1))
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
async def test_every_event_counts_with_its_size_in_bytes(event: events.Event) -> None:
    for room, held in ((2000, 1), (6000, 2)):
        buffer = EventBuffer(1000, max_bytes=room)
        put(buffer, part(0))
        put(buffer, event)
        assert len(buffer) == held


LARGE = part(0, 9 << 20)


@pytest.mark.parametrize("waits", [True, False])
async def test_a_large_event_is_delivered_to_whoever_waits_and_into_an_empty_buffer(waits: bool) -> None:
    buffer = EventBuffer(1000)
    waiting = asyncio.ensure_future(buffer.get())
    await anyio.wait_all_tasks_blocked()
    if not waits:
        put(buffer, part(7))
        assert await waiting == part(7)
        waiting = asyncio.ensure_future(asyncio.sleep(0, LARGE))
    assert put(buffer, LARGE)
    # In the same turn: the consumer has not had a chance to take the large one.
    assert put(buffer, part(1)) == waits
    assert await (waiting if waits else buffer.get()) == LARGE
    if waits:
        assert [await buffer.get() for _ in range(1)] == [part(1)]
    assert (len(buffer), buffer.bytes) == (0, 0)


async def test_large_events_beyond_the_first_are_dropped_for_a_slow_consumer() -> None:
    buffer = EventBuffer(1000)
    assert [put(buffer, LARGE) for _ in range(5)] == [True, False, False, False, False]
    assert await buffer.get() == LARGE
    assert await buffer.get() == events.Lagged(dropped=4)
    assert put(buffer, LARGE)
