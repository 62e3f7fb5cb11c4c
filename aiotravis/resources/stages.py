"""Stages: groups of a build's jobs that run one after the other. Only live events contain them.

https://docs.travis-ci.com/user/build-stages/
"""

from aiotravis._http.dates import Timestamp, dates_to_utc
from aiotravis._http.lenient import Id
from aiotravis.resources._base import Entity
from aiotravis.resources._states import State

__all__ = ["Stage"]


class Stage(Entity, frozen=True, kw_only=True):
    """A stage of a build.

    Attributes:
        number: Position in the build, from 1.
        name: Name in the .travis.yml.
    """

    id: Id
    build_id: Id | None = None
    number: int | None = None
    name: str | None = None
    state: State | None = None
    started_at: Timestamp | None = None
    finished_at: Timestamp | None = None

    def __post_init__(self) -> None:
        """Convert dates to UTC."""
        dates_to_utc(self, "started_at", "finished_at")
