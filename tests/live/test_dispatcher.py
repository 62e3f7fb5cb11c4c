"""Channels counted by reference, and events delivered once to each subscription."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiotravis import errors, events
from aiotravis.live.channels import ChannelSelection
from aiotravis.live.dispatcher import Dispatcher
from aiotravis.live.event_buffer import EventBuffer
from aiotravis.live.protocol import Message, read_frame
from aiotravis.live.subscription import LiveResources, Subscription
from tests.live.fakes import subscribed_to

Subscribe = Callable[..., Subscription]


@pytest.fixture
def dispatcher() -> Dispatcher:
    return Dispatcher()


@pytest.fixture
def subscribe(dispatcher: Dispatcher) -> Subscribe:
    def make(*channels: str, only: tuple[type[events.Event], ...] = ()) -> Subscription:
        subscription = subscribed_to(*channels, only=only)
        dispatcher.add(subscription)
        return subscription

    return make


def message(channel: str | None, number: int = 1, event: str = "job:started") -> Message:
    return Message(event=event, channel=channel, data=f'{{"id":{number}}}')


def test_channels_are_counted_by_reference(dispatcher: Dispatcher, subscribe: Subscribe) -> None:
    first = subscribe("a", "b")
    second = subscribe("a")
    assert list(dispatcher) == ["a", "b"] or list(dispatcher) == ["b", "a"]
    assert dispatcher.remove(first) == ["b"]
    assert dispatcher.remove(first) == []
    assert "a" in dispatcher
    assert dispatcher.remove(second) == ["a"]
    assert len(dispatcher) == 0
    assert dispatcher.subscriptions("a") == []


def test_the_same_event_on_two_channels_is_delivered_once_to_each(dispatcher: Dispatcher, subscribe: Subscribe) -> None:
    both, only_b = subscribe("a", "b"), subscribe("b")
    dispatcher.dispatch(message("a"), 0.0)
    dispatcher.dispatch(message("b"), 1.0)
    dispatcher.dispatch(message("b", number=2), 2.0)
    assert (len(both.buffer), len(only_b.buffer)) == (2, 2)


def test_log_parts_are_not_deduplicated(dispatcher: Dispatcher, subscribe: Subscribe) -> None:
    subscription = subscribe("job-1")
    for _ in range(2):
        dispatcher.dispatch(message("job-1", event="job:log"), 0.0)
    assert len(subscription.buffer) == 2


def test_data_that_is_not_text_is_deduplicated_too(dispatcher: Dispatcher, subscribe: Subscribe) -> None:
    subscription = subscribe("a", "b")
    for channel, number in (("a", 1), ("b", 1), ("a", 2)):
        dispatcher.dispatch(Message(event="job:started", channel=channel, data={"id": number}), 0.0)
    assert len(subscription.buffer) == 2


def test_events_that_no_subscription_accepts_are_not_delivered(dispatcher: Dispatcher, subscribe: Subscribe) -> None:
    subscription = subscribe("a", only=(events.JobFinished,))
    dispatcher.dispatch(message("z"), 0.0)
    dispatcher.dispatch(message(None), 0.0)
    dispatcher.dispatch(message("a"), 0.0)
    assert len(subscription.buffer) == 0


def test_confirming_and_disconnecting_set_the_unconfirmed_channels(
    dispatcher: Dispatcher, subscribe: Subscribe
) -> None:
    subscription = subscribe("a", "b")
    assert (subscription.unconfirmed, dispatcher.is_confirmed("a")) == ({"a", "b"}, False)
    dispatcher.confirm("a", 0.0)
    dispatcher.confirm("a", 0.0)
    dispatcher.confirm("unknown", 0.0)
    assert subscription.unconfirmed == {"b"}
    assert dispatcher.is_confirmed("unknown")
    late = subscribe("a")
    assert late.unconfirmed == set()
    dispatcher.disconnect(5.0)
    assert late.unconfirmed == {"a"}


def test_fail_ends_the_subscriptions_of_its_channels(dispatcher: Dispatcher, subscribe: Subscribe) -> None:
    first, second = subscribe("a", "b"), subscribe("b")
    assert sorted(dispatcher.fail(errors.SubscriptionError("no", channel="a"), ["a"])) == ["a"]
    assert dispatcher.subscriptions("b") == [second]
    assert dispatcher.fail(errors.LiveError("gone")) == ["b"]
    assert first.buffer is not second.buffer
    assert len(dispatcher) == 0


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3), st.sets(st.sampled_from("abcd"), min_size=1)), max_size=40))
def test_add_returns_new_channels_and_remove_unused_ones(steps: list[tuple[bool, int, set[str]]]) -> None:
    dispatcher = Dispatcher()
    added: dict[int, Subscription] = {}
    for adds, number, names in steps:
        before = {name for subscription in added.values() for name in subscription.channels}
        if adds and number not in added:
            subscription = subscribed_to(*names)
            assert set(dispatcher.add(subscription)) == names - before
            added[number] = subscription
        elif number in added:
            subscription = added.pop(number)
            after = {name for other in added.values() for name in other.channels}
            assert set(dispatcher.remove(subscription)) == set(subscription.channels) - after
        names_left = {name for subscription in added.values() for name in subscription.channels}
        assert (set(dispatcher), len(dispatcher)) == (names_left, len(names_left))


def test_the_same_payload_with_another_event_name_is_another_event(
    dispatcher: Dispatcher, subscribe: Subscribe
) -> None:
    subscription = subscribe("a")
    for name in ("job:started", "job:finished"):
        dispatcher.dispatch(message("a", event=name), 0.0)
    assert len(subscription.buffer) == 2


async def test_subscriptions_get_a_reconnected_mark_after_a_loss(dispatcher: Dispatcher, subscribe: Subscribe) -> None:
    subscription = subscribe("a", "b")
    subscription.opened = asyncio.get_running_loop().create_future()
    dispatcher.confirm("a", 0.0)
    assert not subscription.opened.done()
    dispatcher.confirm("b", 0.0)
    assert subscription.opened.done()
    dispatcher.disconnect(5.0)
    assert (dispatcher.is_confirmed("a"), dispatcher.is_confirmed("b")) == (False, False)
    dispatcher.confirm("b", 6.0)
    dispatcher.confirm("a", 7.5)
    assert await subscription.buffer.get() == events.Reconnected(down=2.5)


async def test_fail_raises_in_the_subscriptions_concerned_only(dispatcher: Dispatcher, subscribe: Subscribe) -> None:
    failed, other = subscribe("a"), subscribe("b")
    dispatcher.fail(errors.SubscriptionError("no", channel="a"), ["a", "unknown"])
    dispatcher.dispatch(message("b"), 0.0)
    with pytest.raises(errors.SubscriptionError):
        await failed.buffer.get()
    assert isinstance(await other.buffer.get(), events.JobStarted)


@pytest.mark.parametrize("data", ["", "no JSON", "[" * 100_000, "\ud800", None, 1 << 64, 1.5, {"id": None}, ["x"]])
@pytest.mark.parametrize("name", ["job:log", "job:started", "build:started", "odd", ""])
async def test_no_payload_stops_delivery(dispatcher: Dispatcher, subscribe: Subscribe, name: str, data: object) -> None:
    subscription = subscribe("a")
    dispatcher.dispatch(Message(event=name, channel="a", data=data), 0.0)
    assert (await subscription.buffer.get()).channel == "a"


def test_an_event_accepted_only_on_its_second_channel_is_delivered(dispatcher: Dispatcher) -> None:
    selection = ChannelSelection(repositories=frozenset({1}), channels=frozenset({"repo-2"}))
    subscription = subscribed_to("private-user-7", "repo-1", "repo-2", selection=selection)
    dispatcher.add(subscription)
    for channel in ("private-user-7", "repo-2"):
        dispatcher.dispatch(Message(event="job:started", channel=channel, data='{"id":5,"repository_id":2}'), 0.0)
    assert len(subscription.buffer) == 1


@pytest.mark.parametrize("order", [("user-7", "repo-2"), ("repo-2", "user-7")])
@pytest.mark.parametrize("field", ["", ',"repository_id":null', ',"repository_id":"x"', ',"repository_id":{}'])
def test_an_event_without_a_repository_reaches_each_subscription_once(
    dispatcher: Dispatcher, order: tuple[str, str], field: str
) -> None:
    selections = [
        ChannelSelection(repositories=frozenset({2})), ChannelSelection(builds=frozenset({4})),
        ChannelSelection(jobs=frozenset({5})), ChannelSelection(),
    ]  # fmt: skip
    chosen = [subscribed_to("user-7", "repo-2", selection=one) for one in selections]
    other = subscribed_to("user-7", "repo-3", selection=ChannelSelection(repositories=frozenset({3})))
    for subscription in (*chosen, other):
        dispatcher.add(subscription)
    for channel in order:
        data = f'{{"id":5,"build_id":4{field}}}'
        dispatcher.dispatch(Message(event="job:started", channel=channel, data=data), 0.0)
    assert [len(one.buffer) for one in chosen] == [1, 1, 1, 1]
    assert len(other.buffer) == 0


class Held:
    """Stands for the payload fetcher, and holds what is incomplete."""

    def __init__(self) -> None:
        self.held: list[events.Event] = []

    def hold(self, event: events.BuildEvent | events.JobEvent, deliver: object) -> bool:
        self.held += [] if event.complete else [event]
        return not event.complete


def test_on_a_users_channel_alone_the_repository_of_an_event_is_fetched(dispatcher: Dispatcher) -> None:
    # fact 7.6: a private deployment publishes on the users' channels alone.
    fetcher = Held()
    dispatcher.payload_fetcher = cast("Any", fetcher)
    everything = subscribed_to("private-user-7", selection=ChannelSelection())
    dispatcher.add(everything)
    dispatcher.dispatch(Message(event="job:started", channel="private-user-7", data='{"id":5}'), 0.0)
    assert (len(everything.buffer), fetcher.held) == (1, [])
    dispatcher.add(subscribed_to("private-user-7", selection=ChannelSelection(repositories=frozenset({2}))))
    dispatcher.dispatch(Message(event="job:started", channel="private-user-7", data='{"id":6}'), 0.0)
    dispatcher.dispatch(
        Message(event="build:started", channel="private-user-7", data='{"build":{"id":4},"repository":{"id":2}}'), 0.0
    )
    (held,) = fetcher.held
    assert isinstance(held, events.JobStarted)
    assert (held.job.id, held.complete, len(everything.buffer)) == (6, False, 2)


def test_no_depth_that_can_be_decoded_stops_delivery(dispatcher: Dispatcher, subscribe: Subscribe) -> None:
    subscription = subscribe("a")
    for depth in range(1, 1100):
        value = "[" * depth + str(depth) + "]" * depth
        for data in (value, f'"{value}"'):
            subscription.buffer = EventBuffer(10)
            received = read_frame(f'{{"event":"odd","channel":"a","data":{data}}}')
            if isinstance(received, Message):
                dispatcher.dispatch(received, float(depth))


def test_ids_alone_again_on_the_same_channel_are_another_event(dispatcher: Dispatcher, subscribe: Subscribe) -> None:
    subscription = subscribe("a", "b")
    for channel in ("a", "b", "a", "b"):
        dispatcher.dispatch(
            Message(event="job:created", channel=channel, data='{"id":1,"build_id":2,"_no_full_payload":true}'), 0.0
        )
    assert len(subscription.buffer) == 2


def test_remembered_payloads_are_bounded_in_number(
    dispatcher: Dispatcher, subscribe: Subscribe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aiotravis.live.recent_events.MAX_REMEMBERED", 2)
    subscription = subscribe("a", "b")
    for number in (1, 2, 3):
        dispatcher.dispatch(message("a", number), 0.0)
    dispatcher.dispatch(message("b", 3), 0.0)
    assert len(subscription.buffer) == 3
    dispatcher.dispatch(message("b", 1), 0.0)
    assert len(subscription.buffer) == 4


def test_resources_are_those_of_the_first_subscription_of_the_channels(dispatcher: Dispatcher) -> None:
    first, second = (LiveResources(*[cast("Any", None)] * 6) for _ in range(2))
    one, both = subscribed_to("a", resources=first), subscribed_to("a", "b", resources=second)
    dispatcher.add(one)
    dispatcher.add(both)
    assert dispatcher.resources(["unknown", "a", "b"]) is first
    assert dispatcher.resources(["b"]) is second
    dispatcher.remove(one)
    assert dispatcher.resources(["a"]) is second
    assert dispatcher.resources(["unknown"]) is None


@pytest.mark.parametrize("date", ["9999-12-31T23:59:59Z", "2200-01-01T00:00:00.000+14:00", "2101-02-03T04:05:06Z"])
def test_a_time_far_ahead_is_no_time_and_makes_no_later_event_late(
    dispatcher: Dispatcher, subscribe: Subscribe, date: str
) -> None:
    subscription = subscribe("a", "b")
    for updated_at in (date, "2026-11-27T12:00:00.000Z", "2026-11-27T11:00:00.000Z"):
        data = f'{{"id":1,"updated_at":"{updated_at}"}}'
        dispatcher.dispatch(Message(event="job:started", channel="a", data=data), 0.0)
    received = [cast("events.JobStarted", subscription.buffer.get_nowait()) for _ in range(3)]
    assert [(one.late, one.updated_at is None) for one in received] == [(False, True), (False, False), (True, False)]


@pytest.mark.parametrize("feeds", [1, 500])
def test_an_event_on_a_shared_channel_reaches_those_that_selected_it(dispatcher: Dispatcher, feeds: int) -> None:
    selections: list[Callable[[int], ChannelSelection]] = [
        lambda n: ChannelSelection(repositories=frozenset({n})), lambda n: ChannelSelection(builds=frozenset({n})),
        lambda n: ChannelSelection(jobs=frozenset({n})), lambda n: ChannelSelection(channels=frozenset({"user-7"})),
        lambda n: ChannelSelection(),
    ]  # fmt: skip
    chosen = [
        [subscribed_to("user-7", selection=select(number)) for number in range(1, feeds + 1)] for select in selections
    ]
    for group in chosen:
        for subscription in group:
            dispatcher.add(subscription)
    for data in (
        '{"id":901,"build_id":801,"repository_id":1}', '{"id":902,"build_id":1,"repository_id":701}',
        '{"id":1,"build_id":802,"repository_id":702}', '{"id":903,"build_id":803,"repository_id":703}',
    ):  # fmt: skip
        dispatcher.dispatch(Message(event="job:started", channel="user-7", data=data), 0.0)
    data = '{"build":{"id":1,"repository_id":1,"job_ids":[1,2]}}'
    dispatcher.dispatch(Message(event="build:started", channel="user-7", data=data), 0.0)
    received = [[len(one.buffer) for one in group] for group in chosen]
    assert [counts[0] for counts in received] == [2, 2, 2, 5, 5]
    if feeds > 1:
        assert [set(counts[2:]) for counts in received] == [{0}, {0}, {0}, {5}, {5}]
        # Of the jobs of the build.
        assert received[2][1] == 1
    for group in chosen:
        for subscription in group:
            dispatcher.remove(subscription)
    left = [dispatcher._by_repository, dispatcher._by_build, dispatcher._by_job, dispatcher._channels]
    assert not any(left)


@pytest.mark.parametrize("log", [True, False])
async def test_a_long_fan_out_is_delivered_in_order_between_the_turns_of_others(
    dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch, log: bool
) -> None:
    monkeypatch.setattr("aiotravis.live.dispatcher.DELIVERIES_PER_TURN", 10)
    subscriptions = [subscribed_to("job-1") for _ in range(25)]
    for subscription in subscriptions:
        dispatcher.add(subscription)
    turns = 0

    def turn() -> None:
        nonlocal turns
        turns += 1
        asyncio.get_running_loop().call_soon(turn)

    turn()
    for number in (1, 2, 3):
        name = "job:log" if log else "odd"
        data = f'{{"id":1,"_log":"{number}","number":{number}}}'
        dispatcher.dispatch(Message(event=name, channel="job-1", data=data), 0.0)
    assert dispatcher.deliveries >= 10
    await dispatcher.give_way()
    assert turns >= 7
    for subscription in subscriptions:
        received = [cast("Any", subscription.buffer.get_nowait()) for _ in range(3)]
        assert [one.number if log else one.data["number"] for one in received] == [1, 2, 3]
