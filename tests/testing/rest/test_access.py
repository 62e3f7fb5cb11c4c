"""Authentication and access: tokens, modes, versions."""

import pytest

from aiotravis.testing import Mode, TravisServer
from tests.conftest import TOKEN
from tests.raw import V2, ask

V21 = "application/vnd.travis-ci.2.1+json"


@pytest.mark.parametrize(
    ("mode", "accept", "status"),
    [
        ("org", V2, 200), ("org", V21, 200), ("com", V2, 401), ("com", V21, 200), ("com-private", V2, 401),
        ("com-private", V21, 401), ("enterprise", V2, 401), ("enterprise", V21, 401),
    ],
)  # fmt: skip
async def test_anonymous_reads_depend_on_mode_and_version(mode: Mode, accept: str, status: int) -> None:
    async with TravisServer(mode=mode) as server:
        server.world.repository("a/b").build()
        answer = await ask(server, "/repos/a/b", accept=accept)
        assert answer.status == status
        assert answer.content_type == ("application/json;charset=utf-8" if status == 200 else "application/json")
        assert bool(answer.body) == (status == 200)


async def test_enterprise_serves_below_api() -> None:
    async with TravisServer(mode="enterprise") as server:
        assert server.endpoint.endswith("/api")
        assert (await ask(server, "/config")).status == 200


async def test_private_repository_is_hidden_from_anonymous_requests(server: TravisServer) -> None:
    user = next(iter(server.world.users.values()))
    secret = server.world.repository("a/secret", private=True, users=[user])
    assert (await ask(server, f"/repos/{secret.id}")).status == 404
    assert (await ask(server, f"/repos/{secret.id}", token=TOKEN)).status == 200


async def test_unknown_token_is_refused_as_html_on_public_routes_too(server: TravisServer) -> None:
    server.world.repository("a/b")
    answer = await ask(server, "/repos/a/b", token="wrong")
    assert (answer.status, answer.content_type, answer.body) == (403, "text/html;charset=utf-8", b"access denied")


@pytest.mark.parametrize("header", [f"token {TOKEN}", f'TOKEN "{TOKEN}"'])
async def test_token_may_be_quoted(server: TravisServer, header: str) -> None:
    assert (await ask(server, "/users", headers={"Authorization": header})).status == 200


async def test_bearer_is_ignored_and_access_token_in_the_query_works(server: TravisServer) -> None:
    answer = await ask(server, "/users", headers={"Authorization": f"Bearer {TOKEN}"})
    assert (answer.status, answer.content_type, answer.body) == (401, "application/json", b"no access token supplied")
    assert (await ask(server, f"/users?access_token={TOKEN}")).status == 200


@pytest.mark.parametrize(("mode", "status"), [("org", 200), ("com", 200), ("com-private", 403), ("enterprise", 403)])
async def test_version_3_shows_public_logs_or_requires_a_login(mode: Mode, status: int) -> None:
    async with TravisServer(mode=mode) as server:
        job = server.world.repository("a/b").build().jobs[0]
        job.write("text")
        answer = await ask(server, f"/v3/job/{job.id}/log_parts")
        assert answer.status == status
        if status == 403:
            assert answer.json["error_type"] == "login_required"
