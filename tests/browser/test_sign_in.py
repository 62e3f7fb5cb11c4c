"""Signing in with Travis in a browser, beside a tab of somebody who means harm.

Travis and the other tab are on 127.0.0.1, the application is on localhost: for a browser, these are two sites.
"""

import asyncio
import html
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
import pytest
from aiohttp import web

from aiotravis import Travis
from aiotravis.testing import TravisServer
from aiotravis.web import session_user, sign_in, sign_in_middleware
from tests.browser.pages import TIMEOUT, shows
from tests.conftest import TOKEN
from tests.web.person import Person

ATTACKER = "a-token-of-josh"

SECRET = "a-secret-of-the-tests-of-32-bytes-or-more"


@asynccontextmanager
async def serving(app: web.Application) -> AsyncGenerator[int]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


class Application:
    """A web application that shows who is signed in, and counts what it was told to do."""

    def __init__(self) -> None:
        self.url = ""
        self.paths: list[str] = []
        self.done: list[str] = []
        self.inner: Any = None

    @web.middleware
    async def middleware(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.paths.append(f"{request.method} {request.path_qs}")
        return await self.inner(request, handler)  # type: ignore[no-any-return]

    async def show(self, request: web.Request) -> web.Response:
        user = session_user(request)
        assert user is not None
        if request.method == "POST":
            self.done.append(user.login)
        text = f'<p id="who">{html.escape(user.login)} at {html.escape(request.path_qs)}</p>'
        return web.Response(text=text, content_type="text/html")


@pytest.fixture
async def application(stranger: Travis, server: TravisServer) -> AsyncGenerator[Application]:
    users = server.world.users
    server.world.github_user = next(iter(users.values()))
    server.world.user("josh", token=ATTACKER)
    application = Application()
    app = web.Application(middlewares=[application.middleware])
    app.router.add_route("*", "/{path:.*}", application.show)
    async with serving(app) as port:
        application.url = f"http://localhost:{port}"
        application.inner = sign_in_middleware(
            stranger, url=application.url, secret=SECRET, authorized=lambda _: True, public=()
        )
        yield application


class Hostile:
    """A web server of somebody else; its page is whatever is set."""

    def __init__(self) -> None:
        self.url = ""
        self.page = ""

    async def show(self, request: web.Request) -> web.Response:
        return web.Response(text=self.page, content_type="text/html")

    def posts(self, target: str, fields: dict[str, str]) -> None:
        """Make the page post a form as Travis's does."""
        inputs = "".join(f'<input type="hidden" name="{name}" value="{value}">' for name, value in fields.items())
        form = f'<form action="{html.escape(target)}" method="post">{inputs}</form>'
        self.page = f'<body onload="document.forms[0].submit()">{form}</body>'


@pytest.fixture
async def hostile() -> AsyncGenerator[Hostile]:
    hostile = Hostile()
    app = web.Application()
    app.router.add_get("/", hostile.show)
    async with serving(app) as port:
        hostile.url = f"http://127.0.0.1:{port}/"
        yield hostile


@pytest.fixture
async def context(chromium: Any) -> AsyncGenerator[Any]:
    """The browser of one person, with cookies of its own."""
    context = await chromium.new_context()
    context.set_default_timeout(TIMEOUT)
    try:
        yield context
    finally:
        await context.close()


async def redirect_uri_of(url: str) -> str:
    """Begin to sign in with a browser of the attacker's own, and return the redirect URI."""
    async with aiohttp.ClientSession() as session, session.get(url, allow_redirects=False) as response:
        return parse_qs(urlsplit(response.headers["Location"]).query)["redirect_uri"][0]


async def test_a_person_is_sent_to_travis_and_comes_back_signed_in(
    context: Any, application: Application, server: TravisServer
) -> None:
    page = await context.new_page()
    visited: list[str] = []

    def note(frame: Any) -> None:
        visited.append(frame.url)

    page.on("framenavigated", note)
    await page.goto(f"{application.url}/builds?page=2")
    await shows(page, "#who", "sarah at /builds?page=2")
    assert page.url == f"{application.url}/builds?page=2"
    assert any(path.startswith("POST /__travis__/sign-in?state=") for path in application.paths)
    assert not any(TOKEN in url for url in (*visited, *application.paths)), "the token is in no URL"
    assert len(server.requests_to("/auth/handshake")) == 2
    assert await page.evaluate("document.cookie") == ""
    cookies = {cookie["name"]: cookie for cookie in await context.cookies(application.url)}
    assert {(one["httpOnly"], one["sameSite"]) for one in cookies.values()} == {(True, "Lax")}
    assert {name.rpartition("-")[0] for name in cookies} == {"travis-browser", "travis"}
    await page.goto(f"{application.url}/again")
    await shows(page, "#who", "sarah at /again")
    assert len(server.requests_to("/users")) == 1


async def test_two_tabs_sign_in_at_the_same_time(context: Any, application: Application, server: TravisServer) -> None:
    first, second = await context.new_page(), await context.new_page()
    arrived, released = asyncio.Event(), asyncio.Event()

    async def hold(route: Any) -> None:
        arrived.set()
        await released.wait()
        await route.continue_()

    # The first tab comes back after the second, which begins and ends meanwhile.
    await first.route("**/__travis__/sign-in*", hold)
    opening = asyncio.ensure_future(first.goto(f"{application.url}/one"))
    await arrived.wait()
    await second.goto(f"{application.url}/two")
    await shows(second, "#who", "sarah at /two")
    released.set()
    await opening
    await shows(first, "#who", "sarah at /one")


async def test_a_hostile_tab_cannot_sign_the_browser_in_as_somebody_else(
    context: Any, application: Application, hostile: Hostile, server: TravisServer
) -> None:
    tab = await context.new_page()
    fields = {"token": ATTACKER, "user": "{}", "storage": "localStorage"}
    of_the_attacker = await redirect_uri_of(f"{application.url}/")
    without_state = f"{application.url}/__travis__/sign-in"
    # Before the person has begun to sign in, while a sign-in is open, and once they are signed in.
    for begun in ("never", "open", "signed in"):
        if begun == "open":
            server.world.github_user = None
            await context.request.get(f"{application.url}/", max_redirects=0)
        elif begun == "signed in":
            server.world.github_user = server.world.users[min(server.world.users)]
            await tab.goto(f"{application.url}/")
            await shows(tab, "#who", "sarah at /")
        for target in (of_the_attacker, without_state, f"{without_state}?state=x"):
            for sent in (fields, {**fields, "again": "1"}):
                hostile.posts(target, sent)
                await tab.goto(hostile.url)
                await shows(tab, "body", "Not signed in")
        names = {cookie["name"] for cookie in await context.cookies(application.url)}
        assert ("travis-session" in names) == (begun == "signed in")
    assert [seen.headers["authorization"] for seen in server.requests_to("/users")] == [f"token {TOKEN}"]
    await tab.goto(f"{application.url}/still")
    await shows(tab, "#who", "sarah at /still")


async def test_a_hostile_tab_cannot_act_for_who_is_signed_in(
    context: Any, application: Application, hostile: Hostile
) -> None:
    tab, own = await context.new_page(), await context.new_page()
    await own.goto(f"{application.url}/")
    await shows(own, "#who", "sarah at /")
    hostile.posts(f"{application.url}/delete", {"id": "1"})
    await tab.goto(hostile.url)
    await shows(tab, "body", "Sign in first.")
    assert application.done == []
    hostile.page = "<body></body>"
    await tab.goto(hostile.url)
    script = f"""async () => {{
        const options = {{method: 'POST', mode: 'no-cors', credentials: 'include', body: 'id=1'}};
        await fetch('{application.url}/delete', options);
        try {{ return await (await fetch('{application.url}/', {{credentials: 'include'}})).text(); }}
        catch (error) {{ return 'blocked'; }}
    }}"""
    assert await tab.evaluate(script) == "blocked"
    assert application.done == []
    await own.evaluate("fetch('/delete', {method: 'POST'})")
    assert application.done == ["sarah"], "the application's own pages can"


async def test_a_hostile_page_cannot_frame_the_way_back(
    context: Any, application: Application, hostile: Hostile, server: TravisServer
) -> None:
    tab = await context.new_page()
    target = await redirect_uri_of(f"{application.url}/")
    field = f'<input name="token" value="{ATTACKER}">'
    form = f'<form action="{html.escape(target)}" method="post" target="inner">{field}</form>'
    hostile.page = f'<body onload="document.forms[0].submit()"><iframe name="inner"></iframe>{form}</body>'

    def is_refusal(message: Any) -> bool:
        return "frame-ancestors" in message.text

    async with tab.expect_console_message(is_refusal):
        await tab.goto(hostile.url)
    assert server.requests_to("/users") == []


# Programs on this machine


async def test_a_program_signs_in_with_the_browser_beside_a_hostile_tab(
    context: Any, hostile: Hostile, server: TravisServer, stranger: Travis
) -> None:
    server.world.github_user = next(iter(server.world.users.values()))
    server.world.user("josh", token=ATTACKER)
    person = Person()
    waiting = asyncio.ensure_future(sign_in(stranger, open_browser=person.open, timeout=60))
    url = await person.opened
    port = urlsplit(await person.target()).port
    tab = await context.new_page()
    for path in ("/", "/callback", "/x" * 22, "/?token=" + ATTACKER):
        hostile.posts(f"http://127.0.0.1:{port}{path}", {"token": ATTACKER})
        await tab.goto(hostile.url)
        await shows(tab, "body", "Not found")
    hostile.page = "<body></body>"
    await tab.goto(hostile.url)
    script = f"""async () => {{
        const body = new URLSearchParams({urlencode({"token": ATTACKER})!r});
        for (let n = 0; n < 20; n++)
            await fetch('http://127.0.0.1:{port}/' + n, {{method: 'POST', mode: 'no-cors', body}});
    }}"""
    await tab.evaluate(script)
    assert not waiting.done()
    assert server.requests_to("/users") == []
    own = await context.new_page()
    await own.goto(url)
    await shows(own, "body", "You are signed in as sarah.")
    found = await waiting
    assert (found.token, found.user.login) == (TOKEN, "sarah")
    assert TOKEN not in own.url
