"""TravisServerThread: calls, changes from other threads, errors."""

import threading

import pytest

from aiotravis import Travis, events
from aiotravis.testing import TravisServer, TravisServerThread


def test_calls_run_in_the_thread_of_the_server_and_return_what_they_await() -> None:
    with TravisServerThread() as thread:
        assert thread.call(threading.current_thread).name == "aiotravis TravisServer"
        build = thread.world.repository("a/b").build()
        thread.call(thread.server.play, build, speed=1000, state="failed")
        assert build.state == "failed"
        with pytest.raises(ValueError, match="times must be at least 1"):
            thread.call(thread.server.respond, "GET", "/config", times=0)
        with pytest.raises(RuntimeError, match="for other threads"):
            thread.call(thread.call, print)
    with pytest.raises(RuntimeError, match="while the server is running"):
        thread.call(print)


async def test_changes_from_another_thread_are_published() -> None:
    with TravisServerThread() as thread:
        thread.world.repository("a/b").build().start()
        async with Travis(endpoint=thread.endpoint) as travis, travis.events("a/b") as feed:
            build = thread.world.repository("a/b").build()
            build.start()
            async for event in feed:
                if isinstance(event, events.BuildStarted):
                    break
            thread.call(build.finish, "failed")
            assert (await travis.wait_for_build(build.id)).state == "failed"
    build.repository.build().start()  # The world outlives the server.


def test_an_error_at_the_start_is_raised() -> None:
    running = pytest.raises(RuntimeError, match="stop it before you start it again")
    with TravisServerThread() as thread, running, TravisServerThread(thread.server):
        pass
    server = TravisServer(mode="com-private")
    with TravisServerThread(server) as thread:
        assert thread.server is server
        assert thread.endpoint == server.endpoint
    assert not any("TravisServer" in one.name for one in threading.enumerate())
