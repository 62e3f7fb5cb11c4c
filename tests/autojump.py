"""An event loop with virtual time, which jumps to the next timer whenever the loop is idle."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

MOMENT = 1e-6
"""Virtual seconds of a turn of the loop; more than the resolution of the clock."""

SETTLING = 0.002
"""Real seconds to wait for bytes in flight between two sockets of this process."""


class _Jumping(selectors.DefaultSelector):
    def __init__(self, settling: float) -> None:
        super().__init__()
        self.now = 0.0
        self._settling = settling

    def select(self, timeout: float | None = None) -> Any:
        # Every turn takes some time: a wait below the resolution of the clock would never end otherwise.
        self.now += MOMENT
        events = super().select(0)
        if events or timeout == 0:
            return events
        events = super().select(self._settling if timeout is not None else None)
        if not events and timeout is not None:
            self.now += timeout
        return events


class AutojumpLoop(asyncio.SelectorEventLoop):
    """The loop. Its `time` is virtual and may start at an epoch time."""

    def __init__(self, start: float = 0.0, settling: float = SETTLING) -> None:
        self._jumping = _Jumping(settling)
        self._jumping.now = start
        super().__init__(self._jumping)
        # Epoch times as floats are coarser than the resolution that asyncio assumes; timers must still fire on time.
        self._clock_resolution = MOMENT

    def time(self) -> float:
        return self._jumping.now


def run(
    main: Callable[[Callable[[], float]], Coroutine[Any, Any, T]], *, start: float = 0.0, settling: float = SETTLING
) -> T:
    """Run a program in virtual time.

    Args:
        main: The program; receives the clock.
        start: Initial time in seconds.
        settling: Real seconds to wait for sockets before each jump; 0 for a program without sockets.
    """
    loop = AutojumpLoop(start, settling)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(main(loop.time))
