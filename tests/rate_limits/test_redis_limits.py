"""The configuration of a fleet."""

from typing import Any

import pytest

from aiotravis import RedisLimits, errors
from aiotravis.errors import UsageError


@pytest.mark.parametrize(
    "url",
    [
        "redis://cache",
        "redis://:secret@cache:6379/3",
        "rediss://u:secret@cache/0",
        "unix:///run/redis.sock",
        "redis://[::1]:1",
    ],
)
def test_urls_of_redis_are_accepted_and_never_shown(url: str) -> None:
    limits = RedisLimits(url, processes=8)
    assert (limits.url, limits.processes, limits.max_outage) == (url, 8, 30.0)
    assert "secret" not in repr(limits) + limits.scope
    assert RedisLimits(f"{url}\n", processes=8) == limits


@pytest.mark.parametrize(
    "url", ["", "cache:6379", "http://cache", "redis://", "redis://cache:port", "redis://cache:99999", "redis://cache:0",
            "redis://cache/zero", "unix://", "redis://ca che", None, 7]
)  # fmt: skip
def test_wrong_urls_are_usage_errors_that_do_not_show_them(url: object) -> None:
    with pytest.raises(errors.UsageError, match="url must look like") as info:
        RedisLimits(url, processes=8)  # type: ignore[arg-type]
    assert info.value.argument == "url"


@pytest.mark.parametrize(
    ("settings", "argument"),
    [
        ({"processes": 0}, "processes"), ({"processes": 1.5}, "processes"),
        ({"processes": 1, "max_outage": -1}, "max_outage"),
        ({"processes": 1, "max_outage": float("nan")}, "max_outage"),
    ],
)  # fmt: skip
def test_wrong_settings_are_usage_errors(settings: dict[str, Any], argument: str) -> None:
    with pytest.raises(errors.UsageError) as info:
        RedisLimits("redis://cache", **settings)
    assert info.value.argument == argument


def test_a_url_can_hold_the_settings_as_the_environment_does() -> None:
    limits = RedisLimits.from_url("redis://cache:1/2?processes=8&max_outage=5&socket_keepalive=True")
    assert limits == RedisLimits("redis://cache:1/2?socket_keepalive=True", processes=8, max_outage=5)
    for wrong in ("redis://cache", "redis://cache?processes=many", "redis://cache?processes=8&max_outage=x"):
        with pytest.raises(errors.UsageError, match="for how many processes"):
            RedisLimits.from_url(wrong)


@pytest.mark.parametrize("url", ["http://cache/0", "valkey://cache/0?processes=8", "cache:6379"])
def test_a_wrong_scheme_is_named_before_settings_that_lack(url: str) -> None:
    with pytest.raises(UsageError, match="url must look like redis://"):
        RedisLimits.from_url(url)
