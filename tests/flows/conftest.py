"""A server with a live channel and one without, and triggers that do not wait."""

from collections.abc import AsyncGenerator

import pytest

from aiotravis.flows import trigger as trigger_flow
from aiotravis.testing import TravisServer
from tests.conftest import TOKEN


@pytest.fixture(params=["live", "polling"])
async def live_or_polled(request: pytest.FixtureRequest) -> AsyncGenerator[TravisServer]:
    key = "5df8ac576dcccf4fd076" if request.param == "live" else None
    async with TravisServer(pusher_key=key) as server:
        server.world.user("sarah", token=TOKEN)
        yield server


@pytest.fixture
def fast_trigger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trigger_flow, "FIRST_POLL", 0.01)
    monkeypatch.setattr(trigger_flow, "MAX_POLL", 0.02)
    monkeypatch.setattr(trigger_flow, "CANDIDATE_DELAYS", (0.0, 0.01, 0.01))
    monkeypatch.setattr(trigger_flow, "SETTLING", 0.0)
