"""Stages: groups of a build's jobs that run one after the other; they come along in live events.

https://docs.travis-ci.com/user/build-stages/
"""

from datetime import datetime

from aiotravis.resources._base import Entity
from aiotravis.resources._states import State

__all__ = ["Stage"]


class Stage(Entity, frozen=True, kw_only=True):
    """One stage of a build.

    Attributes:
        id: Travis's id of it.
        build_id: Id of its build.
        number: Place in the build, from 1.
        name: As in the .travis.yml.
        state: Where it stands.
        started_at: UTC, or None.
        finished_at: UTC, or None.
    """

    id: int
    build_id: int | None = None
    number: int | None = None
    name: str | None = None
    state: State | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
