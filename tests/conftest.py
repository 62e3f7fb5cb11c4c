"""Fixtures for all tests: asyncio under anyio's plugin, an embedded Travis, clients of it. Also costs and coverage."""

import gc
import importlib
import pkgutil
import signal
import sys
import threading
from collections import defaultdict
from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, settings

import aiotravis
from aiotravis import LiveOptions, Travis
from aiotravis.testing import Repository, TravisServer

# Whether a property holds does not depend on how busy the machine is.
settings.register_profile("no-deadline", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("no-deadline")

# A shell starts background jobs with SIGINT ignored, nohup with SIGHUP, and what a test starts would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

TOKEN = "a-token-that-must-not-leak"

HASTY = LiveOptions(reconnect_delay=0.0, max_reconnect_delay=0.0, coalesce=0.02)
"""Reconnect at once: most tests check that the client comes back, not when."""

SLOWEST = (
    "tests/browser/test_dashboard_web.py",
    "tests/test_examples.py",
    "tests/test_benchmarks.py",
    "tests/test_dashboard",
    "tests/browser/",
    "tests/test_readme.py",
    "tests/rate_limits/",
    "tests/log_text/test_log.py",
    "tests/transport/test_identity.py",
    "tests/test_pytest_plugin.py",
    "tests/test_house.py",
    "tests/follow_log/",
    "tests/flows/",
    "tests/live/",
    "tests/bulk/",
    "tests/rest_faults/",
    "tests/testing/",
)
"""Beginnings of node ids that run first, in this order, so that no worker is left with a slow file at the end."""

NOT_MEASURED = (
    "tests/api/test_identities.py",
    "tests/async/test_lifetime.py",
    "tests/browser/",
    "tests/bulk/test_cursor.py",
    "tests/bulk/test_page_reader.py",
    "tests/bulk/test_paginator.py",
    "tests/cli/test_command.py",
    "tests/cli/test_every_command.py",
    "tests/cli/test_main.py",
    "tests/client/test_arguments.py",
    "tests/client/test_travis.py",
    "tests/conformance/",
    "tests/examples/",
    "tests/flows/test_cancelling.py",
    "tests/flows/test_commit_waiting.py::test_an_old_commit_is_found",
    "tests/flows/test_repository_state.py",
    "tests/flows/test_restart_faults.py",
    "tests/flows/test_trigger_faults.py",
    "tests/flows/test_waiting_isolation.py",
    "tests/flows/test_waiting_soak.py",
    "tests/flows/test_watch.py::test_at_rest",
    "tests/flows/test_watch_soak.py",
    "tests/follow_log/test_exactness.py",
    "tests/follow_log/test_missing_logs.py",
    "tests/follow_log/test_soak.py",
    "tests/follow_log/test_sources.py",
    "tests/follow_log/test_spooled_text.py",
    "tests/frameworks/test_litestar.py",
    "tests/frameworks/test_pandas.py",
    "tests/http/test_decompression.py",
    "tests/http/test_json_text.py",
    "tests/http/test_lenient.py",
    "tests/http/test_response_cache.py",
    "tests/live/test_channels.py",
    "tests/live/test_connection.py",
    "tests/live/test_decoding.py",
    "tests/live/test_faults.py",
    "tests/live/test_malformed.py",
    "tests/live/test_placement.py",
    "tests/live/test_protocol.py::test_decode_data_never_raises",
    "tests/live/test_reconnect_policy.py",
    "tests/live/test_wild_events.py",
    "tests/log_text/test_ansi.py",
    "tests/log_text/test_commands.py",
    "tests/log_text/test_era_logs.py",
    "tests/log_text/test_log.py",
    "tests/quirks/",
    "tests/rate_limits/test_fleets.py",
    "tests/rate_limits/test_limiter.py::test_no_sequence_of_requests",
    "tests/rate_limits/test_memory.py",
    "tests/rate_limits/test_rate_rules.py",
    "tests/rate_limits/test_redis_connection.py",
    "tests/rate_limits/test_redis_limiter.py::test_a_thousand_calls",
    "tests/rate_limits/test_short_lived_clients.py",
    "tests/rate_limits/test_state_file.py::test_no_interleaving",
    "tests/resources/test_flash.py",
    "tests/resources/test_log_sinks.py",
    "tests/resources/test_odd_values.py",
    "tests/rest_faults/",
    "tests/test_benchmarks.py",
    "tests/test_config_file.py::test_an_odd_file",
    "tests/test_config_writer.py",
    "tests/test_dashboard",
    "tests/test_examples.py",
    "tests/test_house.py",
    "tests/test_pictures.py",
    "tests/test_programs.py",
    "tests/test_readme.py",
    "tests/test_reference.py",
    "tests/test_storm.py",
    "tests/test_values.py",
    "tests/testing/faults/proxy/test_proxy.py",
    "tests/testing/live/pusher_js/",
    "tests/testing/live/test_stock_pysher.py",
    "tests/testing/rest/test_access.py",
    "tests/testing/rest/test_middleware.py",
    "tests/testing/rest/test_routes.py",
    "tests/testing/test_capacity.py",
    "tests/testing/test_main.py",
    "tests/testing/test_travispy.py",
    "tests/transport/test_body.py",
    "tests/transport/test_identity.py",
)
"""Beginnings of node ids whose coverage is not measured: the bound holds without them.

They are those that cost most, beside the lines that no other test reaches: measuring takes twice as long as the test.
"""


def pytest_configure(config: pytest.Config) -> None:
    """Register the project's own marker."""
    config.addinivalue_line("markers", "instant: the embedded Travis leaves out the delays of Travis")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run slow files first."""
    rank = {start: place for place, start in enumerate(SLOWEST)}
    items.sort(key=lambda item: min((rank[s] for s in SLOWEST if item.nodeid.startswith(s)), default=len(rank)))


@contextmanager
def unmeasured() -> Generator[None]:
    """Do not measure coverage, which triples the CPU time.

    In the workers of xdist, the marker ``no_cover`` has no effect: pytest-cov starts two measurements there, and
    pausing the second resumes the first.
    """
    here, in_threads = sys.gettrace(), threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)
    try:
        yield
    finally:
        threading.settrace(in_threads)
        sys.settrace(here)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Measure the definitions of the package, but not what the collection of the tests does in each worker."""
    if sys.gettrace() is not None:
        for module in pkgutil.walk_packages(aiotravis.__path__, "aiotravis."):
            # Programs, and a plugin that its own tests load.
            if not module.name.endswith(("__main__", "pytest_plugin")):
                importlib.import_module(module.name)
    with unmeasured():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Measure coverage only where the bound needs it."""
    if not item.nodeid.startswith(NOT_MEASURED):
        return (yield)
    with unmeasured():
        return (yield)


# Inside the wrapper of pytest-cov, which stops measuring afterwards.
@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Measure nothing in the process that only hands out the tests."""
    if not getattr(session.config.option, "numprocesses", None):
        return (yield)
    with unmeasured():
        return (yield)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Keep the garbage collector from visiting ten thousand tests again and again."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what each room costs: the seconds of set-up, call and teardown, summed over all workers."""
    seconds: defaultdict[str, float] = defaultdict(float)
    tests: defaultdict[str, int] = defaultdict(int)
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                room = report.nodeid.split("::")[0].split("/")[1]
                seconds[room] += report.duration
                tests[room] += report.when == "call"
    if len(seconds) > 1:
        terminalreporter.section("seconds per room")
        for room, cost in sorted(seconds.items(), key=lambda item: -item[1]):
            terminalreporter.line(f"{cost:8.1f} s  {tests[room]:5} tests  {room}")
        terminalreporter.line(f"{sum(seconds.values()):8.1f} s  {sum(tests.values()):5} tests")


@pytest.fixture(scope="session", autouse=True)
def state_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the tests, and the programs they start, away from the rate limits that this user's programs share."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRAVIS_STATE_DIR", str(tmp_path_factory.mktemp("state")))
        patch.delenv("TRAVIS_RATE_LIMITS", raising=False)
        yield


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def server(request: pytest.FixtureRequest) -> AsyncGenerator[TravisServer]:
    """An embedded Travis with one user and nothing else; without the delays of Travis for tests marked ``instant``."""
    async with TravisServer(instant=request.node.get_closest_marker("instant") is not None) as server:
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
