"""Who listens to what."""

from collections.abc import Callable

import pytest

from aiotravis import errors, events
from aiotravis.live.channels import Interest
from aiotravis.live.protocol import Message
from aiotravis.live.registry import REMEMBERED, Registry
from aiotravis.live.subscription import HubSubscription


class Nobody:
    """A hub that is never asked."""

    async def site(self, *, own: bool) -> tuple[bool, tuple[str, ...]]:
        raise NotImplementedError

    def add(self, subscription: HubSubscription) -> None:
        raise NotImplementedError

    def remove(self, subscription: HubSubscription) -> None:
        raise NotImplementedError


Listener = Callable[..., HubSubscription]


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def listener(registry: Registry) -> Listener:
    def make(*channels: str, only: tuple[type[events.Event], ...] = ()) -> HubSubscription:
        async def resolve() -> Interest:
            raise NotImplementedError

        subscription = HubSubscription(Nobody(), resolve, only, 100)
        subscription.channels = frozenset(channels)
        subscription.interest = Interest(channels=frozenset(channels))
        registry.add(subscription)
        return subscription

    return make


def message(channel: str | None, number: int = 1, event: str = "job:started") -> Message:
    return Message(event, channel, f'{{"id":{number}}}')


def test_channels_are_counted(registry: Registry, listener: Listener) -> None:
    first = listener("a", "b")
    second = listener("a")
    assert list(registry) == ["a", "b"] or list(registry) == ["b", "a"]
    assert registry.remove(first) == ["b"]
    assert registry.remove(first) == []
    assert "a" in registry
    assert registry.remove(second) == ["a"]
    assert len(registry) == 0
    assert registry.listeners("a") == []


def test_the_same_event_on_two_channels_is_delivered_once_to_each(registry: Registry, listener: Listener) -> None:
    both, only_b = listener("a", "b"), listener("b")
    registry.deliver(message("a"), 0.0)
    registry.deliver(message("b"), 1.0)
    registry.deliver(message("b"), 2.0)
    registry.deliver(message("b", number=2), 2.0)
    assert (len(both.mailbox), len(only_b.mailbox)) == (2, 2)


def test_what_was_seen_is_forgotten_in_time(registry: Registry, listener: Listener) -> None:
    line = listener("a")
    registry.deliver(message("a"), 0.0)
    registry.deliver(message("a"), REMEMBERED)
    assert len(line.mailbox) == 2
    for number in range(100):
        registry.deliver(message("a", number), 1000.0 + number * REMEMBERED)
    assert len(registry._recent) == 1


def test_parts_of_logs_are_left_to_their_numbers(registry: Registry, listener: Listener) -> None:
    line = listener("job-1")
    for _ in range(2):
        registry.deliver(message("job-1", event="job:log"), 0.0)
    assert len(line.mailbox) == 2


def test_payloads_that_are_no_text_are_told_apart_too(registry: Registry, listener: Listener) -> None:
    line = listener("a")
    for number in (1, 1, 2):
        registry.deliver(Message("job:started", "a", {"id": number}), 0.0)
    assert len(line.mailbox) == 2


def test_what_nobody_wants_goes_nowhere(registry: Registry, listener: Listener) -> None:
    line = listener("a", only=(events.JobFinished,))
    registry.deliver(message("z"), 0.0)
    registry.deliver(message(None), 0.0)
    registry.deliver(message("a"), 0.0)
    assert len(line.mailbox) == 0


def test_confirmed_lost_and_confirmed_again(registry: Registry, listener: Listener) -> None:
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


def test_a_failure_ends_those_concerned(registry: Registry, listener: Listener) -> None:
    first, second = listener("a", "b"), listener("b")
    assert sorted(registry.fail(errors.SubscriptionError("no", channel="a"), ["a"])) == ["a"]
    assert registry.listeners("b") == [second]
    assert registry.fail(errors.LiveError("gone")) == ["b"]
    assert first.mailbox is not second.mailbox
    assert len(registry) == 0
