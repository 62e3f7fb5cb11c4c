"""Records of the world as the JSON that Travis sends over REST.

https://docs.travis-ci.com/api/
"""

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
    "timestamp",
    "user_json",
]

Json = dict[str, object]


def timestamp(when: float | None) -> str | None:
    """Format a time as REST does: UTC, whole seconds."""
    return None if when is None else datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def commit_json(commit: Commit, *, tag: bool = True) -> Json:
    """Return a commit; branches, requests and live events leave out the tag."""
    fields: Json = {
        "id": commit.id,
        "sha": commit.sha,
        "branch": commit.branch,
        "message": commit.message,
        "committed_at": timestamp(commit.committed_at),
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
    """Return a build as in lists and single answers."""
    return {
        "id": build.id,
        "repository_id": build.repository.id,
        "commit_id": build.commit.id,
        "number": str(build.number),  # fact 9.10: a string.
        "event_type": build.event_type,
        "pull_request": build.event_type == "pull_request",
        "pull_request_title": build.pull_request_title,
        "pull_request_number": build.pull_request_number,  # fact 9.11: an int, though documented as a string.
        "config": build_config(build.config),
        "state": build.state,
        "started_at": timestamp(build.started_at),
        "finished_at": timestamp(build.finished_at),
        "duration": build.duration,
        "job_ids": [job.id for job in build.jobs],
    }


def job_json(job: Job, *, nested: bool = False, log_id: bool = False) -> Json:
    """Return a job; nested in a build it lacks slug and stage."""
    # fact 9.17: the documented duration is never sent; fact 9.14: tags are a string.
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
        started_at=timestamp(job.started_at),
        finished_at=timestamp(job.finished_at),
        queue=job.queue,
        allow_failure=job.allow_failure,
        tags=job.tags,
    )
    if log_id:
        fields["log_id"] = job.log.id
    return fields


def repository_json(repository: Repository) -> Json:
    """Return a repository."""
    by_number = repository.identity_build or repository.last_build
    by_state = repository.last_shown
    return {
        "id": repository.id,
        "slug": repository.slug,
        "description": repository.description,
        "active": repository.active,  # fact 9.12: a bool, though documented as a string.
        "last_build_id": by_number.id if by_number else None,
        "last_build_number": str(by_number.number) if by_number else None,
        "last_build_state": by_state.state if by_state else "",  # fact 9.13: never null.
        "last_build_duration": by_state.duration if by_state else None,
        "last_build_language": None,
        "last_build_started_at": timestamp(by_state.started_at) if by_state else None,
        "last_build_finished_at": timestamp(by_state.finished_at) if by_state else None,
        "github_language": repository.language,
    }


def user_json(user: User) -> Json:
    """Return a user."""
    gravatar_id = hashlib.md5(user.email.encode(), usedforsecurity=False).hexdigest() if user.email else ""
    return {
        "id": user.id,
        "name": user.name,
        "login": user.login,
        "email": user.email,
        "gravatar_id": gravatar_id,
        "avatar_url": f"https://example.org/{user.login}.png",
        "locale": user.locale,
        "is_syncing": user.is_syncing,
        "synced_at": timestamp(user.synced_at),
        "correct_scopes": True,
        "created_at": timestamp(user.created_at),
        "first_logged_in_at": timestamp(user.first_logged_in_at),
        "channels": [f"private-user-{user.id}"],
        "allow_migration": False,
        "vcs_type": "GithubUser",
    }


def annotation_json(annotation: Annotation, job: Job) -> Json:
    """Return an annotation."""
    return {
        "id": annotation.id,
        "job_id": job.id,
        "description": annotation.description,
        "url": annotation.url,
        "status": annotation.status,
        "provider_name": annotation.provider_name,
    }


def log_json(job: Job) -> Json:
    """Return a log with its body, which is null before the first part."""
    log = job.log
    # fact 5.2: the body of an archived log without text is empty, that of a live one is null.
    body = log.text if log.parts or log.archived else None
    fields: Json = {"id": log.id, "job_id": job.id, "type": "Log", "body": body}
    return _with_removal(fields, log)


def log_parts_json(job: Job, *, after: str = "", numbers: str = "", ids: bool = False) -> Json:
    """Return a log with its parts, as servers did until 2023.

    Args:
        job: Job of the log.
        after: If a number, return only parts with higher numbers.
        numbers: If not empty, return only the part with this number.
        ids: Whether each part has an id, as in 2014.
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
        # fact 9.32: a format of its own.
        fields["removed_at"] = datetime.fromtimestamp(log.removed_at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        fields["removed_by"] = log.removed_by
    return fields
