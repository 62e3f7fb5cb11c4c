"""The embedded Travis that the programs of the README use."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aiotravis.testing import TravisServer

SLUG = "travis-ci/travis.rb"
TOKEN = "readme-token"


@asynccontextmanager
async def readme_world() -> AsyncGenerator[TravisServer]:
    """Serve one repository, readable with `TOKEN`, with a history of finished builds and a build that runs."""
    async with TravisServer() as server:
        user = server.world.user("reader", token=TOKEN)
        repository = server.world.repository(SLUG, users=[user])
        repository.history(count=30, jobs=2)[-1].commit.sha = "8a1fbc3e5d0c2b4f6a8c1d3e5f7a9b0c2d4e6f80"
        build = repository.build(jobs=2, message="Follow logs")

        async def play() -> None:
            # Wait for the program: on a busy machine it takes longer to start than the build takes to finish.
            while not server.requests:  # noqa: ASYNC110 - the server has no event for it
                await asyncio.sleep(0.01)
            await server.play(build, speed=10)
            while True:
                # Those that the program triggers.
                for new in [build for build in repository.builds if build.state == "created"]:
                    await server.play(new, speed=10)
                await asyncio.sleep(0.01)

        playing = asyncio.ensure_future(play())
        try:
            yield server
        finally:
            playing.cancel()
            await asyncio.wait([playing])
