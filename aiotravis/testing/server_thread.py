"""TravisServerThread: an embedded Travis in a thread of its own, for synchronous programs and tests."""

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import ParamSpec, TypeVar, cast, overload

from aiotravis.testing.server import TravisServer
from aiotravis.testing.world.builds import Build, Job
from aiotravis.testing.world.models import Part
from aiotravis.testing.world.world import World

__all__ = ["TravisServerThread"]

P = ParamSpec("P")
T = TypeVar("T")


class TravisServerThread:
    """A `TravisServer` in a thread: ``with TravisServerThread() as thread: ... thread.endpoint ...``.

    Any thread may read and change the `world`. While requests are running, let `call` change it.

    Args:
        server: Server to run, not yet started; one with the defaults if None.

    Attributes:
        server: The server. What it awaits, such as played builds, belongs into `call`.
    """

    def __init__(self, server: TravisServer | None = None) -> None:
        self.server: TravisServer = TravisServer() if server is None else server
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="aiotravis TravisServer", daemon=True)
        self._started: Future[Callable[[], object]] = Future()
        self._notify = self.world.notify
        self.world.notify = self._publish

    @property
    def endpoint(self) -> str:
        """URL of the API without a slash at its end."""
        return self.server.endpoint

    @property
    def world(self) -> World:
        """The world that it serves."""
        return self.server.world

    def __enter__(self) -> "TravisServerThread":
        self._thread.start()
        self._started.result()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._started.result()()
        self._thread.join()

    @overload
    def call(self, function: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T: ...

    @overload
    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T: ...

    def call(self, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> object:
        """Call a function in the thread of the server, wait for it, and return what it returns, or awaits.

        ``thread.call(thread.server.play, build, speed=100)`` plays a build to its end.

        Args:
            function: An async function, or a function, which may return an awaitable.
            args: Its arguments.
            kwargs: Its keyword arguments.

        Raises:
            RuntimeError: The server is not running, or this is its thread.
            Exception: The function raised it.
        """
        if self._loop is None or threading.current_thread() is self._thread:
            raise RuntimeError("call() is for other threads than that of the server, while the server is running.")

        async def called() -> object:
            result = function(*args, **kwargs)
            return await cast("Awaitable[object]", result) if inspect.isawaitable(result) else result

        return asyncio.run_coroutine_threadsafe(called(), self._loop).result()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        starting = asyncio.ensure_future(self.server.start())
        await asyncio.wait([starting])
        if exc := starting.exception():
            self._started.set_exception(exc)
            return
        loop = self._loop = asyncio.get_running_loop()
        stopped = asyncio.Event()
        self._started.set_result(lambda: loop.call_soon_threadsafe(stopped.set))
        await stopped.wait()
        self._loop = None
        await self.server.stop()

    def _publish(self, event: str, about: Build | Job, part: Part | None) -> None:
        # What a change publishes belongs to the event loop of the server.
        if self._loop is None or threading.current_thread() is self._thread:
            self._notify(event, about, part)
        else:
            self.call(self._notify, event, about, part)
