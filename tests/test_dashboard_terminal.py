"""The terminal dashboard in a pseudo-terminal."""

import os
import re
import sys
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import anyio
import pytest

from aiotravis.testing import Repository, TravisServer
from tests.terminal import Terminal, started

DASHBOARD = str(Path(__file__).parent.parent / "examples" / "dashboard_terminal.py")

SIZES = [(80, 24), (120, 40), (40, 12)]


def dashboard(server: TravisServer, columns: int, rows: int) -> AbstractAsyncContextManager[Terminal]:
    command = [sys.executable, DASHBOARD, "--endpoint", server.endpoint, "--repo", "a/b"]
    return started(command, columns, rows, {"TRAVIS_TOKEN": ""})


def has_build(text: str, number: int, state: str) -> bool:
    """Return whether a line shows this build in this state."""
    return bool(re.search(rf"{state} +(?:a/)?b +#{number}\b", text))


@pytest.fixture
async def server() -> AsyncGenerator[TravisServer]:
    async with TravisServer() as server:
        yield server


@pytest.fixture
def repository(server: TravisServer) -> Repository:
    return server.world.repository("a/b")


@pytest.mark.parametrize(("columns", "rows"), SIZES)
async def test_builds_appear_and_change_and_a_log_streams(
    server: TravisServer, repository: Repository, columns: int, rows: int
) -> None:
    repository.history(2)
    async with dashboard(server, columns, rows) as terminal:
        await terminal.shows(lambda text: "live: connected" in text and has_build(text, 2, "passed"))
        build = repository.build(message="Brand new").start()
        await terminal.shows(lambda text: has_build(text, 3, "started") and "1 running" in text)
        terminal.press("j")
        await terminal.shows(lambda text: "log of a/b #2" in text)
        terminal.press("\x1b[A")
        await terminal.shows(lambda text: "log of a/b #3" in text)
        build.write("\x1b[32mgrün\x1b[0m Zeile\n")
        await terminal.shows(lambda text: "grün Zeile" in text)
        build.write("", final=True).finish("failed")
        await terminal.shows(lambda text: "0 running" in text and has_build(text, 3, "failed"))
        terminal.press("q")
        assert await terminal.ends() == 0
        # The alternate screen is left, and the cursor is visible again.
        assert b"\x1b[?1049l" in terminal.written
        assert b"\x1b[?25h" in terminal.written


async def test_it_fits_a_terminal_that_is_resized(server: TravisServer, repository: Repository) -> None:
    repository.history(30)
    async with dashboard(server, 120, 40) as terminal:
        for columns, rows in ((120, 40), (40, 12), (80, 24), (24, 8), (200, 50)):
            terminal.resize(columns, rows)
            edge = f"╰{'─' * (columns - 2)}╯"

            def fits(text: str, edge: str = edge, rows: int = rows) -> bool:
                lines = text.split("\n")
                return lines[-2] == edge and lines[0].startswith("12 builds") and len(lines) == rows

            await terminal.shows(fits)
            assert terminal.text.count("╭") == 1, "nothing of the old screen is left"
        terminal.press("q")
        assert await terminal.ends() == 0


async def test_a_hostile_commit_message_does_not_control_the_terminal(
    server: TravisServer, repository: Repository
) -> None:
    repository.build(message="\x1b]0;stolen title\x07\x1b[2Jover \x1b[31meverything", branch="\x1b[1;1Hb")
    async with dashboard(server, 100, 30) as terminal:
        await terminal.shows(lambda text: "live: connected" in text and "over everything" in text)
        assert "1 builds, 0 running" in terminal.screen.display[0]
        assert terminal.screen.title == ""
        assert b"stolen title\x07" not in terminal.written
        terminal.press("q")
        assert await terminal.ends() == 0


async def test_a_hostile_log_does_not_control_the_terminal(server: TravisServer, repository: Repository) -> None:
    build = repository.build().start()
    async with dashboard(server, 100, 30) as terminal:
        await terminal.shows(lambda text: "log of a/b #1" in text)
        build.write("\x1b]0;stolen title\x07\x1b[2J\x1b[1;1Hover everything\x1b[?1049l\x1b[5n\n").write("the end\n")
        await terminal.shows(lambda text: "the end" in text)
        assert "1 builds, 1 running" in terminal.screen.display[0]
        assert terminal.screen.title == ""
        assert "over everything" in terminal.text
        terminal.press("q")
        assert await terminal.ends() == 0
        assert b"stolen title\x07" not in terminal.written
        assert b"\x1b[5n" not in terminal.written


async def test_the_dashboard_is_printed_once_without_a_terminal(server: TravisServer, repository: Repository) -> None:
    repository.history(3)
    command = [sys.executable, DASHBOARD, "--once", "--endpoint", server.endpoint, "--repo", "a/b"]
    done = await anyio.run_process(command, check=False, env={**os.environ, "TRAVIS_TOKEN": ""})
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"3 builds, 0 running" in done.stdout
    assert b"\x1b" not in done.stdout
    command[-1] = "no/such"
    done = await anyio.run_process(command, check=False, env={**os.environ, "TRAVIS_TOKEN": ""})
    assert done.returncode == 2
    assert done.stderr.startswith(b"dashboard_terminal: GET /repos/no/such answered 404")
