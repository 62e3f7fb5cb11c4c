"""Handle: what belongs to one process and one event loop, and is no value."""

import asyncio
from typing import TYPE_CHECKING, NoReturn

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
        raise UsageError(
            f"{name} cannot be copied or pickled: it belongs to one event loop. Pass on ids, slugs or values."
        )

    if not TYPE_CHECKING:  # Type checkers refuse these; at run time the error names the remedy.

        def __getitem__(self, index: object) -> NoReturn:
            # Python calls this for `for` and `list()`, too. With `__iter__`, it would be taken for an iterable.
            _refuse(self, "iterated, indexed or made a list", "__aiter__", "use `async for`, in an `async def`")

        def __next__(self) -> NoReturn:
            _refuse(self, "passed to next()", "__aiter__", "write `await anext(...)`")

        def __enter__(self) -> NoReturn:
            _refuse(self, "entered with `with`", "__aenter__", "write `async with`, in an `async def`")

        def __exit__(self, *exc_info: object) -> None:
            """Never called: Python looks for it before it enters."""


def _refuse(handle: Handle, what: str, method: str, remedy: str) -> NoReturn:
    raise UsageError(f"{type(handle).__name__} cannot be {what}{f': {remedy}' if hasattr(handle, method) else ''}.")


def running_loop() -> asyncio.AbstractEventLoop:
    """Return the running event loop.

    Raises:
        UsageError: There is none: this is not asyncio.
    """
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise UsageError("aiotravis needs asyncio: run it with anyio.run(main) or asyncio.run(main).") from None
