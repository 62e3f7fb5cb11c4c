"""What all tests share: asyncio under anyio's plugin, a Travis in the process, a client of it."""

import signal
from collections.abc import AsyncGenerator

import pytest
from hypothesis import HealthCheck, settings

from aiotravis import LiveOptions, Travis
from aiotravis.testing import Repository, TravisServer

# What a property holds for has nothing to do with how busy the machine is.
settings.register_profile("unhurried", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

# What a shell starts in the background ignores Ctrl-C, and so would every program that is started here and sent one.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

TOKEN = "a-token-that-must-not-leak"

HASTY = LiveOptions(reconnect_delay=0.0, max_reconnect_delay=0.0, coalesce=0.02)
"""Comes back at once after a loss: what most tests look at is that, not when."""


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def server() -> AsyncGenerator[TravisServer]:
    """A Travis with one user and nothing else."""
    async with TravisServer() as server:
        server.world.user("sarah", token=TOKEN)
        yield server


@pytest.fixture
def repository(server: TravisServer) -> Repository:
    """A public repository that the user has a permission on."""
    return server.world.repository("travis-ci/travis.rb", users=list(server.world.users.values()))


@pytest.fixture
async def travis(server: TravisServer) -> AsyncGenerator[Travis]:
    """A client with the user's token."""
    async with Travis(TOKEN, endpoint=server.endpoint, live=HASTY) as travis:
        yield travis


@pytest.fixture
async def stranger(server: TravisServer) -> AsyncGenerator[Travis]:
    """A client without a token."""
    async with Travis(endpoint=server.endpoint) as travis:
        yield travis
