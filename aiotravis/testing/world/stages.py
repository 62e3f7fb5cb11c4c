"""States of stages and builds, as they follow from their jobs.

https://docs.travis-ci.com/user/build-stages/
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

__all__ = ["TERMINAL", "Stage", "result_of"]

TERMINAL: Final = frozenset({"passed", "failed", "errored", "canceled"})


class StageJob(Protocol):
    """What a stage needs of its jobs."""

    state: str
    allow_failure: bool | None
    started_at: float | None
    finished_at: float | None


def result_of(jobs: Iterable[StageJob]) -> str:
    """Return the state that follows from finished jobs; those that are allowed to fail do not count."""
    # fact 8: the first of these states that any required job has.
    states = {job.state for job in jobs if not job.allow_failure}
    return next((state for state in ("canceled", "errored", "failed") if state in states), "passed")


@dataclass(eq=False)
class Stage:
    """Jobs that run in parallel once those of the stage before have passed; `Build.stage` creates it.

    Attributes:
        id: From the sequence that builds and jobs share.
        number: Position in its build, from 1.
        name: Its name.
        jobs: Its jobs, each a `Job`.
    """

    id: int
    number: int
    name: str
    jobs: Sequence[StageJob]

    @property
    def ended(self) -> bool:
        """Whether all its jobs have finished; True for a stage without jobs."""
        return all(job.state in TERMINAL for job in self.jobs)

    @property
    def state(self) -> str:
        """``created`` before its first job starts, ``started`` before its last one finishes, then the result."""
        if self.ended:
            return result_of(self.jobs)
        return "created" if self.started_at is None else "started"

    @property
    def started_at(self) -> float | None:
        """Time at which its first job started, in seconds since the epoch; None before that."""
        return min((job.started_at for job in self.jobs if job.started_at is not None), default=None)

    @property
    def finished_at(self) -> float | None:
        """Time at which its last job finished, in seconds since the epoch; None before that."""
        times = [job.finished_at for job in self.jobs if job.finished_at is not None]
        return max(times) if times and self.ended else None
