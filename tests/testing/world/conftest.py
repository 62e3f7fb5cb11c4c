"""A world whose clock advances by ten seconds at every reading, and the events that it publishes."""

import itertools

import pytest

from aiotravis.testing import Build, Job, Part, World


@pytest.fixture
def world() -> World:
    return World(clock=itertools.count(1_700_000_000.0, 10.0).__next__)


@pytest.fixture
def events(world: World) -> list[tuple[str, int]]:
    """Names of the events, each with the id of its build or job."""
    events: list[tuple[str, int]] = []

    def notify(event: str, about: Build | Job, part: Part | None) -> None:
        events.append((event, about.id))

    world.notify = notify
    return events
