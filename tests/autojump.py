"""An event loop whose time jumps to the next timer whenever nothing else is to be done: minutes pass in no time."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

MOMENT = 1e-6
"""Seconds that a turn of the loop takes; more than the clock's resolution."""

SETTLING = 0.002
"""Real seconds granted to bytes that are on their way between two sockets of this process."""


class _Jumping(selectors.DefaultSelector):
    def __init__(self, settling: float) -> None:
        super().__init__()
        self.now = 0.0
        self._settling = settling

    def select(self, timeout: float | None = None) -> Any:
        # Every turn takes a moment, as it does in life: who waits for less than the clock can tell would turn for ever.
        self.now += MOMENT
        events = super().select(0)
        if events or timeout == 0:
            return events
        events = super().select(self._settling if timeout is not None else None)
        if not events and timeout is not None:
            self.now += timeout
        return events


class AutojumpLoop(asyncio.SelectorEventLoop):
    """The loop; `time` is virtual, and counts from the epoch as well."""

    def __init__(self, start: float = 0.0, settling: float = SETTLING) -> None:
        self._jumping = _Jumping(settling)
        self._jumping.now = start
        super().__init__(self._jumping)
        # Seconds since the epoch are coarser than asyncio expects of a clock: a timer must fire at its own moment.
        self._clock_resolution = MOMENT

    def time(self) -> float:
        return self._jumping.now


def run(
    main: Callable[[Callable[[], float]], Coroutine[Any, Any, T]], *, start: float = 0.0, settling: float = SETTLING
) -> T:
    """Run a program in virtual time.

    Args:
        main: Gets the clock.
        start: What the clock shows at first, in seconds.
        settling: Real seconds granted before each jump; 0 for a program without sockets.
    """
    loop = AutojumpLoop(start, settling)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(main(loop.time))
