"""A service with aiohttp.web: one client for the application, builds as JSON.

Without arguments it asks itself, with a Travis of its own, and prints the answers:

    python examples/aiohttp_service.py

With a real one:

    TRAVIS_TOKEN=TOKEN python -m aiohttp.web examples.aiohttp_service:application
"""

from collections.abc import AsyncGenerator, Callable

import anyio
import msgspec
from aiohttp import web  # noqa: TID251 - serves; requests to Travis go through the client
from aiohttp.test_utils import TestClient, TestServer  # noqa: TID251 - asks the service

from aiotravis import Travis, errors
from aiotravis.testing import TravisServer

TRAVIS = web.AppKey("travis", Travis)


def application(arguments: object = None, make_client: Callable[[], Travis] = Travis.from_env) -> web.Application:
    """Return the application. Its client is open as long as the application runs."""

    async def client(app: web.Application) -> AsyncGenerator[None]:
        async with make_client() as travis:
            app[TRAVIS] = travis
            yield

    app = web.Application()
    app.cleanup_ctx.append(client)
    app.router.add_get("/builds/{id:[1-9][0-9]{0,17}}", build)
    app.router.add_get("/repositories/{owner}/{name}/builds", builds)
    return app


async def build(request: web.Request) -> web.Response:
    """Answer with a build."""
    try:
        found = await request.app[TRAVIS].builds.get(int(request.match_info["id"]))
    except errors.NotFoundError as error:
        raise web.HTTPNotFound(text="No such build") from error
    return web.Response(body=found.to_json(), content_type="application/json")


async def builds(request: web.Request) -> web.Response:
    """Answer with the newest builds of a repository."""
    slug = f"{request.match_info['owner']}/{request.match_info['name']}"
    found = await request.app[TRAVIS].builds.list(slug, limit=20).to_list()
    return web.Response(body=msgspec.json.encode(found), content_type="application/json")


async def main() -> None:
    """Send requests to the service, with a Travis of its own."""
    async with TravisServer() as travis_server:
        travis_server.world.repository("travis-ci/travis.rb").history(5)
        app = application(make_client=lambda: Travis(endpoint=travis_server.endpoint))
        async with TestClient(TestServer(app)) as client:
            async with client.get("/repositories/travis-ci/travis.rb/builds") as answer:
                for found in await answer.json():
                    print(f"#{found['number']} {found['state']}, started {found['started_at']}")
            async with client.get("/builds/1") as answer:
                print("no such build:", answer.status)


if __name__ == "__main__":
    anyio.run(main)
