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
def test_a_state_tells_what_it_means(state: str, holds: str, color: str) -> None:
    read = msgspec.json.decode(msgspec.json.encode(state), type=State)
    questions = ("pending", "running", "finished", "passed", "unsuccessful")
    assert " ".join(sorted(q for q in questions if getattr(read, q))) == " ".join(sorted(holds.split()))
    assert read.color == color
    assert read.known is (state != "paused")
    assert read == state
    assert hash(read) == hash(state)
    assert pickle.loads(pickle.dumps(read)) == read
    assert str(read) == state


def test_a_state_that_travis_invents_is_itself() -> None:
    assert State("paused") == State("paused") == "paused"
    assert State("passed") is State.PASSED
    with pytest.raises(ValueError, match="7"):
        State(7)  # type: ignore[arg-type]
