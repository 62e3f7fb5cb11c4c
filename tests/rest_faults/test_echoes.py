"""A server that echoes secrets wherever it can, in every encoding: none of them comes to light."""

import base64
import json
import logging
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest

from aiotravis import Travis, errors
from aiotravis.resources.config import GET as CONFIG
from tests.conftest import TOKEN
from tests.rest_faults.asking import JSON, Ask, client, kept, kinds_of, moved, told
from tests.wire import Answer, framed, headed, wire

HEADER = "h34der-s3cret/+ü"
SESSION = "s3ssion-s3cret"
PASSWORD = 'pa55"word & more'
VALUE = "env-v4lue=<x>"
KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA1jYm5xYxvD0tJyGQ4\nXo3nPm8uL1vCq2lRrPzcm4\n-----END-----\n"
KEY_LINE = KEY.splitlines()[1]


async def with_token(travis: Travis) -> object:
    return await travis.users.me()


async def with_header(travis: Travis) -> object:
    return await travis.request("GET", "/x", headers={"X-Secret": HEADER, "Authorization": f"Basic {HEADER}"})


async def with_json(travis: Travis) -> object:
    return await travis.request("POST", "/x", json={"env_var": {"value": VALUE}, "password": PASSWORD})


async def with_value(travis: Travis) -> object:
    return await travis.env_vars.create(1, "NAME", VALUE)


async def with_new_value(travis: Travis) -> object:
    return await travis.env_vars.update(1, "a-b", value=VALUE)


async def with_key(travis: Travis) -> object:
    return await travis.ssh_keys.update(1, KEY)


async def with_github_token(travis: Travis) -> object:
    return await travis.auth.github(VALUE)


async def with_rss_token(travis: Travis) -> object:
    return await travis.repos.badge("a/b", rss_token=VALUE)


SENT: dict[Ask, tuple[str, ...]] = {
    with_token: (TOKEN,),
    with_header: (TOKEN, HEADER),
    with_json: (TOKEN, VALUE, PASSWORD),
    with_value: (TOKEN, VALUE),
    with_new_value: (TOKEN, VALUE),
    with_key: (TOKEN, KEY_LINE),
    with_github_token: (TOKEN, VALUE),
    with_rss_token: (TOKEN, VALUE),
}

ENCODINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "for a URL": lambda secret: quote(secret, safe=""),
    "in base64": lambda secret: base64.b64encode(f"a:{secret}".encode()).decode(),
    "in JSON": lambda secret: json.dumps(secret)[1:-1],
    "in a repr": lambda secret: repr(secret)[1:-1],
}


def escaped(text: str) -> str:
    return json.dumps(text)[1:-1]


def answers(echo: str) -> dict[str, Answer]:
    """Give answers that hold an echo wherever a server can put one."""
    inline = quote(echo, safe="=/+&<>:") if "\n" in echo else echo
    raw = inline.encode()
    return {
        "a request id": kept(framed(b"no", f"X-Request-Id: {inline}", status="500 Oops")),
        "a status line": Answer(framed(JSON, status=f"599 {inline}")),
        "a status that is no number": Answer(b"HTTP/1.1 " + raw + b" OK\r\n\r\n"),
        "a protocol": Answer(b"HTTP/" + raw + b" 200 OK\r\n\r\n"),
        "a header's name": Answer(b"HTTP/1.1 200 OK\r\n" + raw + b"\x00: 1\r\n\r\n"),
        "a header's value": Answer(b"HTTP/1.1 200 OK\r\nX-Echo: \x00" + raw + b"\r\n\r\n"),
        "two lengths": Answer(framed(JSON, f"Content-Length: {inline}")),
        "a location's path": moved(f"http://127.0.0.1:1/{quote(echo)}"),
        "a location's host": moved(f"http://{re.sub('[^a-zA-Z0-9-]', '', echo)}.invalid/"),
        "a location's port": moved(f"http://127.0.0.1:{inline}/"),
        "a location's brackets": moved(f"http://[{inline}/"),
        "a location's user": moved(f"ftp://{inline}@127.0.0.1/"),
        "a location's scheme": moved(f"javascript:{inline}"),
        "a chunk's size": Answer(headed("Transfer-Encoding: chunked") + raw + b"\r\n"),
        "a chunk's extension": Answer(headed("Transfer-Encoding: chunked") + b"2;" + raw + b"\r\n{}\r\nzz\r\n"),
        "an encoding": Answer(framed(JSON, f"Content-Encoding: {inline}")),
        "a transfer encoding": Answer(headed(f"Transfer-Encoding: {inline}") + JSON),
        "a type": kept(framed(b"no JSON", kind=inline)),
        "a cookie": kept(framed(b"no", f"Set-Cookie: {inline}; Domain=\x7f", status="500 Oops")),
        "a wait": kept(framed(b"", f"Retry-After: {inline}", status="503 Busy")),
        "gzip": Answer(framed(raw, "Content-Encoding: gzip")),
        "text": kept(framed(echo.encode(), status="403 Forbidden", kind="text/plain")),
        "an error": kept(framed(f'{{"error":{{"message":"{escaped(echo)}"}}}}'.encode(), status="422 No")),
        "a field": kept(framed(f'{{"errors":[{{"field":"{escaped(echo)}","code":"x"}}]}}'.encode(), status="422 No")),
        "a flash": kept(framed(f'{{"flash":[{{"error":"{escaped(echo)}"}}]}}'.encode(), status="400 No")),
        "a key of JSON": kept(framed(f'{{"{escaped(echo)}":1}}'.encode(), status="500 Oops")),
        "another shape": kept(framed(f'{{"config":"{escaped(echo)}","user":"{escaped(echo)}","x":'.encode())),
        "half a character": kept(framed(f'{{"env_var":"{escaped(echo)}'.encode() + b'\xff"}')),
        "a web page": kept(framed(b"<p>" + echo.encode(), kind="text/html")),
        "a cut body": Answer(framed(echo.encode() * 3)[:-5]),
    }  # fmt: skip


async def hear(ask: Ask, answer: Answer, logged: pytest.LogCaptureFixture, **settings: Any) -> str:
    logged.set_level(logging.DEBUG)
    async with wire(answer) as server, client(server.endpoint, attempts=1, **settings) as travis:
        try:
            await ask(travis)
        except errors.TravisError as exc:
            return told(exc) + logged.text + repr(travis)
        return logged.text + repr(travis)


@pytest.mark.parametrize("place", answers("x"))
@pytest.mark.parametrize("ask", SENT)
async def test_no_echo_of_a_secret_comes_to_light(place: str, ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    for encode in ENCODINGS.values():
        for secret in SENT[ask]:
            everything = await hear(ask, answers(encode(secret))[place], caplog)
            for form in (secret, secret.lower(), encode(secret), encode(secret).lower()):
                assert form not in everything, everything
        caplog.clear()


async def test_secrets_of_the_callers_session_do_not_come_to_light(caplog: pytest.LogCaptureFixture) -> None:
    jar = aiohttp.CookieJar(unsafe=True)
    jar.update_cookies({"crumb": SESSION[::-1]})
    caplog.set_level(logging.DEBUG)
    headers = {"X-Session": SESSION, "Authorization": f"Bearer {PASSWORD}"}
    for place, answer in answers(f"{SESSION} {SESSION[::-1]} {PASSWORD}").items():
        async with (
            wire(answer) as server,
            aiohttp.ClientSession(headers=headers, cookie_jar=jar) as session,
            client(server.endpoint, attempts=1, session=session) as travis,
        ):
            with pytest.raises(errors.TravisError) as info:
                await with_token(travis)
            everything = told(info.value) + caplog.text
        for secret in (SESSION, SESSION[::-1], PASSWORD):
            assert secret not in everything, (place, everything)


async def test_a_request_that_times_out_does_not_name_its_query() -> None:
    """Aiohttp's own message quotes the URL."""
    url = CONFIG.request(query=[("access_token", VALUE)])

    async def slow(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        raise aiohttp.ConnectionTimeoutError(f"Connection timeout to host {request.url}")

    async with Travis(TOKEN, endpoint="http://127.0.0.1:1", middlewares=[slow], attempts=1) as travis:
        with pytest.raises(errors.RequestTimeout) as info:
            await travis._transport.send(url)
    assert quote(VALUE) not in told(info.value)
    assert VALUE not in told(info.value)
    assert info.value.unsent


async def test_the_password_of_a_proxy_does_not_come_to_light(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    basic = base64.b64encode(b"sarah:pr0xy-pass").decode()
    answer = kept(framed(f"no: {basic} sarah:pr0xy-pass".encode(), status="407 No", kind="text/plain"))
    async with wire(answer) as proxy:
        url = proxy.endpoint.replace("//", "//sarah:pr0xy-pass@")
        for endpoint in ("http://api.example.org", "https://api.example.org"):
            async with Travis(TOKEN, endpoint=endpoint, proxy=url, attempts=1) as travis:
                with pytest.raises(errors.TravisError) as info:
                    await travis.config.get()
            everything = told(info.value) + caplog.text
            assert "pr0xy-pass" not in everything
            assert basic not in everything
    assert b"Proxy-Authorization: Basic" in proxy.heads[0]


async def test_the_context_of_an_error_is_empty_and_its_cause_a_builtin() -> None:
    for answer in (
        Answer(),
        Answer(b"HTP"),
        Answer(framed(JSON)[:-3]),
        kept(framed(b"\x1f", "Content-Encoding: gzip")),
    ):
        async with wire(answer) as server, client(server.endpoint, attempts=1) as travis:
            with pytest.raises(errors.RequestError) as info:
                await travis.config.get()
        assert info.value.__context__ is None
        cause = info.value.__cause__
        assert cause is not None
        assert type(cause).__module__ == "builtins"
        assert (cause.__context__, cause.__cause__) == (None, None)


HOSTILE = "\x1b]0;title\x07\x1b[2J\x9b31m\u202eevil\u2066\r\n\x00\x7f\u2028x"


async def restart_or_read(travis: Travis) -> None:
    await travis.builds.restart(1)
    await travis.users.me()


CANNOT_CANCEL = f'{{"error":{{"code":"cant_cancel","message":"{escaped(HOSTILE)}"}}}}'


@kinds_of({
    "text": kept(framed(HOSTILE.encode(), status="403 Forbidden", kind="text/plain")),
    "an error": kept(framed(f'{{"error":{{"message":"{escaped(HOSTILE)}"}}}}'.encode(), status="422 No")),
    "a code": kept(framed(f'{{"errors":[{{"field":"f","code":"{escaped(HOSTILE)}"}}]}}'.encode(), status="422 No")),
    "a flash": kept(framed(f'{{"flash":[{{"error":"{escaped(HOSTILE)}"}}]}}'.encode(), status="400 No")),
    "a refusal": kept(framed(f'{{"result":false,"flash":[{{"error":"{escaped(HOSTILE)}"}}]}}'.encode())),
    "not canceled": kept(framed(CANNOT_CANCEL.encode(), status="422 No")),
    "a request id": kept(framed(b"", "X-Request-Id: a\x1b[31m\x9b", status="500 Oops")),
    "a location": moved("http://127.0.0.1:1/\x1b[2J\u202e"),
    "a failure": kept(framed(HOSTILE.encode(), status="500 Oops", kind="text/plain")),
    "another shape": kept(framed(HOSTILE.encode(), kind="text/html")),
})  # fmt: skip
async def test_no_text_of_an_error_can_control_a_terminal(case: Answer) -> None:
    async with wire(case) as server, client(server.endpoint, attempts=1) as travis:
        with pytest.raises(errors.TravisError) as info:
            await restart_or_read(travis)
    error = info.value
    texts = [str(error), *(value for value in vars(error).values() if isinstance(value, str))]
    texts += [text for name in ("flash", "errors") for text in map(str, getattr(error, name, ()))]
    for text in texts:
        assert text.isprintable(), text


def test_any_error_of_the_tree_has_a_printable_message() -> None:
    for error in (
        errors.UsageError(HOSTILE),
        errors.LiveUnavailable(f"The live channel at {HOSTILE}:443 cannot be reached"),
        errors.SubscriptionError(HOSTILE, channel="c"),
        errors.CommitNotBuilt(HOSTILE, sha="a"),
    ):
        assert str(error).isprintable()
        assert "evil" in str(error)
