"""The states of builds and jobs.

https://docs.travis-ci.com/api/#builds
"""

from enum import StrEnum
from typing import Any

__all__ = ["State"]


class State(StrEnum):
    """State of a build or a job.

    A state that this version does not know decodes to itself, in lower case, and counts as not finished.
    """

    CREATED = "created"
    QUEUED = "queued"
    RECEIVED = "received"
    STARTED = "started"
    PASSED = "passed"
    FAILED = "failed"
    ERRORED = "errored"
    CANCELED = "canceled"
    # fact 9.13: the empty string, where null would be expected.
    NEVER_BUILT = ""
    """Only as `Repository.last_build_state`."""

    @classmethod
    def _missing_(cls, value: object) -> "State | None":
        # fact 9.50: a client must survive states that Travis adds.
        if not isinstance(value, str):
            return None
        value = value.strip().lower()
        known = cls._value2member_map_.get(value)
        if isinstance(known, State):
            return known
        state = str.__new__(cls, value)
        state._name_ = value.upper()
        state._value_ = value
        return state

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> Any:
        from aiotravis._http.pydantic_schemas import open_enum_schema

        return open_enum_schema(cls)

    @property
    def known(self) -> bool:
        """Whether this version of the library knows the state."""
        return self._value_ in type(self)._value2member_map_

    @property
    def finished(self) -> bool:
        """Whether it is passed, failed, errored or canceled."""
        return self in _FINISHED

    @property
    def pending(self) -> bool:
        """Whether it is created, queued or received."""
        return self in _PENDING

    @property
    def running(self) -> bool:
        """Whether it is started."""
        return self == State.STARTED

    @property
    def passed(self) -> bool:
        """Whether it is passed."""
        return self == State.PASSED

    @property
    def unsuccessful(self) -> bool:
        """Whether it is failed, errored or canceled."""
        return self in _FINISHED and self != State.PASSED

    @property
    def color(self) -> str:
        """``green`` for passed, ``yellow`` while not finished, else ``red``."""
        if self == State.PASSED:
            return "green"
        return "red" if self in _FINISHED else "yellow"


_FINISHED = frozenset({State.PASSED, State.FAILED, State.ERRORED, State.CANCELED})
_PENDING = frozenset({State.CREATED, State.QUEUED, State.RECEIVED})
