"""Signed texts: nobody else can make one, use one of another browser, or use one for ever."""

from typing import Any

import msgspec
import pytest

from aiotravis.errors import UsageError
from aiotravis.web._tickets import TicketSigner

SECRET = "s" * 32


class Value(msgspec.Struct, frozen=True, kw_only=True):
    path: str


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def signer(secret: str | bytes = SECRET, purpose: str = "state", clock: Clock | None = None) -> TicketSigner[Value]:
    return TicketSigner(Value, secret, purpose, 60.0, clock or Clock())


def test_a_ticket_says_what_was_sealed_to_its_holder_until_it_expires() -> None:
    clock = Clock()
    tickets = signer(clock=clock)
    ticket = tickets.seal(Value(path="/é"), "browser")
    assert set(ticket) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.")
    assert tickets.open(ticket, "browser") == Value(path="/é")
    assert (tickets.open(ticket, "other"), tickets.open(ticket)) == (None, None)
    clock.now += 60
    assert tickets.open(ticket, "browser") is None


def test_no_change_of_a_character_passes() -> None:
    tickets = signer()
    ticket = tickets.seal(Value(path="/"))
    for place, character in enumerate(ticket):
        for other in "AB._":
            changed = ticket[:place] + other + ticket[place + 1 :]
            assert other == character or tickets.open(changed) is None
    for length in range(len(ticket)):
        assert tickets.open(ticket[:length]) is None


@pytest.mark.parametrize("ticket", ["", ".", "a", "a.b", "é.é", "\udcff.a", "." * 5000, "a" * 100_000])
def test_what_is_no_ticket_is_none(ticket: str) -> None:
    assert signer().open(ticket) is None
    assert signer().open(ticket, "\udcff") is None


def test_another_secret_or_purpose_makes_other_tickets() -> None:
    ticket = signer().seal(Value(path="/"))
    assert signer(SECRET.encode()).open(ticket) == Value(path="/")
    assert signer("t" * 32).open(ticket) is None
    assert signer(purpose="session").open(ticket) is None


def test_what_another_version_of_the_program_sealed_is_none() -> None:
    class Other(msgspec.Struct, frozen=True, kw_only=True):
        number: int

    ticket = TicketSigner(Other, SECRET, "state", 60.0, Clock()).seal(Other(number=1))
    assert signer().open(ticket) is None


@pytest.mark.parametrize("secret", ["", "short", b"x" * 31, None, 1, ["x"] * 32])
def test_a_weak_secret_is_refused_and_not_shown(secret: Any) -> None:
    with pytest.raises(UsageError, match="at least 32 bytes") as caught:
        signer(secret)
    assert "short" not in str(caught.value)
