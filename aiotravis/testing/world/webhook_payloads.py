"""What Travis's webhooks say about a build.

https://docs.travis-ci.com/user/notifications/#webhooks-delivery-format
"""

import json
from typing import Final

from aiotravis.testing.world.configs import build_config, job_config
from aiotravis.testing.world.payloads import Json, timestamp
from aiotravis.testing.world.stages import TERMINAL
from aiotravis.testing.world.webhook_targets import previous_state
from aiotravis.testing.world.world import Build

__all__ = ["webhook_payload"]

STATUS: Final = {"passed": 0, "failed": 1, "errored": 1}
"""fact beyond 2.3: null for all other states."""

HTML_ESCAPES: Final = str.maketrans({one: f"\\u{ord(one):04x}" for one in "<>&\u2028\u2029"})
"""fact beyond 2.2: an encoder of Rails escapes these, so that JSON written anew has other bytes."""

WEBSITE: Final = "https://app.travis-ci.com"


def webhook_payload(build: Build) -> str:
    """Return the JSON text of a notification about a build, as it is now."""
    payload: Json = {
        "id": build.id,
        "number": str(build.number),
        "config": build_config(build.config),
        "type": build.event_type,
        **_state(build.state),
        **_message(build),
        "started_at": timestamp(build.started_at),
        "finished_at": timestamp(build.finished_at),
        "duration": build.duration,
        "build_url": f"{WEBSITE}/{build.repository.slug}/builds/{build.id}",
        "commit_id": build.commit.id,
        "base_commit": None,
        "head_commit": None,
        **_commit(build),
        "pull_request": build.event_type == "pull_request",
        "pull_request_number": build.pull_request_number,
        "pull_request_title": build.pull_request_title,
        "tag": build.commit.tag,
        "repository": _repository(build),
        "matrix": [_job(build, place) for place in range(len(build.jobs))],
    }
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).translate(HTML_ESCAPES)


def _state(state: str) -> Json:
    return {"state": state, "status": STATUS.get(state), "result": STATUS.get(state)}


def _message(build: Build) -> Json:
    match previous_state(build), build.state:
        case "failed", "passed":
            message = "Fixed"
        case "passed", "failed":
            message = "Broken"
        case "failed", "failed":
            message = "Still Failing"
        case _, state if state in TERMINAL:
            message = state.capitalize()
        case _:
            message = "Pending"
    return {"status_message": message, "result_message": message}


def _commit(build: Build) -> Json:
    commit = build.commit
    return {
        "commit": commit.sha,
        "branch": commit.branch,
        "message": commit.message,
        "compare_url": commit.compare_url,
        "committed_at": timestamp(commit.committed_at),
        "author_name": commit.author_name,
        "author_email": commit.author_email,
        "committer_name": commit.committer_name,
        "committer_email": commit.committer_email,
    }


def _repository(build: Build) -> Json:
    # fact beyond 2.3: no slug, and no URL.
    owner_name, _, name = build.repository.slug.partition("/")
    return {"id": build.repository.id, "name": name, "owner_name": owner_name, "url": None}


def _job(build: Build, place: int) -> Json:
    job = build.jobs[place]
    return {
        "id": job.id,
        "repository_id": build.repository.id,
        "parent_id": build.id,
        "number": job.number,
        "state": job.state,
        "config": job_config(job.config),
        "status": STATUS.get(job.state),
        "result": STATUS.get(job.state),
        **_commit(build),
        # fact beyond 2.3: the times are those of the build.
        "started_at": timestamp(build.started_at),
        "finished_at": timestamp(build.finished_at),
        "allow_failure": job.allow_failure,
    }
