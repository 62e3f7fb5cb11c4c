"""FaultProxy: a TCP proxy on the loopback interface that injects network faults."""

import asyncio
import os
import socket
from collections.abc import Callable
from typing import Self

from aiotravis.testing.faults.proxy.connections import ConnectionRegistry, ProxiedConnection
from aiotravis.testing.faults.proxy.rules import Change, Cut, Mode, Rules

__all__ = ["FaultProxy"]

HOST = "127.0.0.1"


class FaultProxy:
    """A TCP proxy that injects network faults: ``async with FaultProxy(server.port) as proxy: ... proxy.port ...``.

    It forwards bytes, ends of one direction and resets, and reads no faster than the other peer does. While it does
    not read from a peer, it does not notice that this peer has ended. Faults can be combined. They apply to open and
    to later connections, until `heal`.

    Args:
        target_port: TCP port of the server.
        target_host: Host of the server; the loopback interface by default.

    Attributes:
        host: Host on which the proxy listens.
        port: TCP port on which it listens, 0 before it starts. It is the same after `refuse` and `heal`.
    """

    def __init__(self, target_port: int, *, target_host: str = HOST) -> None:
        self.host = HOST
        self.port: int = 0
        self._rules = Rules()
        self._registry = ConnectionRegistry((target_host, target_port))
        self._server: asyncio.Server | None = None
        self._bound: socket.socket | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.stop()

    @property
    def accepted(self) -> int:
        """Number of connections accepted so far."""
        return self._registry.accepted

    @property
    def open_connections(self) -> int:
        """Number of open connections, with those that `freeze` keeps from ending."""
        return len(self._registry.connections)

    @property
    def delay(self) -> float:
        """Delay of everything that arrives, in seconds; 0 by default. Order is kept. May be set at any time."""
        return self._rules.delay

    @delay.setter
    def delay(self, seconds: float) -> None:
        self._rules.delay = seconds

    @property
    def chunk(self) -> int | None:
        """Maximum number of bytes to forward at once, so that frames arrive in pieces; None by default: no maximum.

        May be set at any time.
        """
        return self._rules.chunk

    @chunk.setter
    def chunk(self, size: int | None) -> None:
        self._rules.chunk = size

    async def start(self, port: int = 0) -> None:
        """Start to listen.

        Args:
            port: TCP port; 0 for a free one.

        Raises:
            OSError: The port is taken.
            OverflowError: The port is below 0 or above 65535.
            RuntimeError: The proxy is running.
        """
        if self._server is not None or self._bound is not None:
            raise RuntimeError("The proxy was started before: stop it first.")
        await self._listen(_bind(port))

    async def stop(self) -> None:
        """End every connection by a reset, and stop listening."""
        await self.refuse()
        await _settle()
        if self._bound is not None:
            self._bound.close()
            self._bound = None
        self.reset_all()
        for peer in self._registry.sockets:
            peer.end(reset=True)
        while self._registry.sockets or self._registry.connecting:
            self._registry.changed.clear()
            await self._registry.changed.wait()

    def close_all(self) -> None:
        """End every connection cleanly: both peers read an end of file after what was forwarded."""
        self._end_all(reset=False)

    def reset_all(self) -> None:
        """End every connection by a reset to both peers; bytes on their way are lost."""
        self._end_all(reset=True)

    def cut_after(self, count: int, *, upstream: bool = False, reset: bool = True) -> None:
        """End each connection after a number of further bytes, such as in the middle of a frame.

        After a reset, a slow reader may lose bytes that were forwarded before. Each direction has one such order: a
        new one replaces it and counts from now on.

        Args:
            count: Bytes to forward on each connection first; 0: end it at once.
            upstream: Whether to count bytes to the server instead of bytes from it.
            reset: Whether to end it by a reset instead of cleanly.
        """
        self._rules.cuts[upstream] = Cut(count, reset)
        self._flush()

    def freeze(self) -> None:
        """Keep connections open, and discard everything that arrives or is on its way.

        An end of one peer is forwarded after `heal` or `resume`.
        """
        self._rules.mode = Mode.FROZEN
        self._flush()

    def stall(self) -> None:
        """Stop forwarding, and keep everything until `resume` or `heal`."""
        self._rules.mode = Mode.STALLED
        self._flush()

    def resume(self) -> None:
        """End `stall` and `freeze`, and no other fault."""
        self._rules.mode = Mode.FREE
        self._flush()

    async def refuse(self) -> None:
        """Refuse new connections; open ones stay."""
        # Accept clients that have connected before: the loop may not have come to them.
        await _settle()
        server, self._server = self._server, None
        if server is not None:
            server.close()
            # Bound without listening: no other process gets the port, nor a client that would connect to itself.
            self._bound = _bind(self.port)

    def swallow(self) -> None:
        """Accept new connections, and neither answer nor forward them.

        `heal` does not revive them: they stay open until their client ends them.
        """
        self._rules.swallowing = True

    def mangle(self, change: Change, *, upstream: bool = False) -> None:
        """Change bytes on their way; each direction has one function, which a later one replaces.

        Args:
            change: Takes bytes as they arrived, a part of a frame or several frames; returns those to forward.
            upstream: Whether to change bytes to the server instead of bytes from it.
        """
        self._rules.changes[upstream] = change

    async def heal(self) -> None:
        """End every fault, `delay` and `chunk` included, and listen again."""
        self._rules.clear()
        self._flush()
        bound, self._bound = self._bound, None
        if bound is not None:
            await self._listen(bound)

    async def wait_open_connections(self, count: int, timeout: float = 10.0) -> None:
        """Wait until exactly ``count`` connections are open.

        Raises:
            TimeoutError: It did not happen within ``timeout`` seconds.
        """
        await self._wait(lambda: self.open_connections == count, timeout)

    async def wait_accepted(self, count: int, timeout: float = 10.0) -> None:
        """Wait until at least ``count`` connections have been accepted, ended ones included.

        Raises:
            TimeoutError: It did not happen within ``timeout`` seconds.
        """
        await self._wait(lambda: self.accepted >= count, timeout)

    async def _wait(self, condition: Callable[[], bool], timeout: float) -> None:
        try:
            async with asyncio.timeout(timeout):
                while not condition():
                    self._registry.changed.clear()
                    await self._registry.changed.wait()
        except TimeoutError:
            counts = f"{self.open_connections} open, {self.accepted} accepted so far"
            raise TimeoutError(f"After {timeout} s: {counts}.") from None

    async def _listen(self, bound: socket.socket) -> None:
        self.port = bound.getsockname()[1]
        self._server = await asyncio.get_running_loop().create_server(
            lambda: ProxiedConnection(self._rules, self._registry).client, sock=bound, backlog=1024
        )

    def _end_all(self, *, reset: bool) -> None:
        for connection in tuple(self._registry.connections):
            connection.end(reset=reset)

    def _flush(self) -> None:
        for connection in tuple(self._registry.connections):
            connection.flush()


def _bind(port: int) -> socket.socket:
    bound = socket.socket()
    try:
        if os.name != "nt":
            # Without it, connections that are or were open would keep the port from being bound again.
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((HOST, port))
        bound.setblocking(False)
    except (OSError, OverflowError):
        bound.close()
        raise
    return bound


async def _settle() -> None:
    # The loop polls, accepts and calls connection_made, each in an iteration of its own.
    for _ in range(3):
        await asyncio.sleep(0)
