"""The limits that all clients of a process share."""

import gc

import pytest

from aiotravis._http import ApiRequest
from aiotravis.rate_limits.memory import limiter_for, rules_apply


def test_clients_of_one_identity_share_a_limiter() -> None:
    one = limiter_for("https://a", "t", limited=True)
    assert limiter_for("https://a", "t", limited=True).shared is one.shared
    for other in (
        limiter_for("https://b", "t", limited=True),
        limiter_for("https://a", "u", limited=True),
        limiter_for("https://a", None, limited=True),
        limiter_for("https://a", "t", limited=False),
    ):
        assert other.shared is not one.shared
    assert one.try_acquire(ApiRequest("GET", "/x")) is not None
    del one
    gc.collect()
    assert limiter_for("https://a", "t", limited=True).snapshot().room == 2000


@pytest.mark.parametrize(
    ("endpoint", "apply"),
    [
        ("https://api.travis-ci.com", True), ("https://api.travis-ci.org", True), ("https://mirror.example.org", True),
        ("https://travis.example.org/api", False), ("http://127.0.0.1:5000", False), ("http://localhost:1", False),
        ("http://[::1]:1", False),
    ],
)  # fmt: skip
def test_limits_apply_to_travis_but_not_to_enterprise_or_loopback(endpoint: str, apply: bool) -> None:
    assert rules_apply(endpoint) is apply
