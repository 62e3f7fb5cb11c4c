"""Builds, jobs and log parts as the JSON of events: section 7.8 of the facts."""

from datetime import UTC, datetime

from aiotravis.testing.live.compact_json import compact
from aiotravis.testing.world.payloads import build_json, commit_json, repository_json, timestamp, user_json
from aiotravis.testing.world.stages import Stage
from aiotravis.testing.world.world import Build, Job, Part, User

__all__ = ["build_event", "job_event", "log_event"]

Json = dict[str, object]

MAX_EVENT_CHARACTERS = 10_000
"""Length above which an event has only ids, in characters."""


def millisecond(when: float) -> str:
    """Return a time in the format of ``updated_at``."""
    return datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def creator_json(user: User | None) -> Json | None:
    """Return the user who created a build."""
    if user is None:
        return None
    return {name: user_json(user)[name] for name in ("id", "name", "login", "avatar_url")}


def stage_json(build: Build, stage: Stage) -> Json:
    """Return a stage."""
    return {
        "id": stage.id,
        "build_id": build.id,
        "number": stage.number,
        "name": stage.name,
        "state": stage.state,
        "started_at": timestamp(stage.started_at),
        "finished_at": timestamp(stage.finished_at),
    }


def log_event(job: Job, part: Part, *, number: int | str | None = None, core_fields: bool = False) -> str:
    """Return the payload of ``job:log``, perhaps under another number such as ``"7.1"``, with fields of travis-core."""
    # fact 7.8: the text is in _log, and id is the job's.
    fields: Json = {
        "id": job.id,
        "_log": part.content,
        "number": part.number if number is None else number,
        "final": part.final,
    }
    if core_fields:
        fields.update(build_id=job.build.id, repository_id=job.repository.id, repository_private=job.repository.private)
    return compact(fields)


def job_event(job: Job, *, by_scheduler: bool = False, always_full: bool = False, before_2018: bool = False) -> str:
    """Return the flat payload of a job's events; the scheduler omits some fields, servers before 2018 had others."""
    fields: Json = {
        "id": job.id,
        "repository_id": job.repository.id,
        "repository_slug": job.repository.slug,
        "repository_private": job.repository.private,
        "build_id": job.build.id,
        "commit_id": job.build.commit.id,
        "number": job.number,
        "state": job.state,
        "queue": job.queue,
        "allow_failure": job.allow_failure,
        "updated_at": millisecond(job.updated_at),
        "commit": commit_json(job.build.commit, tag=False),
    }
    if not by_scheduler:
        stage = stage_json(job.build, job.stage) if job.stage else None
        fields.update(started_at=timestamp(job.started_at), finished_at=timestamp(job.finished_at), stage=stage)
    if before_2018:
        fields.update(log_id=job.log.id, annotation_ids=[])
    short: Json = {"id": job.id, "build_id": job.build.id, "_no_full_payload": True}
    return _limited(fields, short, always_full=always_full)


def build_event(build: Build, *, always_full: bool = False, stages: bool = True) -> str:
    """Return the nested payload of a build's events; servers before 2017 had no stages."""
    commit, repository = build.commit, build.repository
    flat = build_json(build)
    del flat["config"]
    flat.update(updated_at=millisecond(build.updated_at), created_by=creator_json(build.created_by))
    for name, value in commit_json(commit, tag=False).items():
        if name not in {"id", "sha"}:
            flat[name] = value
    # fact 9.43: here commit is the sha.
    flat["commit"] = commit.sha
    repository_fields = repository_json(repository)
    default = next((one.id for one in reversed(repository.builds) if one.commit.branch == "master"), None)
    repository_fields.update(
        private=repository.private,
        current_build_id=repository_fields["last_build_id"],
        default_branch={"name": "master", "last_build_id": default},
    )
    fields: Json = {"repository": repository_fields, "commit": commit_json(commit, tag=False), "build": flat}
    if stages:
        fields["stages"] = [stage_json(build, stage) for stage in build.stages]
    return _limited(fields, {"build": {"id": build.id}, "_no_full_payload": True}, always_full=always_full)


def _limited(fields: Json, short: Json, *, always_full: bool) -> str:
    text = compact(fields)
    # fact 9.42: the limit counts characters, and the short payload has no state.
    return text if always_full or len(text) <= MAX_EVENT_CHARACTERS else compact(short)
