"""Commits, and how they are attached to builds."""

import msgspec
import pytest

from aiotravis import Build, Commit
from aiotravis.resources.commits import attach_commits
from tests.samples import COMMIT


def test_a_commit_has_a_subject_and_a_short_hash() -> None:
    commit = msgspec.json.decode(COMMIT, type=Commit)
    assert (commit.subject, commit.short_sha) == ("Fix it", "a214c21")
    assert Commit(id=1).subject == ""


def test_repeated_and_unordered_commits_are_attached_by_id() -> None:
    commits = [Commit(id=2, sha="b"), Commit(id=1, sha="a"), Commit(id=1, sha="a")]
    builds = attach_commits(
        [Build(id=7, commit_id=1), Build(id=8, commit_id=2), Build(id=9), Build(id=10, commit_id=3)], commits
    )
    assert [build.commit and build.commit.sha for build in builds] == ["a", "b", None, None]


@pytest.mark.parametrize("number", [b"7", b'"7"', b"null"])
def test_a_pull_request_number_can_be_a_string(number: bytes) -> None:
    commit = msgspec.json.decode(b'{"id":1,"pull_request_number":' + number + b',"unknown":1}', type=Commit)
    assert commit.pull_request_number in {7, "7", None}
