"""FaultProxy: a TCP proxy on the loopback interface that makes the network between a client and a server misbehave."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from enum import Enum, auto

__all__ = ["FaultProxy"]

HOST = "127.0.0.1"

BLOCK = 1 << 16
"""Bytes read at once."""

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with a time of zero: closing sends a reset."""

Change = Callable[[bytes], bytes]


class _Passing(Enum):
    FREELY = auto()
    STALLED = auto()
    SWALLOWED = auto()


class _Link:
    """One connection of a client, with the proxy's own to the server."""

    def __init__(self, proxy: "FaultProxy", client: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._writers = [client]
        self._tasks: list[asyncio.Task[None]] = []
        self._left: dict[bool, int] = {}
        self.reset_at_end = False

    async def run(self, reader: asyncio.StreamReader) -> None:
        proxy, client = self._proxy, self._writers[0]
        try:
            if proxy.black_hole:
                while await reader.read(BLOCK):
                    pass
                return
            try:
                from_server, server = await asyncio.open_connection(proxy.target_host, proxy.target_port)
            except OSError:
                return
            self._writers.append(server)
            self._tasks = [
                asyncio.ensure_future(self._pump(reader, server, upstream=True)),
                asyncio.ensure_future(self._pump(from_server, client, upstream=False)),
            ]
            await asyncio.wait(self._tasks)
        finally:
            await self._end()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, upstream: bool) -> None:
        proxy = self._proxy
        with contextlib.suppress(ConnectionError):
            while block := await reader.read(proxy.chunk or BLOCK):
                await proxy.passing()
                if proxy.frozen:
                    continue
                if proxy.delay:
                    await asyncio.sleep(proxy.delay)
                change = proxy.changes.get(upstream)
                block = block if change is None else change(block)
                block, cut = self._cut(block, upstream=upstream)
                writer.write(block)
                await writer.drain()
                if cut:
                    self.close(reset=proxy.cut_resets)
                    return
            await proxy.passing()
            # A direction that is over is over for the other side, too; the way back stays open.
            if not proxy.frozen and writer.can_write_eof():
                writer.write_eof()

    def _cut(self, block: bytes, *, upstream: bool) -> tuple[bytes, bool]:
        limit = self._proxy.cut_at.get(upstream)
        if limit is None:
            self._left.pop(upstream, None)
            return block, False
        left = self._left.setdefault(upstream, limit)
        self._left[upstream] = left - len(block)
        return block[:left], len(block) >= left

    def close(self, *, reset: bool) -> None:
        """End both sides at once: by a reset, or by an end of file behind what was sent."""
        for task in self._tasks:
            task.cancel()
        for writer in self._writers:
            raw = writer.get_extra_info("socket")
            if reset and raw is not None:
                with contextlib.suppress(OSError):
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                writer.transport.abort()
            else:
                writer.close()

    async def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        for writer in self._writers:
            writer.close()
        for writer in self._writers:
            with contextlib.suppress(OSError):
                await writer.wait_closed()


class FaultProxy:
    """A TCP proxy that misbehaves on request: ``async with FaultProxy(server.port) as proxy: ... proxy.port ...``.

    Args:
        target_port: TCP port of the server.
        target_host: Its host.

    Attributes:
        host: Where the proxy listens.
        port: Its TCP port; stays the same while connections are refused.
        opened: Connections accepted so far.
        delay: Seconds by which every block is late, in order.
        chunk: Most bytes that are passed on at once, so that frames arrive torn; None: as they come.
    """

    def __init__(self, target_port: int, *, target_host: str = HOST) -> None:
        self.target_host = target_host
        self.target_port = target_port
        self.host = HOST
        self.port = 0
        self.opened = 0
        self.delay = 0.0
        self.chunk: int | None = None
        self.black_hole = False
        self.changes: dict[bool, Change] = {}
        self.cut_at: dict[bool, int] = {}
        self.cut_resets = True
        self._passing = _Passing.FREELY
        self._resumed = asyncio.Event()
        self._changed = asyncio.Event()
        self._links: dict[_Link, asyncio.Task[None] | None] = {}
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> "FaultProxy":
        await self.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.stop()

    @property
    def links(self) -> int:
        """Connections that are open now."""
        return len(self._links)

    @property
    def frozen(self) -> bool:
        """Whether bytes are swallowed."""
        return self._passing is _Passing.SWALLOWED

    async def start(self, port: int = 0) -> None:
        """Listen.

        Args:
            port: TCP port; 0 for a free one.
        """
        self._server = await asyncio.start_server(self._accept, HOST, port, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """End every connection, and listen no more."""
        await self.refuse()
        self._pass(_Passing.FREELY)
        tasks = [task for task in self._links.values() if task is not None]
        self.reset_all()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = _Link(self, writer)
        self._links[link] = asyncio.current_task()
        self.opened += 1
        self._tell()
        try:
            await link.run(reader)
        finally:
            del self._links[link]
            self._tell()

    # Faults -----------------------------------------------------------------------------------------------------------

    def close_all(self) -> None:
        """End every connection cleanly, both sides."""
        for link in list(self._links):
            link.close(reset=False)

    def reset_all(self) -> None:
        """End every connection by a reset, both sides."""
        for link in list(self._links):
            link.close(reset=True)

    def cut_after(self, count: int, *, upstream: bool = False, reset: bool = True) -> None:
        """End each connection, those of later too, after so many further bytes; until `heal`.

        Args:
            count: Bytes that still pass.
            upstream: Whether those to the server are counted, rather than those from it.
            reset: Whether it ends by a reset.
        """
        self.cut_at[upstream] = count
        self.cut_resets = reset

    def freeze(self) -> None:
        """Be a black hole: connections stay, what is sent on them is lost."""
        self._pass(_Passing.SWALLOWED)

    def stall(self) -> None:
        """Hold back everything, losing nothing; `heal` lets it go."""
        self._pass(_Passing.STALLED)

    async def refuse(self) -> None:
        """Listen no more: whoever connects is refused. Connections that are there stay."""
        server, self._server = self._server, None
        if server is not None:
            server.close()

    def swallow(self) -> None:
        """Accept connections, and neither answer nor pass anything on: a black hole to connect to."""
        self.black_hole = True

    def mangle(self, change: Change, *, upstream: bool = False) -> None:
        """Change the bytes as they pass.

        Args:
            change: Gets a block, gives what takes its place.
            upstream: Whether those to the server are meant, rather than those from it.
        """
        self.changes[upstream] = change

    async def heal(self) -> None:
        """Pass everything again, and listen again. What was swallowed stays lost."""
        self.cut_at.clear()
        self.changes.clear()
        self.black_hole = False
        self._pass(_Passing.FREELY)
        if self._server is None:
            await self.start(self.port)

    def _pass(self, passing: _Passing) -> None:
        self._passing = passing
        if passing is _Passing.STALLED:
            self._resumed.clear()
        else:
            self._resumed.set()

    async def passing(self) -> None:
        """Wait while everything is held back."""
        while self._passing is _Passing.STALLED:
            await self._resumed.wait()

    # Waiting ----------------------------------------------------------------------------------------------------------

    async def wait_links(self, count: int, timeout: float = 10.0) -> None:
        """Wait until so many connections are open.

        Args:
            count: How many.
            timeout: Seconds to wait.

        Raises:
            TimeoutError: It did not come to that, in so many seconds.
        """
        await self._until(lambda: self.links == count, timeout)

    async def wait_opened(self, count: int, timeout: float = 10.0) -> None:
        """Wait until so many connections have been accepted, in all.

        Args:
            count: How many, or more.
            timeout: Seconds to wait.

        Raises:
            TimeoutError: It did not come to that, in so many seconds.
        """
        await self._until(lambda: self.opened >= count, timeout)

    async def _until(self, condition: Callable[[], bool], timeout: float) -> None:
        async with asyncio.timeout(timeout):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def _tell(self) -> None:
        self._changed.set()
