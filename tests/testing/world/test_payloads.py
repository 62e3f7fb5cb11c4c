"""Records of the world as the JSON that Travis sends."""

import hashlib
from typing import Any

from aiotravis.testing import World
from aiotravis.testing.world.payloads import build_json, commit_json, job_json, log_parts_json, timestamp, user_json


def world() -> World:
    return World(clock=lambda: 1_400_000_000.25)


def test_timestamps_are_utc_in_whole_seconds() -> None:
    assert timestamp(1_400_000_000.99) == "2014-05-13T16:53:20Z"
    assert timestamp(None) is None


def test_numbers_are_strings_and_missing_times_are_null() -> None:
    build = world().repository("a/b").build()
    fields = build_json(build)
    assert (fields["number"], fields["duration"], fields["started_at"]) == ("1", None, None)
    assert job_json(build.jobs[0])["number"] == "1.1"


def test_job_has_a_stage_id_unless_nested_in_its_build() -> None:
    build = world().repository("a/b").build()
    assert job_json(build.jobs[0])["stage_id"] is None
    stage = build.stage("Test", build.jobs)
    assert job_json(build.jobs[0])["stage_id"] == stage.id
    assert "stage_id" not in job_json(build.jobs[0], nested=True)


def test_commit_leaves_out_its_tag_on_request() -> None:
    commit = world().repository("a/b").build().commit
    assert "tag" in commit_json(commit)
    assert "tag" not in commit_json(commit, tag=False)


def test_parts_can_be_selected_and_have_ids_on_request() -> None:
    job = world().repository("a/b").build().jobs[0]
    for text in "abc":
        job.write(text)

    def shown(**asked: Any) -> list[dict[str, Any]]:
        parts: Any = log_parts_json(job, **asked)["parts"]
        return list(parts)

    assert [part["content"] for part in shown(after="0")] == ["b", "c"]
    assert [part["content"] for part in shown(numbers="1")] == ["b"]
    assert len({part["id"] for part in shown(ids=True)}) == 3
    assert "id" not in shown()[0]


def test_gravatar_id_is_the_md5_of_the_address_or_empty() -> None:
    user = world().user("sarah", token="t")
    assert user_json(user)["gravatar_id"] == hashlib.md5(b"sarah@example.org").hexdigest()
    user.email = None
    assert user_json(user)["gravatar_id"] == ""
