"""Deadlines, signals and notices of the library, the same for every command."""

import logging
import os
import signal
import subprocess
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from tests import terminal
from tests.cli.conftest import SLUG, Run, Travis
from tests.programs import python

WAIT = ["-m", "aiotravis", "wait", "1", "-r", SLUG]


@pytest.fixture
def running(travis: Travis, environment: Path) -> None:
    travis.run(lambda: [job.start() for job in travis.repository.build().jobs])


def test_a_timeout_ends_with_124(running: None, run: Run) -> None:
    ended = run("wait", "1", "-q", "-r", SLUG, "--timeout", "0.2")
    assert ended == (124, "", "aiotravis: gave up after 0.2 s\n")


def test_unreachable_ends_with_69(travis: Travis, run: Run) -> None:
    ended = run("status", "-r", SLUG, "-e", "http://127.0.0.1:9", "-v")
    assert (ended.code, ended.out) == (69, "")
    *attempts, error = ended.err.splitlines()
    assert [line[:26] for line in attempts] == ["aiotravis: attempt 2 of 3 ", "aiotravis: attempt 3 of 3 "]
    assert "http://127.0.0.1:9" in error


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
async def test_a_signal_ends_the_wait_cleanly(travis: Travis, running: None, number: int, code: int) -> None:
    with subprocess.Popen([*python(), *WAIT], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # noqa: ASYNC220
        try:
            await subscribed(travis)
            process.send_signal(number)
            with anyio.fail_after(60):
                out, err = await anyio.to_thread.run_sync(process.communicate, abandon_on_cancel=True)
        finally:
            process.kill()
    assert (process.returncode, out) == (code, b"")
    assert b"Traceback" not in err


async def test_a_terminal_shows_the_state_and_the_outcome(travis: Travis, running: None) -> None:
    async with terminal.started([*python(), *WAIT], 40, 6) as screen:
        await screen.shows(lambda text: "build #1 started" in text)
        screen.resize(20, 6)
        await subscribed(travis)
        travis.run(lambda: [job.finish("failed") for job in travis.repository.builds[0].jobs])
        assert await screen.ends() == 1
        assert "build #1 failed" in screen.text
        assert "started" not in screen.text


async def test_ctrl_c_on_a_terminal_leaves_a_clean_line(travis: Travis, running: None) -> None:
    async with terminal.started([*python(), *WAIT], 40, 6) as screen:
        await screen.shows(lambda text: "build #1 started" in text)
        screen.process.send_signal(signal.SIGINT)
        assert await screen.ends() == 130
        assert screen.text.strip() == ""


async def subscribed(travis: Travis) -> None:
    """Wait until a client has subscribed a channel."""
    with anyio.fail_after(15):
        while not travis.server.pusher.subscription_counts:  # noqa: ASYNC110
            await anyio.sleep(0.01)


def test_pauses_are_told_on_standard_error(running: None, run: Run, travis: Travis) -> None:
    travis.run(lambda: travis.server.faults.rest("/builds*", times=1).status(503))
    ended = run("status", "-r", SLUG, "-v")
    assert ended.out == "started\n"
    assert "503" in ended.err
    assert logging.getLogger("aiotravis").level == logging.NOTSET
    assert os.environ["TRAVIS_ENDPOINT"] not in ended.out


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "x"])
def test_a_timeout_is_a_number_above_0(run: Run, seconds: str) -> None:
    ended = run("wait", "1", "-r", SLUG, "--timeout", seconds)
    assert ended.code == 2
    assert f"'{seconds}' is not a number of seconds above 0." in ended.err


@pytest.mark.parametrize(
    ("command", "number", "meant"),
    [("history", "0", "from 1 on"), ("history", "x", "from 1 on"), ("requests", "101", "from 1 to 100")],
)
def test_a_count_outside_its_range_is_told_with_the_range(run: Run, command: str, number: str, meant: str) -> None:
    ended = run(command, "-r", SLUG, "-l", number)
    assert ended.code == 2
    assert f"'{number}' is not a whole number {meant}." in ended.err
