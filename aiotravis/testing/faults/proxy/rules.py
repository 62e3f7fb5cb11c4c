"""The faults of a network at this moment. No I/O."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto

__all__ = ["Change", "Cut", "Mode", "Rules"]

Change = Callable[[bytes], bytes]


class Mode(Enum):
    """Whether bytes are forwarded: yes, later, or never."""

    FREE = auto()
    STALLED = auto()
    FROZEN = auto()


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """An order to cut connections; compared by identity, so that an equal order counts from the beginning.

    Attributes:
        count: Bytes to forward on each connection first.
        reset: Whether to end it by a reset instead of cleanly.
    """

    count: int
    reset: bool


@dataclass(slots=True)
class Rules:
    """The faults of all connections.

    Attributes:
        mode: Whether bytes are forwarded.
        swallowing: Whether new connections are neither answered nor forwarded.
        delay: Delay of everything that arrives, in seconds.
        chunk: Maximum number of bytes to write at once; None: as they arrive.
        changes: Functions that change the bytes; True: those to the server, False: those from it.
        cuts: Orders to cut; True: counted in bytes to the server, False: from it.
    """

    mode: Mode = Mode.FREE
    swallowing: bool = False
    delay: float = 0.0
    chunk: int | None = None
    changes: dict[bool, Change] = field(default_factory=dict[bool, Change])
    cuts: dict[bool, Cut] = field(default_factory=dict[bool, Cut])

    def clear(self) -> None:
        """End every fault."""
        self.mode = Mode.FREE
        self.swallowing = False
        self.delay = 0.0
        self.chunk = None
        self.changes.clear()
        self.cuts.clear()
