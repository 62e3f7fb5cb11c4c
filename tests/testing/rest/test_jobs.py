"""Jobs and their annotations, in raw bytes."""

from aiotravis.testing import Repository, TravisServer
from tests.raw import ask


async def test_unknown_job_is_a_404_with_an_error_object(server: TravisServer) -> None:
    answer = await ask(server, "/jobs/42")
    assert (answer.status, answer.json) == (404, {"error": {"message": "The job(42) couldn't be found"}})


async def test_job_has_a_log_id_on_request_or_for_clients_named_travis(
    server: TravisServer, repository: Repository
) -> None:
    job = repository.build().jobs[0]
    plain = (await ask(server, f"/jobs/{job.id}")).json["job"]
    assert "log_id" not in plain
    assert plain["repository_slug"] == "travis-ci/travis.rb"
    assert (await ask(server, f"/jobs/{job.id}?include_log_id=1")).json["job"]["log_id"] == job.log.id
    by_agent = await ask(server, f"/jobs/{job.id}", headers={"User-Agent": "Travis/1.0"})
    assert by_agent.json["job"]["log_id"] == job.log.id


async def test_ids_of_jobs_are_not_split_at_commas(server: TravisServer, repository: Repository) -> None:
    first, second = repository.build(jobs=2).jobs
    trap = await ask(server, f"/jobs?ids={first.id},{second.id}")
    assert [job["id"] for job in trap.json["jobs"]] == [first.id]
    both = (await ask(server, f"/jobs?ids[]={first.id}&ids[]={second.id}&ids[]=7")).json
    assert [job["id"] for job in both["jobs"]] == [first.id, second.id]
    assert [commit["id"] for commit in both["commits"]] == [first.build.commit.id] * 2


async def test_jobs_are_filtered_by_state_or_queue_or_else_unfinished(
    server: TravisServer, repository: Repository
) -> None:
    first, second = repository.build(jobs=2).jobs
    first.start()
    first.finish("failed")
    for query, ids in (("state=failed", [first.id]), ("queue=builds.gce", [first.id, second.id]), ("", [second.id])):
        assert [job["id"] for job in (await ask(server, f"/jobs?{query}")).json["jobs"]] == ids


async def test_second_annotation_of_a_provider_replaces_the_first() -> None:
    async with TravisServer(log_mode="2014") as server:
        server.world.annotation_providers["lint"] = ("a-key", "Lint")
        job = server.world.repository("a/b").build().jobs[0]
        remark = {"username": "lint", "key": "a-key", "status": "passed"}
        for text in ("first", "second"):
            path = f"/jobs/{job.id}/annotations"
            assert (await ask(server, path, method="POST", json={**remark, "description": text})).status == 204
        shown = (await ask(server, f"/jobs/{job.id}/annotations")).json["annotations"]
        assert [(one["id"], one["provider_name"], one["description"]) for one in shown] == [(1, "Lint", "second")]
        server.log_mode = "2017"
        assert (await ask(server, f"/jobs/{job.id}/annotations")).status == 404
