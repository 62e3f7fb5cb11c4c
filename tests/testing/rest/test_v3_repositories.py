"""Repositories and crons of API v3."""

from aiotravis.testing import TravisServer
from tests.conftest import TOKEN
from tests.raw import ask


async def test_an_inactive_repository_builds_again_once_it_is_active(server: TravisServer) -> None:
    repository = server.world.repository("x/y", users=[server.world.user("sarah", token=TOKEN)])
    requests, switch = f"/v3/repo/{repository.id}/requests", f"/v3/repo/{repository.id}/{{}}"
    await ask(server, switch.format("deactivate"), method="POST", token=TOKEN)
    assert (await ask(server, requests, method="POST", token=TOKEN)).status == 406
    await ask(server, switch.format("activate"), method="POST", token=TOKEN)
    assert (await ask(server, requests, method="POST", token=TOKEN)).status == 202


async def test_each_branch_has_one_cron(server: TravisServer) -> None:
    server.world.repository("x/y", users=[server.world.user("sarah", token=TOKEN)])
    for branch in ("main", "topic", "main"):
        path = f"/v3/repo/x%2Fy/branch/{branch}/cron"
        await ask(server, path, method="POST", token=TOKEN, json={"interval": "daily"})
    crons = (await ask(server, "/v3/repo/x%2Fy/crons")).json["crons"]
    assert [one["branch"]["name"] for one in crons] == ["topic", "main"]
    assert len({one["id"] for one in crons}) == 2
