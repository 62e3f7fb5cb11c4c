"""The build of API v3, beside what the tables of conformance check."""

from typing import Any

from aiotravis.testing import TravisServer
from tests.conftest import TOKEN
from tests.raw import ask


async def read(server: TravisServer, build_id: int) -> Any:
    return (await ask(server, f"/v3/build/{build_id}", token=TOKEN)).json


async def test_a_build_knows_the_one_before_it_on_its_branch(server: TravisServer) -> None:
    repository = server.world.repository("x/y", users=[server.world.user("sarah", token=TOKEN)])
    first = repository.build().start().finish("failed")
    repository.build(branch="other").start().finish("passed")
    second = repository.build()
    assert [(await read(server, one.id))["previous_state"] for one in (first, second)] == [None, "failed"]


async def test_a_build_has_its_stages_its_tag_and_its_creator(server: TravisServer) -> None:
    user = server.world.user("sarah", token=TOKEN)
    build = server.world.repository("x/y", users=[user]).build(jobs=2)
    build.stage("Test", build.jobs[:1])
    build.stage("Deploy", build.jobs[1:])
    build.commit.tag, build.created_by = "v1", user
    build.jobs[0].start().finish("failed")
    body = await read(server, build.id)
    assert [(one["number"], one["name"], one["state"]) for one in body["stages"]] == [
        (1, "Test", "failed"),
        (2, "Deploy", "canceled"),
    ]
    assert (body["tag"]["name"], body["commit"]["ref"]) == ("v1", "refs/tags/v1")
    assert (body["created_by"]["@type"], body["created_by"]["login"]) == ("user", "sarah")
