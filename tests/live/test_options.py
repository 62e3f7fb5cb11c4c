"""Validation of the live channel's settings."""

import pytest

from aiotravis import LiveOptions, errors


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("activity_timeout", -1),
        ("pong_timeout", "10"),
        ("handshake_timeout", True),
        ("max_reconnect_delay", float("nan")),
        ("max_message_size", 1.5),
        ("buffer_bytes", None),
    ],
)
def test_an_invalid_value_raises_usage_error_with_its_name(argument: str, value: object) -> None:
    with pytest.raises(errors.UsageError) as info:
        LiveOptions(**{argument: value})  # type: ignore[arg-type]
    assert info.value.argument == argument


def test_seconds_may_be_whole_numbers() -> None:
    assert LiveOptions(reconnect_delay=0, max_reconnect_delay=2).max_reconnect_delay == 2
