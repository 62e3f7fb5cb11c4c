"""Commits: what a build or job was made from; they come along with these, never alone.

https://docs.travis-ci.com/api/#commits
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, TypeVar

import msgspec

from aiotravis.resources._base import Entity

__all__ = ["Commit", "joined"]


class Commit(Entity, frozen=True, kw_only=True):
    """One commit.

    Attributes:
        id: Travis's id of it.
        sha: Its hash.
        branch: Its branch; for a tag's build the name of the tag.
        message: Its whole message, or None.
        committed_at: UTC.
        author_name: Or None, like the next four.
        compare_url: Page that shows the difference, on GitHub.
        tag: Name of the tag; not in branches, requests and live events.
        branch_is_default: Only with a single build or job.
        pull_request_number: Only in lists of builds and requests.
    """

    id: int
    sha: str = ""
    branch: str | None = None
    message: str | None = None
    committed_at: datetime | None = None
    author_name: str | None = None
    author_email: str | None = None
    committer_name: str | None = None
    committer_email: str | None = None
    compare_url: str | None = None
    tag: str | None = None
    branch_is_default: bool | None = None
    pull_request_number: int | str | None = None

    @property
    def subject(self) -> str:
        """First line of the message, or an empty string."""
        return (self.message or "").partition("\n")[0].strip()

    @property
    def short_sha(self) -> str:
        """The first seven digits of the hash."""
        return self.sha[:7]


S = TypeVar("S", bound=Entity)

_set: Final = msgspec.structs.force_setattr


def joined(entities: Iterable[S], commits: Iterable[Commit]) -> list[S]:
    """Give freshly decoded builds, jobs, branches or requests the commits that came beside them.

    The lists that Travis sends repeat commits and are in no order, so they are matched by id.
    """
    by_id: dict[int | None, Commit] = {commit.id: commit for commit in commits}
    entities = list(entities)
    for entity in entities if by_id else ():
        commit = by_id.get(getattr(entity, "commit_id", None))
        if commit is not None:
            # Nobody else has seen these values yet, so they are still ours to complete.
            _set(entity, "commit", commit)
    return entities
