"""A job whose log is followed without patience."""

import pytest

from aiotravis.flows.log_following import following
from aiotravis.testing import Job, Repository


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "PATIENCE", 0.02)


@pytest.fixture
def job(repository: Repository) -> Job:
    return repository.build().jobs[0]
