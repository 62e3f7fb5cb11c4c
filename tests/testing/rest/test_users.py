"""Routes of users, in raw bytes."""

import pytest

from aiotravis.testing import Repository, TravisServer
from tests.conftest import TOKEN
from tests.raw import ask


@pytest.mark.parametrize("path", ["/accounts", "/broadcasts", "/hooks", "/users/permissions"])
async def test_user_routes_need_a_token(server: TravisServer, path: str) -> None:
    answer = await ask(server, path)
    assert (answer.status, answer.content_type, answer.body) == (401, "application/json", b"no access token supplied")


async def test_any_value_of_all_means_true(server: TravisServer, repository: Repository) -> None:
    repository.readers += repository.users
    for query, count in (("", 1), ("?all=", 1), ("?all=false", 2)):
        assert len((await ask(server, f"/accounts{query}", token=TOKEN)).json["accounts"]) == count


async def test_permissions_have_no_envelope(server: TravisServer, repository: Repository) -> None:
    answer = await ask(server, "/users/permissions", token=TOKEN)
    assert answer.json == {"permissions": [82], "admin": [82], "pull": [82], "push": [82]}


async def test_hook_has_owner_and_name_but_no_slug(server: TravisServer, repository: Repository) -> None:
    hook = (await ask(server, "/hooks", token=TOKEN)).json["hooks"][0]
    assert (hook["id"], hook["owner_name"], hook["name"], "slug" in hook) == (82, "travis-ci", "travis.rb", False)
    foreign = await ask(server, "/hooks/9", method="PUT", token=TOKEN, json={"hook": {"active": True}})
    assert foreign.status == 403


async def test_only_the_current_users_language_can_be_changed(server: TravisServer) -> None:
    body = {"user": {"locale": "de"}}
    assert (await ask(server, "/users/201", method="PUT", token=TOKEN, json=body)).json["user"]["locale"] == "de"
    assert (await ask(server, "/users/7", method="PUT", token=TOKEN, json=body)).status == 404


async def test_hook_id_may_be_in_the_body(server: TravisServer, repository: Repository) -> None:
    for number, status in ((82, 200), ("82", 200), (9, 403), ("x", 403), (None, 403)):
        body = {"hook": {"id": number, "active": False}}
        assert (await ask(server, "/hooks", method="PUT", token=TOKEN, json=body)).status == status
    assert repository.active is False


async def test_string_is_a_broadcast_to_everybody(server: TravisServer) -> None:
    server.world.broadcasts += ["old", "new"]
    shown = (await ask(server, "/broadcasts", token=TOKEN)).json["broadcasts"]
    assert shown == [{"id": 2, "message": "new"}, {"id": 1, "message": "old"}]


@pytest.mark.parametrize(("log_mode", "listed"), [("head", [("sarah", 0)]), ("2017", [("sarah", 0), ("empty", None)])])
async def test_organization_without_repositories_is_listed_by_older_servers_only(
    server: TravisServer, log_mode: str, listed: list[tuple[str, int | None]]
) -> None:
    server.log_mode = log_mode
    server.world.organization("empty", members=list(server.world.users.values()))
    accounts = (await ask(server, "/accounts", token=TOKEN)).json["accounts"]
    assert [(one["login"], one["repos_count"]) for one in accounts] == listed


@pytest.mark.parametrize("begin", ["/users/sync", "/auth/github"])
async def test_sync_ends_two_seconds_of_the_worlds_clock_later(server: TravisServer, begin: str) -> None:
    now = 1_400_000_000.0
    server.world.clock = lambda: now
    server.world.github_tokens["github-token"] = server.world.users[201]
    body = {"github_token": "github-token"}
    assert (await ask(server, begin, method="POST", token=TOKEN, json=body)).status == 200
    for seconds, syncing, status in ((1.9, True, 409), (0.1, False, 200)):
        now += seconds
        assert (await ask(server, "/users", token=TOKEN)).json["user"]["is_syncing"] is syncing
        assert (await ask(server, "/users/sync", method="POST", token=TOKEN)).status == status
