"""What all calls are tried with: a reader, some builds."""

from collections.abc import AsyncGenerator

import pytest

from aiotravis import Travis
from aiotravis.testing import Build, Repository, TravisServer

PEM = "-----BEGIN RSA PRIVATE KEY-----\nMII"

READER = "a-reader-that-may-not-push"


@pytest.fixture
async def reader(server: TravisServer, repository: Repository) -> AsyncGenerator[Travis]:
    """A client of somebody who may look at the repository, and nothing else."""
    user = server.world.user("josh", token=READER)
    repository.users.append(user)
    repository.readers.append(user)
    async with Travis(READER, endpoint=server.endpoint) as travis:
        yield travis


@pytest.fixture
def build(repository: Repository) -> Build:
    repository.history(2, jobs=2)
    return repository.build(jobs=2)
