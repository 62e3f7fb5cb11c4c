"""What all tests share: asyncio under anyio's plugin, a Travis in the process, a client of it."""

from collections.abc import AsyncGenerator

import pytest

from aiotravis import Travis
from aiotravis.testing import Repository, TravisServer

TOKEN = "a-token-that-must-not-leak"


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
    async with Travis(TOKEN, endpoint=server.endpoint) as travis:
        yield travis
