"""Routes of the server itself, in raw bytes."""

import aiohttp
import pytest

from aiotravis.testing import Repository, TravisServer
from tests.conftest import TOKEN
from tests.raw import ask


async def test_root_and_uptime_match_those_of_travis(server: TravisServer) -> None:
    assert (await ask(server, "/")).json == {"hello": "world"}
    uptime = await ask(server, "/uptime")
    assert (uptime.body, uptime.content_type) == (b"OK", "application/json")


async def test_config_has_the_live_channel_and_github(server: TravisServer) -> None:
    config = (await ask(server, "/config")).json["config"]
    assert config["pusher"] == {
        "key": "5df8ac576dcccf4fd076", "host": "127.0.0.1", "port": server.port, "scheme": "http",
    }  # fmt: skip
    assert config["github"]["api_url"] == server.github_url


async def test_config_of_a_secure_deployment_says_secure_and_private() -> None:
    async with TravisServer(secure=True, pusher_path="slanger") as server:
        pusher = (await ask(server, "/config")).json["config"]["pusher"]
        assert (pusher["secure"], pusher["private"], pusher["path"]) == (True, True, "/slanger")


async def test_config_without_a_live_channel_has_no_pusher_block() -> None:
    async with TravisServer(pusher_key=None) as server:
        assert "pusher" not in (await ask(server, "/config")).json["config"]


@pytest.mark.parametrize("path", ["/builds/999", "/builds/x", "/repos/999", "/repos/no/such", "/nothing"])
async def test_missing_things_are_file_not_found(server: TravisServer, path: str) -> None:
    answer = await ask(server, path)
    assert (answer.status, answer.content_type, answer.body) == (404, "application/json", b'{"file":"not found"}')


@pytest.mark.parametrize("path", ["/builds", "/jobs", "/users"])
async def test_collection_may_end_with_a_slash(server: TravisServer, path: str) -> None:
    assert (await ask(server, f"{path}/", token=TOKEN)).body == (await ask(server, path, token=TOKEN)).body


async def test_route_with_another_method_is_file_not_found(server: TravisServer) -> None:
    answer = await ask(server, "/builds", method="DELETE")
    assert (answer.status, answer.body) == (404, b'{"file":"not found"}')
    assert (server.requests[-1].method, server.requests[-1].status) == ("DELETE", 404)


async def test_users_returns_the_user_of_the_token(server: TravisServer) -> None:
    for path in ("/users", "/users/", "/users/201"):
        user = (await ask(server, path, token=TOKEN)).json["user"]
        assert (user["login"], user["channels"]) == ("sarah", ["private-user-201"])
    assert (await ask(server, "/users/7", token=TOKEN)).status == 404


async def test_pusher_auth_leaves_out_refused_channels(server: TravisServer, repository: Repository) -> None:
    hidden = server.world.repository("other/secret", private=True).build().jobs[0]
    job = repository.build().jobs[0]
    names = [
        "private-user-201", "private-user-1", "private-repo-82", "private-repo-83", f"private-job-{job.id}",
        f"private-job-{hidden.id}", "private-what-1", "private-job-x", "repo-82",
    ]  # fmt: skip
    body = {"socket_id": "8123.1", "channels": names}
    signed = (await ask(server, "/pusher/auth", method="POST", token=TOKEN, json=body)).json["channels"]
    assert list(signed) == ["private-user-201", "private-repo-82", f"private-job-{job.id}", "repo-82"]
    assert signed["repo-82"] == server.pusher.sign("8123.1", "repo-82")
    anonymous = (await ask(server, "/pusher/auth", method="POST", json=body)).json["channels"]
    assert list(anonymous) == [f"private-job-{job.id}", "repo-82"]
    broken = await ask(server, "/pusher/auth", method="POST", json={"socket_id": "8123.1"})
    assert (broken.status, broken.body) == (500, b"Sorry, we experienced an error.\n")
    malformed = await ask(server, "/pusher/auth", method="POST", json={"socket_id": "x", "channels": []})
    assert malformed.status == 500


async def test_pusher_auth_reads_forms_and_refuses_invalid_json(server: TravisServer) -> None:
    url = f"{server.endpoint}/pusher/auth"
    async with aiohttp.ClientSession() as session:
        async with session.post(url, data={"socket_id": "8123.1", "channels[]": "repo-82"}) as answer:
            assert await answer.json() == {"channels": {"repo-82": server.pusher.sign("8123.1", "repo-82")}}
        async with session.post(url, data=b"{", headers={"Content-Type": "application/json"}) as answer:
            assert (answer.status, await answer.read()) == (400, b'{"error":"Failed to parse body as JSON"}')
