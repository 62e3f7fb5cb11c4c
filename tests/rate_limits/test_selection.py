"""The store that a client's argument and the environment choose."""

import sys

import pytest

from aiotravis import RedisLimits, errors
from aiotravis.rate_limits.selection import limiter_for

COM, LOOPBACK = "https://api.travis-ci.com", "http://127.0.0.1:4"


@pytest.mark.parametrize(
    ("endpoint", "given", "variable", "store"),
    [
        (COM, "memory", "off", "memory"), (COM, False, "", "none"), (COM, None, "off", "none"),
        (COM, True, "memory", "memory"), (LOOPBACK, None, "memory", "none"), (LOOPBACK, True, "memory", "memory"),
        (LOOPBACK, "memory", "", "memory"), (COM, None, " Memory ", "memory"), (COM, None, "", "machine"),
        (COM, "machine", "off", "machine"), (COM, True, "", "machine"), (LOOPBACK, None, "machine", "none"),
    ],
)  # fmt: skip
def test_the_argument_comes_before_the_environment(
    endpoint: str, given: bool | None, variable: str, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAVIS_RATE_LIMITS", variable)
    assert limiter_for(endpoint, "selected", given).snapshot().store == store


@pytest.mark.parametrize("wrong", ["", "Memory", "sqlite", 1, 0, object(), ["memory"]])
def test_other_stores_are_usage_errors(wrong: object) -> None:
    with pytest.raises(errors.UsageError, match="rate_limits must be") as info:
        limiter_for(COM, None, wrong)  # type: ignore[arg-type]
    assert info.value.argument == "rate_limits"


def test_a_wrong_environment_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAVIS_RATE_LIMITS", "yes, please")
    with pytest.raises(errors.UsageError, match="TRAVIS_RATE_LIMITS must be") as info:
        limiter_for(COM, None)
    assert info.value.argument == "TRAVIS_RATE_LIMITS"
    assert limiter_for(COM, None, "memory").snapshot().store == "memory"


def test_a_fleet_is_chosen_by_argument_or_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert limiter_for(COM, "selected", RedisLimits("redis://cache", processes=2)).snapshot().store == "redis"
    monkeypatch.setenv("TRAVIS_RATE_LIMITS", "redis://cache?processes=2")
    assert limiter_for(COM, "selected").snapshot().store == "redis"
    assert limiter_for(LOOPBACK, "selected").snapshot().store == "none"
    monkeypatch.setenv("TRAVIS_RATE_LIMITS", "redis://:secret@cache")
    with pytest.raises(errors.UsageError, match="TRAVIS_RATE_LIMITS: url must say") as info:
        limiter_for(COM, "selected")
    assert "secret" not in str(info.value)


def test_a_fleet_without_redis_py_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aiotravis.rate_limits.redis_limiter", None)
    with pytest.raises(errors.UsageError, match=r"aiotravis\[redis\]"):
        limiter_for(COM, "selected", RedisLimits("redis://cache", processes=2))
