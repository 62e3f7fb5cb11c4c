"""Records of the world as the JSON that Travis publishes on the live channel."""

from datetime import UTC, datetime

from aiotravis.testing.live.compact_json import compact
from aiotravis.testing.world.payloads import build_json, commit_json, repository_json, timestamp, user_json
from aiotravis.testing.world.stages import Stage
from aiotravis.testing.world.world import Build, Job, Part, User

__all__ = ["build_event", "job_event", "log_event"]

Json = dict[str, object]

MOST_CHARACTERS = 10_000
"""Above which an event goes out with ids alone."""


def millisecond(when: float) -> str:
    """Write a time as ``updated_at`` has it."""
    return datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def creator_json(user: User | None) -> Json | None:
    """Give whoever made a build."""
    if user is None:
        return None
    return {name: user_json(user)[name] for name in ("id", "name", "login", "avatar_url")}


def stage_json(build: Build, stage: Stage) -> Json:
    """Give a stage."""
    return {
        "id": stage.id,
        "build_id": build.id,
        "number": stage.number,
        "name": stage.name,
        "state": stage.state,
        "started_at": timestamp(stage.started_at),
        "finished_at": timestamp(stage.finished_at),
    }


def log_event(job: Job, part: Part, *, number: int | str | None = None, core: bool = False) -> str:
    """Write the payload of ``job:log``.

    Args:
        job: Whose log it is.
        part: A part of it.
        number: Its number where that is not the part's own: ``"7.1"``.
        core: Whether to add what old servers did.
    """
    fields: Json = {
        "id": job.id,
        "_log": part.content,
        "number": part.number if number is None else number,
        "final": part.final,
    }
    if core:
        fields.update(build_id=job.build.id, repository_id=job.repository.id, repository_private=job.repository.private)
    return compact(fields)


def job_event(job: Job, *, queued: bool = False, whole: bool = False, old: bool = False) -> str:
    """Write the flat payload of a job's events.

    Args:
        job: The job.
        queued: Whether the scheduler writes it, who leaves some keys out.
        whole: Whether it is sent whole however large it is.
        old: Whether to add what was there before 2018.
    """
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
    if not queued:
        stage = stage_json(job.build, job.stage) if job.stage else None
        fields.update(started_at=timestamp(job.started_at), finished_at=timestamp(job.finished_at), stage=stage)
    if old:
        fields.update(log_id=job.log.id, annotation_ids=[])
    return _fitting(fields, {"id": job.id, "build_id": job.build.id, "_no_full_payload": True}, whole=whole)


def build_event(build: Build, *, whole: bool = False, stages: bool = True) -> str:
    """Write the nested payload of a build's events, where ``build.commit`` is the sha.

    Args:
        build: The build.
        whole: Whether it is sent whole however large it is.
        stages: Whether the server knows of stages.
    """
    commit, repository = build.commit, build.repository
    flat = build_json(build)
    del flat["config"]
    flat.update(updated_at=millisecond(build.updated_at), created_by=creator_json(build.created_by))
    for name, value in commit_json(commit, tag=False).items():
        if name not in {"id", "sha"}:
            flat[name] = value
    flat["commit"] = commit.sha
    listed = repository_json(repository)
    default = [one.id for one in repository.builds if one.commit.branch == "master"]
    listed.update(
        private=repository.private,
        current_build_id=listed["last_build_id"],
        default_branch={"name": "master", "last_build_id": default[-1] if default else None},
    )
    told: Json = {"repository": listed, "commit": commit_json(commit, tag=False), "build": flat}
    if stages:
        told["stages"] = [stage_json(build, stage) for stage in build.stages]
    return _fitting(told, {"build": {"id": build.id}, "_no_full_payload": True}, whole=whole)


def _fitting(told: Json, short: Json, *, whole: bool) -> str:
    text = compact(told)
    return text if whole or len(text) <= MOST_CHARACTERS else compact(short)
