"""The plugin in projects of its users: under anyio's plugin, under pytest-asyncio, without either."""

import re
from pathlib import Path

import pytest

README = Path(__file__).parent.parent / "README.md"

pytest_plugins = ["pytester"]

BARE = ("-p", "no:hypothesispytest", "-p", "no:xdist", "-p", "no:cov")
"""Without the plugins that have nothing to do with it: to load them takes as long as the tests."""

TESTS = """
import asyncio
import pytest
from aiotravis import Travis, errors
from aiotravis.testing import TravisServer, World

{mark}

{fixture}
async def service(travis_server):
    # A service of the user's own, which asks when it starts.
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


def run(pytester: pytest.Pytester, code: str, *arguments: str) -> pytest.RunResult:
    pytester.makepyfile(code)
    if "no:asyncio" not in arguments and not any("fixture_loop_scope" in argument for argument in arguments):
        arguments = ("-o", "asyncio_default_fixture_loop_scope=function", *arguments)
    return pytester.runpytest_subprocess("-W", "error", *BARE, *arguments)


@pytest.mark.parametrize(
    ("mark", "fixture", "arguments"),
    [
        ("pytestmark = pytest.mark.anyio", "@pytest.fixture", ["-p", "no:asyncio"]),
        ("pytestmark = pytest.mark.anyio", "@pytest.fixture", []),
        ("", "@pytest.fixture", ["-p", "no:asyncio", "-o", "anyio_mode=auto"]),
        ("import pytest_asyncio\npytestmark = pytest.mark.asyncio", "@pytest_asyncio.fixture", []),
        ("", "@pytest.fixture", ["-o", "asyncio_mode=auto"]),
        (
            "import pytest_asyncio\npytestmark = pytest.mark.asyncio(loop_scope='module')",
            "@pytest_asyncio.fixture(loop_scope='module')",
            [],
        ),
        ("", "@pytest.fixture", ["-o", "asyncio_mode=auto", "-o", "asyncio_default_test_loop_scope=session",
                                 "-o", "asyncio_default_fixture_loop_scope=session"]),
    ],
    ids=["anyio", "anyio-beside", "anyio-auto", "asyncio-strict", "asyncio-auto", "asyncio-module", "asyncio-session"],
)  # fmt: skip
def test_the_fixtures_live_in_the_loop_of_the_test(
    pytester: pytest.Pytester, mark: str, fixture: str, arguments: list[str]
) -> None:
    pytester.makeconftest("import pytest\n@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n")
    result = run(pytester, TESTS.format(mark=mark, fixture=fixture), *arguments)
    result.assert_outcomes(passed=2)


@pytest.mark.parametrize("arguments", [["-o", "anyio_mode=auto", "-p", "no:asyncio"], ["-o", "asyncio_mode=auto"]])
def test_the_test_in_the_readme_passes(pytester: pytest.Pytester, arguments: list[str]) -> None:
    pytester.makeconftest("import pytest\n@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n")
    (code,) = (
        block for block in re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL) if "def test_" in block
    )
    run(pytester, code, *arguments).assert_outcomes(passed=1)


def test_trio_is_left_out(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("import pytest\n@pytest.fixture\ndef anyio_backend_name():\n    return 'trio'\n")
    code = "import pytest\n@pytest.mark.anyio\nasync def test_it(travis, anyio_backend): pass\n"
    result = run(pytester, code, "-p", "no:asyncio", "-k", "asyncio")
    result.assert_outcomes(skipped=1, deselected=result.parseoutcomes().get("deselected", 0))


def test_a_test_without_a_loop_is_told_what_it_needs(pytester: pytest.Pytester) -> None:
    result = run(pytester, "def test_it(travis): pass\n")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*live in an event loop: make the test async*"])


def test_its_fixtures_are_listed_with_what_they_are(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess("--fixtures", *BARE)
    result.stdout.fnmatch_lines(["travis_server*", "*A Travis in this process, started*"])


def test_in_this_process(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("import pytest\n@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n")
    pytester.makepyfile(TESTS.format(mark="pytestmark = pytest.mark.anyio", fixture="@pytest.fixture"))
    pytester.runpytest_inprocess(
        "-p", "aiotravis.pytest_plugin", "-p", "no:aiotravis", "-p", "no:asyncio"
    ).assert_outcomes(passed=2)
