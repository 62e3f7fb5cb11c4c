"""Archived logs: redirects, and what the archive receives."""

import pytest

from aiotravis import Travis
from aiotravis.testing import Job, Repository, TravisServer
from tests.conftest import TOKEN
from tests.raw import V2, ask

CHUNKED = "application/json; chunked=true; version=2"


@pytest.fixture
def job(repository: Repository) -> Job:
    build = repository.build()
    build.start()
    build.jobs[0].write("größe\n", final=True)
    build.finish("passed")
    build.jobs[0].log.archived = True
    return build.jobs[0]


@pytest.mark.parametrize(
    ("mode", "accept", "agent", "status"),
    [
        ("2014", V2, "me", 307),
        ("2014", "text/plain", "me", 307),
        ("2017", V2, "me", 406),
        ("2017", CHUNKED, "me", 406),
        ("2017", V2, "Travis/1.8", 307),
        ("2017", "text/plain", "me", 307),
        ("2017", f"{V2}, text/plain", "me", 307),
        ("head", V2, "me", 200),
        ("head", "text/plain", "me", 200),
    ],
)
async def test_archived_log_is_redirected_depending_on_mode_and_client(
    server: TravisServer, job: Job, mode: str, accept: str, agent: str, status: int
) -> None:
    server.log_mode = mode
    answer = await ask(server, f"/jobs/{job.id}/log", accept=accept, headers={"User-Agent": agent})
    assert answer.status == status
    if status == 307:
        assert answer.headers["location"] == f"{server.archive_url}/jobs/{job.id}/log.txt"
    if mode != "head" and status == 307:
        hacked = await ask(server, f"/jobs/{job.id}/log?cors_hax=true", accept=accept, headers={"User-Agent": agent})
        assert (hacked.status, hacked.headers["location"]) == (204, answer.headers["location"])


@pytest.mark.parametrize("mode", ["head", "2017", "2014"])
async def test_client_reads_an_archived_log_without_sending_its_token(
    server: TravisServer, travis: Travis, job: Job, mode: str
) -> None:
    server.log_mode = mode
    assert await travis.logs.text(job.id) == "größe\n"
    assert await travis.follow_log(job.id).text() == "größe\n"
    assert bool(server.archive.headers_seen) is (mode != "head")
    for headers in server.archive.headers_seen:
        assert "authorization" not in headers
        assert TOKEN not in str(headers)


async def test_archive_answers_403_for_logs_that_it_lacks(server: TravisServer, job: Job) -> None:
    job.log.archived = False
    for number in (str(job.id), "999", "x"):
        answer = await ask(server, f"/jobs/{number}/log.txt", endpoint=server.archive_url)
        assert (answer.status, answer.content_type.partition(";")[0]) == (403, "text/xml")
