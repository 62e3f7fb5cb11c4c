"""Signing in with a GitHub login and password, through a token that is always deleted."""

import logging
from collections.abc import AsyncIterator

import anyio
import pytest

from aiotravis import Travis, errors
from aiotravis.flows.github_sign_in import github_address
from aiotravis.resources.auth import Auth
from aiotravis.resources.config import Config, GitHubConfig
from aiotravis.testing import TravisServer
from tests.raw import ask
from tests.samples import Scripted

PASSWORD = "correct horse"
CODE = "123456"
BASIC = {"Authorization": "Basic c2FyYWg6Y29ycmVjdCBob3JzZQ=="}
NOTE = "temporary token to identify with Travis CI"


@pytest.fixture
async def server() -> AsyncIterator[TravisServer]:
    async with TravisServer() as server:
        user = server.world.user("sarah", token="sarahs-api-token")
        user.password = PASSWORD
        yield server


@pytest.fixture
async def anonymous(server: TravisServer) -> AsyncIterator[Travis]:
    async with Travis(endpoint=server.endpoint) as travis:
        yield travis


def _github_requests(server: TravisServer) -> list[str]:
    return [f"{seen.method} {seen.path}" for seen in server.requests if seen.path.startswith("/github")]


async def test_signing_in_returns_an_api_token_and_leaves_no_github_token(
    server: TravisServer, anonymous: Travis, caplog: pytest.LogCaptureFixture
) -> None:
    assert await anonymous.sign_in("sarah", PASSWORD) == "sarahs-api-token"
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert server.github.authorizations == {}
    assert _github_requests(server) == ["POST /github/authorizations", "DELETE /github/authorizations/1"]
    create = next(seen for seen in server.requests if seen.path == "/github/authorizations")
    # The scopes are those of GET /config.
    assert create.body == b'{"scopes":["read:org","user:email","repo_deployment"],"note":"%s"}' % NOTE.encode()


async def test_github_gets_the_password_and_travis_the_travis_token(server: TravisServer) -> None:
    async with Travis("sarahs-api-token", endpoint=server.endpoint) as travis:
        await travis.sign_in("sarah", PASSWORD)
    for seen in server.requests:
        authorization = seen.headers.get("authorization", "")
        assert authorization.startswith("Basic ") == seen.path.startswith("/github")
        assert ("sarahs-api-token" in authorization) != seen.path.startswith("/github")


async def test_a_one_time_password_is_asked_for_once_github_requires_it(
    server: TravisServer, anonymous: Travis
) -> None:
    server.world.user("sarah", token="").one_time_password = CODE
    asked: list[int] = []

    async def ask() -> str:
        asked.append(len(server.requests))
        return CODE

    assert await anonymous.sign_in("sarah", PASSWORD, one_time_password=ask) == "sarahs-api-token"
    assert len(asked) == 1
    deleted = next(seen for seen in server.requests if seen.method == "DELETE")
    assert deleted.headers["x-github-otp"] == CODE
    assert server.github.authorizations == {}


async def test_a_failing_one_time_password_function_is_called_once(server: TravisServer, anonymous: Travis) -> None:
    server.world.user("sarah", token="").one_time_password = CODE
    calls: list[int] = []

    async def fail() -> str:
        calls.append(len(server.requests))
        raise LookupError("nobody answers")

    with pytest.raises(LookupError, match="nobody answers"):
        await anonymous.sign_in("sarah", PASSWORD, one_time_password=fail)
    assert len(calls) == 1
    assert _github_requests(server) == ["POST /github/authorizations"]


async def test_a_one_time_password_can_be_passed_as_a_string(server: TravisServer, anonymous: Travis) -> None:
    server.world.user("sarah", token="").one_time_password = CODE
    assert await anonymous.sign_in("sarah", PASSWORD, one_time_password=CODE) == "sarahs-api-token"
    assert len(_github_requests(server)) == 2


async def test_a_missing_or_wrong_one_time_password_raises_authentication_error(
    server: TravisServer, anonymous: Travis
) -> None:
    server.world.user("sarah", token="").one_time_password = CODE
    with pytest.raises(errors.AuthenticationError, match="requires a one-time password"):
        await anonymous.sign_in("sarah", PASSWORD)
    with pytest.raises(errors.AuthenticationError, match="refused the one-time password"):
        await anonymous.sign_in("sarah", PASSWORD, one_time_password="000000")


async def test_an_existing_token_with_the_same_note_is_replaced(server: TravisServer, anonymous: Travis) -> None:
    for note in (*(f"another one {number}" for number in range(120)), NOTE):
        path = "/github/authorizations"
        made = await ask(server, path, method="POST", headers=BASIC, json={"note": note, "scopes": []})
        assert made.status == 201
    assert await anonymous.sign_in("sarah", PASSWORD) == "sarahs-api-token"
    assert {one.note for one in server.github.authorizations.values()} == {f"another one {n}" for n in range(120)}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (403, b"not a Travis user", errors.AuthenticationError),
        (500, b"Sorry, we experienced an error.\n", errors.ServerError),
        (200, b"{}", errors.DecodeError),
    ],
)
async def test_the_token_is_deleted_when_the_exchange_fails(
    server: TravisServer, anonymous: Travis, status: int, body: bytes, kind: type[errors.TravisError]
) -> None:
    server.respond("POST", "/auth/github", status=status, body=body)
    with pytest.raises(kind):
        await anonymous.sign_in("sarah", PASSWORD)
    assert _github_requests(server)[-1] == "DELETE /github/authorizations/1"
    assert server.github.authorizations == {}


async def test_the_token_is_deleted_when_the_exchange_is_cancelled(server: TravisServer) -> None:
    exchange_reached = anyio.Event()
    never = anyio.Event()

    class Hanging(Auth):
        __slots__ = ()

        async def github(self, github_token: str) -> str:
            exchange_reached.set()
            await never.wait()
            return github_token

    async with Travis(endpoint=server.endpoint) as travis, anyio.create_task_group() as group:
        travis.auth = Hanging(Scripted(b""), None)
        group.start_soon(travis.sign_in, "sarah", PASSWORD)
        await exchange_reached.wait()
        assert len(server.github.authorizations) == 1
        group.cancel_scope.cancel()
    assert server.github.authorizations == {}


async def test_a_token_whose_creation_got_no_response_is_found_and_deleted(
    server: TravisServer, anonymous: Travis
) -> None:
    server.lose_answer("POST", "/github/authorizations")
    with pytest.raises(errors.RequestError):
        await anonymous.sign_in("sarah", PASSWORD)
    assert "GET /github/authorizations?per_page=100&page=1" in _github_requests(server)
    assert server.github.authorizations == {}


async def test_a_token_that_cannot_be_deleted_is_logged(
    server: TravisServer, anonymous: Travis, caplog: pytest.LogCaptureFixture
) -> None:
    server.respond("DELETE", "/github/authorizations/1", status=500)
    with caplog.at_level(logging.WARNING, "aiotravis"):
        assert await anonymous.sign_in("sarah", PASSWORD) == "sarahs-api-token"
    assert NOTE in caplog.text
    assert PASSWORD not in caplog.text


async def test_a_wrong_password_is_not_repeated_in_the_error(server: TravisServer, anonymous: Travis) -> None:
    with pytest.raises(errors.AuthenticationError, match="does not know this login and password") as info:
        await anonymous.sign_in("sarah", "wr0ng-secret")
    assert "wr0ng-secret" not in f"{info.value!r} {info.value.excerpt} {info.value.__context__!r}"
    assert not any(seen.path == "/auth/github" for seen in server.requests)


async def test_a_github_without_the_api_raises_not_found_with_a_remedy(server: TravisServer, anonymous: Travis) -> None:
    server.github.withdrawn = True
    with pytest.raises(errors.NotFoundError, match=r"auth\.github"):
        await anonymous.sign_in("sarah", PASSWORD)


async def test_any_other_refusal_of_github_is_raised_in_its_words(server: TravisServer, anonymous: Travis) -> None:
    body = b'{"message":"Maximum number of login attempts exceeded"}'
    server.respond("POST", "/github/authorizations", status=403, body=body)
    with pytest.raises(errors.ResponseError, match="Maximum number of login attempts"):
        await anonymous.sign_in("sarah", PASSWORD)


async def test_a_token_that_is_already_deleted_is_ignored(server: TravisServer, anonymous: Travis) -> None:
    server.respond("DELETE", "/github/authorizations/1", status=404, body=b'{"message":"Not Found"}')
    assert await anonymous.sign_in("sarah", PASSWORD) == "sarahs-api-token"


@pytest.mark.parametrize(
    ("argument", "login", "password", "note"),
    [
        ("login", "", PASSWORD, NOTE),
        ("login", "sa:rah", PASSWORD, NOTE),
        ("password", "sarah", "", NOTE),
        ("note", "sarah", PASSWORD, ""),
    ],
)
async def test_invalid_arguments_raise_usage_error_before_anything_is_sent(
    server: TravisServer, anonymous: Travis, argument: str, login: str, password: str, note: str
) -> None:
    with pytest.raises(errors.UsageError) as info:
        await anonymous.sign_in(login, password, note=note)
    assert info.value.argument == argument
    assert server.requests == []


@pytest.mark.parametrize("address", [None, "", "http://github.example.org/api/v3", "ftp://x"])
def test_an_unencrypted_or_missing_github_address_is_refused(address: str | None) -> None:
    with pytest.raises(errors.UsageError):
        github_address(Config(github=GitHubConfig(api_url=address)))


def test_an_encrypted_github_address_is_accepted() -> None:
    config = Config(github=GitHubConfig(api_url="https://github.example.org/api/v3/"))
    assert github_address(config) == "https://github.example.org/api/v3"
    with pytest.raises(errors.UsageError, match="names no GitHub"):
        github_address(Config())
