"""The REST server of the benchmarks: a separate process with prepared responses and a configurable latency.

``python -m benchmarks.rest_server --builds 5000 --latency 0.02`` prints its port.
"""

import argparse
import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Generator
from urllib.parse import SplitResult, parse_qs, urlsplit

from benchmarks.pages import FIRST_ID, builds_and_commits, envelope

__all__ = ["serving"]

HOST = "127.0.0.1"
PAGE = 25


class History:
    """The builds of one repository, numbered from 1; each response is made once and kept as bytes.

    Args:
        count: Number of builds.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._builds, self._commits = builds_and_commits(count)
        self._responses: dict[str, bytes] = {}

    def response(self, target: str) -> bytes:
        """Return head and body for a path with query."""
        found = self._responses.get(target)
        if found is None:
            body = envelope(self._find(urlsplit(target)))
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            found = self._responses[target] = head.encode() + body
        return found

    def _find(self, target: SplitResult) -> object:
        """Handle ``/builds/{id}`` and ``/builds``, with ``ids`` or as a page below ``after_number``."""
        *_, last = target.path.rstrip("/").split("/")
        query = parse_qs(target.query)
        if last.isdecimal():
            place = int(last) - FIRST_ID
            return {"build": self._builds[place], "commit": self._commits[place], "jobs": []}
        if "ids" in query:
            places = [int(number) - FIRST_ID for number in query["ids"][0].split(",")]
        else:
            top = min(int(query.get("after_number", [str(self._count + 1)])[0]) - 1, self._count)
            places = list(range(top - 1, max(top - 1 - PAGE, -1), -1))
        return {
            "builds": [self._builds[place] for place in places],
            "commits": [self._commits[place] for place in places],
        }


class ServerProtocol(asyncio.Protocol):
    """One connection. Bare, so that the speed of the server does not limit the clients.

    Args:
        history: The responses.
        latency: Delay of every response in seconds.
    """

    def __init__(self, history: History, latency: float) -> None:
        self._history = history
        self._latency = latency
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            response = self._history.response(head.split(b" ", 2)[1].decode())
            if self._latency:
                asyncio.get_running_loop().call_later(self._latency, self._transport.write, response)
            else:
                self._transport.write(response)


async def serve(count: int, latency: float) -> None:
    """Serve until killed; print the port."""
    history = History(count)
    server = await asyncio.get_running_loop().create_server(
        lambda: ServerProtocol(history, latency), HOST, 0, backlog=1024
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextlib.contextmanager
def serving(*, builds: int, latency: float = 0.0) -> Generator[str]:
    """Run the server in a separate process.

    Args:
        builds: Number of builds of its repository.
        latency: Delay of every response in seconds.

    Yields:
        Its URL.
    """
    command = [sys.executable, "-m", "benchmarks.rest_server", "--builds", str(builds), "--latency", str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://{HOST}:{int(process.stdout.readline())}"
        finally:
            process.kill()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--builds", type=int, default=5000)
    parser.add_argument("--latency", type=float, default=0.0)
    options = parser.parse_args()
    asyncio.run(serve(options.builds, options.latency))
