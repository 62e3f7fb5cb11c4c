"""A page of builds as a server sends it, for benchmarks."""

import json


def page_of_builds(count: int = 25) -> bytes:
    """Make ``{"builds": [...], "commits": [...]}`` of about 1.5 kB a build, most of it configuration."""
    builds = [
        {
            "id": 1000 + n,
            "repository_id": 82,
            "commit_id": 5000 + n,
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
        for n in range(count)
    ]
    commits = [
        {
            "id": 5000 + n,
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
        for n in range(count)
    ]
    return json.dumps({"builds": builds, "commits": commits}).encode()
