"""The form that Travis's page posts, and the pages in return."""

import asyncio
import html
import re
from typing import Any

import pytest
from aiohttp import StreamReader, web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.test_utils import make_mocked_request

from aiotravis import Travis
from aiotravis.errors import AuthenticationError
from aiotravis.testing import TravisServer
from aiotravis.web._pages import owner_of, page, read_posted_form, self_submitting_page
from tests.conftest import TOKEN


def posting(body: bytes) -> web.Request:
    content = StreamReader(BaseProtocol(asyncio.get_running_loop()), 1 << 16)
    content.feed_data(body)
    content.feed_eof()
    return make_mocked_request("POST", "/", payload=content)


@pytest.mark.parametrize(
    ("body", "token"),
    [
        (b"token=abc-DEF_123&user=%7B%7D&storage=localStorage", "abc-DEF_123"),
        (b"token=", None), (b"", None), (b"token=a&token=b", None), (b"token=a b", None), (b"token=%3Cb%3E", None),
        (b"token=" + b"a" * 201, None), (b"token=\xff", None), (b'{"token":"a"}', None), (b"token=a%0A", None),
    ],
)  # fmt: skip
async def test_a_token_is_taken_only_if_it_looks_like_one(body: bytes, token: str | None) -> None:
    assert (await read_posted_form(posting(body))).get("token") == token


async def test_a_large_form_is_refused() -> None:
    with pytest.raises(web.HTTPRequestEntityTooLarge):
        await read_posted_form(posting(b"token=a&user=" + b"a" * (65 << 10)))


async def test_the_owner_of_a_token_is_the_one_that_travis_names(server: TravisServer, stranger: Travis) -> None:
    assert (await owner_of(stranger, TOKEN)).login == "sarah"
    with pytest.raises(AuthenticationError):
        await owner_of(stranger, "unknown")
    assert (await owner_of(stranger, TOKEN)).login == "sarah", "the client stays open"
    assert [seen.headers.get("authorization") for seen in server.requests_to("/users")] == [
        f"token {TOKEN}", "token unknown", f"token {TOKEN}",
    ]  # fmt: skip


def text_of(response: web.Response) -> str:
    assert response.text is not None
    return response.text


@pytest.mark.parametrize("evil", ['"><script>alert(1)</script>', "<b>", "'&<>\""])
def test_nothing_in_a_page_is_markup_of_others(evil: str) -> None:
    shown: list[Any] = [page(evil, evil), self_submitting_page(evil, {evil: evil})]
    for response in shown:
        assert evil not in text_of(response)
        assert html.escape(evil) in text_of(response)


def test_pages_allow_nothing_but_their_own_form_and_are_not_stored() -> None:
    plain, form = page("A", "b", status=403), self_submitting_page("/x", {"token": "a"})
    assert (plain.status, form.status) == (403, 200)
    for response in (plain, form):
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
    nonce = re.search(r"script-src 'nonce-([\w-]+)'; form-action 'self'", form.headers["Content-Security-Policy"])
    assert nonce is not None
    assert f'<script nonce="{nonce[1]}">' in text_of(form)
    assert "script" not in text_of(plain)
