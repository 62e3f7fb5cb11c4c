"""Rate limits as Travis counts them."""

import pytest

from aiotravis import Travis, errors
from aiotravis.testing import TravisServer
from aiotravis.testing.rest.rate_rules import RateRules
from tests.conftest import TOKEN
from tests.raw import ask


class Clock:
    def __init__(self) -> None:
        self.now = 6000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.mark.parametrize(("token", "limit"), [(None, 500), ("t", 2000)])
def test_requests_per_minute_are_limited_by_token_or_address(clock: Clock, token: str | None, limit: int) -> None:
    rules = RateRules(clock)

    def get() -> int | None:
        return rules.check(method="GET", path="/x", token=token, address="1")

    assert [get() for _ in range(limit + 1)] == [None] * limit + [429]
    assert rules.check(method="GET", path="/x", token=token, address="2") == (None if token is None else 429)
    assert rules.check(method="GET", path="/a/b.svg", token=token, address="1") is None
    clock.now += 60
    assert get() is None
    assert rules.requests.highest == limit + (1 if token is None else 2)


def test_fifty_posts_in_half_a_minute_cause_a_ban_of_an_hour(clock: Clock) -> None:
    rules = RateRules(clock)

    def send(method: str = "POST") -> int | None:
        return rules.check(method=method, path="/x", token="t", address="1")

    assert [send() for _ in range(51)] == [None] * 50 + [403]
    assert send("GET") == 403
    clock.now += 3599
    assert send("GET") == 403
    clock.now += 1
    assert send("PUT") is None


def test_second_sign_in_within_five_minutes_causes_a_ban_of_five_hours(clock: Clock) -> None:
    rules = RateRules(clock)

    def sign_in() -> int | None:
        return rules.check(method="POST", path="/auth/github", token=None, address="1")

    assert [sign_in() for _ in range(3)] == [None, None, 403]
    clock.now += 5 * 3600
    assert sign_in() is None


async def test_server_throttles_and_bans_in_plain_text(clock: Clock) -> None:
    async with TravisServer(rate_rules=True, clock=clock) as server:
        server.world.user("sarah", token=TOKEN)
        assert server.rates is not None
        for identity in ("127.0.0.1", TOKEN):
            server.rates.requests.counts[identity, 100] = 2000
        response = await ask(server, "/config")
        assert (response.status, response.content_type, response.body) == (429, "text/plain", b"Retry later\n")
        assert (await ask(server, "/config", token=TOKEN)).status == 429
        server.rates.banned["127.0.0.1"] = clock.now + 10
        response = await ask(server, "/config", token="unknown")
        assert (response.status, response.content_type, response.body) == (403, "text/plain", b"Forbidden\n")
        async with Travis(endpoint=server.endpoint) as travis:
            with pytest.raises(errors.BannedError):
                await travis.config.get()


def test_counts_of_windows_that_are_over_are_dropped(clock: Clock) -> None:
    rules = RateRules(clock)
    for _ in range(500):
        assert rules.check(method="POST", path="/x", token="t", address="1") is None
        clock.now += 61
    assert len(rules.requests.counts) == len(rules.posts.counts) == 1
    assert rules.requests.highest == 1
