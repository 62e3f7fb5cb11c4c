"""FaultProxy: a TCP proxy on the loopback interface that misbehaves."""

import asyncio
import os
import socket
from collections.abc import Callable
from typing import Self

from aiotravis.testing.faults.proxy.links import Link, Opened
from aiotravis.testing.faults.proxy.rules import Change, Cut, Mode, Rules

__all__ = ["FaultProxy"]

HOST = "127.0.0.1"


class FaultProxy:
    """A TCP proxy that misbehaves on request: ``async with FaultProxy(server.port) as proxy: ... proxy.port ...``.

    It passes on bytes, ends of one direction and resets. It reads no faster than the other side does; while it reads
    nothing of a side, it does not notice either how that side ends. Faults add up, and hold for connections that are
    open as for later ones, until `heal`.

    Args:
        target_port: TCP port of the server.
        target_host: Its host; the loopback interface by default.

    Attributes:
        host: Where the proxy listens.
        port: Its TCP port, once it has started; 0 before. Stays the same while connections are refused.
    """

    def __init__(self, target_port: int, *, target_host: str = HOST) -> None:
        self.host = HOST
        self.port: int = 0
        self._rules = Rules()
        self._opened = Opened((target_host, target_port))
        self._server: asyncio.Server | None = None
        self._bound: socket.socket | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.stop()

    @property
    def target_host(self) -> str:
        """Host of the server."""
        return self._opened.target[0]

    @property
    def target_port(self) -> int:
        """TCP port of the server."""
        return self._opened.target[1]

    @property
    def opened(self) -> int:
        """Connections accepted so far."""
        return self._opened.count

    @property
    def delay(self) -> float:
        """Seconds by which everything that arrives is late, in order; 0 by default. May be set at any time."""
        return self._rules.delay

    @delay.setter
    def delay(self, seconds: float) -> None:
        self._rules.delay = seconds

    @property
    def chunk(self) -> int | None:
        """Most bytes that are passed on at once, so that frames arrive torn; None, the default: as they come.

        May be set at any time.
        """
        return self._rules.chunk

    @chunk.setter
    def chunk(self, most: int | None) -> None:
        self._rules.chunk = most

    @property
    def links(self) -> int:
        """Connections that are open now; one that `freeze` keeps from ending is."""
        return len(self._opened.links)

    async def start(self, port: int = 0) -> None:
        """Listen.

        Args:
            port: TCP port; 0 for a free one.

        Raises:
            OSError: The port is taken.
            OverflowError: The port is below 0, or above 65535.
            RuntimeError: It was started before, and not stopped.
        """
        if self._server is not None or self._bound is not None:
            raise RuntimeError("The proxy was started before: stop it first.")
        await self._listen(_bind(port))

    async def stop(self) -> None:
        """End every connection by a reset, and listen no more."""
        await self.refuse()
        await _settle()
        if self._bound is not None:
            self._bound.close()
            self._bound = None
        self.reset_all()
        for side in self._opened.sides:
            side.end(reset=True)
        while self._opened.sides or self._opened.tasks:
            self._opened.changed.clear()
            await self._opened.changed.wait()

    def close_all(self) -> None:
        """End every connection cleanly: an end of file to both sides, behind what was passed on."""
        self._end_all(reset=False)

    def reset_all(self) -> None:
        """End every connection by a reset to both sides; what is on its way is lost."""
        self._end_all(reset=True)

    def cut_after(self, count: int, *, upstream: bool = False, reset: bool = True) -> None:
        """End each connection after so many further bytes: in the middle of a frame.

        A reset takes away what a slow reader has not let the system deliver by then. There is one such order for each
        direction: a later one takes its place, and counts from then on.

        Args:
            count: Bytes that still pass on each connection; 0: none, it ends at once.
            upstream: Whether those to the server are counted, rather than those from it.
            reset: Whether it ends by a reset, rather than cleanly.
        """
        self._rules.cuts[upstream] = Cut(count, reset)
        self._flush()

    def freeze(self) -> None:
        """Be a black hole: connections stay open, nothing passes, and what arrives or is on its way is lost.

        A side that ends is not missed by the other before `heal` or `resume`.
        """
        self._rules.mode = Mode.FROZEN
        self._flush()

    def stall(self) -> None:
        """Pass on nothing, and lose nothing: it waits for `resume` or `heal`."""
        self._rules.mode = Mode.STALLED
        self._flush()

    def resume(self) -> None:
        """End `stall` and `freeze`, and no other fault."""
        self._rules.mode = Mode.FREE
        self._flush()

    async def refuse(self) -> None:
        """Listen no more: whoever connects is refused. Connections that are open stay."""
        # Who is connected by now is to be taken; its turn on this loop may be yet to come.
        await _settle()
        server, self._server = self._server, None
        if server is not None:
            server.close()
            # Bound, though nobody listens: the port cannot go to another, nor to a client that connects to itself.
            self._bound = _bind(self.port)

    def swallow(self) -> None:
        """Accept connections, and neither answer nor forward: a black hole to connect to.

        Those that are accepted meanwhile stay so, `heal` or not, until their client ends them.
        """
        self._rules.swallowing = True

    def mangle(self, change: Change, *, upstream: bool = False) -> None:
        """Change the bytes as they pass, by one function for each direction: a later one takes its place.

        Args:
            change: Is given the bytes as they arrived, a part of a frame or several; gives what takes their place.
            upstream: Whether those to the server are meant, rather than those from it.
        """
        self._rules.changes[upstream] = change

    async def heal(self) -> None:
        """End every fault, `delay` and `chunk` too, and listen again. What was swallowed stays lost."""
        self._rules.clear()
        self._flush()
        bound, self._bound = self._bound, None
        if bound is not None:
            await self._listen(bound)

    async def wait_links(self, count: int, timeout: float = 10.0) -> None:
        """Wait until so many connections are open.

        Args:
            count: How many, no more and no less.
            timeout: Seconds to wait.

        Raises:
            TimeoutError: It did not come to that, in so many seconds.
        """
        await self._wait(lambda: self.links == count, timeout)

    async def wait_opened(self, count: int, timeout: float = 10.0) -> None:
        """Wait until so many connections have been accepted, in all.

        Args:
            count: How many, or more.
            timeout: Seconds to wait.

        Raises:
            TimeoutError: It did not come to that, in so many seconds.
        """
        await self._wait(lambda: self.opened >= count, timeout)

    async def _wait(self, condition: Callable[[], bool], timeout: float) -> None:
        try:
            async with asyncio.timeout(timeout):
                while not condition():
                    self._opened.changed.clear()
                    await self._opened.changed.wait()
        except TimeoutError:
            raise TimeoutError(f"After {timeout} s: {self.links} open, {self.opened} accepted so far.") from None

    async def _listen(self, bound: socket.socket) -> None:
        self.port = bound.getsockname()[1]
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Link(self._rules, self._opened).client, sock=bound, backlog=1024
        )

    def _end_all(self, *, reset: bool) -> None:
        for link in tuple(self._opened.links):
            link.end(reset=reset)

    def _flush(self) -> None:
        for link in tuple(self._opened.links):
            link.flush()


def _bind(port: int) -> socket.socket:
    bound = socket.socket()
    try:
        if os.name != "nt":
            # Else connections that are open, or were just now, keep the port from being taken again.
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((HOST, port))
        bound.setblocking(False)
    except (OSError, OverflowError):
        bound.close()
        raise
    return bound


async def _settle() -> None:
    # A client that is there is seen, accepted and given its protocol, each in its own turn of the loop.
    for _ in range(3):
        await asyncio.sleep(0)
