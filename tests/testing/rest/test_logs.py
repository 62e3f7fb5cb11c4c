"""Routes of logs in every state of a log."""

import pytest

from aiotravis.testing import Job, Repository, TravisServer
from tests.conftest import TOKEN
from tests.raw import V2, ask

CHUNKED = "application/json; chunked=true; version=2"
ANYTHING = f"{CHUNKED}, application/json; version=2, text/plain"


@pytest.fixture
def job(repository: Repository) -> Job:
    return repository.build().jobs[0]


async def test_log_of_unknown_job_is_an_empty_404_unlike_a_hidden_one(server: TravisServer) -> None:
    hidden = server.world.repository("a/secret", private=True).build().jobs[0]
    unknown = await ask(server, "/jobs/9/log")
    assert (unknown.status, unknown.body) == (404, b"")
    assert (await ask(server, f"/jobs/{hidden.id}/log")).body == b'{"file":"not found"}'
    assert (await ask(server, "/logs/9")).body == b'{"file":"not found"}'


async def test_log_without_parts_is_null_as_json_and_406_as_text(server: TravisServer, job: Job) -> None:
    body = (await ask(server, f"/jobs/{job.id}/log")).json
    assert body == {"log": {"id": job.log.id, "job_id": job.id, "type": "Log", "body": None}}
    text = await ask(server, f"/jobs/{job.id}/log", accept="text/plain")
    assert (text.status, text.content_type, text.body) == (406, "text/plain;charset=utf-8", b"")


async def test_live_log_is_body_or_text_and_chunked_is_ignored(server: TravisServer, job: Job) -> None:
    job.write("one ")
    job.write("zwö\n")
    for accept in (V2, CHUNKED, ANYTHING):
        assert (await ask(server, f"/jobs/{job.id}/log", accept=accept)).json["log"]["body"] == "one zwö\n"
    assert (await ask(server, f"/logs/{job.log.id}")).json["log"]["body"] == "one zwö\n"
    text = await ask(server, f"/jobs/{job.id}/log", accept="text/plain")
    assert (text.content_type, text.body.decode()) == ("text/plain;charset=utf-8", "one zwö\n")
    assert (await ask(server, f"/jobs/{job.id}/log", accept="image/png")).status == 406


async def test_server_of_2017_returns_parts_and_has_no_v3() -> None:
    async with TravisServer(log_mode="2017") as server:
        job = server.world.repository("a/b").build().jobs[0]
        job.write("one")
        job.write("", final=True)
        log = (await ask(server, f"/jobs/{job.id}/log", accept=ANYTHING)).json["log"]
        assert log["parts"] == [
            {"number": 0, "content": "one", "final": False}, {"number": 1, "content": "", "final": True},
        ]  # fmt: skip
        assert "body" not in log
        assert (await ask(server, f"/v3/job/{job.id}/log_parts")).status == 404


async def test_aggregated_log_is_406_if_only_chunked_is_accepted(server: TravisServer, job: Job) -> None:
    job.write("all of it")
    job.log.aggregated = True
    assert (await ask(server, f"/jobs/{job.id}/log", accept=CHUNKED)).status == 406
    assert (await ask(server, f"/jobs/{job.id}/log", accept=ANYTHING)).json["log"]["body"] == "all of it"
    parts = (await ask(server, f"/v3/job/{job.id}/log_parts")).json["log_parts"]
    assert parts == [{"content": "all of it", "final": True, "number": 0}]


async def test_removed_log_has_time_and_user_of_its_removal(server: TravisServer, job: Job) -> None:
    job.write("a secret")
    job.log.remove("Sarah", 1396916254.0)
    log = (await ask(server, f"/jobs/{job.id}/log")).json["log"]
    assert (log["removed_at"], log["removed_by"]) == ("2014-04-08 00:17:34 UTC", "Sarah")
    assert log["body"] == "Log removed by Sarah at 2014-04-08 00:17:34 UTC"


async def test_missing_log_is_json_without_body_or_id_for_any_accept(server: TravisServer, job: Job) -> None:
    job.log.missing = True
    for accept in (V2, CHUNKED, "text/plain"):
        log = (await ask(server, f"/jobs/{job.id}/log", accept=accept)).json["log"]
        assert log == {"job_id": job.id, "parts": [], "@type": "Log"}
    assert (await ask(server, f"/logs/{job.log.id}")).status == 404
    assert (await ask(server, f"/v3/job/{job.id}/log")).json["error_type"] == "not_found"


async def test_accept_anything_gets_text(server: TravisServer, job: Job) -> None:
    job.write("one")
    answer = await ask(server, f"/jobs/{job.id}/log", accept="*/*")
    assert (answer.content_type, answer.body) == ("text/plain;charset=utf-8", b"one")


async def test_v3_parts_can_be_selected(server: TravisServer, job: Job) -> None:
    for text in ("a", "b", "c"):
        job.write(text)
    path = f"/v3/job/{job.id}/log_parts"
    answer = await ask(server, f"{path}?after=0")
    assert list(answer.json) == ["@type", "@representation", "log_parts"]
    assert [part["content"] for part in answer.json["log_parts"]] == ["b", "c"]
    chosen = (await ask(server, f"{path}?part_numbers=0,2")).json["log_parts"]
    assert [part["number"] for part in chosen] == [0, 2]
    bare = (await ask(server, f"{path}?content=false")).json["log_parts"]
    assert bare[0] == {"final": False, "number": 0}


async def test_v3_log_has_content_and_parts(server: TravisServer, job: Job) -> None:
    assert (await ask(server, f"/v3/job/{job.id}/log")).json["content"] is None
    job.write("a")
    log = (await ask(server, f"/v3/job/{job.id}/log", token=TOKEN)).json
    assert (log["@type"], log["content"], len(log["log_parts"])) == ("log", "a", 1)
    assert (await ask(server, log["@raw_log_href"])).body == b"a"


async def test_v3_errors_have_a_shape_of_their_own(server: TravisServer) -> None:
    answer = await ask(server, "/v3/job/9/log_parts")
    assert answer.status == 404
    assert (answer.json["@type"], answer.json["error_type"]) == ("error", "not_found")


async def test_private_log_comes_with_a_token_for_this_log_only(server: TravisServer) -> None:
    user = next(iter(server.world.users.values()))
    job = server.world.repository("a/secret", private=True, users=[user]).build().jobs[0]
    job.write("text")
    first = await ask(server, f"/jobs/{job.id}/log", token=TOKEN)
    token = first.headers["x-log-access-token"]
    reread = await ask(server, f"/jobs/{job.id}/log?access_token={token}")
    assert reread.json == first.json
    assert reread.headers["x-log-access-token"] != token
    assert (await ask(server, f"/jobs/{job.id}?access_token={token}")).body == b"insufficient access"
