"""Validation of arguments."""

import math

import pytest

from aiotravis import errors
from aiotravis._validation import validate_bool, validate_count, validate_seconds, validate_text


def test_a_count_within_its_limits_is_returned() -> None:
    assert validate_count(1, "buffer") == 1
    assert validate_count(0, "after", minimum=0) == 0
    assert validate_count(100, "limit", maximum=100) == 100


@pytest.mark.parametrize("value", [0, -1, True, 1.0, "3", None, 101])
def test_anything_but_a_count_within_its_limits_is_refused(value: object) -> None:
    with pytest.raises(errors.UsageError, match="limit must be a whole number between 1 and 100") as caught:
        validate_count(value, "limit", maximum=100)
    assert caught.value.argument == "limit"


def test_a_count_without_a_maximum_names_its_minimum() -> None:
    with pytest.raises(errors.UsageError, match="buffer must be a whole number of at least 1, not 0"):
        validate_count(0, "buffer")


def test_seconds_may_be_zero_only_where_that_makes_sense() -> None:
    assert validate_seconds(0.5, "patience") == 0.5
    assert validate_seconds(0, "patience", zero_ok=True) == 0
    with pytest.raises(errors.UsageError, match="patience must be a finite positive number of seconds, not 0"):
        validate_seconds(0, "patience")


@pytest.mark.parametrize(
    "value", [-1, math.nan, math.inf, -math.inf, 10**400, pytest.param(10**5000, id="huge"), True, "3", None]
)
def test_anything_but_seconds_is_refused(value: object) -> None:
    with pytest.raises(errors.UsageError, match="patience must be a finite number of seconds, 0 or more") as caught:
        validate_seconds(value, "patience", zero_ok=True)
    assert caught.value.argument == "patience"


def test_a_switch_is_true_or_false() -> None:
    assert (validate_bool(True, "strict"), validate_bool(False, "strict")) == (True, False)


@pytest.mark.parametrize("value", [None, 0, 1, "", "false", [], pytest.param(10**5000, id="huge")])
def test_anything_but_true_and_false_is_no_switch(value: object) -> None:
    with pytest.raises(errors.UsageError, match="strict must be True or False, not") as caught:
        validate_bool(value, "strict")
    assert caught.value.argument == "strict"


@pytest.mark.parametrize("value", ["", " \n", None, 3, b"x"])
def test_a_text_must_say_something_and_is_never_quoted(value: object) -> None:
    with pytest.raises(errors.UsageError, match=r"^token must be a string that is not empty\.$"):
        validate_text(value, "token")
    assert validate_text(" x", "token") == " x"
