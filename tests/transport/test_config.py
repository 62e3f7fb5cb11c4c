"""How to reach a server: what aiohttp is told of it, and what nobody is shown."""

import math
from typing import Any

import pytest

from aiotravis import Travis, errors
from aiotravis._transport import TransportConfig


def test_timeouts_limit_connecting_and_silence_but_not_the_total() -> None:
    timeout = TransportConfig(connect_timeout=1.5, read_timeout=2.5).timeout
    assert (timeout.total, timeout.sock_connect, timeout.sock_read) == (None, 1.5, 2.5)


def test_the_repr_hides_the_proxy_with_its_password() -> None:
    assert "secret" not in repr(TransportConfig(proxy="http://me:secret@proxy.example.org"))


@pytest.mark.parametrize(
    "setting",
    [
        {"strict": "false"}, {"strict": 1}, {"trust_env": "no"},
        *({name: value} for name in ("read_timeout", "connect_timeout") for value in (10**400, math.inf, math.nan)),
    ],
)  # fmt: skip
def test_a_setting_that_is_no_switch_or_not_finite_is_a_usage_error(setting: dict[str, Any]) -> None:
    (name,) = setting
    with pytest.raises(errors.UsageError, match=f"^{name} must be"):
        TransportConfig(**setting)
    with pytest.raises(errors.UsageError, match=f"^{name} must be"):
        Travis(endpoint="http://localhost", **setting)


async def test_with_options_validates_its_settings() -> None:
    async with Travis(endpoint="http://localhost") as travis:
        settings: list[dict[str, Any]] = [{"strict": "false"}, {"read_timeout": 10**400}]
        for setting in settings:
            with pytest.raises(errors.UsageError):
                travis.with_options(**setting)
