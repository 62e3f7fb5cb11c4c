"""Records of the world as the JSON that Travis sends over REST."""

from datetime import UTC, datetime

from aiotravis.testing.world import Build, Commit, Job, Log, Repository, User

__all__ = [
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
        "committer_name": commit.author_name,
        "committer_email": commit.author_email,
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
        "config": build.config,
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
        config=job.config,
        state=job.state,
        started_at=second(job.started_at),
        finished_at=second(job.finished_at),
        queue=job.queue,
        allow_failure=job.allow_failure,
        tags=None,
    )
    if log_id:
        fields["log_id"] = job.log.id
    return fields


def repository_json(repository: Repository) -> Json:
    """Give a repository."""
    last = repository.last_build
    return {
        "id": repository.id,
        "slug": repository.slug,
        "description": repository.description,
        "active": repository.active,
        "last_build_id": last.id if last else None,
        "last_build_number": str(last.number) if last else None,
        "last_build_state": last.state if last else "",
        "last_build_duration": last.duration if last else None,
        "last_build_language": None,
        "last_build_started_at": second(last.started_at) if last else None,
        "last_build_finished_at": second(last.finished_at) if last else None,
        "github_language": repository.language,
    }


def user_json(user: User) -> Json:
    """Give a user."""
    return {
        "id": user.id,
        "name": user.name,
        "login": user.login,
        "email": user.email,
        "gravatar_id": "",
        "avatar_url": f"https://example.org/{user.login}.png",
        "locale": user.locale,
        "is_syncing": user.is_syncing,
        "synced_at": "2026-01-01T00:00:00Z",
        "correct_scopes": True,
        "created_at": "2013-06-01T12:00:00Z",
        "first_logged_in_at": "2013-06-01T12:00:00Z",
        "channels": [f"private-user-{user.id}"],
        "allow_migration": False,
        "vcs_type": "GithubUser",
    }


def log_json(job: Job) -> Json:
    """Give a log with its body; null while nothing is written."""
    log = job.log
    body = log.text if log.parts else None
    fields: Json = {"id": log.id, "job_id": job.id, "type": "Log", "body": body}
    return _with_removal(fields, log)


def log_parts_json(job: Job) -> Json:
    """Give a log with its parts, as servers until 2023 do."""
    log = job.log
    return _with_removal({"id": log.id, "job_id": job.id, "type": "Log", "parts": _parts(log)}, log)


def _with_removal(fields: Json, log: Log) -> Json:
    if log.removed_at is not None:
        fields["removed_at"] = datetime.fromtimestamp(log.removed_at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        fields["removed_by"] = log.removed_by
    return fields


def _parts(log: Log) -> list[Json]:
    return [{"number": part.number, "content": part.content, "final": part.final} for part in log.parts]
