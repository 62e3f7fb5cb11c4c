"""Fixtures: a job, and short delays between polls."""

import pytest

from aiotravis.follow_log import poll_schedule, state
from aiotravis.testing import Job, Repository


@pytest.fixture
def short_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poll_schedule, "POLL_DELAY", 0.02)
    monkeypatch.setattr(state, "MAX_OLD_LOG", 0.05)


@pytest.fixture
def job(repository: Repository) -> Job:
    return repository.build().jobs[0]
