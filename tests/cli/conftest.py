"""An embedded Travis in a thread, and the command line in this process, as a process, and on a terminal."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from aiotravis.cli import main
from aiotravis.testing import Repository, TravisServer
from tests.programs import python
from tests.waiting import until

TOKEN = "a-token-that-must-not-leak"
SLUG = "travis-ci/travis.rb"

MODES = ("org", "com", "enterprise")
"""Kinds of sites."""

T = TypeVar("T")


class Travis(NamedTuple):
    """An embedded Travis whose loop runs in another thread.

    Attributes:
        server: The server. Call what changes it with `run`.
        portal: The thread.
        repository: A repository with builds.
    """

    server: TravisServer
    portal: BlockingPortal
    repository: Repository

    def run(self, function: Callable[[], T]) -> T:
        """Call a function in the server's thread."""
        return self.portal.call(function)

    @property
    def paths(self) -> list[str]:
        """The requests so far, below the endpoint, without those of the live channel."""
        prefix = "/api" if self.server.mode == "enterprise" else ""
        seen = [one.path.removeprefix(prefix) for one in self.server.requests]
        return [path for path in seen if path != "/pusher/auth"]

    def once(self, condition: Callable[[], bool], action: Callable[[], object], *others: Callable[[], Any]) -> None:
        """Call a function in the server's thread once a condition holds, while a command runs.

        Args:
            condition: The condition.
            action: The function.
            others: Further conditions and functions, for afterwards.
        """

        async def take() -> None:
            for holds, act in zip((condition, *others[::2]), (action, *others[1::2]), strict=True):
                await until(holds)
                act()

        self.portal.start_task_soon(take)


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="module")
def portal() -> Iterator[BlockingPortal]:
    with start_blocking_portal() as portal:
        yield portal


@pytest.fixture(params=["org"])
def travis(request: pytest.FixtureRequest, portal: BlockingPortal) -> Iterator[Travis]:
    """Serve in the mode of the parameter: `@pytest.mark.parametrize("travis", MODES, indirect=True)`."""
    with portal.wrap_async_context_manager(started(request.param)) as server:
        sarah = server.world.user("sarah", token=TOKEN)
        repository = portal.call(lambda: server.world.repository(SLUG, users=[sarah]))
        yield Travis(server, portal, repository)


def started(mode: Any) -> TravisServer:
    return TravisServer(mode=mode, instant=True)


@pytest.fixture
def environment(travis: Travis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sign in to the embedded Travis by environment variables, with an empty home folder; returns the folder."""
    for name in ("NO_COLOR", "TRAVIS_CONFIG_PATH", "TRAVIS_RATE_LIMITS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TRAVIS_ENDPOINT", travis.server.endpoint)
    monkeypatch.setenv("TRAVIS_TOKEN", TOKEN)
    monkeypatch.chdir(tmp_path)
    return tmp_path


Run = Callable[..., Ended]


@pytest.fixture
def run(environment: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process: `run("status", "784")`; the repository is the embedded one unless named."""

    def run_command(*arguments: str) -> Ended:
        capsys.readouterr()
        code = main(list(arguments))
        # What begins and ends at once may do so on both sides of a second.
        out, err = (text.replace(" 1 sec", " 0 sec") for text in capsys.readouterr())
        return Ended(code, out, err)

    return run_command


@pytest.fixture
def process(environment: Path) -> Run:
    """Run a command as a process of its own, with pipes."""

    def run_process(*arguments: str, **options: Any) -> Ended:
        command = [*python(), "-m", "aiotravis", *arguments]
        completed = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)
        return Ended(completed.returncode, completed.stdout, completed.stderr)

    return run_process
