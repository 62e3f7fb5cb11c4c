"""The fixtures in projects of their own: under anyio's plugin, under pytest-asyncio, under both, without either.

Each run of pytest takes its time, so it runs every file that fits its settings.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parent.parent / "README.md"

pytest_plugins = ["pytester"]

UNRELATED = ("hypothesispytest", "xdist", "xdist.looponfail", "cov", "timeout", "rerunfailures", "randomly", "faker")
"""Plugins that have nothing to do with ours."""

NO_ANYIO = ("-p", "no:anyio")
NO_ASYNCIO = ("-p", "no:asyncio")
FUNCTION_SCOPE = ("-o", "asyncio_default_fixture_loop_scope=function")
SESSION_SCOPE = (
    *("-o", "asyncio_default_fixture_loop_scope=session"),
    *("-o", "asyncio_default_test_loop_scope=session"),
)
ANYIO_AUTO = ("-o", "anyio_mode=auto")
ASYNCIO_AUTO = ("-o", "asyncio_mode=auto")

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

ASYNCIO_SCOPES = "import pytest\n\nclass TestScopes:\n" + "".join(
    f"""
    @pytest.mark.asyncio(loop_scope="{scope}")
    async def test_{scope}(self, travis_world, travis):
        build = travis_world.repository("a/b").build()
        assert (await travis.builds.get(build.id)).state == "created"
"""
    for scope in ("function", "class", "module", "package", "session")
)

UVLOOP = """
import asyncio
import pytest

@pytest.fixture
def anyio_backend():
    return "asyncio", {"use_uvloop": True}

@pytest.mark.anyio
async def test_it(travis_server, travis):
    assert "uvloop" in type(asyncio.get_running_loop()).__module__
    assert await travis.config.uptime() == "OK"
"""

ON_TRIO = """
import pytest

@pytest.fixture
def anyio_backend_name():
    return "trio"

async def test_it(travis, anyio_backend):
    pass
"""

SYNCHRONOUS = """
import json
import urllib.request
import pytest

def test_in_a_thread(travis_server_thread):
    build = travis_server_thread.world.repository("a/b").build().start()
    travis_server_thread.call(travis_server_thread.server.play, build, speed=1000, state="failed")
    request = urllib.request.Request(
        f"{travis_server_thread.endpoint}/builds/{build.id}", headers={"Authorization": "token travis-test-token"}
    )
    with urllib.request.urlopen(request) as response:
        assert json.load(response)["state"] == "failed"

def test_without_a_loop(travis):
    pass
"""

SYNCHRONOUS_BUT_MARKED = """
import pytest

@pytest.mark.anyio
def test_anyio(travis, anyio_backend):
    pass
"""

BOTH_MARKS = """
import pytest

pytestmark = [pytest.mark.anyio, pytest.mark.asyncio]

async def test_it(travis):
    pass
"""


def readme_test() -> str:
    (code,) = (
        block for block in re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL) if "def test_" in block
    )
    return str(code)


def run(pytester: pytest.Pytester, *arguments: str, **files: str) -> pytest.RunResult:
    pytester.makeconftest(CONFTEST)
    for name, text in files.items():
        pytester.makepyfile(**{name: text})
    unrelated = [part for name in UNRELATED for part in ("-p", f"no:{name}")]
    return pytester.runpytest_inprocess("-W", "error", "-rs", *unrelated, *arguments)


def test_fixtures_live_in_the_loop_of_anyio_in_auto_mode(pytester: pytest.Pytester) -> None:
    files = {"test_unmarked": UNMARKED, "test_readme": readme_test(), "test_trio": ON_TRIO, "test_uvloop": UVLOOP}
    result = run(pytester, *NO_ASYNCIO, *ANYIO_AUTO, **files)
    result.assert_outcomes(passed=4, skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*asyncio alone"])


def test_fixtures_live_in_the_loops_of_marked_tests_of_both_plugins(pytester: pytest.Pytester) -> None:
    files = {
        "test_anyio": ANYIO,
        "test_asyncio": ASYNCIO,
        "test_asyncio_module": ASYNCIO_MODULE,
        "test_scopes": ASYNCIO_SCOPES,
        "test_uvloop": UVLOOP,
    }
    run(pytester, *FUNCTION_SCOPE, **files).assert_outcomes(passed=12)


def test_fixtures_live_in_the_loop_of_pytest_asyncio_in_auto_mode(pytester: pytest.Pytester) -> None:
    arguments = (*NO_ANYIO, *ASYNCIO_AUTO, *FUNCTION_SCOPE)
    run(pytester, *arguments, test_unmarked=UNMARKED, test_readme=readme_test()).assert_outcomes(passed=3)


def test_fixtures_live_in_the_session_loop_of_pytest_asyncio(pytester: pytest.Pytester) -> None:
    run(pytester, *ASYNCIO_AUTO, *SESSION_SCOPE, test_unmarked=UNMARKED).assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((), BOTH_MARKS),
        (ANYIO_AUTO, ASYNCIO),
        (ASYNCIO_AUTO, ANYIO),
        ((*ANYIO_AUTO, *ASYNCIO_AUTO, "-W", "ignore::pytest.PytestConfigWarning"), UNMARKED),
    ],
    ids=["both marks", "anyio auto", "asyncio auto", "both auto"],
)
def test_a_test_that_both_plugins_claim_fails_at_once(
    pytester: pytest.Pytester, arguments: tuple[str, ...], code: str
) -> None:
    result = run(pytester, *FUNCTION_SCOPE, *arguments, test_it=code)
    result.assert_outcomes(errors=1 if code is BOTH_MARKS else 2)
    result.stdout.fnmatch_lines(["Two plugins claim this test*another event loop. Let one of them do both."])


@pytest.mark.parametrize("arguments", [FUNCTION_SCOPE, (*NO_ANYIO, *NO_ASYNCIO)], ids=["strict", "no plugin"])
def test_a_test_that_no_plugin_runs_says_how_to_run_it(pytester: pytest.Pytester, arguments: tuple[str, ...]) -> None:
    result = run(pytester, *arguments, test_it="async def test_it(travis): pass")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["No plugin runs this async test: let anyio's plugin or pytest-asyncio do so*"])


def test_synchronous_tests_have_a_server_in_a_thread(pytester: pytest.Pytester) -> None:
    result = run(pytester, *NO_ASYNCIO, test_it=SYNCHRONOUS, test_marked=SYNCHRONOUS_BUT_MARKED)
    result.assert_outcomes(passed=1, errors=2)
    result.stdout.fnmatch_lines(["*a synchronous test has none: use travis_server_thread*"] * 2)


def test_fixtures_are_listed_with_their_descriptions(pytester: pytest.Pytester) -> None:
    result = run(pytester, *NO_ASYNCIO, "--fixtures")
    result.stdout.fnmatch_lines(["travis_server*", "*An embedded Travis*", "travis_server_thread*"])


def test_the_plugin_imports_nothing_until_a_fixture_is_used() -> None:
    program = "import pytest, sys; before = set(sys.modules); import aiotravis.pytest_plugin; "
    program += "print(*sorted(set(sys.modules) - before))"
    printed = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert printed.split() == ["aiotravis", "aiotravis.pytest_plugin"]
