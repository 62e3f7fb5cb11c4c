"""One connection of a client through the proxy, with the proxy's own to the server."""

import asyncio
from dataclasses import dataclass, field

from aiotravis.testing.faults.proxy.rules import Rules
from aiotravis.testing.faults.proxy.sides import Side

__all__ = ["Link", "Opened"]


@dataclass(slots=True)
class Opened:
    """What a proxy has open.

    Attributes:
        target: Host and TCP port of the server.
        count: Connections accepted so far.
        links: Those that are open.
        sides: Sockets that are not gone.
        tasks: On their way to the server.
        changed: Set at every change of these.
    """

    target: tuple[str, int]
    count: int = 0
    links: "set[Link]" = field(default_factory=lambda: set[Link]())
    sides: set[Side] = field(default_factory=set[Side])
    tasks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class Link:
    """One connection of a client, with the proxy's own to the server.

    Args:
        rules: What the network does.
        opened: Where it is kept for as long as it is open.

    Attributes:
        over: Whether it has ended.
        dead: Whether it leads nowhere: who connected was neither answered nor forwarded.
        client: The side of the client.
    """

    def __init__(self, rules: Rules, opened: Opened) -> None:
        self._opened = opened
        self.over: bool = False
        self.dead: bool = rules.swallowing
        self.client: Side = Side(self, rules, upstream=True)
        self._server = Side(self, rules, upstream=False)
        self._connecting: asyncio.Task[None] | None = None

    def other(self, side: Side) -> Side:
        """Give the other side."""
        return self._server if side is self.client else self.client

    def made(self, side: Side) -> None:
        """Go on, now that one of the sockets is there."""
        self._opened.sides.add(side)
        if self.over:
            side.end(reset=True)
        elif side is self._server:
            self.flush()
        else:
            self._opened.count += 1
            self._opened.links.add(self)
            if not self.dead:
                self._connecting = asyncio.get_running_loop().create_task(self._connect())
                self._opened.tasks.add(self._connecting)
                self._connecting.add_done_callback(self._connected)
            self._opened.changed.set()

    def lost(self, side: Side) -> None:
        """Go on, now that one of the sockets is gone."""
        self._opened.sides.discard(side)
        self._opened.changed.set()
        if self.dead:
            self.end(reset=True)

    def flush(self) -> None:
        """Pass on what may pass by now, both ways."""
        self.client.flush()
        self._server.flush()

    def end(self, *, reset: bool) -> None:
        """End both sides, at once."""
        if not self.over:
            self.over = True
            self._opened.links.discard(self)
            self._opened.changed.set()
            if self._connecting is not None:
                self._connecting.cancel()
            self.client.end(reset=reset)
            self._server.end(reset=reset)

    async def _connect(self) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: self._server, *self._opened.target)
        except OSError:
            self.end(reset=False)

    def _connected(self, task: asyncio.Task[None]) -> None:
        self._opened.tasks.discard(task)
        self._opened.changed.set()
