"""The pusher block of ``GET /config``, and the URLs of clients: section 7.1 of the facts."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from aiotravis.testing import TravisServer
from tests.conformance.live import KEY, SECRET, covers, open_socket, rows
from tests.raw import ask

KEYS: dict[str, tuple[dict[str, Any], Callable[[dict[str, Any], TravisServer], bool]]] = {
    "key": ({}, lambda block, _: block["key"] == KEY),
    "host, port, path": (
        {"pusher_path": "live"},
        lambda block, server: (block["host"], block["port"], block["path"]) == ("127.0.0.1", server.port, "/live"),
    ),
    "no path": ({}, lambda block, _: "path" not in block),
    "scheme": ({}, lambda block, _: block["scheme"] == "http"),
    "secure": ({"secure": True}, lambda block, _: block["secure"] is True),
    "private": ({"secure": True}, lambda block, _: block["private"] is True),
    "neither secure nor private": ({}, lambda block, _: not {"secure", "private"} & set(block)),
}


@rows("7.1", KEYS)
async def test_the_configuration_has_a_block_for_the_live_channel(row: Any) -> None:
    options, right = row
    async with TravisServer(**options) as server:
        block = (await ask(server, "/config")).json["config"]["pusher"]
        assert right(block, server), block


@pytest.mark.parametrize("secure", [False, True])
@covers("7.1", "never contains the secret")
async def test_the_configuration_never_contains_the_secret(secure: bool) -> None:
    async with TravisServer(secure=secure) as server:
        answer = await ask(server, "/config")
    assert b'"pusher"' in answer.body
    assert SECRET.encode() not in answer.body


@covers("7.1", "no live channel")
async def test_there_is_no_pusher_block_without_a_live_channel() -> None:
    async with TravisServer(pusher_key=None) as server:
        assert "pusher" not in (await ask(server, "/config")).json["config"]


# Name of the client, configured path, path and query of the client's URL.
URLS = {
    "rb": ("", f"/app/{KEY}", "client=pusher-ruby-client&version=0.6.2&protocol=6"),
    "rb with a path": ("live", f"/live/app/{KEY}", "client=pusher-ruby-client&version=0.6.2&protocol=6"),
    "web": ("", f"/app/{KEY}", "protocol=7&client=js&version=2.2.4&flash=false"),
    "pysher": ("", f"/app/{KEY}", "client=Pysher&version=1.0.7&protocol=6"),
}


@rows("7.1", URLS)
async def test_each_client_can_connect_to_the_url_that_it_builds(row: tuple[str, str, str]) -> None:
    prefix, path, query = row
    async with TravisServer(pusher_path=prefix) as server, open_socket(server, query, path=path) as socket:
        assert json.loads(await socket.hello())["event"] == "pusher:connection_established"
