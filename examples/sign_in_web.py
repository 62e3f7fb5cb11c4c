"""Sign people in with their Travis account: into a web application, and into this program.

Without arguments it starts a Travis of its own, in this process, signs in as a person with a browser would, and ends:

    python examples/sign_in_web.py

With a real one, `--web` serves an application that lets in the people named, and `--program` opens your browser and
prints who you are; the token is not shown. Travis gives tokens to this machine on every site:

    python examples/sign_in_web.py --endpoint https://api.travis-ci.com --web --allow LOGIN
    python examples/sign_in_web.py --endpoint https://api.travis-ci.com --program

The exit code is 0, 2 after an error, 130 after Ctrl-C.
"""

import argparse
import asyncio
import html
import re
import secrets
import socket
import sys
import webbrowser
from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager

import anyio
from aiohttp import ClientSession, CookieJar, web  # noqa: TID251 - serves pages, and plays the browser

from aiotravis import COM, Travis, TravisError, User
from aiotravis.testing import TravisServer
from aiotravis.web import session_user, sign_in, sign_in_middleware


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Sign people in with their Travis account.")
    parser.add_argument("--endpoint", help=f"URL of the API, such as {COM}; without it, a Travis of this process")
    parser.add_argument("--web", action="store_true", help="serve a web application")
    parser.add_argument("--program", action="store_true", help="sign this program in with your browser")
    parser.add_argument("--allow", nargs="+", default=[], metavar="LOGIN", help="who may enter the web application")
    parser.add_argument("--port", type=int, default=8080, help="port of the web application (default: 8080)")
    options = parser.parse_args()
    if options.endpoint and options.web == options.program:
        parser.error("--endpoint needs either --web or --program")
    return options


async def show(request: web.Request) -> web.Response:
    """Answer with who is signed in."""
    user = session_user(request)
    return web.Response(text=f"Hello {user.login if user else 'nobody'}, this is {request.path}.\n")


@asynccontextmanager
async def serving(travis: Travis, port: int, allowed: Collection[str]) -> AsyncGenerator[str]:
    """Serve the application on this machine."""

    def authorized(user: User) -> bool:
        return user.login in allowed

    url = f"http://localhost:{port}"
    # A secret of this process: who is signed in signs in again after a restart.
    middleware = sign_in_middleware(travis, url=url, secret=secrets.token_hex(), authorized=authorized)
    app = web.Application(middlewares=[middleware])
    app.router.add_get("/{path:.*}", show)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield url
    finally:
        await runner.cleanup()


async def browse(session: ClientSession, url: str) -> str:
    """Open a page as a browser does: with cookies and redirects, and forms that submit themselves."""
    async with session.get(url) as response:
        text = await response.text()
    while "document.forms[0].submit()" in text:
        (action,) = re.findall(r'action="([^"]*)"', text)
        fields = {name: html.unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', text)}
        async with session.post(html.unescape(action), data=fields) as response:
            text = await response.text()
    return text


async def demonstrate(port: int) -> None:
    """Sign in at an embedded Travis, where sarah is signed in at GitHub."""
    async with TravisServer() as server, Travis(endpoint=server.endpoint) as travis:
        server.world.github_user = server.world.user("sarah", token=secrets.token_urlsafe(16))
        jar = CookieJar(unsafe=True)
        async with ClientSession(cookie_jar=jar) as session, serving(travis, port, {"sarah"}) as url:
            print("The application says:", await browse(session, f"{url}/builds"), end="")
        loop = asyncio.get_running_loop()
        async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as session:

            def open_browser(url: str) -> None:
                asyncio.run_coroutine_threadsafe(browse(session, url), loop).result(30)

            signed_in = await sign_in(travis, open_browser=open_browser, timeout=30)
        print(f"The program is signed in as {signed_in.user.login}.")


def free_port() -> int:
    """Return a port that nobody uses."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


async def main() -> int:
    """Sign in at a real Travis or the embedded one; print errors on one line."""
    options = arguments()
    try:
        if not options.endpoint:
            await demonstrate(free_port())
            return 0
        async with Travis(endpoint=options.endpoint) as travis:
            if options.program:
                signed_in = await sign_in(travis, open_browser=webbrowser.open)
                print(f"You are signed in as {signed_in.user.login}.")
                return 0
            async with serving(travis, options.port, options.allow) as url:
                print(f"Application on {url}\nCtrl-C ends it.", flush=True)
                await anyio.sleep_forever()
    except (TravisError, OSError) as error:
        print(f"sign_in_web: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    try:
        raise SystemExit(anyio.run(main))
    except KeyboardInterrupt:
        raise SystemExit(130) from None
