"""Requests for builds: the gatekeeper decides at the second read."""

from collections.abc import AsyncGenerator

import pytest

from aiotravis.testing import Switches, TravisServer
from tests.conftest import TOKEN
from tests.raw import ask

PATH = "/v3/repo/a%2Fb/requests"


@pytest.fixture
async def server() -> AsyncGenerator[TravisServer]:
    async with TravisServer() as server:
        server.world.repository("a/b", users=[server.world.user("sarah", token=TOKEN)])
        yield server


async def post(server: TravisServer, **request: object) -> int:
    answer = await ask(server, PATH, method="POST", token=TOKEN, json={"request": request})
    assert answer.status == 202
    number: int = answer.json["request"]["id"]
    return number


@pytest.mark.parametrize("path", ["/v3/repo/a%2Fb/request/{}", "/requests/{}", "/requests?slug=a/b", PATH])
async def test_the_second_read_finds_the_build(server: TravisServer, path: str) -> None:
    number = await post(server)
    repository = server.world.repositories[82]
    for builds in (0, 1, 1):
        await ask(server, path.format(number), token=TOKEN)
        assert len(repository.builds) == builds
    assert repository.data.requests[0].build_id == repository.builds[0].id


async def test_an_instant_server_decides_at_once() -> None:
    async with TravisServer(instant=True) as server:
        server.world.repository("a/b", users=[server.world.user("sarah", token=TOKEN)])
        number = await post(server, branch="topic")
        answer = await ask(server, f"/v3/repo/82/request/{number}")
        assert answer.json["builds"][0]["id"] == server.world.repositories[82].builds[0].id


async def test_chance_decides_at_the_first_read() -> None:
    async with TravisServer(switches=Switches(chance=1.0)) as server:
        server.world.repository("a/b", users=[server.world.user("sarah", token=TOKEN)])
        assert (await ask(server, f"/v3/repo/82/request/{await post(server)}")).json["state"] == "finished"


async def test_a_rejection_has_the_reason_of_the_switch(server: TravisServer) -> None:
    server.switches.gatekeeper, server.switches.rejection = "rejects", "missing commit"
    number = await post(server, branch="no-such-branch")
    await ask(server, f"/v3/repo/82/request/{number}")
    answer = (await ask(server, f"/v3/repo/82/request/{number}")).json
    assert (answer["result"], answer["message"], answer["builds"]) == ("rejected", "missing commit", [])


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ({"lnguage": "ruby", "script": "true"}, [("lnguage", 0)]),
        ("language: c\nsript: make\n", [("sript", 1)]),
        ('{"sript": "make"}', [("sript", 0)]),
        ("[1]", []),
    ],
)
async def test_unknown_keys_of_a_config_have_messages(
    server: TravisServer, config: object, found: list[tuple[str, int]]
) -> None:
    number = await post(server, config=config)
    messages = (await ask(server, f"/v3/repo/82/request/{number}/messages")).json["messages"]
    assert [(one["args"]["key"], one["line"]) for one in messages] == found
    assert {one["code"] for one in messages} <= {"unknown_key"}


def test_an_unknown_gatekeeper_is_refused() -> None:
    with pytest.raises(ValueError, match="gatekeeper must be one of approves, rejects, silent, not 'sleeps'"):
        Switches(gatekeeper="sleeps")  # type: ignore[arg-type]
