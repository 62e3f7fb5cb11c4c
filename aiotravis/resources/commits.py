"""Commits: what builds, jobs and requests were made from. Travis sends them beside these, never alone.

https://docs.travis-ci.com/api/#commits
"""

from collections.abc import Sequence
from datetime import UTC
from typing import Final, TypeVar

import msgspec

from aiotravis._http import Results, results_of
from aiotravis._http.dates import FIRST_DATE, Timestamp, dates_to_utc
from aiotravis._http.lenient import Id
from aiotravis.resources._base import Entity

__all__ = ["Commit", "attach_commits", "commits_by_id"]


class Commit(Entity, frozen=True, kw_only=True):
    """A commit.

    Attributes:
        id: Travis's id of the commit.
        branch: Name of the branch; in the build of a tag, name of the tag.
        compare_url: Page on GitHub that shows the changes.
        tag: Name of the tag; not with branches, requests and live events.
        branch_is_default: Whether it is the default branch; only with a single build or job.
        pull_request_number: Number; only in lists of builds and requests.
    """

    id: Id
    sha: str = ""
    branch: str | None = None
    message: str | None = None
    committed_at: Timestamp | None = None
    author_name: str | None = None
    author_email: str | None = None
    committer_name: str | None = None
    committer_email: str | None = None
    compare_url: str | None = None
    tag: str | None = None
    branch_is_default: bool | None = None
    pull_request_number: int | str | None = None  # fact 9.11: both types occur

    @property
    def subject(self) -> str:
        """First line of the message, or ``""``."""
        return (self.message or "").partition("\n")[0].strip()

    @property
    def short_sha(self) -> str:
        """First seven digits of the hash."""
        return self.sha[:7]


S = TypeVar("S", bound=Entity)

_set: Final = msgspec.structs.force_setattr


def commits_by_id(commits: Sequence[Commit | None]) -> dict[int | None, Commit]:
    """Convert the dates of freshly decoded commits to UTC, and return the commits by their ids."""
    by_id: dict[int | None, Commit] = {}
    for commit in commits:
        if commit is not None:
            committed_at = commit.committed_at
            if committed_at is not None and (committed_at.tzinfo is not UTC or committed_at < FIRST_DATE):
                dates_to_utc(commit, "committed_at")
            by_id[commit.id] = commit
    return by_id


def attach_commits(entities: Sequence[S], commits: Sequence[Commit | None]) -> Results[S]:
    """Set ``commit`` of freshly decoded requests to the commits sent beside them. For builds and jobs, see `finish`.

    Returns:
        The same entities. What could not be read beside them, or beside the commits, is in ``unreadable``.
    """
    # fact 9.19: commits are unordered and repeated, and requests may have none: match them by id.
    commit_of = commits_by_id(commits).get
    for entity in entities:
        commit = commit_of(getattr(entity, "commit_id", None))
        if commit is not None:
            # Frozen, but not yet seen by anyone else.
            _set(entity, "commit", commit)
    return results_of(entities, commits)
