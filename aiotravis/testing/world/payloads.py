"""Records of the world as the JSON that Travis sends over REST."""

import hashlib
from datetime import UTC, datetime

from aiotravis.testing.world.configs import build_config, job_config
from aiotravis.testing.world.models import Annotation
from aiotravis.testing.world.world import Build, Commit, Job, Log, Repository, User

__all__ = [
    "annotation_json",
    "build_json",
    "commit_json",
    "job_json",
    "log_json",
    "log_parts_json",
    "repository_json",
    "second",
    "user_json",
]

Json = dict[str, object]


def second(when: float | None) -> str | None:
    """Write a time as REST does: UTC, whole seconds."""
    return None if when is None else datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def commit_json(commit: Commit, *, tag: bool = True) -> Json:
    """Give a commit; branches, requests and live events leave the tag out."""
    fields: Json = {
        "id": commit.id,
        "sha": commit.sha,
        "branch": commit.branch,
        "message": commit.message,
        "committed_at": second(commit.committed_at),
        "author_name": commit.author_name,
        "author_email": commit.author_email,
        "committer_name": commit.committer_name,
        "committer_email": commit.committer_email,
        "compare_url": commit.compare_url,
    }
    if tag:
        fields["tag"] = commit.tag
    return fields


def build_json(build: Build) -> Json:
    """Give a build as lists and single answers have it."""
    return {
        "id": build.id,
        "repository_id": build.repository.id,
        "commit_id": build.commit.id,
        "number": str(build.number),
        "event_type": build.event_type,
        "pull_request": build.event_type == "pull_request",
        "pull_request_title": build.pull_request_title,
        "pull_request_number": build.pull_request_number,
        "config": build_config(build.config),
        "state": build.state,
        "started_at": second(build.started_at),
        "finished_at": second(build.finished_at),
        "duration": build.duration,
        "job_ids": [job.id for job in build.jobs],
    }


def job_json(job: Job, *, nested: bool = False, log_id: bool = False) -> Json:
    """Give a job; nested in a build it lacks slug and stage."""
    fields: Json = {"id": job.id, "repository_id": job.repository.id}
    if not nested:
        fields["repository_slug"] = job.repository.slug
        fields["stage_id"] = job.stage.id if job.stage else None
    fields.update(
        build_id=job.build.id,
        commit_id=job.build.commit.id,
        number=job.number,
        config=job_config(job.config),
        state=job.state,
        started_at=second(job.started_at),
        finished_at=second(job.finished_at),
        queue=job.queue,
        allow_failure=job.allow_failure,
        tags=job.tags,
    )
    if log_id:
        fields["log_id"] = job.log.id
    return fields


def repository_json(repository: Repository) -> Json:
    """Give a repository."""
    named = repository.named_build or repository.last_build
    moved = repository.moved_build or repository.last_build
    return {
        "id": repository.id,
        "slug": repository.slug,
        "description": repository.description,
        "active": repository.active,
        "last_build_id": named.id if named else None,
        "last_build_number": str(named.number) if named else None,
        "last_build_state": moved.state if moved else "",
        "last_build_duration": moved.duration if moved else None,
        "last_build_language": None,
        "last_build_started_at": second(moved.started_at) if moved else None,
        "last_build_finished_at": second(moved.finished_at) if moved else None,
        "github_language": repository.language,
    }


def user_json(user: User) -> Json:
    """Give a user."""
    email = hashlib.md5(user.email.encode(), usedforsecurity=False).hexdigest() if user.email else ""
    return {
        "id": user.id,
        "name": user.name,
        "login": user.login,
        "email": user.email,
        "gravatar_id": email,
        "avatar_url": f"https://example.org/{user.login}.png",
        "locale": user.locale,
        "is_syncing": user.is_syncing,
        "synced_at": second(user.synced_at),
        "correct_scopes": True,
        "created_at": second(user.created_at),
        "first_logged_in_at": second(user.first_logged_in_at),
        "channels": [f"private-user-{user.id}"],
        "allow_migration": False,
        "vcs_type": "GithubUser",
    }


def annotation_json(annotation: Annotation, job: Job) -> Json:
    """Give an annotation."""
    return {
        "id": annotation.id,
        "job_id": job.id,
        "description": annotation.description,
        "url": annotation.url,
        "status": annotation.status,
        "provider_name": annotation.provider_name,
    }


def log_json(job: Job) -> Json:
    """Give a log with its body; null while nothing is written."""
    log = job.log
    # Of what was archived and is not there the text is empty, which is something else than nothing.
    body = log.text if log.parts or log.archived else None
    fields: Json = {"id": log.id, "job_id": job.id, "type": "Log", "body": body}
    return _with_removal(fields, log)


def log_parts_json(job: Job, *, after: str = "", numbers: str = "", ids: bool = False) -> Json:
    """Give a log with its parts, as servers until 2023 do.

    Args:
        job: Whose it is.
        after: Only parts with numbers above this one, where it is a number.
        numbers: Only the part of this number, where it is one.
        ids: Whether each has an id as well, as in 2014.
    """
    log = job.log
    parts = list(enumerate(log.parts))
    if after.isdecimal():
        parts = [(place, part) for place, part in parts if part.number > int(after)]
    if numbers:
        parts = [(place, part) for place, part in parts if str(part.number) == numbers]
    shown: list[Json] = []
    for place, part in parts:
        fields: Json = {"number": part.number, "content": part.content, "final": part.final}
        if ids:
            fields["id"] = log.id * 10_000 + place
        shown.append(fields)
    return _with_removal({"id": log.id, "job_id": job.id, "type": "Log", "parts": shown}, log)


def _with_removal(fields: Json, log: Log) -> Json:
    if log.removed_at is not None:
        fields["removed_at"] = datetime.fromtimestamp(log.removed_at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        fields["removed_by"] = log.removed_by
    return fields
