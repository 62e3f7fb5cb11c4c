"""Signing in with the browser of this machine: what arrives at the port, and from whom."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import anyio
import pytest

from aiotravis import Travis
from aiotravis.errors import ServerError, SignInFailed, TravisError, UsageError
from aiotravis.testing import TravisServer
from aiotravis.web import _pages, sign_in
from tests.conftest import TOKEN
from tests.waiting import until
from tests.web.person import Person


async def post(url: str, token: str | None = TOKEN, **headers: str) -> tuple[int, str]:
    form = {"user": '{"login":"josh"}', "storage": "localStorage"} | ({"token": token} if token else {})
    async with aiohttp.ClientSession() as session, session.post(url, data=form, headers=headers) as response:
        return response.status, await response.text()


async def test_the_token_that_travis_posts_is_returned_with_its_owner(stranger: Travis, server: TravisServer) -> None:
    person = Person()
    waiting = asyncio.ensure_future(sign_in(stranger, open_browser=person.open))
    target = await person.target()
    assert urlsplit(target).hostname == "127.0.0.1"
    assert (urlsplit(target).port or 0) > 1023
    assert len(urlsplit(target).path) > 40
    status, text = await post(target)
    assert (status, "signed in as sarah" in text, TOKEN in text) == (200, True, False)
    found = await waiting
    assert (found.token, found.user.login) == (TOKEN, "sarah")
    assert TOKEN not in repr(found)
    with pytest.raises(aiohttp.ClientConnectionError):
        await post(target)


async def test_strangers_are_refused_and_the_person_still_signs_in(stranger: Travis, server: TravisServer) -> None:
    person = Person()
    waiting = asyncio.ensure_future(sign_in(stranger, open_browser=person.open))
    target = await person.target()
    origin = target.rpartition("/")[0]
    for wrong in (
        f"{origin}/",
        f"{origin}/x",
        f"{target}x",
        target[:-1],
        f"{target}/",
        f"{origin}/%ff",
        f"{origin}//x",
    ):
        assert (await post(wrong, "a-token-of-a-stranger"))[0] == 404
    assert (await post(target, Host="evil.example.org:80"))[0] == 404, "a name of another host that leads here"
    assert (await post(target, Host="localhost"))[0] == 404
    async with aiohttp.ClientSession() as session:
        for method in ("GET", "PUT", "OPTIONS", "DELETE"):
            async with session.request(method, target) as response:
                assert response.status == 405
                assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert [(await post(target, wrong))[0] for wrong in (None, "", "<b>", "a b")] == [400] * 4
    assert server.requests_to("/users") == [], "nothing of a stranger is asked for"
    assert (await post(target, "unknown"))[0] == 403
    assert not waiting.done()
    assert (await post(target))[0] == 200
    assert (await waiting).user.login == "sarah"


async def test_the_first_of_two_tabs_ends_it(stranger: Travis, server: TravisServer) -> None:
    server.world.user("josh", token="a-token-of-josh")
    server.latency = 0.05
    person = Person()
    waiting = asyncio.ensure_future(sign_in(stranger, open_browser=person.open))
    target = await person.target()
    answers = await asyncio.gather(post(target), post(target, "a-token-of-josh"))
    assert sorted(status for status, _ in answers) == [200, 409]
    found = await waiting
    (winner,) = (text for status, text in answers if status == 200)
    assert f"signed in as {found.user.login}" in winner


async def test_after_the_time_limit_nothing_is_left(stranger: Travis) -> None:
    person = Person()
    with pytest.raises(SignInFailed, match=r"within 0\.05 seconds"):
        await sign_in(stranger, open_browser=person.open, timeout=0.05)
    with pytest.raises(aiohttp.ClientConnectionError):
        await post(await person.target())


async def test_cancelling_frees_the_port(stranger: Travis) -> None:
    person = Person()
    waiting = asyncio.ensure_future(sign_in(stranger, open_browser=person.open))
    target = await person.target()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    with pytest.raises(aiohttp.ClientConnectionError):
        await post(target)


async def hold(target: str) -> asyncio.StreamWriter:
    """Send the beginning of a form, and hold the connection."""
    parts = urlsplit(target)
    _, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: 100\r\n\r\ntoken=".encode())
    await writer.drain()
    await asyncio.sleep(0.02)  # The listener reads it.
    return writer


async def test_cancelling_does_not_wait_for_those_who_hold_connections(stranger: Travis) -> None:
    person = Person()
    waiting = asyncio.ensure_future(sign_in(stranger, open_browser=person.open))
    held = [await hold(await person.target()) for _ in range(3)]
    waiting.cancel()
    began = time.perf_counter()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert time.perf_counter() - began < 1.0, "a grace period of seconds would be more"
    for writer in held:
        writer.close()


async def test_cancelling_does_not_wait_for_travis(stranger: Travis, server: TravisServer) -> None:
    person = Person()
    waiting = asyncio.ensure_future(sign_in(stranger, open_browser=person.open))
    server.faults.rest("/users").freeze()
    posting = asyncio.ensure_future(post(await person.target()))
    await until(lambda: bool(server.faults.made))
    waiting.cancel()
    began = time.perf_counter()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    with pytest.raises(aiohttp.ClientConnectionError):
        await posting
    assert time.perf_counter() - began < 1.0, "a grace period of seconds would be more"


async def test_the_page_is_shown_whoever_holds_connections(stranger: Travis) -> None:
    person = Person()
    waiting = asyncio.ensure_future(sign_in(stranger, open_browser=person.open))
    held = await hold(await person.target())
    began = time.perf_counter()
    status, text = await post(await person.target())
    assert (status, "signed in as sarah" in text) == (200, True)
    assert (await waiting).user.login == "sarah"
    assert time.perf_counter() - began < 1.0, "a grace period of seconds would be more"
    held.close()


async def test_without_a_browser_it_fails_at_once(stranger: Travis) -> None:
    with anyio.fail_after(5), pytest.raises(SignInFailed, match="open_browser=print"):
        await sign_in(stranger, open_browser=lambda _: False)


async def test_an_error_of_the_function_that_opens_the_browser_is_raised(stranger: Travis) -> None:
    def broken(_: str) -> None:
        raise LookupError("no browser")

    with pytest.raises(LookupError, match="no browser"):
        await sign_in(stranger, open_browser=broken)


async def test_a_browser_that_returns_when_it_is_closed_does_not_delay(stranger: Travis) -> None:
    person, closed = Person(), threading.Event()

    def text_browser(url: str) -> bool:
        person.open(url)
        return closed.wait(30)

    waiting = asyncio.ensure_future(sign_in(stranger, open_browser=text_browser))
    await post(await person.target())
    assert (await waiting).user.login == "sarah"
    closed.set()


async def test_a_travis_that_fails_is_told_to_the_program(stranger: Travis, server: TravisServer) -> None:
    server.respond("GET", "/users", status=500, body=b"Sorry")
    person = Person()
    waiting = asyncio.ensure_future(sign_in(stranger.with_options(attempts=1), open_browser=person.open))
    assert (await post(await person.target()))[0] == 503
    with pytest.raises(ServerError):
        await waiting


async def test_a_client_that_is_closed_meanwhile_ends_it(server: TravisServer) -> None:
    travis = Travis(endpoint=server.endpoint)
    person = Person()
    waiting = asyncio.ensure_future(sign_in(travis, open_browser=person.open))
    target = await person.target()
    await travis.aclose()
    await post(target)
    with pytest.raises(UsageError):
        await waiting


async def test_a_form_that_does_not_end_does_not_keep_the_port(
    stranger: Travis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_pages, "FORM_SECONDS", 0.05)
    person = Person()
    waiting = asyncio.ensure_future(sign_in(stranger, open_browser=person.open))
    target = urlsplit(await person.target())
    reader, writer = await asyncio.open_connection(target.hostname, target.port)
    head = f"POST {target.path} HTTP/1.1\r\nHost: {target.netloc}\r\nContent-Length: 100\r\n\r\ntoken="
    writer.write(head.encode())
    assert (await reader.readline()).startswith(b"HTTP/1.1 408")
    assert (await post(target.geturl()))[0] == 200
    assert (await waiting).user.login == "sarah"
    writer.close()


@pytest.mark.parametrize(
    ("options", "argument"),
    [({"timeout": 0}, "timeout"), ({"timeout": float("inf")}, "timeout"), ({"provider": ""}, "provider"),
     ({"open_browser": None}, "open_browser")],
)  # fmt: skip
async def test_arguments_are_checked_before_anything_is_opened(
    stranger: Travis, options: dict[str, Any], argument: str
) -> None:
    with pytest.raises(UsageError) as caught:
        await sign_in(stranger, **options)
    assert caught.value.argument == argument
    no_client: Any = None
    with pytest.raises(TravisError):
        await sign_in(no_client)


async def test_an_async_function_cannot_open_the_browser(stranger: Travis) -> None:
    async def opens(url: str) -> None: ...

    wrong: Callable[[str], object] = opens
    with pytest.raises(UsageError, match="open_browser"):
        await sign_in(stranger, open_browser=wrong)
