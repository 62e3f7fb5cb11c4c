"""Installs pusher-js and controls it in a Node process, by commands and reports."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from aiotravis.testing import TravisServer
from tests.raw import ask

HERE = Path(__file__).parent
FILES = ("client.js", "package.json", "package-lock.json")
VERSION: str = json.loads((HERE / "package.json").read_text())["dependencies"]["pusher-js"]
UNREACHABLE = ("EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ENETUNREACH", "ENOTCACHED", "ENOTFOUND", "ETIMEDOUT")
REPORT_TIMEOUT = 10.0
"""Seconds to wait for a report."""


def installed(shared: Path) -> Path:
    """Install pusher-js in a folder that several test processes share; return the script, or skip the test.

    Args:
        shared: The folder.
    """
    missing = [name for name in ("node", "npm") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"pusher-js needs {' and '.join(missing)} on PATH")
    target = shared / f"pusher-js-{VERSION}"
    if not target.exists():
        made = Path(tempfile.mkdtemp(dir=shared))
        for name in FILES:
            shutil.copy(HERE / name, made)
        _npm_ci(made)
        try:
            made.rename(target)
        except OSError:
            # Another test process was faster: a folder that is not empty is never replaced.
            if not target.exists():
                raise
            shutil.rmtree(made)
    return target / "client.js"


def _npm_ci(folder: Path) -> None:
    npm = shutil.which("npm") or "npm"
    command = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline", "--fetch-retries=1"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=40, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("npm got no pusher-js within 40 seconds")
    if done.returncode:
        reason = next((code for code in UNREACHABLE if code in done.stderr), None)
        if reason is None:
            pytest.fail(f"npm ci failed: {done.stderr}")
        pytest.skip(f"npm cannot reach its registry: {reason}")


class PusherJs:
    """A stock pusher-js.

    Attributes:
        reports: All reports since the last reset.
    """

    def __init__(self, process: Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.reports: list[dict[str, Any]] = []
        self._commands = process.stdin
        self._lines = BufferedByteReceiveStream(process.stdout)

    async def reset(self) -> None:
        """Replace the client by one that is not connected."""
        await self.send("reset")
        await self.expect("reset")
        self.reports.clear()

    async def send(self, do: str, **fields: object) -> None:
        """Send a command."""
        await self._commands.send(json.dumps({"do": do, **fields}).encode() + b"\n")

    async def expect(self, report: str, **fields: object) -> dict[str, Any]:
        """Wait for a report, and return it.

        Args:
            report: ``state``, ``message``, ``event`` or ``error``.
            fields: Some of its fields.
        """
        with anyio.fail_after(REPORT_TIMEOUT):
            while True:
                line: dict[str, Any] = json.loads(await self._lines.receive_until(b"\n", 1 << 20))
                self.reports.append(line)
                if _matches(line, report, fields):
                    return line

    def matching(self, report: str, **fields: object) -> list[dict[str, Any]]:
        """Return all matching reports so far."""
        return [line for line in self.reports if _matches(line, report, fields)]

    def events(self) -> list[tuple[str, str]]:
        """Return channel and name of all published events so far."""
        events = [(line["channel"], line["event"]) for line in self.matching("event")]
        return [(channel, event) for channel, event in events if not event.startswith("pusher:")]

    async def close_stdin(self) -> None:
        """Close its stdin."""
        await self._commands.aclose()

    async def start_connecting(
        self,
        server: TravisServer,
        *,
        key: str | None = None,
        authorize: dict[str, str] | None = None,
        **options: object,
    ) -> None:
        """Let it connect to the server that ``GET /config`` names.

        Args:
            server: The server.
            key: Key of the app, instead of the one in the configuration.
            authorize: See the script; by default Travis signs for its first user.
            options: Options of pusher-js.
        """
        block = (await ask(server, "/config")).json["config"]["pusher"]
        if authorize is None:
            authorize = {"url": f"{server.endpoint}/pusher/auth", "token": token_of(server)}
        where = {
            "cluster": "unused",
            "wsHost": block["host"],
            "wsPort": block["port"],
            "wsPath": block.get("path", ""),
            "forceTLS": block["scheme"] == "https",
            "enabledTransports": ["ws"],
        }
        await self.send("connect", key=key or block["key"], options=where | options, authorize=authorize)

    async def connect(self, server: TravisServer, **options: Any) -> str:
        """Let it connect, and return its socket id."""
        await self.start_connecting(server, **options)
        return await self.wait_connected()

    async def wait_connected(self) -> str:
        """Wait until it is connected, and return its socket id."""
        socket_id: str = (await self.expect("state", current="connected"))["socket_id"]
        return socket_id

    async def subscribe(self, channel: str) -> None:
        """Let it subscribe, and wait for the confirmation."""
        await self.send("subscribe", channel=channel)
        await self.wait_subscribed(channel)

    async def wait_subscribed(self, channel: str) -> None:
        """Wait for the confirmation of a subscription."""
        await self.expect("event", channel=channel, event="pusher:subscription_succeeded")


def _matches(line: dict[str, Any], report: str, fields: dict[str, object]) -> bool:
    return line["report"] == report and all(line.get(name) == value for name, value in fields.items())


def token_of(server: TravisServer) -> str:
    """Return the token of the server's first user, or an unknown one."""
    return next((user.token for user in server.world.users.values()), "nobody")


@asynccontextmanager
async def launched(script: Path) -> AsyncGenerator[PusherJs]:
    """Start a process, which has to exit by itself when its stdin is closed."""
    async with await anyio.open_process(["node", str(script)], stderr=None) as process:
        try:
            client = PusherJs(process)
            yield client
            await client.close_stdin()
            with anyio.fail_after(REPORT_TIMEOUT):
                assert await process.wait() == 0
        finally:
            if process.returncode is None:
                process.kill()
