"""What the state of a stage, or of a whole build, follows from: the jobs in it.

https://docs.travis-ci.com/user/build-stages/
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

__all__ = ["TERMINAL", "Stage", "result_of"]

TERMINAL: Final = frozenset({"passed", "failed", "errored", "canceled"})


class Member(Protocol):
    """What there is to know of a job."""

    state: str
    allow_failure: bool | None
    started_at: float | None
    finished_at: float | None


def result_of(jobs: Iterable[Member]) -> str:
    """Give the state that jobs which have ended add up to; those that are allowed to fail do not count."""
    states = {job.state for job in jobs if not job.allow_failure}
    return next((state for state in ("canceled", "errored", "failed") if state in states), "passed")


@dataclass(eq=False)
class Stage:
    """Jobs that run side by side, once those of the stage in front have passed; `Build.stage` makes it.

    Attributes:
        id: From the sequence that builds and jobs share.
        number: Place in its build, from 1.
        name: What people call it.
        jobs: Its jobs, each a `Job`.
    """

    id: int
    number: int
    name: str
    jobs: Sequence[Member]

    @property
    def ended(self) -> bool:
        """Whether all its jobs have; a stage without any has."""
        return all(job.state in TERMINAL for job in self.jobs)

    @property
    def state(self) -> str:
        """``created`` before its first job starts, ``started`` before its last one ends, then what they add up to."""
        if self.ended:
            return result_of(self.jobs)
        return "created" if self.started_at is None else "started"

    @property
    def started_at(self) -> float | None:
        """When its first job started, in seconds since the epoch; None: none has."""
        return min((job.started_at for job in self.jobs if job.started_at is not None), default=None)

    @property
    def finished_at(self) -> float | None:
        """When its last job ended, in seconds since the epoch; None: some have not."""
        times = [job.finished_at for job in self.jobs if job.finished_at is not None]
        return max(times) if times and self.ended else None
