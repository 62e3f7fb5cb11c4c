"""What a misbehaving network does just now. No I/O."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto

__all__ = ["Change", "Cut", "Mode", "Rules"]

Change = Callable[[bytes], bytes]


class Mode(Enum):
    """Whether anything passes."""

    FREE = auto()
    STALLED = auto()
    FROZEN = auto()


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """An order to cut; compared by identity, so that the same order given again counts anew.

    Attributes:
        count: Bytes that still pass on each connection.
        reset: Whether it ends by a reset, rather than cleanly.
    """

    count: int
    reset: bool


@dataclass(slots=True)
class Rules:
    """What holds for every connection.

    Attributes:
        mode: Whether anything passes.
        swallowing: Whether who connects now is neither answered nor forwarded.
        delay: Seconds by which everything that arrives is late.
        chunk: Most bytes that are passed on at once; None: as they come.
        changes: How bytes are changed, by whether they go upstream.
        cuts: When connections are cut, by whether the bytes that count go upstream.
    """

    mode: Mode = Mode.FREE
    swallowing: bool = False
    delay: float = 0.0
    chunk: int | None = None
    changes: dict[bool, Change] = field(default_factory=dict[bool, Change])
    cuts: dict[bool, Cut] = field(default_factory=dict[bool, Cut])

    def clear(self) -> None:
        """Let everything pass as it comes."""
        self.mode = Mode.FREE
        self.swallowing = False
        self.delay = 0.0
        self.chunk = None
        self.changes.clear()
        self.cuts.clear()
