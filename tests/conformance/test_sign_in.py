"""Signing in through the browser, in raw bytes: sections beyond 3.1 to beyond 3.3 of the facts."""

import json
import re
from html import unescape
from http.cookies import SimpleCookie
from urllib.parse import parse_qs, quote, urlsplit

from aiotravis.testing import Switches
from tests.conformance.live import covers, rows
from tests.conformance.scene import scene
from tests.conformance.tables import NOTHING, Row, calls
from tests.conftest import TOKEN
from tests.raw import Raw, ask

TARGET = "http://localhost:8080/callback?nonce=a%26b&c=d"
ENTERPRISE = Switches(target_origins=("builds.example.org",))


def back(target: str, status: int, body: bytes | None = None, kind: str | None = "text/html", **more: object) -> Row:
    """Return the row of a return from the provider."""
    state = f"abc:::{target}"
    headers = {"Cookie": f'travis.state-github="{state}"'}
    path = f"/auth/handshake?code=github-{TOKEN}&state={quote(state, safe='')}"
    return Row(status, path, body, kind, token=None, headers=headers, **more)  # type: ignore[arg-type]


REFUSED = b"target URI not allowed"

ROWS: dict[str, Row] = {
    "beyond 3.1 this machine above port 1023": back("http://127.0.0.1:1024/", 200),
    "beyond 3.1 this machine, low port": back("http://127.0.0.1:1023/", 401, REFUSED, None),
    "beyond 3.1 this machine, no port": back("https://localhost/", 401, REFUSED, None),
    "beyond 3.1 this machine, any scheme": back("app://localhost:8080/", 200),
    "beyond 3.1 a host of Travis": back("https://app.travis-ci.com/", 200),
    "beyond 3.1 a host that looks like Travis": back("https://travis-ci.com.example.org/", 401, REFUSED, None),
    "beyond 3.1 markup": back("http://localhost:8080/%3Cb%3E", 401, REFUSED, None),
    "beyond 3.1 a listed host": back("https://builds.example.org/", 200, switches=ENTERPRISE),
    "beyond 3.1 a listed host without TLS": back("http://builds.example.org/", 401, REFUSED, None, switches=ENTERPRISE),
    "beyond 3.1 another host": back("https://builds.example.org/", 401, REFUSED, None),
    "beyond 3.1 the cookie is missing": Row(
        302, "/auth/handshake?code=x&state=abc", NOTHING, None, token=None,
        answer_is=lambda answer, _: answer.headers["location"] == "https://travis-ci.org/"
        and 'travis.state-github="";' in answer.headers["set-cookie"],
    ),
    "beyond 3.2 the text redirect and no token": Row(
        200, "/auth/post_message?origin=http%3A%2F%2Flocalhost%3A8080", None, "text/html",
        answer_is=lambda answer, _: b"postMessage('redirect', '*')" in answer.body
        and TOKEN.encode() not in answer.body,
    ),
}  # fmt: skip

test_a_request_has_the_answer_of_travis = calls(ROWS)


def cookie_of(answer: Raw) -> SimpleCookie:
    return SimpleCookie(answer.headers["set-cookie"])


@rows("beyond 3.1", {"cookie on org": ("org", ""), "cookie on com": ("com", True)})
async def test_the_cookie_is_the_state(row: tuple[str, object]) -> None:
    mode, http_only = row
    async with scene(mode=mode) as found:  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
        answer = await ask(found.server, f"/auth/handshake?redirect_uri={quote(TARGET, safe='')}")
        other = await ask(found.server, "/auth/handshake?origin=http://localhost:1/&redirect_uri=http://localhost:2/")
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    assert urlsplit(query["redirect_uri"][0]).path == "/auth/handshake"
    cookie = cookie_of(answer)["travis.state-github"]
    assert cookie.value == query["state"][0]
    assert re.fullmatch(r"[\w-]{22}:::(.*)", cookie.value, re.DOTALL)[1] == TARGET  # type: ignore[index]
    assert (cookie["path"], cookie["secure"], cookie["samesite"], cookie["httponly"]) == ("", "", "", http_only)
    assert cookie_of(other)["travis.state-github"].value.endswith(":::http://localhost:1/"), "origin wins"


@covers("beyond 3.1", "token", "user", "storage", "the target comes back as it was sent")
async def test_the_form_holds_the_token_and_the_target_is_unchanged() -> None:
    async with scene() as found:
        row = back(TARGET, 200)
        answer = await ask(found.server, row.path, headers=dict(row.headers))
    page = answer.body.decode()
    assert 'onload="document.forms[0].submit()"' in page
    action = re.search(r'<form method="post" action="([^"]*)">', page)
    assert action is not None
    assert unescape(action[1]) == TARGET
    fields = {name: unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', page)}
    assert (fields["token"], fields["storage"]) == (TOKEN, "localStorage")
    user = json.loads(fields["user"])
    assert user["login"] == "sarah"
    assert {"id", "channels", "token", "rss_token", "web_token", "installation"} <= set(user)


@covers("beyond 3.1", "the provider sends the browser back")
async def test_the_embedded_github_sends_the_browser_back_with_a_code() -> None:
    async with scene() as found:
        found.server.world.github_user = found.josh
        first = await ask(found.server, f"/auth/handshake?redirect_uri={quote(TARGET, safe='')}")
        at_github = first.headers["location"].removeprefix(found.server.endpoint)
        second = await ask(found.server, at_github)
        cookie = first.headers["set-cookie"].partition("; ")[0]
        path = second.headers["location"].removeprefix(found.server.endpoint)
        third = await ask(found.server, path, headers={"Cookie": cookie})
    assert at_github.startswith("/github/login/oauth/authorize?")
    assert third.status == 200
    assert found.josh.token.encode() in third.body


@covers("beyond 3.3", "the user of the answer counts")
async def test_whose_token_it_is_says_the_api() -> None:
    async with scene() as found:
        answer = await ask(found.server, f"/users?access_token={TOKEN}")
    assert answer.json["user"]["login"] == "sarah"
