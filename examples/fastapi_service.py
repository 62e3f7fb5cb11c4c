"""A service with FastAPI: handlers return builds and jobs, models hold them, and the OpenAPI page describes them.

The annotation, such as `-> Build`, tells FastAPI how to encode what a handler returns. Where a value is the body of a
request, write `build: Annotated[Build, Body()]`.

Without arguments it asks itself, with a Travis of its own, and prints the answers (needs fastapi and httpx):

    python examples/fastapi_service.py

With a real one, and the page http://127.0.0.1:8000/docs:

    TRAVIS_TOKEN=TOKEN uvicorn --factory examples.fastapi_service:application
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Annotated

import anyio
import httpx
from fastapi import Depends, FastAPI, HTTPException, Request
from pydantic import BaseModel

from aiotravis import Build, Job, Repository, State, Travis, errors
from aiotravis.testing import TravisServer


class Summary(BaseModel):
    """A model of your own, with a value of Travis in it."""

    repository: Repository
    failed: list[Build]
    longest: timedelta | None


def get_travis(request: Request) -> Travis:
    """Return the client of the service, one for all requests."""
    travis: Travis = request.app.state.travis
    return travis


Client = Annotated[Travis, Depends(get_travis)]


def application(make_client: Callable[[], Travis] = Travis.from_env) -> FastAPI:
    """Return the application. Its client is open as long as the application runs."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        async with make_client() as travis:
            app.state.travis = travis
            yield

    app = FastAPI(title="Builds", lifespan=lifespan)
    app.add_api_route("/builds/{build_id}", build)
    app.add_api_route("/builds/{build_id}/jobs", jobs)
    app.add_api_route("/repositories/{owner}/{name}/builds", builds)
    app.add_api_route("/repositories/{owner}/{name}", summary)
    return app


async def build(build_id: int, travis: Client) -> Build:
    """Return a build."""
    try:
        return await travis.builds.get(build_id)
    except errors.NotFoundError as error:
        raise HTTPException(404, "No such build") from error


async def jobs(build_id: int, travis: Client) -> list[Job]:
    """Return the jobs of a build."""
    return list((await build(build_id, travis)).jobs)


async def builds(owner: str, name: str, travis: Client, state: State | None = None) -> list[Build]:
    """Return the newest builds of a repository, all or those in one state."""
    found = travis.builds.list(f"{owner}/{name}", limit=20)
    return [build async for build in found if state in {None, build.state}]


async def summary(owner: str, name: str, travis: Client) -> Summary:
    """Return a repository and what failed in it."""
    repository = await travis.repos.get(f"{owner}/{name}")
    found = await travis.builds.list(repository, limit=20).to_list()
    seconds = [build.duration for build in found if build.duration is not None]
    longest = timedelta(seconds=max(seconds)) if seconds else None
    return Summary(repository=repository, failed=[build for build in found if build.unsuccessful], longest=longest)


async def main() -> None:
    """Send requests to the service, with a Travis of its own."""
    async with TravisServer() as server:
        server.world.repository("travis-ci/travis.rb").history(5)
        app = application(lambda: Travis(endpoint=server.endpoint))
        asking = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service")
        async with app.router.lifespan_context(app), asking as client:
            for found in (await client.get("/repositories/travis-ci/travis.rb/builds")).json():
                print(f"#{found['number']} {found['state']}, started {found['started_at']}")
            print("took at most", (await client.get("/repositories/travis-ci/travis.rb")).json()["longest"])
            print("no such build:", (await client.get("/builds/1")).status_code)
            print("described:", ", ".join((await client.get("/openapi.json")).json()["components"]["schemas"]))


if __name__ == "__main__":
    anyio.run(main)
