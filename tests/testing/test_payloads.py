"""Records as the JSON that Travis sends."""

import json

from aiotravis.testing import World
from aiotravis.testing.payloads import build_event, build_json, commit_json, job_event, job_json, log_event, second

JOB_EVENT_KEYS = {
    "id", "repository_id", "repository_slug", "repository_private", "build_id", "commit_id", "number", "state", "queue",
    "allow_failure", "updated_at", "commit", "started_at", "finished_at", "stage",
}  # fmt: skip


def world() -> World:
    return World(clock=lambda: 1_400_000_000.25)


def test_times_are_utc_in_whole_seconds_and_live_ones_have_milliseconds() -> None:
    build = world().repository("a/b").build()
    assert second(1_400_000_000.99) == "2014-05-13T16:53:20Z"
    assert second(None) is None
    assert json.loads(build_event(build))["build"]["updated_at"] == "2014-05-13T16:53:20.250Z"


def test_numbers_are_strings_and_what_is_not_yet_is_null() -> None:
    build = world().repository("a/b").build()
    fields = build_json(build)
    assert (fields["number"], fields["duration"], fields["started_at"]) == ("1", None, None)
    assert job_json(build.jobs[0])["number"] == "1.1"


def test_a_commit_has_no_tag_in_live_events() -> None:
    commit = world().repository("a/b").build().commit
    assert "tag" in commit_json(commit)
    assert "tag" not in commit_json(commit, tag=False)


def test_a_job_event_is_flat_and_the_schedulers_lacks_three_keys() -> None:
    job = world().repository("a/b").build().jobs[0]
    whole = json.loads(job_event(job))
    assert set(whole) == JOB_EVENT_KEYS
    assert set(json.loads(job_event(job, queued=True))) == JOB_EVENT_KEYS - {"started_at", "finished_at", "stage"}


def test_a_build_event_is_nested_and_its_commit_is_the_sha() -> None:
    build = world().repository("a/b").build()
    whole = json.loads(build_event(build))
    assert set(whole) == {"repository", "commit", "build", "stages"}
    assert whole["build"]["commit"] == build.commit.sha == whole["commit"]["sha"]
    assert whole["build"]["message"] == whole["commit"]["message"]
    assert "config" not in whole["build"]
    assert whole["repository"]["slug"] == "a/b"


def test_an_event_of_more_than_ten_thousand_characters_goes_out_with_ids_alone() -> None:
    build = world().repository("a/b").build(message="x" * 10_001)
    assert json.loads(build_event(build)) == {"build": {"id": build.id}, "_no_full_payload": True}
    job = build.jobs[0]
    assert json.loads(job_event(job)) == {"id": job.id, "build_id": build.id, "_no_full_payload": True}


def test_the_text_of_a_log_part_is_called_log_with_an_underscore() -> None:
    job = world().repository("a/b").build().jobs[0]
    part = job.write("$ make\n")
    assert json.loads(log_event(job, part)) == {"id": job.id, "_log": "$ make\n", "number": 0, "final": False}
