"""Logs that are still being stored."""

from collections import Counter

import pytest

from aiotravis.testing import Job, LogForm, Switches, TravisServer
from aiotravis.testing.rest.unavailable_logs import archive_answer, forms_of
from tests.raw import Raw, ask


def ended_job(server: TravisServer, state: str = "passed") -> Job:
    job = server.world.repository("a/b").build().jobs[0].start()
    job.write("one ")
    job.write("two\n", final=True)
    return job.finish(state)


async def read(server: TravisServer, job: Job) -> Raw:
    return await ask(server, f"/jobs/{job.id}/log")


def is_whole(answer: Raw) -> bool:
    return answer.status == 200 and b"one two" in answer.body


@pytest.mark.parametrize("state", ["passed", "failed", "errored", "canceled"])
async def test_log_is_there_at_the_third_read_after_the_end(state: str) -> None:
    async with TravisServer() as server:
        job = ended_job(server, state)
        job.log.unavailable_as = "no parts"
        answers = [await read(server, job) for _ in range(3)]
        assert [is_whole(answer) for answer in answers] == [False, False, True]
        # The new run of a job has an end of its own.
        job.restart().start().write("one two")
        assert is_whole(await read(server, job))
        job.finish()
        assert [is_whole(await read(server, job)) for _ in range(3)] == [False, False, True]


async def test_reads_of_every_route_count() -> None:
    paths = ("/v3/job/{0}/log_parts", "/v3/job/{0}/log", "/v3/job/{0}/log.txt", "/jobs/{0}/log", "/logs/{1}")
    async with TravisServer() as server:
        for path in paths:
            job = ended_job(server)
            job.log.unavailable_as = "no parts"
            answers = [await ask(server, path.format(job.id, job.log.id)) for _ in range(3)]
            assert [b"two" in answer.body for answer in answers] == [False, False, True]


async def test_instant_server_has_the_log_at_once() -> None:
    async with TravisServer(instant=True) as server:
        assert is_whole(await read(server, ended_job(server)))


async def test_log_without_an_end_or_stored_long_ago_is_there_at_once() -> None:
    async with TravisServer() as server:
        repository = server.world.repository("a/b")
        running = repository.build().jobs[0].start()
        running.write("one two")
        assert is_whole(await read(server, running))
        for change in ({"aggregated": True}, {"archived": True}):
            job = ended_job(server)
            for name, value in change.items():
                setattr(job.log, name, value)
            assert is_whole(await read(server, job))
        removed = ended_job(server)
        removed.log.remove("Sarah", 1e9)
        assert b"Log removed by Sarah" in (await read(server, removed)).body
        old = repository.history(1)[0].jobs[0]
        assert b"$ rake" in (await read(server, old)).body


async def test_job_that_never_started_has_an_empty_log() -> None:
    async with TravisServer() as server:
        job = server.world.repository("a/b").build().jobs[0].cancel()
        assert (await read(server, job)).json["log"]["body"] is None
        assert job.log.unavailable_reads == 0


async def test_id_of_the_job_picks_the_form() -> None:
    forms = forms_of("head")
    async with TravisServer() as server:
        for _ in forms:
            chosen, by_id = ended_job(server), ended_job(server)
            chosen.log.unavailable_as = forms[by_id.id % len(forms)]
            answers = [await read(server, job) for job in (chosen, by_id)]
            assert answers[0].status == answers[1].status
            assert (b"body" in answers[0].body) == (b"body" in answers[1].body)


@pytest.mark.parametrize("log_mode", ["head", "2017", "2014"])
def test_forms_of_the_archive_exist_where_there_is_an_archive(log_mode: str) -> None:
    forms = forms_of(log_mode)
    assert any(form.startswith("archive") for form in forms) is (log_mode != "head")
    assert any(form.startswith("v3") for form in forms) is (log_mode == "head")
    # Jobs with one job per build have every second id: each form must be among them.
    assert len(forms) % 2 == 1


@pytest.mark.parametrize(
    ("form", "status", "start"),
    [("archive 404", 404, b""), ("archive 403", 403, b"<?xml"), ("archive error page", 200, b"<?xml")],
)
async def test_archive_answers_with_the_error_of_the_form(form: LogForm, status: int, start: bytes) -> None:
    async with TravisServer(log_mode="2017") as server:
        job = ended_job(server)
        job.log.unavailable_as = form
        redirect = await ask(server, f"/jobs/{job.id}/log", accept="text/plain")
        assert redirect.status == 307
        answer = await ask(server, f"/jobs/{job.id}/log.txt", endpoint=server.archive_url)
        assert (answer.status, answer.body.startswith(start)) == (status, True)
        by_id = {archive_answer(ended_job(server))[:2] for _ in range(11)}
        assert by_id == {(403, "text/xml"), (404, "text/plain"), (403, "application/xml"), (200, "application/xml")}


async def test_chance_decides_reproducibly_when_the_log_is_there() -> None:
    async def reads(seed: int) -> list[int]:
        async with TravisServer(switches=Switches(chance=0.3, seed=seed)) as server:
            jobs = [ended_job(server) for _ in range(20)]
            counts: Counter[int] = Counter()
            for job in jobs:
                job.log.unavailable_as = "no parts"
                while not is_whole(await read(server, job)):
                    counts[job.id] += 1
                assert is_whole(await read(server, job))
            return [counts[job.id] for job in jobs]

    first, second, other = await reads(1), await reads(1), await reads(2)
    assert first == second != other
    assert len(set(first)) > 2
