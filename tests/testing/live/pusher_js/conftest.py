"""A Travis and a stock pusher-js for each test; skipped without Node."""

import os
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from aiotravis.testing import Build, Dialect, Repository, TravisServer, User
from tests.testing.live.pusher_js.driver import PusherJs, installed, launched


@pytest.fixture(scope="session")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Node script, with pusher-js installed once for all workers."""
    base = tmp_path_factory.getbasetemp()
    return installed(base.parent if "PYTEST_XDIST_WORKER" in os.environ else base)


@pytest.fixture(scope="package")
async def process(script: Path) -> AsyncGenerator[PusherJs]:
    """One Node process for all tests: starting it takes longer than most of them."""
    async with launched(script) as process:
        yield process


@pytest.fixture
async def client(process: PusherJs) -> AsyncGenerator[PusherJs]:
    yield process
    await process.reset()


@pytest.fixture
def dialect() -> Dialect:
    return "pusher"


@pytest.fixture
def options() -> dict[str, Any]:
    return {}


@pytest.fixture
async def server(dialect: Dialect, options: dict[str, Any]) -> AsyncGenerator[TravisServer]:
    async with TravisServer(dialect=dialect, **options) as server:
        yield server


@pytest.fixture
def sarah(server: TravisServer) -> User:
    return server.world.user("sarah", token="a-token-that-must-not-leak")


@pytest.fixture
def repository(server: TravisServer, sarah: User) -> Repository:
    return server.world.repository("travis-ci/travis.rb", users=[sarah])


@pytest.fixture
def build(repository: Repository) -> Build:
    return repository.build(quiet=True)
