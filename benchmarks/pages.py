"""Builds as a server sends them, for benchmarks."""

import json
from typing import Any

__all__ = ["FIRST_ID", "builds_and_commits", "envelope", "page_of_builds"]

FIRST_ID = 1000


def builds_and_commits(count: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Make builds of about 1.5 kB each, most of it configuration, numbered from 1 on, and their commits."""
    return [_build(n) for n in range(count)], [_commit(n) for n in range(count)]


def envelope(value: object) -> bytes:
    """Write an answer's body."""
    return json.dumps(value).encode()


def page_of_builds(count: int = 25) -> bytes:
    """Make ``{"builds": [...], "commits": [...]}``."""
    builds, commits = builds_and_commits(count)
    return envelope({"builds": builds, "commits": commits})


def _build(n: int) -> dict[str, Any]:
    return {
        "id": FIRST_ID + n,
        "repository_id": 82,
        "commit_id": 500_000 + n,
        "number": str(n + 1),
        "event_type": "push",
        "pull_request": False,
        "pull_request_title": None,
        "pull_request_number": None,
        "config": {
            "language": "ruby",
            "rvm": ["2.7", "3.0", "3.1", "3.2", "jruby"],
            "env": [f"GEMFILE=gemfiles/rails_{v}.gemfile DB={db}" for v in (5, 6, 7) for db in ("pg", "mysql")],
            "script": ["bundle exec rake spec", "bundle exec rubocop"],
            "notifications": {"email": False, "slack": {"secure": "x" * 340}},
            "matrix": {"allow_failures": [{"rvm": "jruby"}], "fast_finish": True},
            ".result": "configured",
        },
        "state": "passed",
        "started_at": "2026-01-01T10:00:00Z",
        "finished_at": "2026-01-01T10:10:00Z",
        "duration": 600,
        "job_ids": list(range(2000 + n * 5, 2005 + n * 5)),
    }


def _commit(n: int) -> dict[str, Any]:
    return {
        "id": 500_000 + n,
        "sha": f"{n:040x}",
        "branch": "master",
        "message": "Stream logs\n\nIn order, exactly once.",
        "committed_at": "2026-01-01T09:59:00Z",
        "author_name": "Sarah",
        "author_email": "sarah@example.org",
        "committer_name": "Sarah",
        "committer_email": "sarah@example.org",
        "compare_url": "https://github.com/travis-ci/travis.rb/compare/a...b",
        "tag": None,
        "pull_request_number": None,
    }
