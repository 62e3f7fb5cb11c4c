"""Builds, jobs and log parts as the JSON of events."""

import json
from typing import Any

import pytest

from aiotravis.testing import Build, User, World
from aiotravis.testing.live.payloads import build_event, job_event, log_event, millisecond

JOB_KEYS = {
    "id", "repository_id", "repository_slug", "repository_private", "build_id", "commit_id", "number", "state", "queue",
    "allow_failure", "updated_at", "commit", "started_at", "finished_at", "stage",
}  # fmt: skip


@pytest.fixture
def build() -> Build:
    return World(clock=lambda: 1_400_000_000.25).repository("a/b").build(jobs=2)


def decoded(text: str) -> Any:
    assert text == json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))
    return json.loads(text)


def test_updated_at_has_milliseconds(build: Build) -> None:
    assert millisecond(1_400_000_000.2) == "2014-05-13T16:53:20.200Z"
    assert decoded(build_event(build))["build"]["updated_at"] == "2014-05-13T16:53:20.250Z"


def test_a_job_event_is_flat_and_the_scheduler_omits_three_keys(build: Build) -> None:
    (job, _) = build.jobs
    assert set(decoded(job_event(job))) == JOB_KEYS
    assert set(decoded(job_event(job, by_scheduler=True))) == JOB_KEYS - {"started_at", "finished_at", "stage"}
    assert set(decoded(job_event(job, before_2018=True))) == JOB_KEYS | {"log_id", "annotation_ids"}


def test_a_build_event_is_nested_and_its_commit_is_the_sha(build: Build) -> None:
    payload = decoded(build_event(build))
    assert set(payload) == {"repository", "commit", "build", "stages"}
    assert payload["build"]["commit"] == build.commit.sha == payload["commit"]["sha"]
    assert payload["build"]["message"] == payload["commit"]["message"]
    assert "config" not in payload["build"]
    assert payload["repository"]["slug"] == "a/b"
    assert set(decoded(build_event(build, stages=False))) == {"repository", "commit", "build"}


def test_a_stage_is_in_the_events_of_its_jobs_and_its_build(build: Build) -> None:
    stage = build.stage("Test", build.jobs[:1])
    build.jobs[0].start()
    expected = {
        "id": stage.id, "build_id": build.id, "number": 1, "name": "Test", "state": "started",
        "started_at": "2014-05-13T16:53:20Z", "finished_at": None,
    }  # fmt: skip
    assert decoded(build_event(build))["stages"] == [expected]
    assert [decoded(job_event(job))["stage"] for job in build.jobs] == [expected, None]


def test_the_creator_of_a_build_has_four_fields(build: Build) -> None:
    assert decoded(build_event(build))["build"]["created_by"] is None
    build.created_by = User(201, "sarah", "a", name="Sarah")
    assert decoded(build_event(build))["build"]["created_by"] == {
        "id": 201, "name": "Sarah", "login": "sarah", "avatar_url": "https://example.org/sarah.png",
    }  # fmt: skip


def test_the_default_branch_has_its_last_build(build: Build) -> None:
    repository = build.repository
    other = repository.build(branch="develop")
    listed = decoded(build_event(build))["repository"]
    assert (listed["last_build_id"], listed["current_build_id"]) == (other.id, other.id)
    assert listed["default_branch"] == {"name": "master", "last_build_id": build.id}
    repository.forget(build)
    assert decoded(build_event(other))["repository"]["default_branch"] == {"name": "master", "last_build_id": None}


@pytest.mark.parametrize("letter", ["x", "\u00e4", "\U0001f680"])
def test_an_event_above_10000_characters_has_only_ids(build: Build, letter: str) -> None:
    (job, _) = build.jobs
    for write, short in (
        (build_event, {"build": {"id": build.id}, "_no_full_payload": True}),
        (job_event, {"id": job.id, "build_id": build.id, "_no_full_payload": True}),
    ):
        about: Any = build if write is build_event else job
        build.commit.message = ""
        # The message stands twice in a build's event, and once in a job's.
        times = 2 if about is build else 1
        room, rest = divmod(10_000 - len(write(about)), times)
        build.commit.message = letter * room
        assert len(write(about)) == 10_000 - rest
        assert decoded(write(about)).keys() != short.keys()
        build.commit.message += letter * (1 + rest)
        assert decoded(write(about)) == short
        assert decoded(write(about, always_full=True)).keys() != short.keys()


def test_the_text_of_a_log_part_is_in_the_field_log_with_an_underscore(build: Build) -> None:
    (job, _) = build.jobs
    part = job.write("$ make gr\u00fcn\n")
    assert log_event(job, part) == f'{{"id":{job.id},"_log":"$ make gr\u00fcn\\n","number":0,"final":false}}'
    old = decoded(log_event(job, part, number="7.1", core_fields=True))
    assert old == {
        "id": job.id, "_log": "$ make gr\u00fcn\n", "number": "7.1", "final": False, "build_id": build.id,
        "repository_id": build.repository.id, "repository_private": False,
    }  # fmt: skip
