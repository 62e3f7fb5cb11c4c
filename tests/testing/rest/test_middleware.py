"""Middleware of all requests."""

import pytest

from aiotravis.testing import Repository, Switches, TravisServer
from tests.conftest import TOKEN
from tests.raw import ask


async def test_request_is_recorded_with_its_original_path(server: TravisServer, repository: Repository) -> None:
    build = repository.build()
    await ask(server, f"/builds/{build.id}.json?a=1")
    seen = server.requests[-1]
    assert (seen.path, seen.status) == (f"/builds/{build.id}.json?a=1", 200)


async def test_body_is_recorded_and_read_if_the_path_loses_its_suffix(
    server: TravisServer, repository: Repository
) -> None:
    answer = await ask(server, "/hooks/82.json", method="PUT", token=TOKEN, json={"hook": {"active": False}})
    assert (answer.status, repository.active) == (200, False)
    assert server.requests[-1].body == b'{"hook": {"active": false}}'


async def test_stub_matches_the_original_path(server: TravisServer) -> None:
    server.respond("GET", "/config.json", status=503)
    assert (await ask(server, "/config.json")).status == 503
    assert (await ask(server, "/config")).status == 200


async def test_api_token_wins_over_rss_token(server: TravisServer, repository: Repository) -> None:
    user = repository.users[0]
    answer = await ask(server, f"/users?token={user.rss_token}", token=TOKEN)
    assert answer.json["user"]["login"] == "sarah"


@pytest.mark.parametrize("path", ["/github/authorizations", "/app/unknown", "/apps/1/events"])
async def test_paths_outside_the_api_skip_its_access_checks(path: str) -> None:
    async with TravisServer(switches=Switches(force_authentication=True, user_agent_required=True)) as server:
        answer = await ask(server, path, endpoint=f"http://{server.host}:{server.port}", headers={"User-Agent": ""})
        assert (answer.status, answer.body) not in {(403, b""), (400, b'{"error":"missing User-Agent header"}')}


async def test_head_returns_the_headers_of_get(server: TravisServer, repository: Repository) -> None:
    whole = await ask(server, "/repos/82")
    bare = await ask(server, "/repos/82", method="HEAD")
    assert (bare.status, bare.body, bare.headers["etag"]) == (200, b"", whole.headers["etag"])
