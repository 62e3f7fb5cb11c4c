"""How patient the live channel is."""

import pytest

from aiotravis import LiveOptions, errors


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("activity_timeout", -1),
        ("pong_timeout", "10"),
        ("hello_timeout", True),
        ("longest_delay", float("nan")),
        ("largest_frame", 1.5),
        ("buffer_bytes", None),
    ],
)
def test_a_value_that_cannot_be_right_is_named(argument: str, value: object) -> None:
    with pytest.raises(errors.UsageError) as info:
        LiveOptions(**{argument: value})  # type: ignore[arg-type]
    assert info.value.argument == argument


def test_whole_numbers_do_for_seconds() -> None:
    assert LiveOptions(first_delay=0, longest_delay=2).longest_delay == 2
