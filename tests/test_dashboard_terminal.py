"""The terminal dashboard in a pseudo-terminal, its screen read as somebody in front of it would."""

import fcntl
import os
import struct
import subprocess
import sys
import termios
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from aiotravis.testing import Repository, TravisServer

pyte: Any = pytest.importorskip("pyte")

DASHBOARD = str(Path(__file__).parent.parent / "examples" / "dashboard_terminal.py")

SIZES = [(100, 30), (60, 18)]


class Terminal:
    """A terminal, and what runs in it."""

    def __init__(self, process: "subprocess.Popen[bytes]", master: int, columns: int, rows: int) -> None:
        self.process = process
        self.master = master
        self.screen: Any = pyte.Screen(columns, rows)
        self.written = b""
        self._stream: Any = pyte.ByteStream(self.screen)

    @property
    def text(self) -> str:
        """What is to be seen."""
        return "\n".join(self.screen.display)

    async def shows(self, right: Callable[[str], bool]) -> None:
        """Look until the screen is right."""
        with anyio.move_on_after(15):
            while not right(self.text):
                await anyio.wait_readable(self.master)
                piece = os.read(self.master, 1 << 16)
                self.written += piece
                self._stream.feed(piece)
            return
        pytest.fail(f"the screen stayed as it was:\n{self.text}")

    def press(self, key: str) -> None:
        """Press a key."""
        os.write(self.master, key.encode())

    async def ends(self) -> int:
        """Read what is left, and give the exit code."""
        with anyio.fail_after(15):
            while True:
                await anyio.wait_readable(self.master)
                try:
                    piece = os.read(self.master, 1 << 16)
                except OSError:  # The other end is closed.
                    break
                self.written += piece
                self._stream.feed(piece)
            return await anyio.to_thread.run_sync(self.process.wait)


@asynccontextmanager
async def started(server: TravisServer, columns: int, rows: int) -> AsyncGenerator[Terminal]:
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    command = [sys.executable, DASHBOARD, "--endpoint", server.endpoint, "--repo", "a/b"]
    environment = {**os.environ, "TERM": "xterm-256color", "TRAVIS_TOKEN": ""}
    environment = {name: value for name, value in environment.items() if name not in {"COLUMNS", "LINES"}}
    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=environment)  # noqa: ASYNC220 - it is given a terminal
    os.close(slave)
    try:
        yield Terminal(process, master, columns, rows)
    finally:
        process.kill()
        process.wait()
        os.close(master)


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
    async with started(server, columns, rows) as terminal:
        await terminal.shows(lambda text: "live: connected" in text and "a/b #2" in text)
        build = repository.build(message="Brand new").start()
        await terminal.shows(lambda text: "a/b #3" in text and "1 running" in text)
        terminal.press("j")
        await terminal.shows(lambda text: "log of #2" in text)
        terminal.press("\x1b[A")
        await terminal.shows(lambda text: "log of #3" in text)
        build.write("\x1b[32mgrün\x1b[0m Zeile\n")
        await terminal.shows(lambda text: "grün Zeile" in text)
        build.write("", final=True).finish("failed")
        await terminal.shows(lambda text: "0 running" in text and "failed" in text)
        terminal.press("q")
        assert await terminal.ends() == 0
        # Back from the second screen, the cursor to be seen.
        assert b"\x1b[?1049l" in terminal.written
        assert b"\x1b[?25h" in terminal.written


async def test_a_hostile_log_does_not_drive_the_terminal(server: TravisServer, repository: Repository) -> None:
    build = repository.build().start()
    async with started(server, 100, 30) as terminal:
        await terminal.shows(lambda text: "log of #1" in text)
        build.write("\x1b]0;stolen title\x07\x1b[2J\x1b[1;1Hover everything\x1b[?1049l\x1b[5n\n").write("the end\n")
        await terminal.shows(lambda text: "the end" in text)
        assert "1 builds, 1 running" in terminal.screen.display[0]
        assert terminal.screen.title == ""
        assert "over everything" in terminal.text
        terminal.press("q")
        assert await terminal.ends() == 0
        assert b"stolen title\x07" not in terminal.written
        assert b"\x1b[5n" not in terminal.written


async def test_one_picture_is_printed_where_there_is_no_terminal(server: TravisServer, repository: Repository) -> None:
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
