"""What comes to light when a call fails: no secret does."""

import logging

import pytest

from aiotravis import Travis, errors
from aiotravis.resources.config import GET as CONFIG
from tests.conftest import TOKEN
from tests.rest_faults.asking import JSON, MEBI, Ask, client, kept, kinds_of, moved, told
from tests.wire import Answer, End, framed, headed, wire

SECRET = "5ecret"


async def spoken(case: Answer, ask: Ask, logged: pytest.LogCaptureFixture) -> str:
    """Give everything that becomes known when a call fails."""
    logged.set_level(logging.DEBUG)
    silent = case.end is End.HOLD
    async with (
        wire(case) as server,
        client(server.endpoint, read_timeout=0.1 if silent else 5.0, max_response=MEBI) as travis,
    ):
        with pytest.raises(errors.TravisError) as info:
            await ask(travis)
        return told(info.value) + repr(travis) + repr(travis._transport) + logged.text


async def with_secrets(travis: Travis) -> object:
    """Send secrets in the query and in a header, and read a shape out of the answer."""
    call = CONFIG.request(query=[("access_token", SECRET)], headers=[("X-Secret", SECRET)])
    return CONFIG.read(call, await travis._transport.send(call))


async def sign_in(travis: Travis) -> object:
    return await travis.auth.github(SECRET)


ECHO = f"{TOKEN} {SECRET}".encode()

ECHOES: dict[str, Answer] = {
    "refused": kept(framed(b'{"error":"%b"}' % ECHO, status="403 Forbidden")),
    "failed": kept(framed(b"<p>" + ECHO, status="500 Oops")),
    "in another shape": kept(framed(b'{"config":"%b"}' % ECHO)),
}

SPOKEN: dict[str, Answer] = {
    "nothing": Answer(),
    "cut": Answer(framed(JSON)[:-9]),
    "garbled": kept(framed(JSON, "Content-Encoding: gzip")),
    "too large": kept(framed(bytes(2 * MEBI))),
    "silent": Answer(end=End.HOLD),
    "elsewhere, in circles": moved(f"/x?access_token={SECRET}&token={TOKEN}"),
    "elsewhere, at nobody's": moved(f"http://127.0.0.1:1/?signature={SECRET}"),
    "elsewhere, at no address": moved(f"http://[::1/?signature={SECRET}"),
    "elsewhere, at port 0": moved(f"http://127.0.0.1:0/?signature={SECRET}"),
    "elsewhere, with a user": moved(f"http://user:{SECRET}@127.0.0.1:1/"),
}

BROKEN: dict[str, Answer] = {
    "a misspelt protocol": Answer(b"HTP/1.1 200 OK\r\n\r\n"),
    "two lengths": Answer(framed(JSON, "Content-Length: 2")),
    "a chunk's size in words": Answer(headed("Transfer-Encoding: chunked") + b"many\r\n"),
}


@pytest.mark.parametrize("ask", [with_secrets, sign_in])
@kinds_of(SPOKEN)
async def test_no_error_log_or_repr_contains_a_secret(case: Answer, ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    everything = await spoken(case, ask, caplog)
    assert TOKEN not in everything
    assert SECRET not in everything


@kinds_of(ECHOES)
async def test_echoed_secrets_are_redacted(case: Answer, caplog: pytest.LogCaptureFixture) -> None:
    everything = await spoken(case, with_secrets, caplog)
    assert "[token] [token]" in everything
    assert TOKEN not in everything
    assert SECRET not in everything


@pytest.mark.parametrize("ask", [with_secrets, sign_in])
@kinds_of(BROKEN)
async def test_no_cause_of_an_error_contains_a_secret(case: Answer, ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    everything = await spoken(case, ask, caplog)
    assert TOKEN not in everything
    assert SECRET not in everything


async def test_no_cause_of_a_unicode_error_contains_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    case = kept(framed(b'{"config":"%b\xff"}' % ECHO))
    everything = await spoken(case, with_secrets, caplog)
    assert TOKEN not in everything
    assert SECRET not in everything


@kinds_of(ECHOES)
async def test_an_echoed_github_token_is_redacted(case: Answer, caplog: pytest.LogCaptureFixture) -> None:
    assert SECRET not in await spoken(case, sign_in, caplog)
