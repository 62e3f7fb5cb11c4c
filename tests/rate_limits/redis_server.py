"""A Redis server of the tests' own, on a free port of the loopback interface."""

import contextlib
import shutil
import signal
import socket
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest

PROGRAM = shutil.which("redis-server") or shutil.which("valkey-server")

needs_redis = pytest.mark.skipif(PROGRAM is None, reason="needs redis-server")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


class RedisServer:
    """The server. It keeps its port and its folder when it is started again.

    Args:
        folder: Where it saves its memory, if it is asked to.
        options: Further options of the program.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self._options = options
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        assert PROGRAM is not None
        command = [PROGRAM, "--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--dir", str(self._folder)]
        self._process = subprocess.Popen([*command, *self._options], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if "eady to accept connections" in line:
                return
        raise AssertionError("redis-server does not start")

    def stop(self) -> None:
        """Kill it."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def hang(self, on: bool) -> None:
        """Make it silent, or let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP if on else signal.SIGCONT)

    def command(self, *words: str) -> bytes:
        """Send one command, and return the answer as it is."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
            encoded = [word.encode() for word in words]
            parts = b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded)
            connection.sendall(b"*%d\r\n%s" % (len(encoded), parts))
            return connection.recv(1 << 20)

    def trust(self) -> None:
        """Pretend that this run of it has lasted for long: its memory is whole."""
        run = self.command("INFO", "server").split(b"run_id:")[1].split(b"\r\n")[0].decode()
        self.command("HSET", "aiotravis:epoch", "run", run, "since", "0")


@contextlib.contextmanager
def running_redis(folder: Path, *options: str) -> Generator[RedisServer]:
    """Run a server whose memory is whole."""
    server = RedisServer(folder, *options)
    server.start()
    try:
        server.trust()
        yield server
    finally:
        server.stop()
