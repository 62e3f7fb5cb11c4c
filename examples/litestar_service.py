"""A service with Litestar: handlers return builds, which Litestar encodes and describes by itself.

Without arguments it asks itself, with a Travis of its own, and prints the answers (needs litestar and httpx):

    python examples/litestar_service.py

With a real one, and the page http://127.0.0.1:8000/schema:

    TRAVIS_TOKEN=TOKEN uvicorn --factory examples.litestar_service:application
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from litestar import Litestar, get
from litestar.datastructures import State
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.testing import TestClient

from aiotravis import Build, Travis, errors
from aiotravis.testing import TravisServerThread


def application(make_client: Callable[[], Travis] = Travis.from_env) -> Litestar:
    """Return the application. Its client is open as long as the application runs."""

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncGenerator[None]:
        async with make_client() as travis:
            app.state.travis = travis
            yield

    return Litestar([build, builds], lifespan=[lifespan], logging_config=None)


@get("/builds/{build_id:int}")
async def build(build_id: FromPath[int], state: State) -> Build:
    """Return a build."""
    travis: Travis = state.travis
    try:
        return await travis.builds.get(build_id)
    except errors.NotFoundError as error:
        raise NotFoundException("No such build") from error


@get("/repositories/{owner:str}/{name:str}/builds")
async def builds(owner: FromPath[str], name: FromPath[str], state: State) -> list[Build]:
    """Return the newest builds of a repository."""
    travis: Travis = state.travis
    return await travis.builds.list(f"{owner}/{name}", limit=20).to_list()


def main() -> None:
    """Send requests to the service, with a Travis of its own."""
    with TravisServerThread() as thread:
        thread.world.repository("travis-ci/travis.rb").history(5)
        with TestClient(application(lambda: Travis(endpoint=thread.endpoint))) as client:
            for found in client.get("/repositories/travis-ci/travis.rb/builds").json():
                print(f"#{found['number']} {found['state']}, started {found['started_at']}")
            print("no such build:", client.get("/builds/1").status_code)
            print("described:", ", ".join(client.get("/schema/openapi.json").json()["components"]["schemas"]))


if __name__ == "__main__":
    main()
