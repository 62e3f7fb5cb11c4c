"""Who listens to what."""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiotravis import errors, events
from aiotravis.live.channels import ChannelSelection
from aiotravis.live.dispatcher import REMEMBERED, Dispatcher
from aiotravis.live.feed import Mailbox
from aiotravis.live.protocol import Message, read_frame
from aiotravis.live.subscription import HubSubscription


class Nobody:
    """A hub that is never asked."""

    async def site(self, *, own: bool) -> tuple[bool, tuple[str, ...]]:
        raise NotImplementedError

    def add(self, subscription: HubSubscription) -> None:
        raise NotImplementedError

    def remove(self, subscription: HubSubscription) -> None:
        raise NotImplementedError


async def nothing() -> ChannelSelection:
    raise NotImplementedError


Listener = Callable[..., HubSubscription]


@pytest.fixture
def registry() -> Dispatcher:
    return Dispatcher()


@pytest.fixture
def listener(registry: Dispatcher) -> Listener:
    def make(*channels: str, only: tuple[type[events.Event], ...] = ()) -> HubSubscription:
        subscription = HubSubscription(Nobody(), nothing, only, 100)
        subscription.channels = frozenset(channels)
        subscription.interest = ChannelSelection(channels=frozenset(channels))
        registry.add(subscription)
        return subscription

    return make


def message(channel: str | None, number: int = 1, event: str = "job:started") -> Message:
    return Message(event=event, channel=channel, data=f'{{"id":{number}}}')


def test_channels_are_counted(registry: Dispatcher, listener: Listener) -> None:
    first = listener("a", "b")
    second = listener("a")
    assert list(registry) == ["a", "b"] or list(registry) == ["b", "a"]
    assert registry.remove(first) == ["b"]
    assert registry.remove(first) == []
    assert "a" in registry
    assert registry.remove(second) == ["a"]
    assert len(registry) == 0
    assert registry.listeners("a") == []


def test_the_same_event_on_two_channels_is_delivered_once_to_each(registry: Dispatcher, listener: Listener) -> None:
    both, only_b = listener("a", "b"), listener("b")
    registry.deliver(message("a"), 0.0)
    registry.deliver(message("b"), 1.0)
    registry.deliver(message("b"), 2.0)
    registry.deliver(message("b", number=2), 2.0)
    assert (len(both.mailbox), len(only_b.mailbox)) == (2, 2)


def test_what_was_seen_is_forgotten_in_time(registry: Dispatcher, listener: Listener) -> None:
    line = listener("a")
    registry.deliver(message("a"), 0.0)
    registry.deliver(message("a"), REMEMBERED)
    assert len(line.mailbox) == 2
    for number in range(100):
        registry.deliver(message("a", number), 1000.0 + number * REMEMBERED)
    assert len(registry._recent) == 1


def test_parts_of_logs_are_left_to_their_numbers(registry: Dispatcher, listener: Listener) -> None:
    line = listener("job-1")
    for _ in range(2):
        registry.deliver(message("job-1", event="job:log"), 0.0)
    assert len(line.mailbox) == 2


def test_payloads_that_are_no_text_are_told_apart_too(registry: Dispatcher, listener: Listener) -> None:
    line = listener("a")
    for number in (1, 1, 2):
        registry.deliver(Message(event="job:started", channel="a", data={"id": number}), 0.0)
    assert len(line.mailbox) == 2


def test_what_nobody_wants_goes_nowhere(registry: Dispatcher, listener: Listener) -> None:
    line = listener("a", only=(events.JobFinished,))
    registry.deliver(message("z"), 0.0)
    registry.deliver(message(None), 0.0)
    registry.deliver(message("a"), 0.0)
    assert len(line.mailbox) == 0


def test_confirmed_lost_and_confirmed_again(registry: Dispatcher, listener: Listener) -> None:
    line = listener("a", "b")
    assert (line.waiting, registry.confirmed("a")) == ({"a", "b"}, False)
    registry.confirm("a", 0.0)
    registry.confirm("a", 0.0)
    registry.confirm("nobody's", 0.0)
    assert line.waiting == {"b"}
    assert registry.confirmed("nobody's")
    late = listener("a")
    assert late.waiting == set()
    registry.lose(5.0)
    assert late.waiting == {"a"}


def test_a_failure_ends_those_concerned(registry: Dispatcher, listener: Listener) -> None:
    first, second = listener("a", "b"), listener("b")
    assert sorted(registry.fail(errors.SubscriptionError("no", channel="a"), ["a"])) == ["a"]
    assert registry.listeners("b") == [second]
    assert registry.fail(errors.LiveError("gone")) == ["b"]
    assert first.mailbox is not second.mailbox
    assert len(registry) == 0


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 30)), max_size=80))
def test_memory_of_what_came_is_bounded_by_time(steps: list[tuple[int, int]]) -> None:
    """Each step is a payload and the seconds since the one before; never more is held than came in one minute."""
    registry = Dispatcher()
    line = HubSubscription(Nobody(), nothing, (), 1000)
    line.channels = frozenset({"a"})
    registry.add(line)
    now, came, last, delivered = 0.0, list[float](), dict[int, float](), 0
    for number, pause in steps:
        now += pause
        came.append(now)
        if number not in last or now - last[number] >= REMEMBERED:
            last[number] = now
            delivered += 1
        registry.deliver(message("a", number), now)
        assert len(registry._recent) <= sum(1 for time in came if time > now - REMEMBERED)
        assert len(line.mailbox) == delivered


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3), st.sets(st.sampled_from("abcd"), min_size=1)), max_size=40))
def test_a_channel_is_new_for_the_first_and_left_with_the_last(steps: list[tuple[bool, int, set[str]]]) -> None:
    registry = Dispatcher()
    there: dict[int, HubSubscription] = {}
    for joins, who, names in steps:
        before = {name for line in there.values() for name in line.channels}
        if joins and who not in there:
            line = HubSubscription(Nobody(), nothing, (), 10)
            line.channels = frozenset(names)
            assert set(registry.add(line)) == names - before
            there[who] = line
        elif who in there:
            line = there.pop(who)
            after = {name for other in there.values() for name in other.channels}
            assert set(registry.remove(line)) == set(line.channels) - after
        wanted = {name for line in there.values() for name in line.channels}
        assert (set(registry), len(registry)) == (wanted, len(wanted))


def test_the_same_payload_under_another_name_is_another_event(registry: Dispatcher, listener: Listener) -> None:
    line = listener("a")
    for name in ("job:started", "job:finished", "job:started"):
        registry.deliver(message("a", event=name), 0.0)
    assert len(line.mailbox) == 2


async def test_listeners_are_told_of_a_loss_and_of_the_way_back(registry: Dispatcher, listener: Listener) -> None:
    line = listener("a", "b")
    line.ready = asyncio.get_running_loop().create_future()
    registry.confirm("a", 0.0)
    assert not line.ready.done()
    registry.confirm("b", 0.0)
    assert line.ready.done()
    registry.lose(5.0)
    assert (registry.confirmed("a"), registry.confirmed("b")) == (False, False)
    registry.confirm("b", 6.0)
    registry.confirm("a", 7.5)
    assert await line.mailbox.get() == events.Reconnected(down=2.5)


async def test_a_failure_is_told_where_it_is_iterated_and_nowhere_else(
    registry: Dispatcher, listener: Listener
) -> None:
    concerned, other = listener("a"), listener("b")
    registry.fail(errors.SubscriptionError("no", channel="a"), ["a", "nobody's"])
    registry.deliver(message("b"), 0.0)
    with pytest.raises(errors.SubscriptionError):
        await concerned.mailbox.get()
    assert isinstance(await other.mailbox.get(), events.JobStarted)


@pytest.mark.parametrize("data", ["", "no JSON", "[" * 100_000, "\ud800", None, 1 << 64, 1.5, {"id": None}, ["x"]])
@pytest.mark.parametrize("name", ["job:log", "job:started", "build:started", "odd", ""])
async def test_no_payload_stops_delivery(registry: Dispatcher, listener: Listener, name: str, data: object) -> None:
    line = listener("a")
    registry.deliver(Message(event=name, channel="a", data=data), 0.0)
    assert (await line.mailbox.get()).channel == "a"


def test_an_event_wanted_only_on_its_second_channel_is_delivered(registry: Dispatcher) -> None:
    line = HubSubscription(Nobody(), nothing, (), 10)
    line.channels = frozenset({"private-user-7", "repo-1", "repo-2"})
    line.interest = ChannelSelection(repositories=frozenset({1}), channels=frozenset({"repo-2"}))
    registry.add(line)
    for channel in ("private-user-7", "repo-2"):
        registry.deliver(Message(event="job:started", channel=channel, data='{"id":5,"repository_id":2}'), 0.0)
    assert len(line.mailbox) == 1


def test_no_depth_that_can_be_read_stops_delivery(registry: Dispatcher, listener: Listener) -> None:
    line = listener("a")
    for depth in range(1, 1100):
        value = "[" * depth + str(depth) + "]" * depth
        for data in (value, f'"{value}"'):
            line.mailbox = Mailbox(10)
            happening = read_frame(f'{{"event":"odd","channel":"a","data":{data}}}')
            if isinstance(happening, Message):
                registry.deliver(happening, depth * REMEMBERED)


def test_ids_alone_are_another_event_each_time_they_come_on_the_same_channel(
    registry: Dispatcher, listener: Listener
) -> None:
    line = listener("a", "b")
    for channel in ("a", "b", "a", "b"):
        registry.deliver(
            Message(event="job:created", channel=channel, data='{"id":1,"build_id":2,"_no_full_payload":true}'), 0.0
        )
    assert len(line.mailbox) == 2


def test_what_is_remembered_is_bounded(
    registry: Dispatcher, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aiotravis.live.dispatcher.MOST_REMEMBERED", 2)
    line = listener("a", "b")
    for number in (1, 2, 3):
        registry.deliver(message("a", number), 0.0)
    registry.deliver(message("b", 3), 0.0)
    assert len(line.mailbox) == 3
    registry.deliver(message("b", 1), 0.0)
    assert len(line.mailbox) == 4
