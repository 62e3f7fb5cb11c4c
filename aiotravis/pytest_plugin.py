"""pytest fixtures: a Travis in the test's process, its world, a client of it. Found by pytest itself.

They live in the test's own event loop, whichever plugin runs it: anyio's, or pytest-asyncio in any mode and loop scope.
"""

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Final, Literal, cast, get_args

import pytest

if TYPE_CHECKING:
    from aiotravis.client import Travis
    from aiotravis.testing import TravisServer, World

__all__ = ["travis", "travis_server", "travis_world"]

TOKEN: Final = "travis-test-token"
"""API token of the user ``tester``, whom ``travis`` speaks for."""

Scope = Literal["function", "class", "module", "package", "session"]

SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
"""Of event loops, in pytest-asyncio."""

Pair = tuple["TravisServer", "Travis"]


async def _pair() -> AsyncGenerator[Pair]:
    # Imported here: who does not ask for a fixture pays for none.
    from aiotravis.client import Travis
    from aiotravis.testing import TravisServer

    async with TravisServer() as server:
        server.world.user("tester", token=TOKEN)
        async with Travis(TOKEN, endpoint=server.endpoint) as travis:
            yield server, travis


@pytest.fixture(name="_travis_on_anyio")
async def _on_anyio() -> AsyncGenerator[Pair]:
    async for pair in _pair():
        yield pair


def pytest_configure(config: pytest.Config) -> None:
    """Make the same fixture for every event loop that pytest-asyncio may run a test on, where it is installed."""
    if config.pluginmanager.hasplugin("asyncio"):
        fixtures: dict[str, object] = {scope: _on_asyncio(scope) for scope in SCOPES}
        config.pluginmanager.register(type("OnAsyncio", (), fixtures), "aiotravis-on-asyncio")


def _on_asyncio(scope: Scope) -> object:
    import pytest_asyncio

    # A function of its own for each: the scope is written down on it.
    async def on_asyncio() -> AsyncGenerator[Pair]:
        async for pair in _pair():
            yield pair

    return pytest_asyncio.fixture(on_asyncio, name=f"_travis_on_asyncio_{scope}", loop_scope=scope)


@pytest.fixture
def travis_server(request: pytest.FixtureRequest) -> "TravisServer":
    """A Travis in this process, started, with one user and nothing else: a `TravisServer`."""
    return _of(request)[0]


@pytest.fixture
def travis_world(request: pytest.FixtureRequest) -> "World":
    """All that the Travis of this test knows: a `World`, to be filled, and moved."""
    return _of(request)[0].world


@pytest.fixture
def travis(request: pytest.FixtureRequest) -> "Travis":
    """A client of the Travis of this test, with the token of its user ``tester``."""
    return _of(request)[1]


def _of(request: pytest.FixtureRequest) -> Pair:
    """Start it on the event loop of the test, once for each test."""
    item: pytest.Item = request.node
    name = None
    if "anyio_backend" in request.fixturenames:
        if request.getfixturevalue("anyio_backend_name") != "asyncio":
            pytest.skip("aiotravis runs on asyncio alone")
        name = "_travis_on_anyio"
    elif request.config.pluginmanager.hasplugin("asyncio") and item.get_closest_marker("asyncio") is not None:
        marker = item.get_closest_marker("asyncio")
        scope = marker.kwargs.get("loop_scope") if marker is not None else None
        name = f"_travis_on_asyncio_{scope or request.config.getini('asyncio_default_test_loop_scope')}"
    if name is None:
        pytest.fail(
            "The fixtures of aiotravis live in an event loop: make the test async, run by anyio's plugin or "
            "pytest-asyncio.",
            pytrace=False,
        )
    return cast("Pair", request.getfixturevalue(name))
