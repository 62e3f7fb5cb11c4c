"""pytest fixtures: an embedded Travis, its world, a client; and one in a thread. Installing aiotravis adds them.

The first three live in the event loop of the test, run by anyio's plugin, or by pytest-asyncio in any mode and loop
scope. Synchronous tests have no loop: the server in a thread is for these.
"""

import inspect
from collections.abc import AsyncGenerator, Iterator
from typing import TYPE_CHECKING, Final, Literal, cast, get_args

import pytest

if TYPE_CHECKING:
    from aiotravis.client import Travis
    from aiotravis.testing import TravisServer, TravisServerThread, World

__all__ = ["travis", "travis_server", "travis_server_thread", "travis_world"]

TOKEN: Final = "travis-test-token"
"""API token of the user ``tester``."""

LoopScope = Literal["function", "class", "module", "package", "session"]

LOOP_SCOPES: Final[tuple[LoopScope, ...]] = get_args(LoopScope)
"""Of pytest-asyncio."""

ServerAndClient = tuple["TravisServer", "Travis"]


async def _server_and_client() -> AsyncGenerator[ServerAndClient]:
    # Imported here: pytest loads this module in every project that has aiotravis installed.
    from aiotravis.client import Travis
    from aiotravis.testing import TravisServer

    async with TravisServer() as server:
        server.world.user("tester", token=TOKEN)
        async with Travis(TOKEN, endpoint=server.endpoint) as travis:
            yield server, travis


@pytest.fixture(name="_travis_on_anyio")
async def _on_anyio() -> AsyncGenerator[ServerAndClient]:
    async for pair in _server_and_client():
        yield pair


def pytest_configure(config: pytest.Config) -> None:
    """Register a fixture for each loop scope of pytest-asyncio, where that is installed."""
    if config.pluginmanager.hasplugin("asyncio"):
        fixtures: dict[str, object] = {scope: _on_asyncio(scope) for scope in LOOP_SCOPES}
        config.pluginmanager.register(type("OnAsyncio", (), fixtures), "aiotravis-on-asyncio")


def _on_asyncio(scope: LoopScope) -> object:
    import pytest_asyncio

    # A new function each time: pytest-asyncio stores the scope on the function.
    async def on_asyncio() -> AsyncGenerator[ServerAndClient]:
        async for pair in _server_and_client():
            yield pair

    return pytest_asyncio.fixture(on_asyncio, name=f"_travis_on_asyncio_{scope}", loop_scope=scope)


@pytest.fixture
def travis_server(request: pytest.FixtureRequest) -> "TravisServer":
    """An embedded Travis: a started `TravisServer` with one user, ``tester``, and nothing else."""
    return _get(request)[0]


@pytest.fixture
def travis_world(request: pytest.FixtureRequest) -> "World":
    """The `World` of the embedded Travis: add repositories and builds to it, and change their states."""
    return _get(request)[0].world


@pytest.fixture
def travis(request: pytest.FixtureRequest) -> "Travis":
    """A client of the embedded Travis, with the token of its user ``tester``."""
    return _get(request)[1]


@pytest.fixture
def travis_server_thread() -> "Iterator[TravisServerThread]":
    """An embedded Travis in a thread, for synchronous tests: a `TravisServerThread` with one user, ``tester``."""
    from aiotravis.testing import TravisServerThread

    with TravisServerThread() as thread:
        thread.world.user("tester", token=TOKEN)
        yield thread


def _get(request: pytest.FixtureRequest) -> ServerAndClient:
    """Return the server and client of a test, started on the test's event loop."""
    item: pytest.Item = request.node
    marker = item.get_closest_marker("asyncio") if request.config.pluginmanager.hasplugin("asyncio") else None
    anyio_backend = "anyio_backend" in request.fixturenames
    if not _is_async(item):
        pytest.fail(
            "travis, travis_server and travis_world live in the event loop of a test, and a synchronous test has none: "
            "use travis_server_thread, or make the test async.",
            pytrace=False,
        )
    if anyio_backend and marker is not None:
        pytest.fail(
            "Two plugins claim this test, by marker or mode: pytest-asyncio runs it, and anyio's plugin its fixtures, "
            "in another event loop. Let one of them do both.",
            pytrace=False,
        )
    if anyio_backend:
        if request.getfixturevalue("anyio_backend_name") != "asyncio":
            pytest.skip("aiotravis runs on asyncio alone")
        name = "_travis_on_anyio"
    elif marker is not None:
        kwargs = marker.kwargs
        scope = (
            kwargs.get("loop_scope") or kwargs.get("scope") or request.config.getini("asyncio_default_test_loop_scope")
        )
        name = f"_travis_on_asyncio_{scope}"
    else:
        pytest.fail(
            "No plugin runs this async test: let anyio's plugin or pytest-asyncio do so, by a marker (anyio, asyncio) "
            "or in auto mode (anyio_mode, asyncio_mode).",
            pytrace=False,
        )
    return cast("ServerAndClient", request.getfixturevalue(name))


def _is_async(item: pytest.Item) -> bool:
    function = getattr(item, "obj", None)
    # The test that hypothesis wraps.
    return inspect.iscoroutinefunction(getattr(getattr(function, "hypothesis", None), "inner_test", function))
