"""The fields of our builds, jobs and commits as a careful person writes them: nothing is checked, nothing copied."""

from datetime import datetime

import msgspec

__all__ = ["Build", "Page", "Single"]


class Commit(msgspec.Struct, frozen=True, gc=False):
    """A commit."""

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


class Job(msgspec.Struct, frozen=True, gc=False):
    """A job, with its configuration left in the response."""

    id: int
    repository_id: int | None = None
    commit_id: int | None = None
    number: str = ""
    state: str = "created"
    started_at: datetime | None = None
    finished_at: datetime | None = None
    config: msgspec.Raw = msgspec.Raw(b"{}")
    updated_at: datetime | None = None
    build_id: int | None = None
    repository_slug: str | None = None
    stage_id: int | None = None
    queue: str | None = None
    allow_failure: bool | None = None
    tags: str | None = None
    log_id: int | None = None
    annotation_ids: tuple[int, ...] = ()


class Build(msgspec.Struct, frozen=True, gc=False):
    """A build, with its configuration left in the response."""

    id: int
    repository_id: int | None = None
    commit_id: int | None = None
    number: str = ""
    state: str = "created"
    started_at: datetime | None = None
    finished_at: datetime | None = None
    config: msgspec.Raw = msgspec.Raw(b"{}")
    updated_at: datetime | None = None
    job_ids: tuple[int, ...] = ()
    event_type: str | None = None
    pull_request: bool | None = None
    pull_request_title: str | None = None
    pull_request_number: int | None = None
    duration: int | None = None


class Single(msgspec.Struct, frozen=True, gc=False):
    """The response to ``GET /builds/{id}``."""

    build: Build
    commit: Commit
    jobs: tuple[Job, ...]


class Page(msgspec.Struct, frozen=True, gc=False):
    """The response to ``GET /builds``."""

    builds: tuple[Build, ...]
    commits: tuple[Commit, ...]
