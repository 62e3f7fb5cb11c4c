"""The REST server of the benchmarks: nginx where it is installed, else a process of our own with prepared responses.

``python -m benchmarks.rest_server --builds 5000 --latency 0.02`` prints its port.
"""

import argparse
import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Generator
from urllib.parse import SplitResult, parse_qs, urlsplit

from benchmarks import nginx_server
from benchmarks.pages import FIRST_ID, BuildHistory

__all__ = ["serving"]

HOST = "127.0.0.1"


class PreparedResponses:
    """Each response is made once and kept as bytes.

    Args:
        history: The builds.
    """

    def __init__(self, history: BuildHistory) -> None:
        self._history = history
        self._responses: dict[str, bytes] = {}

    def response(self, target: str) -> bytes:
        """Return head and body for a path with query."""
        found = self._responses.get(target)
        if found is None:
            body = self._body(urlsplit(target))
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            found = self._responses[target] = head.encode() + body
        return found

    def _body(self, target: SplitResult) -> bytes:
        """Handle ``/builds/{id}`` and ``/builds``, with ``ids`` or as a page below ``after_number``."""
        *_, last = target.path.rstrip("/").split("/")
        query = parse_qs(target.query)
        if last.isdecimal():
            return self._history.single(int(last) - FIRST_ID)
        if "ids" in query:
            return self._history.by_ids(int(number) - FIRST_ID for number in query["ids"][0].split(","))
        return self._history.page(int(query.get("after_number", [str(self._history.count + 1)])[0]))


class ServerProtocol(asyncio.Protocol):
    """One connection. Bare, so that the speed of the server does not limit the clients.

    Args:
        responses: The responses.
        latency: Delay of every response in seconds.
    """

    def __init__(self, responses: PreparedResponses, latency: float) -> None:
        self._responses = responses
        self._latency = latency
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            response = self._responses.response(head.split(b" ", 2)[1].decode())
            if self._latency:
                asyncio.get_running_loop().call_later(self._latency, self._transport.write, response)
            else:
                self._transport.write(response)


async def serve(count: int, latency: float) -> None:
    """Serve until killed; print the port."""
    responses = PreparedResponses(BuildHistory(count))
    server = await asyncio.get_running_loop().create_server(
        lambda: ServerProtocol(responses, latency), HOST, 0, backlog=1024
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextlib.contextmanager
def serving(*, builds: int, latency: float = 0.0) -> Generator[str]:
    """Run the server in a separate process: nginx, or if it is not installed, ours.

    Args:
        builds: Number of builds of its repository.
        latency: Delay of every response in seconds.

    Yields:
        Its URL.
    """
    if nginx_server.can_serve(latency):
        with nginx_server.serving(builds=builds, latency=latency) as endpoint:
            yield endpoint
        return
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
