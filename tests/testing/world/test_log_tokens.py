"""Tokens that each give access to one log."""

from aiotravis.testing import World
from aiotravis.testing.world.log_tokens import LIFETIME


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
