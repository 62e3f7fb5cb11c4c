"""Jobs: requests and decoded responses."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from aiotravis import Job, errors
from aiotravis._http import ApiResponse
from aiotravis.resources.jobs import Jobs
from tests.samples import COMMIT, JOB, JSON, Scripted


async def test_a_job_has_its_commit() -> None:
    transport = Scripted(b'{"job":' + JOB + b',"commit":' + COMMIT + b"}")
    job = await Jobs(transport).get(2)
    assert job.commit is not None
    assert (job.repository_slug, job.number, job.tags, job.log_id) == ("a/b", "784.1", None, None)
    assert transport.calls[0].target == "/jobs/2"


async def test_many_sends_each_id_as_a_parameter() -> None:
    transport = Scripted(b'{"jobs":[' + JOB + b"]}")
    jobs = Jobs(transport)
    assert [job.id async for job in jobs.many([2, 3], missing_ok=True)] == [2]
    assert transport.calls[0].query == (("ids[]", "2"), ("ids[]", "3"))
    assert [job.id async for job in jobs.many([2], include_log_id=True)] == [2]
    assert transport.calls[1].query == (("ids[]", "2"), ("include_log_id", "true"))


def test_the_duration_is_computed_and_never_negative() -> None:
    job = msgspec.json.decode(JOB, type=Job)
    assert job.duration is None
    assert job.started_at is not None
    ended = msgspec.structs.replace(job, finished_at=job.started_at + timedelta(seconds=90))
    assert ended.duration == timedelta(seconds=90)
    backwards = msgspec.structs.replace(job, finished_at=job.started_at - timedelta(seconds=1))
    assert backwards.duration == timedelta(0)


def test_fields_of_old_servers_are_decoded() -> None:
    job = msgspec.json.decode(b'{"id":2,"annotation_ids":[1],"log_id":9,"tags":"a,b","allow_failure":null}', type=Job)
    assert (job.annotation_ids, job.log_id, job.tags, job.allow_failure) == ((1,), 9, "a,b", None)


async def test_the_log_id_is_requested_with_include_log_id() -> None:
    transport = Scripted(b'{"job":{"id":2,"log_id":9}}')
    job = await Jobs(transport).get(2, include_log_id=True)
    assert (job.log_id, job.commit) == (9, None)
    assert transport.calls[0].target == "/jobs/2?include_log_id=true"


@pytest.mark.parametrize("wrong", [0, "1", "784.1", None, True])
async def test_an_invalid_job_is_refused_before_sending(wrong: Any) -> None:
    transport = Scripted(b"")
    with pytest.raises(errors.UsageError) as one:
        await Jobs(transport).get(wrong)
    with pytest.raises(errors.UsageError) as several:
        Jobs(transport).many([1, wrong])
    assert (one.value.argument, several.value.argument) == ("job", "jobs")
    assert transport.calls == []


async def test_an_unknown_job_raises_not_found_with_the_message_of_travis() -> None:
    with pytest.raises(errors.NotFoundError, match=r"answered 404: The job\(42\) couldn't be found\. Check the id"):
        await Jobs(Scripted(ApiResponse(404, JSON, b'{"error":{"message":"The job(42) couldn\'t be found"}}'))).get(42)


def test_a_job_compares_hashes_and_has_a_repr() -> None:
    job, again = (msgspec.json.decode(JOB, type=Job) for _ in range(2))
    assert (job == again, len({job, again})) == (True, 1)
    assert job != msgspec.structs.replace(job, queue="builds.macos")
    assert repr(job).startswith("Job(id=2, repository_id=82, commit_id=5, number='784.1', state=<State.STARTED")
    assert job.to_dict()["config"] == {"rvm": "1.9.3"}
