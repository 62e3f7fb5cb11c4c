"""The pool: sessions made at the first use, shared by all calls, closed only where they are ours."""

import aiohttp
import anyio
import pytest

from aiotravis import Travis, errors
from aiotravis.testing import Repository, TravisServer


async def test_nothing_is_opened_before_the_first_call() -> None:
    travis = Travis()
    await travis.aclose()
    await travis.aclose()


async def test_many_calls_share_connections_and_leave_none(server: TravisServer, repository: Repository) -> None:
    builds = repository.history(40)
    async with Travis(endpoint=server.endpoint) as travis, anyio.create_task_group() as group:
        for build in builds:
            group.start_soon(travis.builds.get, build.id)
    assert len(server.requests) == 40


async def test_the_callers_session_is_used_and_never_closed(server: TravisServer) -> None:
    async with aiohttp.ClientSession(headers={"X-Mine": "yes"}) as session:
        async with Travis(endpoint=server.endpoint, session=session) as travis:
            await travis.config.get()
        assert not session.closed
        assert server.requests[-1].headers["x-mine"] == "yes"
    with pytest.raises(errors.UsageError, match="session given to this client is closed"):
        await Travis(endpoint=server.endpoint, session=session).config.get()
