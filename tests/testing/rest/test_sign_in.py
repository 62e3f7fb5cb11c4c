"""Signing in and out, in raw bytes."""

import pytest

from aiotravis.testing import TravisServer
from aiotravis.testing.rest.sign_in import is_allowed_target
from tests.conftest import TOKEN
from tests.raw import ask


async def test_sign_in_responses_match_those_of_travis(server: TravisServer) -> None:
    async def sign_in(body: object) -> tuple[int, bytes]:
        answer = await ask(server, "/auth/github", method="POST", json=body)
        return answer.status, answer.body

    assert await sign_in({}) == (422, b'{"error": "Must pass \'github_token\' parameter"}')
    assert await sign_in({"github_token": "x"}) == (403, b"not a Travis user")
    assert (await sign_in({"github_token": "narrow"}))[0] == 303
    assert await sign_in({"github_token": TOKEN}) == (200, b'{"access_token": "%s"}' % TOKEN.encode())


async def test_logout_revokes_a_token_in_the_query_only(server: TravisServer) -> None:
    by_header = await ask(server, "/logout", token=TOKEN)
    assert (by_header.status, by_header.body) == (200, b"")
    assert (await ask(server, "/logout")).body == b"access denied"
    assert (await ask(server, f"/logout?access_token={TOKEN}")).json["user"]["login"] == "sarah"
    assert (await ask(server, "/users", token=TOKEN)).status == 403


@pytest.mark.parametrize(
    ("target", "allowed"),
    [
        ("https://travis-ci.org", True), ("https://a.travis-ci.com/x", True), ("http://travis-ci.org", False),
        ("https://travis-ci.org.evil.example", False), ("https://nottravis-ci.org", False),
        ("http://localhost:1024", True), ("http://127.0.0.1:8080/", True), ("http://localhost:1023", False),
        ("http://localhost", False), ("ftp://localhost:8080", True), ("", False),
        ("http://[::1]:8080/", False), ("http://localhost:99999/", False), ("http://localhost:8080/%3Cb>", False),
        ("https://builds.example.org/x", True), ("http://builds.example.org/", False),
    ],
)  # fmt: skip
def test_handshake_target_is_travis_or_this_machine(target: str, allowed: bool) -> None:
    assert is_allowed_target(target, ["builds.example.org"]) is allowed


async def test_empty_token_is_refused_after_logout(server: TravisServer) -> None:
    await ask(server, f"/logout?access_token={TOKEN}")
    assert (await ask(server, "/users", headers={"Authorization": 'token ""'})).status == 403
