"""Validation of arguments."""

import math

import anyio
import anyio.lowlevel
import pytest

from aiotravis import errors
from aiotravis._validation import (
    display,
    is_text,
    validate_bool,
    validate_count,
    validate_instance,
    validate_iterable,
    validate_seconds,
    validate_segment,
    validate_string,
    validate_text,
)


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


@pytest.mark.parametrize("value", ["", " a ", "ü", "\x1b", "\u202e"])
def test_a_string_may_hold_what_can_be_sent(value: str) -> None:
    assert is_text(value)
    assert validate_string(value, "value") == value


@pytest.mark.parametrize("value", [None, 3, b"x", "a\x00b", "\ud800x", "\udc00", ["x"]])
def test_what_cannot_be_sent_is_no_string_and_never_quoted(value: object) -> None:
    assert not is_text(value)
    with pytest.raises(errors.UsageError, match=r"^value must (be a string, not|not contain NUL or lone surrogates)"):
        validate_string(value, "value")


@pytest.mark.parametrize("value", [".", "..", "", " ", None, "\x00"])
def test_a_segment_stays_on_its_path(value: object) -> None:
    with pytest.raises(errors.UsageError, match=r"^branch must") as caught:
        validate_segment(value, "branch")
    assert caught.value.argument == "branch"
    assert validate_segment("...", "branch") == "..."


class Hostile:
    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("value", "shown"),
    [(Hostile(), "a Hostile"), (10**5000, "an integer of thousands of digits"), ("x" * 500, "'" + "x" * 99), (1, "1")],
    ids=["hostile", "huge", "long", "short"],
)
def test_any_value_can_be_displayed(value: object, shown: str) -> None:
    assert display(value) == shown


def test_several_values_are_no_text() -> None:
    for value in ("ab", b"ab", 5, None, object()):
        with pytest.raises(errors.UsageError, match=r"jobs must be several"):
            validate_iterable(value, "jobs")
    validate_iterable(iter([1]), "jobs")


def test_a_value_has_the_class_that_it_must_have() -> None:
    validate_instance(True, int, "live")
    with pytest.raises(errors.UsageError, match="live must be int, not str"):
        validate_instance("x", int, "live")
    with pytest.raises(errors.UsageError, match="signature must be str, not None"):
        validate_instance(None, str, "signature")


async def test_a_coroutine_that_is_not_awaited_is_named_as_such() -> None:
    coroutine = anyio.lowlevel.checkpoint()
    with pytest.raises(errors.UsageError, match="things must be several values, not a coroutine; write `await`"):
        validate_iterable(coroutine, "things")
    await coroutine
