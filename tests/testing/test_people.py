"""The routes about the user, in raw bytes."""

import pytest

from aiotravis.testing import Repository, TravisServer
from tests.conftest import TOKEN
from tests.raw import ask


@pytest.mark.parametrize("path", ["/accounts", "/broadcasts", "/hooks", "/users/permissions"])
async def test_all_of_it_needs_a_token(server: TravisServer, path: str) -> None:
    answer = await ask(server, path)
    assert (answer.status, answer.content_type, answer.body) == (401, "application/json", b"no access token supplied")


async def test_any_value_of_all_is_a_yes(server: TravisServer, repository: Repository) -> None:
    repository.readers += repository.users
    for query, count in (("", 1), ("?all=", 1), ("?all=false", 2)):
        assert len((await ask(server, f"/accounts{query}", token=TOKEN)).json["accounts"]) == count


async def test_permissions_have_no_envelope(server: TravisServer, repository: Repository) -> None:
    answer = await ask(server, "/users/permissions", token=TOKEN)
    assert answer.json == {"permissions": [82], "admin": [82], "pull": [82], "push": [82]}


async def test_a_hook_has_no_slug(server: TravisServer, repository: Repository) -> None:
    hook = (await ask(server, "/hooks", token=TOKEN)).json["hooks"][0]
    assert (hook["id"], hook["owner_name"], hook["name"], "slug" in hook) == (82, "travis-ci", "travis.rb", False)
    foreign = await ask(server, "/hooks/9", method="PUT", token=TOKEN, json={"hook": {"active": True}})
    assert foreign.status == 403


async def test_signing_in_answers_as_travis_does(server: TravisServer) -> None:
    async def sign_in(body: object) -> tuple[int, bytes]:
        answer = await ask(server, "/auth/github", method="POST", json=body)
        return answer.status, answer.body

    assert await sign_in({}) == (422, b'{"error": "Must pass \'github_token\' parameter"}')
    assert await sign_in({"github_token": "x"}) == (403, b"not a Travis user")
    assert (await sign_in({"github_token": "narrow"}))[0] == 302
    assert await sign_in({"github_token": TOKEN}) == (200, b'{"access_token": "%s"}' % TOKEN.encode())


async def test_logging_out_by_header_revokes_nothing(server: TravisServer) -> None:
    by_header = await ask(server, "/logout", token=TOKEN)
    assert (by_header.status, by_header.body) == (200, b"")
    assert (await ask(server, "/logout")).body == b"access denied"
    assert (await ask(server, f"/logout?access_token={TOKEN}")).json["user"]["login"] == "sarah"
    assert (await ask(server, "/users", token=TOKEN)).status == 403


async def test_only_ones_own_language_can_be_changed(server: TravisServer) -> None:
    body = {"user": {"locale": "de"}}
    assert (await ask(server, "/users/201", method="PUT", token=TOKEN, json=body)).json["user"]["locale"] == "de"
    assert (await ask(server, "/users/7", method="PUT", token=TOKEN, json=body)).status == 404
