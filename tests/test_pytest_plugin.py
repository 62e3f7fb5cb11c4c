"""The fixtures in projects of their own: under anyio's plugin, under pytest-asyncio, without either.

To start pytest takes longer than all else, so each start runs every file that fits its settings.
"""

import re
from pathlib import Path

import pytest

README = Path(__file__).parent.parent / "README.md"

pytest_plugins = ["pytester"]

UNRELATED = ("-p", "no:hypothesispytest", "-p", "no:xdist", "-p", "no:cov")
"""Turns off plugins that take long to load."""

FUNCTION_SCOPE = ("-o", "asyncio_default_fixture_loop_scope=function")

CONFTEST = """
import pytest

@pytest.fixture
def anyio_backend():
    return "asyncio"
"""

TESTS = """
import asyncio
import pytest
from aiotravis import Travis, errors
from aiotravis.testing import TravisServer, World

{mark}

{fixture}
async def service(travis_server):
    # A service of the user's own, which makes a call when it starts.
    async with Travis(endpoint=travis_server.endpoint) as travis:
        await travis.config.get()
        yield travis

async def test_a_build_is_awaited(travis_world: World, travis: Travis, service: Travis) -> None:
    build = travis_world.repository("a/b").build()
    waiter = asyncio.ensure_future(service.wait_for_build(build.id))
    build.start()
    build.finish("failed")
    assert (await waiter).state == "failed"
    assert (await travis.builds.get(build.id)).state == "failed"
    assert (await travis.users.me()).login == "tester"

async def test_every_test_has_its_own(travis_server: TravisServer, travis: Travis) -> None:
    assert travis_server.requests == []
    with pytest.raises(errors.NotFoundError):
        await travis.repos.get("a/b")
"""

UNMARKED = TESTS.format(mark="", fixture="@pytest.fixture")

ANYIO = TESTS.format(mark="pytestmark = pytest.mark.anyio", fixture="@pytest.fixture")

ASYNCIO = TESTS.format(
    mark="import pytest_asyncio\npytestmark = pytest.mark.asyncio", fixture="@pytest_asyncio.fixture"
)

ASYNCIO_MODULE = TESTS.format(
    mark="import pytest_asyncio\npytestmark = pytest.mark.asyncio(loop_scope='module')",
    fixture="@pytest_asyncio.fixture(loop_scope='module')",
)

ON_TRIO = """
import pytest

@pytest.fixture
def anyio_backend_name():
    return "trio"

async def test_it(travis, anyio_backend):
    pass
"""

WITHOUT_A_LOOP = """
def test_it(travis):
    pass
"""


def readme_test() -> str:
    (code,) = (
        block for block in re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL) if "def test_" in block
    )
    return str(code)


def run(pytester: pytest.Pytester, arguments: tuple[str, ...], **files: str) -> pytest.RunResult:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(**files)
    return pytester.runpytest_subprocess("-W", "error", *UNRELATED, *arguments)


def test_fixtures_live_in_the_loop_of_anyio_in_auto_mode(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        ("-p", "no:asyncio", "-o", "anyio_mode=auto", "-rs"),
        test_unmarked=UNMARKED,
        test_readme=readme_test(),
        test_trio=ON_TRIO,
    )
    result.assert_outcomes(passed=3, skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*asyncio alone"])


def test_fixtures_live_in_the_loops_of_marked_tests_of_both_plugins(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        FUNCTION_SCOPE,
        test_anyio=ANYIO,
        test_asyncio=ASYNCIO,
        test_asyncio_module=ASYNCIO_MODULE,
        test_without_a_loop=WITHOUT_A_LOOP,
    )
    result.assert_outcomes(passed=6, errors=1)
    result.stdout.fnmatch_lines(["*need an event loop: make the test async*"])


def test_fixtures_live_in_the_loop_of_pytest_asyncio_in_auto_mode(pytester: pytest.Pytester) -> None:
    arguments = ("-o", "asyncio_mode=auto", *FUNCTION_SCOPE)
    result = run(pytester, arguments, test_unmarked=UNMARKED, test_readme=readme_test())
    result.assert_outcomes(passed=3)


def test_fixtures_live_in_the_session_loop_of_pytest_asyncio(pytester: pytest.Pytester) -> None:
    scopes = ("-o", "asyncio_default_test_loop_scope=session", "-o", "asyncio_default_fixture_loop_scope=session")
    result = run(pytester, ("-o", "asyncio_mode=auto", *scopes), test_unmarked=UNMARKED)
    result.assert_outcomes(passed=2)


IN_PROCESS = ("-p", "aiotravis.pytest_plugin", "-p", "no:aiotravis", "-p", "no:asyncio")
"""Measures coverage: the plugin is not loaded before it is measured."""


def test_fixtures_live_in_the_loop_of_tests_marked_for_anyio(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(ANYIO)
    pytester.runpytest_inprocess("-W", "error", *IN_PROCESS).assert_outcomes(passed=2)


def test_fixtures_are_listed_with_their_descriptions(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_inprocess("--fixtures", *IN_PROCESS)
    result.stdout.fnmatch_lines(["travis_server*", "*An embedded Travis*"])
