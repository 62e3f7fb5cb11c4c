"""Rules of faults: what they affect, how often, by which seed."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiotravis.testing import Fault, Faults
from aiotravis.testing.faults.rules import RestFault


def test_the_first_matching_rule_decides() -> None:
    faults = Faults()
    faults.rest("/builds/*", method="get").status(503)
    faults.rest("/builds/7").reset()
    found = faults.for_request("GET", "/builds/7")
    assert found is not None
    assert (found.kind, found.status) == ("status", 503)
    other = faults.for_request("POST", "/builds/7")
    assert other is not None
    assert other.kind == "reset"
    assert faults.for_request("GET", "/jobs/7") is None
    assert list(faults.made) == [Fault("status", "GET /builds/7"), Fault("reset", "POST /builds/7")]


def test_a_rule_skips_matches_first_and_then_affects_a_number_of_them() -> None:
    faults = Faults()
    faults.rest(after=2, times=3).freeze()
    affected = [faults.for_request("GET", "/") is not None for _ in range(8)]
    assert affected == [False, False, True, True, True, False, False, False]


def test_a_rule_applies_once_its_fault_is_chosen() -> None:
    faults = Faults()
    faults.rest()
    faults.live()
    assert faults.for_request("GET", "/") is None
    assert faults.for_event("job:log", "job-1") is None


def test_events_and_subscriptions_have_separate_rules() -> None:
    faults = Faults()
    faults.live(channel="private-*").refuse()
    faults.live("job:*", channel="job-*").drop()
    assert (faults.refuses("private-job-1"), faults.refuses("job-1")) == (True, False)
    assert faults.for_event("build:started", "private-job-1") is None
    found = faults.for_event("job:log", "job-1")
    assert found is not None
    assert found.kind == "drop"


def test_clear_removes_every_rule_and_calls_back() -> None:
    faults, cleared = Faults(), list[int]()
    faults.rest().freeze()
    faults.live().cut()
    faults.when_cleared(lambda: cleared.append(1))
    faults.clear()
    faults.clear()
    assert cleared == [1]
    assert faults.for_request("GET", "/") is None
    assert faults.for_event("a", "b") is None


@given(st.integers(), st.floats(0.05, 1.0))
def test_the_same_seed_gives_the_same_faults(seed: int, chance: float) -> None:
    def history(faults: Faults) -> list[bool]:
        return [faults.for_request("GET", f"/{number}") is not None for number in range(50)]

    first, second = Faults(seed), Faults()
    second.seed(seed)
    for faults in (first, second):
        faults.rest(chance=chance).status(500)
    assert history(first) == history(second)


def test_chance_is_the_probability_of_a_fault() -> None:
    faults = Faults(7)
    faults.live(chance=0.1).drop()
    affected = sum(faults.for_event("job:log", "job-1") is not None for _ in range(10_000))
    assert 900 < affected < 1100


@pytest.mark.parametrize("chance", [0, -0.1, 1.1, float("nan")])
def test_a_chance_outside_of_its_range_is_an_error(chance: float) -> None:
    with pytest.raises(ValueError, match="chance must be above 0"):
        Faults().rest(chance=chance)


@given(st.binary(max_size=100))
def test_every_garbled_byte_differs(body: bytes) -> None:
    other = Faults(random.randrange(99)).garbled(body)
    assert len(other) == len(body)
    assert all(one != two for one, two in zip(body, other, strict=True))


@pytest.mark.parametrize(("times", "after"), [(-1, 0), (None, -1), (1, -2)])
def test_a_count_below_0_is_an_error(times: int | None, after: int) -> None:
    with pytest.raises(ValueError, match="must not be below 0"):
        Faults().live(times=times, after=after)


def test_a_rule_has_one_fault() -> None:
    faults = Faults()
    rule = faults.rest()
    rule.reset()
    with pytest.raises(RuntimeError, match="another rule"):
        rule.garble()
    assert faults.for_request("GET", "/builds") == RestFault(kind="reset")
