"""Handle: what belongs to one process and one event loop, and is no value."""

import asyncio
from typing import NoReturn

from aiotravis.errors import UsageError

__all__ = ["Handle", "running_loop"]


class Handle:
    """Base class of clients, resources, and what they return to be iterated or entered: it holds connections."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """Raise UsageError: it cannot be copied or pickled."""
        name = type(self).__name__
        raise UsageError(f"{name} cannot be copied or pickled: it holds connections. Pass on ids, slugs or values.")


def running_loop() -> asyncio.AbstractEventLoop:
    """Return the running event loop.

    Raises:
        UsageError: There is none: this is not asyncio.
    """
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise UsageError("aiotravis needs asyncio: run it with anyio.run(main) or asyncio.run(main).") from None
