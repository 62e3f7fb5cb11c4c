"""A program in a pseudo-terminal, whose screen tests can read."""

import fcntl
import os
import struct
import subprocess
import termios
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.to_thread
import pytest

pyte: Any = pytest.importorskip("pyte")


class Terminal:
    """A terminal and the program in it."""

    def __init__(self, process: "subprocess.Popen[bytes]", master: int, columns: int, rows: int) -> None:
        self.process = process
        self.master = master
        self.screen: Any = pyte.Screen(columns, rows)
        self.written = b""
        self._stream: Any = pyte.ByteStream(self.screen)

    @property
    def text(self) -> str:
        """The text on the screen."""
        return "\n".join(self.screen.display)

    async def shows(self, condition: Callable[[str], bool]) -> None:
        """Wait until the screen satisfies a condition."""
        with anyio.move_on_after(15):
            while not condition(self.text):
                await anyio.wait_readable(self.master)
                piece = os.read(self.master, 1 << 16)
                self.written += piece
                self._stream.feed(piece)
            return
        pytest.fail(f"the screen did not change as expected:\n{self.text}")

    def resize(self, columns: int, rows: int) -> None:
        """Resize the terminal."""
        self.screen.resize(rows, columns)
        _resize(self.master, columns, rows)

    def press(self, key: str) -> None:
        """Press a key."""
        os.write(self.master, key.encode())

    async def ends(self) -> int:
        """Read the rest of the output and return the exit code."""
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
async def started(
    command: Sequence[str], columns: int, rows: int, environment: Mapping[str, str] | None = None
) -> AsyncGenerator[Terminal]:
    """Start a program in a terminal of that size."""
    master, slave = os.openpty()
    _resize(slave, columns, rows)
    described = {**os.environ, **(environment or {}), "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    described = {name: value for name, value in described.items() if name not in {"COLUMNS", "LINES", "NO_COLOR"}}
    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=described)  # noqa: ASYNC220 - it needs a terminal
    os.close(slave)
    try:
        yield Terminal(process, master, columns, rows)
    finally:
        process.kill()
        process.wait()
        os.close(master)


def _resize(descriptor: int, columns: int, rows: int) -> None:
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
