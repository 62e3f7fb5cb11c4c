"""What one feed wants of the hub."""

import pytest

from aiotravis import errors, events
from aiotravis.live.channels import Interest
from aiotravis.live.subscription import HubSubscription


class Switchboard:
    """A hub of a public deployment that puts everything in force at once, or never."""

    def __init__(self, *, at_once: bool = True) -> None:
        self.at_once = at_once
        self.asked: list[bool] = []
        self.removed = 0

    async def site(self, *, own: bool) -> tuple[bool, tuple[str, ...]]:
        self.asked.append(own)
        return False, ("private-user-1",) if own else ()

    def add(self, subscription: HubSubscription) -> None:
        subscription.waiting = set(subscription.channels)
        if self.at_once:
            for name in subscription.channels:
                subscription.confirmed(name, 0.0)

    def remove(self, subscription: HubSubscription) -> None:
        self.removed += 1


def line(board: Switchboard, interest: Interest, *only: type[events.Event]) -> HubSubscription:
    async def resolve() -> Interest:
        return interest

    return HubSubscription(board, resolve, only, 10)


@pytest.mark.parametrize(
    ("interest", "own", "channels"),
    [
        (Interest(repositories=frozenset({1})), True, {"private-user-1", "repo-1"}),
        (Interest(channels=frozenset({"c"})), False, {"c"}),
        (Interest(), True, {"private-user-1"}),
    ],
)
async def test_the_user_is_looked_up_only_where_that_matters(interest: Interest, own: bool, channels: set[str]) -> None:
    board = Switchboard()
    subscription = line(board, interest)
    await subscription.open()
    assert board.asked == [own]
    assert subscription.channels == channels
    subscription.close()
    assert board.removed == 1


async def test_coming_back_is_told_once_every_channel_is_in_force_again() -> None:
    subscription = line(Switchboard(), Interest(channels=frozenset({"a", "b"})))
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
    subscription = line(Switchboard(), Interest(channels=frozenset({"a"})))
    await subscription.open()
    subscription.fail(errors.LiveError("gone"))
    with pytest.raises(errors.LiveError):
        await subscription.mailbox.get()


async def test_only_what_was_asked_for_is_wanted() -> None:
    subscription = line(Switchboard(), Interest(channels=frozenset({"a"})), events.UnknownEvent)
    await subscription.open()
    assert subscription.wants(events.UnknownEvent(channel="a", name="x"))
    assert not subscription.wants(events.JobLog(channel="a", job_id=1))
