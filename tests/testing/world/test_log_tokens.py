"""Tokens that each give access to one log."""

from aiotravis.testing import World
from aiotravis.testing.world.log_tokens import LIFETIME, MAX_TOKENS


def test_token_expires_after_a_day_of_the_worlds_clock() -> None:
    world = World(clock=lambda: 1000.0)
    user = world.user("sarah", token="a")
    text = world.log_tokens.issue(user, 42)
    found = world.log_tokens.find(text)
    assert found is not None
    assert (found.user, found.job_id, found.expires_at) == (user, 42, 1000.0 + LIFETIME)
    world.clock = lambda: 1000.0 + LIFETIME
    assert world.log_tokens.find(text) is None


def test_tokens_are_unique_and_other_tokens_are_unknown() -> None:
    world = World()
    user = world.user("sarah", token="a")
    assert world.log_tokens.issue(user, 1) != world.log_tokens.issue(user, 1)
    assert world.log_tokens.find("a") is None
    assert world.log_tokens.find("") is None


def test_expired_tokens_and_all_but_the_last_ten_thousand_are_dropped() -> None:
    now = 1000.0
    world = World(clock=lambda: now)
    user = world.user("sarah", token="a")
    tokens = [world.log_tokens.issue(user, 1) for _ in range(MAX_TOKENS + 1)]
    assert [world.log_tokens.find(token) is None for token in tokens[:2]] == [True, False]
    assert len(world.log_tokens._issued) == MAX_TOKENS
    now += LIFETIME
    world.log_tokens.issue(user, 3)
    assert len(world.log_tokens._issued) == 1
