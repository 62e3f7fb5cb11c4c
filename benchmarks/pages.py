"""Builds and jobs as a server sends them, for benchmarks."""

import json
from collections.abc import Iterable
from typing import Any, Final

__all__ = ["FIRST_ID", "BuildHistory", "envelope", "page_of_builds", "page_of_jobs"]

FIRST_ID = 1000

JOBS: Final = 4
"""Jobs of a single build."""


class BuildHistory:
    """The builds of one repository, numbered from 1, as the bodies of responses.

    Args:
        count: Number of builds.

    Attributes:
        count: As given.
    """

    PAGE: Final = 25

    def __init__(self, count: int) -> None:
        self.count = count
        self._builds, self._commits = builds_and_commits(count)

    def single(self, place: int) -> bytes:
        """Return the response for one build: its jobs have configurations of their own, about 6 kB in all."""
        build, commit = self._builds[place], self._commits[place]
        jobs = [_job_of(build, place, n) for n in range(JOBS)]
        build = {**build, "job_ids": [job["id"] for job in jobs]}
        return envelope({"build": build, "commit": commit, "jobs": jobs})

    def by_ids(self, places: Iterable[int]) -> bytes:
        """Return the response for some builds; those beyond the last do not exist."""
        known = [place for place in places if place < self.count]
        return envelope(
            {"builds": [self._builds[place] for place in known], "commits": [self._commits[place] for place in known]}
        )

    def page(self, after_number: int) -> bytes:
        """Return the response for the builds below a number, newest first."""
        top = min(after_number - 1, self.count)
        return self.by_ids(range(top - 1, max(top - 1 - self.PAGE, -1), -1))


def builds_and_commits(count: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Make builds of about 1.5 kB each, mostly configuration, numbered from 1, and their commits."""
    return [_build(n) for n in range(count)], [_commit(n) for n in range(count)]


def envelope(value: object) -> bytes:
    """Encode the body of a response."""
    return json.dumps(value).encode()


def page_of_builds(count: int = 25) -> bytes:
    """Make ``{"builds": [...], "commits": [...]}``."""
    builds, commits = builds_and_commits(count)
    return envelope({"builds": builds, "commits": commits})


def page_of_jobs(count: int = 25) -> bytes:
    """Make ``{"jobs": [...], "commits": [...]}``."""
    return envelope({"jobs": [_job(n) for n in range(count)], "commits": [_commit(n) for n in range(count)]})


def _job(n: int) -> dict[str, Any]:
    return {
        "id": 2000 + n,
        "repository_id": 82,
        "repository_slug": "travis-ci/travis.rb",
        "stage_id": None,
        "build_id": FIRST_ID + n // 5,
        "commit_id": 500_000 + n,
        "number": f"{n // 5 + 1}.{n % 5 + 1}",
        "config": {
            "language": "ruby",
            "rvm": "3.2",
            "env": "GEMFILE=gemfiles/rails_7.gemfile DB=pg",
            "script": ["bundle exec rake spec", "bundle exec rubocop"],
            ".result": "configured",
            "os": "linux",
        },
        "state": "passed",
        "started_at": "2026-01-01T10:00:00Z",
        "finished_at": "2026-01-01T10:10:00Z",
        "queue": "builds.linux",
        "allow_failure": False,
        "tags": None,
        "annotation_ids": [],
    }


def _job_of(build: dict[str, Any], place: int, n: int) -> dict[str, Any]:
    config = {**build["config"], "rvm": f"3.{n}", "env": build["config"]["env"][n]}
    job = {**_job(n), "id": 10_000 + place * JOBS + n, "number": f"{place + 1}.{n + 1}", "config": config}
    return {**job, "build_id": build["id"], "commit_id": build["commit_id"]}


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
