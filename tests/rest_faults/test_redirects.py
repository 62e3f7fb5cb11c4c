"""Where a hostile server may point: what is followed, and what goes along."""

import contextlib
import itertools
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from aiotravis import Travis, errors
from aiotravis._http import ApiRequest
from aiotravis._http.redirects import redirect_target
from tests.rest_faults.asking import ASKS, JSON, PLAIN, TEXT, Ask, client, fails, kept, log, moved, sign, told
from tests.wire import Answer, certified, framed, wire

STATUSES = pytest.mark.parametrize("status", [301, 302, 303, 307, 308])

LOCATIONS = [
    "#x", "/%zz%", "/a b", "/\xff", "?" * 5000, "http:///x", "http://[::1", "http://a..b/", "http://a%00b/",
    "http://127.0.0.1:0/", "http://127.0.0.1:99999/", "http://127.0.0.1:x/", "http://127.0.0.1:1/\x01",
    "http://user:password@127.0.0.1:1/", "http://xn--a\xad.invalid/", "http://" + "a" * 300 + "/",
    "http://127.0.0.1:1\\@[/", "javascript:alert(1)", "file:///etc/passwd", "ws://127.0.0.1:1/", "//", "\\\\", "%",
]  # fmt: skip


@ASKS
@pytest.mark.parametrize("location", LOCATIONS)
async def test_a_location_of_any_form_ends_in_an_error(location: str, ask: Ask) -> None:
    requests = await fails(ask, moved(location), errors.RequestError)
    assert requests == 1 if ask is sign else requests <= 6


AWKWARD = ["", "api.home", "evil", ":81", "@", "/", "\\", "?", "#", "\t", "%40", "\uff20"]


def test_the_origin_that_is_checked_is_the_one_that_is_asked() -> None:
    """If two parsers read one URL differently, the token could reach another host."""
    home = "http://api.home:81"
    counted = {True: 0, False: 0}
    for pieces in itertools.product(AWKWARD, repeat=4):
        with contextlib.suppress(errors.RedirectError, ValueError):
            location = f"//{''.join(pieces)}"
            target = redirect_target(
                ApiRequest("GET", "/x"), f"{home}/x", location, base_url=home, authenticated=True, followed=0
            )
            asked = URL(target.url, encoded=True)
            at_home = (asked.scheme, (asked.host or "").lower(), asked.port) == ("http", "api.home", 81)
            assert at_home is not target.cross_origin, location
            counted[at_home] += 1
    assert min(counted.values()) > 99


def names(head: bytes) -> set[str]:
    return {line.partition(b":")[0].decode().lower() for line in head.split(b"\r\n")[1:] if line}


HARMLESS = {"host", "accept", "accept-encoding", "user-agent"}


@STATUSES
async def test_headers_never_leave_the_origin_and_return_with_it(status: int) -> None:
    """Home, away, further away, home: same host everywhere, so that only the port tells them apart."""
    jar = aiohttp.CookieJar(unsafe=True)
    jar.update_cookies({"mine": "a-cookie"}, URL("http://127.0.0.1/"))

    def answer(head: bytes) -> Answer:
        if b"/back" in head:
            return kept(framed(TEXT, kind=PLAIN))
        return moved(f"{away.endpoint}/1", "Set-Cookie: theirs=crumb; Path=/", status=status)

    async with (
        wire(answer) as home,
        wire(lambda head: moved(f"{home.endpoint}/back", "Set-Cookie: more=crumb", status=status)) as further,
        wire(lambda head: moved(f"{further.endpoint}/2", "Set-Cookie: other=crumb", status=status)) as away,
        aiohttp.ClientSession(headers={"X-Session": "mine"}, cookie_jar=jar) as session,
        client(home.endpoint, session=session) as travis,
    ):
        reply = await travis.request("GET", "/jobs/7/log", headers={"X-Call": "mine", "Cookie": "call=mine"})
        assert reply.body == TEXT
    assert [names(head) for head in (*away.heads, *further.heads)] == [HARMLESS, HARMLESS]
    first, back = home.heads
    assert names(first) >= {"authorization", "x-session", "x-call", "cookie"}
    assert names(back) >= {"authorization", "x-session", "x-call", "cookie"}


async def test_credentials_of_the_session_never_leave_the_origin() -> None:
    with pytest.deprecated_call():
        session = aiohttp.ClientSession(auth=aiohttp.BasicAuth("sarah", "password"))
    async with (
        wire(kept(framed(TEXT, kind=PLAIN))) as away,
        wire(lambda head: moved(away.endpoint)) as home,
        session,
        Travis(endpoint=home.endpoint, session=session) as travis,
    ):
        assert await log(travis) == TEXT.decode()
    assert b"Authorization: Basic" in home.heads[0]
    assert names(away.heads[0]) == HARMLESS


async def test_cookies_that_a_server_sets_are_never_sent_back() -> None:
    answer = kept(framed(TEXT, "Set-Cookie: theirs=crumb; Path=/", kind=PLAIN))
    async with wire(answer) as server, client(server.endpoint) as travis:
        await log(travis)
        await log(travis)
    assert not any("cookie" in names(head) for head in server.heads)


async def test_redirects_from_https_to_http_are_refused(tmp_path: Path) -> None:
    served, trusted = certified(tmp_path)
    async with (
        wire(kept(framed(TEXT, kind=PLAIN))) as plain,
        wire(lambda head: moved(f"{plain.endpoint}/1?signature=5ecret"), tls=served) as home,
        client(home.endpoint, ssl=trusted) as travis,
    ):
        with pytest.raises(errors.RedirectError, match="from https to http") as info:
            await log(travis)
        assert info.value.location == f"{plain.endpoint}/1"
        assert "5ecret" not in told(info.value)
    assert (len(home.heads), plain.heads) == (1, [])


@STATUSES
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_redirected_write_is_sent_once(method: str, status: int) -> None:
    async with (
        wire(kept(framed(JSON))) as away,
        wire(lambda head: moved(away.endpoint if b"/away" in head else "/elsewhere", status=status)) as home,
        client(home.endpoint) as travis,
    ):
        for path in ("/away", "/within"):
            with pytest.raises(errors.RedirectError, match="writes are never repeated elsewhere"):
                await travis.request(method, path, json={"secret": "5ecret"})
    assert (len(home.heads), away.heads) == (2, [])
