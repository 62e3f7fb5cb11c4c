"""The clock of the rate limits: seconds since this machine booted, whatever happens to its date."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

__all__ = ["EPOCH_OFFSET", "boot_id", "seconds"]

_BOOT_CLOCK: Final[int | None] = getattr(time, "CLOCK_BOOTTIME", None)

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


seconds: Callable[[], float] = time.monotonic if _BOOT_CLOCK is None else partial(time.clock_gettime, _BOOT_CLOCK)
"""Return seconds of a clock that nobody sets, and that goes on while the machine sleeps (on Linux)."""

EPOCH_OFFSET: Final = time.time() - seconds()
"""Seconds to add for the time since the epoch. Read once: a clock that is set later moves no window."""


def boot_id() -> str | None:
    """Return the id of this run of the machine, or None where the clock of another process may be another one."""
    if _BOOT_CLOCK is None:
        return None
    try:
        return _BOOT_ID.read_text("ascii").strip() or None
    except (OSError, ValueError):
        return None
