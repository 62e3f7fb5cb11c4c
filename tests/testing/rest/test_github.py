"""GitHub's authorizations API of the embedded server, in raw bytes."""

import json
from collections.abc import AsyncIterator

import pytest

from aiotravis.testing import TravisServer
from tests.raw import ask

BASIC = {"Authorization": "Basic c2FyYWg6Y29ycmVjdCBob3JzZQ=="}


@pytest.fixture
async def server() -> AsyncIterator[TravisServer]:
    async with TravisServer() as server:
        server.world.user("sarah", token="api").password = "correct horse"
        yield server


async def test_authorization_shows_its_token_once(server: TravisServer) -> None:
    body = {"scopes": ["user:email"], "note": "x"}
    made = await ask(server, "/github/authorizations", method="POST", headers=BASIC, json=body)
    assert made.status == 201
    assert made.json["token"]
    assert (made.json["id"], made.json["note"], made.json["scopes"]) == (1, "x", ["user:email"])
    listed = await ask(server, "/github/authorizations", headers=BASIC)
    assert [(one["id"], one["token"]) for one in listed.json] == [(1, "")]
    exchanged = await ask(server, "/auth/github", method="POST", json={"github_token": made.json["token"]})
    assert exchanged.json == {"access_token": "api"}


async def test_second_authorization_with_the_same_note_is_a_422(server: TravisServer) -> None:
    for status in (201, 422):
        made = await ask(server, "/github/authorizations", method="POST", headers=BASIC, json={"note": "x"})
        assert made.status == status
    assert made.json["errors"][0]["code"] == "already_exists"


async def test_deleting_an_authorization_revokes_its_token(server: TravisServer) -> None:
    made = await ask(server, "/github/authorizations", method="POST", headers=BASIC, json={"note": "x"})
    gone = await ask(server, "/github/authorizations/1", method="DELETE", headers=BASIC)
    assert (gone.status, gone.body) == (204, b"")
    assert (await ask(server, "/github/authorizations/1", method="DELETE", headers=BASIC)).status == 404
    refused = await ask(server, "/auth/github", method="POST", json={"github_token": made.json["token"]})
    assert (refused.status, refused.body) == (403, b"not a Travis user")


@pytest.mark.parametrize("value", ["", "Basic !", "Basic c2FyYWg6d3Jvbmc=", "token api", "Basic /w=="])
async def test_bad_credentials_are_a_401(server: TravisServer, value: str) -> None:
    refused = await ask(server, "/github/authorizations", headers={"Authorization": value})
    assert (refused.status, json.loads(refused.body)) == (401, {"message": "Bad credentials"})


async def test_second_factor_is_required_in_its_header(server: TravisServer) -> None:
    server.world.user("sarah", token="").one_time_password = "123456"
    for code, status in ((None, 401), ("1", 401), ("123456", 200)):
        headers = BASIC if code is None else {**BASIC, "X-GitHub-OTP": code}
        assert (await ask(server, "/github/authorizations", headers=headers)).status == status


async def test_withdrawn_api_is_a_404(server: TravisServer) -> None:
    server.github.withdrawn = True
    assert (await ask(server, "/github/authorizations", headers=BASIC)).status == 404
