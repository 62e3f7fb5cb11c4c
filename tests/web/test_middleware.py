"""Letting people in with their Travis account: step by step, with the cookies that a browser would send."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from yarl import URL

from aiotravis import Travis, User
from aiotravis.errors import UsageError
from aiotravis.testing import TravisServer
from aiotravis.web import SessionUser, session_user, sign_in_middleware
from aiotravis.web import _middleware as middleware_module
from tests.conftest import TOKEN

SECRET = "a-secret-of-the-tests-of-32-bytes-or-more"

Answer = tuple[int, str, str]
"""Status, Location, text."""


def is_sarah(user: User) -> bool:
    return user.login == "sarah"


class Application:
    """A web application behind the middleware; it shows the id of who is signed in."""

    def __init__(self, travis: Travis, **options: Any) -> None:
        self._travis = travis
        self._options: dict[str, Any] = {"secret": SECRET, "authorized": is_sarah, **options}
        self.url = ""

    @asynccontextmanager
    async def serving(self) -> AsyncGenerator["Application"]:
        # The URL is known once the port is.
        sockets = web.Application()
        runner = web.AppRunner(sockets, access_log=None, shutdown_timeout=0.1)
        sockets.router.add_route("*", "/{path:.*}", self._show)
        sockets.middlewares.append(self._middleware)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self._inner = sign_in_middleware(self._travis, url=self.url, **self._options)
        try:
            yield self
        finally:
            await runner.cleanup()

    @web.middleware
    async def _middleware(self, request: web.Request, handler: Any) -> web.StreamResponse:
        return await self._inner(request, handler)

    async def _show(self, request: web.Request) -> web.Response:
        user = session_user(request)
        return web.Response(text=f"{request.path} for {user.id if user else 'anybody'}")


@dataclass
class Browser:
    """Keeps cookies, and leaves them out of a POST that another site causes."""

    cookies: dict[str, str] = field(default_factory=dict[str, str])

    async def send(
        self, method: str, url: str, *, form: dict[str, str] | None = None, cross_site: bool = False, **headers: str
    ) -> Answer:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookies and not (cross_site and method == "POST"):
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        async with (
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.request(method, url, data=form, headers=sent, allow_redirects=False) as response,
        ):
            for name, cookie in response.cookies.items():
                assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
                self.cookies[name] = cookie.value
            return response.status, response.headers.get("Location", ""), await response.text()

    async def open(self, url: str) -> str:
        """Open a page, be sent to Travis, and return the redirect URI that Travis gets."""
        status, location, _ = await self.send("GET", url)
        assert status == 303
        assert urlsplit(location).path == "/auth/handshake"
        return parse_qs(urlsplit(location).query)["redirect_uri"][0]

    async def come_back(self, target: str, token: str = TOKEN) -> Answer:
        """Post Travis's form, and the form of the page that answers it."""
        form = {"token": token, "user": '{"id":1,"login":"josh"}', "storage": "localStorage"}
        status, _, text = await self.send("POST", target, form=form, cross_site=True)
        assert (status, "submit()" in text) == (200, True)
        fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', text))
        action = re.search(r'action="([^"]*)"', text)
        assert action is not None
        return await self.send("POST", action[1], form=fields)


@pytest.fixture
async def application(stranger: Travis) -> AsyncGenerator[Application]:
    async with Application(stranger, public=("/healthz", "/static/*")).serving() as application:
        yield application


async def test_who_opens_a_page_comes_back_to_it_signed_in(application: Application, server: TravisServer) -> None:
    browser = Browser()
    target = await browser.open(f"{application.url}/builds?page=2&q=%C3%A9")
    assert target.startswith(f"{application.url}/__travis__/sign-in?state=")
    assert await browser.come_back(target) == (303, "/builds?page=2&q=%C3%A9", "")
    sarah = next(iter(server.world.users.values()))
    assert await browser.send("GET", f"{application.url}/builds") == (200, "", f"/builds for {sarah.id}")
    assert await browser.send("POST", f"{application.url}/builds") == (200, "", f"/builds for {sarah.id}")
    assert len(server.requests_to("/users")) == 1, "the posted user is not believed, and the token is used once"
    assert not any(TOKEN in value for value in browser.cookies.values())


async def test_nobody_passes_who_is_not_signed_in(application: Application) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        assert (await Browser().send(method, f"{application.url}/"))[0] == 405
    assert (await Browser().send("GET", f"{application.url}/data.json", Sec_Fetch_Mode="cors"))[0] == 401
    assert (await Browser().send("GET", f"{application.url}/socket", Sec_Fetch_Mode="websocket"))[0] == 401
    assert (await Browser().send("GET", f"{application.url}/", Sec_Fetch_Mode="navigate"))[0] == 303
    assert (await Browser().send("HEAD", f"{application.url}/"))[0] == 303
    assert (await Browser().send("GET", f"{application.url}/healthzz"))[0] == 303


async def test_public_paths_are_open_to_everybody(application: Application) -> None:
    for path in ("/healthz", "/static/style.css"):
        assert await Browser().send("GET", application.url + path) == (200, "", f"{path} for anybody")


@pytest.mark.parametrize(
    "path",
    [
        "/static/../private", "/static/%2e%2e/private", "/static/.%2E/private", "/static/..%2fprivate", "/static/..",
        "/static/..%5cprivate", "/static//../private", "/static/a/../../private", "/static/./a", "/static//a",
        "/static%2Fa", "/static/a%2Fb", "//static/a", "/x/../static/a", "/private",
    ],
)  # fmt: skip
async def test_a_path_that_may_lead_elsewhere_is_not_public(application: Application, path: str) -> None:
    url = URL(application.url + path, encoded=True)
    async with aiohttp.ClientSession() as session, session.get(url, allow_redirects=False) as response:
        assert response.status == 303


async def test_dots_in_a_public_path_are_dots(application: Application) -> None:
    for path in ("/static/..a/b..css", "/static/a...", "/static/.well-known"):
        assert (await Browser().send("GET", application.url + path))[0] == 200


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("POST", {"Origin": "http://127.0.0.1:1"}, 403), ("POST", {"Origin": "null"}, 403),
        ("DELETE", {"Origin": "https://example.org", "Sec-Fetch-Site": "cross-site"}, 403),
        ("POST", {"Origin": "http://127.0.0.1:1", "Sec-Fetch-Site": "same-site"}, 403),
        ("GET", {"Origin": "http://127.0.0.1:1", "Connection": "Upgrade", "Upgrade": "websocket"}, 403),
        ("POST", {"Origin": "null", "Sec-Fetch-Site": "same-origin"}, 200), ("POST", {"Origin": "OWN"}, 200),
        ("POST", {"Sec-Fetch-Site": "none"}, 200), ("POST", {}, 200),
        ("GET", {"Origin": "http://127.0.0.1:1", "Sec-Fetch-Site": "same-site"}, 200),
    ],
)  # fmt: skip
async def test_pages_of_other_origins_cannot_act_for_who_is_signed_in(
    application: Application, method: str, headers: dict[str, Any], status: int
) -> None:
    browser = Browser()
    await browser.come_back(await browser.open(f"{application.url}/"))
    sent = {name.replace("-", "_"): value.replace("OWN", application.url) for name, value in headers.items()}
    assert (await browser.send(method, f"{application.url}/delete", **sent))[0] == status


async def test_a_session_of_another_application_with_the_same_secret_is_none(
    application: Application, stranger: Travis
) -> None:
    browser = Browser()
    await browser.come_back(await browser.open(f"{application.url}/"))
    async with Application(stranger).serving() as other:
        assert (await browser.send("GET", f"{other.url}/"))[0] == 303
    assert (await browser.send("GET", f"{application.url}/"))[0] == 200


@pytest.mark.parametrize(
    "cookie", ["", "a.b", "é", "x" * 3000 + ".", "eyJpZCI6MX0.", "null", "{}", '"', "a" * 43 + "." + "b" * 43]
)
async def test_a_forged_session_is_none(application: Application, cookie: str) -> None:
    browser = Browser({"travis-session": cookie, "travis-browser-": cookie})
    assert (await browser.send("GET", f"{application.url}/"))[0] == 303
    (given,) = set(browser.cookies) - {"travis-session", "travis-browser-"}
    assert re.fullmatch("[0-9a-f]{32}", browser.cookies[given])


async def test_a_session_of_another_secret_or_a_state_is_no_session(application: Application, stranger: Travis) -> None:
    browser = Browser()
    await browser.come_back(await browser.open(f"{application.url}/"))
    session = browser.cookies["travis-session"]
    async with Application(stranger, secret="another-secret-that-is-long-enough!!").serving() as other:
        assert (await Browser({"travis-session": session}).send("GET", f"{other.url}/"))[0] == 303
    state = parse_qs(urlsplit(await Browser().open(f"{application.url}/")).query)["state"][0]
    assert (await Browser({"travis-session": state}).send("GET", f"{application.url}/"))[0] == 303


# Forged ways back


async def test_a_token_of_somebody_else_cannot_sign_a_browser_in(application: Application) -> None:
    attacker, victim = Browser(), Browser()
    target = await attacker.open(f"{application.url}/")
    await victim.open(f"{application.url}/")
    assert (await victim.come_back(target))[0] == 403
    assert "travis-session" not in victim.cookies
    fresh = Browser()
    assert (await fresh.come_back(target))[0] == 403, "a browser that never began has no cookie to send again"
    assert (await attacker.come_back(target))[0] == 303


@pytest.mark.parametrize("state", ["", "x", "a.b", "é", "<script>", "%ff", "x" * 5000])
async def test_a_wrong_state_is_refused(application: Application, server: TravisServer, state: str) -> None:
    browser = Browser()
    await browser.open(f"{application.url}/")
    target = f"{application.url}/__travis__/sign-in?{urlencode({'state': state})}"
    for again in ({}, {"again": "1"}):
        answer = await browser.send("POST", target, form={"token": TOKEN, **again})
        assert (answer[0], "<script>" in answer[2]) == (403, False)
    assert server.requests_to("/users") == [], "Travis is not asked for a stranger"


async def test_a_state_that_has_expired_is_refused(stranger: Travis, monkeypatch: pytest.MonkeyPatch) -> None:
    assert middleware_module.SIGN_IN_SECONDS == 600.0
    monkeypatch.setattr(middleware_module, "SIGN_IN_SECONDS", -1.0)
    async with Application(stranger).serving() as application:
        browser = Browser()
        status, _, text = await browser.come_back(await browser.open(f"{application.url}/"))
    assert (status, "within the last ten minutes" in text) == (403, True)


async def test_two_tabs_can_sign_in_at_the_same_time(application: Application) -> None:
    browser = Browser()
    first, second = await browser.open(f"{application.url}/one"), await browser.open(f"{application.url}/two")
    assert (await browser.come_back(second))[1] == "/two"
    assert (await browser.come_back(first))[1] == "/one"
    assert len(browser.cookies) == 2


async def test_tabs_that_open_at_the_same_time_do_not_lose_each_others_sign_in(application: Application) -> None:
    opened = [Browser() for _ in range(3)]
    targets = [await one.open(f"{application.url}/{place}") for place, one in enumerate(opened)]
    browser = Browser({name: value for one in opened for name, value in one.cookies.items()})
    assert len(browser.cookies) == 3
    for place, target in enumerate(targets):
        assert (await browser.come_back(target))[1] == f"/{place}"


async def test_what_is_no_form_of_travis_is_refused(application: Application) -> None:
    browser = Browser()
    target = await browser.open(f"{application.url}/")
    assert (await browser.send("POST", target))[0] == 400
    assert (await browser.send("POST", target, form={"token": "<b>"}))[0] == 400
    assert (await browser.send("POST", target, form={"user": "{}"}))[0] == 400
    assert (await browser.send("GET", target))[0] == 405


@pytest.mark.parametrize("path", ["//evil.example.org/", "/\\evil.example.org", "///x", "/" + "x" * 1001, "/a?b=//c"])
async def test_the_way_back_leads_to_this_application(application: Application, path: str) -> None:
    browser = Browser()
    host, port = urlsplit(application.url).hostname, urlsplit(application.url).port
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
    head = (await reader.read()).decode()
    writer.close()
    await writer.wait_closed()
    if head.startswith("HTTP/1.1 400"):
        return
    (browser.cookies["travis-browser-1"],) = re.findall("travis-browser-.{8}=([0-9a-f]{32})", head)
    location: str = re.findall(r"Location: (\S+)", head)[0]
    answer = await browser.come_back(parse_qs(urlsplit(location).query)["redirect_uri"][0])
    assert answer[0] == 303
    assert re.match(r"/(?![/\\])", answer[1]), answer


# What Travis says


async def test_who_is_not_authorized_is_refused(application: Application, server: TravisServer) -> None:
    server.world.user("josh", token="a-token-of-josh")
    browser = Browser()
    status, _, text = await browser.come_back(await browser.open(f"{application.url}/"), "a-token-of-josh")
    assert (status, "Access denied for josh." in text) == (403, True)
    assert "travis-session" not in browser.cookies


async def test_a_token_that_travis_does_not_know_is_refused(application: Application) -> None:
    browser = Browser()
    status, _, text = await browser.come_back(await browser.open(f"{application.url}/"), "unknown")
    assert (status, "does not know the token" in text, "unknown" in text) == (403, True, False)


async def test_a_travis_that_is_down_signs_nobody_in(
    application: Application, server: TravisServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.respond("GET", "/users", status=404, body=b"{}")
    browser = Browser()
    assert (await browser.come_back(await browser.open(f"{application.url}/")))[0] == 503
    assert "could not sign in" in caplog.text
    assert TOKEN not in caplog.text


# Settings


async def test_an_async_function_can_decide_who_is_authorized(stranger: Travis) -> None:
    seen: list[User] = []

    async def authorized(user: User) -> bool:
        seen.append(user)
        return len(seen) == 2

    async with Application(stranger, authorized=authorized).serving() as application:
        browser = Browser()
        assert (await browser.come_back(await browser.open(f"{application.url}/")))[0] == 403
        assert (await browser.come_back(await browser.open(f"{application.url}/")))[0] == 303
    assert [user.login for user in seen] == ["sarah", "sarah"]


async def test_callbacks_store_who_signed_in_in_place_of_the_cookie(stranger: Travis) -> None:
    stored: list[tuple[str, str]] = []

    async def is_signed_in(request: web.Request) -> bool:
        return bool(stored)

    async def set_user(request: web.Request, user: User, token: str) -> None:
        stored.append((user.login, token))

    async with Application(stranger, is_signed_in=is_signed_in, set_user=set_user).serving() as application:
        browser = Browser()
        assert (await browser.come_back(await browser.open(f"{application.url}/x")))[:2] == (303, "/x")
        assert stored == [("sarah", TOKEN)]
        assert "travis-session" not in browser.cookies
        assert await browser.send("GET", f"{application.url}/x") == (200, "", "/x for anybody")


async def test_over_tls_cookies_belong_to_this_host_alone(stranger: Travis) -> None:
    inner: Any = sign_in_middleware(
        stranger, url="https://builds.example.org", secret=SECRET, authorized=lambda _: True, provider="gitlab"
    )
    response = await inner(make_mocked_request("GET", "/"), None)
    ((name, cookie),) = response.cookies.items()
    assert name.startswith("__Host-travis-browser-")
    assert (cookie["secure"], cookie["path"], cookie["domain"]) == (True, "/", "")
    location = urlsplit(str(response.headers["Location"]))
    assert location.path == "/auth/handshake/gitlab"
    assert parse_qs(location.query)["redirect_uri"][0].startswith("https://builds.example.org/__travis__/sign-in?")


@pytest.mark.parametrize(
    "url",
    [
        "", "builds.example.org", "ftp://localhost:8080", "http://builds.example.org", "http://localhost", "http://localhost:80",
        "https://127.0.0.1", "http://[::1]:8080", "https://example.org/builds", "https://example.org?x", "https://a@b.org",
        "https://[", "http://localhost:99999", "https://bücher.example.org", None, 1,
    ],
)  # fmt: skip
async def test_a_url_that_never_gets_a_token_is_refused_at_once(stranger: Travis, url: Any) -> None:
    with pytest.raises(UsageError) as caught:
        sign_in_middleware(stranger, url=url, secret=SECRET, authorized=lambda _: True)
    assert caught.value.argument == "url"


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({"secret": "short"}, "secret"), ({"authorized": None}, "authorized"), ({"public": "/healthz"}, "public"),
        ({"public": [5]}, "public"), ({"public": ["healthz"]}, "public"), ({"public": [""]}, "public"),
        ({"set_user": print}, "set_user"), ({"is_signed_in": print}, "set_user"), ({"provider": ""}, "provider"),
        ({"is_signed_in": 1, "set_user": print}, "is_signed_in"), ({"is_signed_in": print, "set_user": 1}, "set_user"),
    ],
)  # fmt: skip
async def test_other_settings_are_checked(stranger: Travis, options: dict[str, Any], argument: str) -> None:
    given: dict[str, Any] = {"url": "https://example.org/", "secret": SECRET, "authorized": is_sarah, **options}
    with pytest.raises(UsageError) as caught:
        sign_in_middleware(stranger, **given)
    assert caught.value.argument == argument


def test_the_session_user_is_frozen() -> None:
    user = SessionUser(id=1, login="sarah")
    with pytest.raises(AttributeError):
        user.id = 2  # type: ignore[misc] # pyright: ignore[reportAttributeAccessIssue]
    assert middleware_module.SESSION_SECONDS == 12 * 3600
