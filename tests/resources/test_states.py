"""The states of builds and jobs."""

import pickle

import msgspec
import pytest

from aiotravis import State


@pytest.mark.parametrize(
    ("state", "holds", "color"),
    [
        ("created", "pending", "yellow"), ("queued", "pending", "yellow"), ("received", "pending", "yellow"),
        ("started", "running", "yellow"), ("passed", "finished passed", "green"),
        ("failed", "finished unsuccessful", "red"), ("errored", "finished unsuccessful", "red"),
        ("canceled", "finished unsuccessful", "red"), ("", "", "yellow"), ("paused", "", "yellow"),
    ],
)  # fmt: skip
def test_properties_and_color_of_every_state(state: str, holds: str, color: str) -> None:
    read = msgspec.json.decode(msgspec.json.encode(state), type=State)
    properties = ("pending", "running", "finished", "passed", "unsuccessful")
    assert " ".join(sorted(name for name in properties if getattr(read, name))) == " ".join(sorted(holds.split()))
    assert read.color == color
    assert read.known is (state != "paused")
    assert read == state
    assert hash(read) == hash(state)
    assert pickle.loads(pickle.dumps(read)) == read
    assert str(read) == state


def test_an_unknown_state_equals_itself() -> None:
    assert State("paused") == State("paused") == "paused"
    assert State("passed") is State.PASSED
    with pytest.raises(ValueError, match="7"):
        State(7)  # type: ignore[arg-type]


@pytest.mark.parametrize("state", ["PASSED", "Passed", " passed\n", "CANCELED", "PAUSED", "Paused"])
def test_a_state_is_read_in_any_case_and_is_its_lower_case_self(state: str) -> None:
    plain = state.strip().lower()
    for read in (State(state), msgspec.json.decode(msgspec.json.encode(state), type=State)):
        assert read == plain == str(read) == f"{read}" == read.value
        assert hash(read) == hash(plain)
        assert pickle.loads(pickle.dumps(read)) == read
    assert State("PASSED") is State.PASSED
    assert State("PASSED").passed
    assert not State("PAUSED").known


def test_a_null_character_is_an_unknown_state() -> None:
    assert not State("\0").known
