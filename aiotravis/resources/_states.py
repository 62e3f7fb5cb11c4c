"""The states of builds and jobs.

https://docs.travis-ci.com/api/#builds
"""

from enum import StrEnum

__all__ = ["State"]


class State(StrEnum):
    """State of a build or a job.

    Open: a state that Travis invents later decodes to itself, and counts as not finished.
    """

    CREATED = "created"
    QUEUED = "queued"
    RECEIVED = "received"
    STARTED = "started"
    PASSED = "passed"
    FAILED = "failed"
    ERRORED = "errored"
    CANCELED = "canceled"
    NEVER_BUILT = ""
    """Only as the last build's state of a repository without builds."""

    @classmethod
    def _missing_(cls, value: object) -> "State | None":
        if not isinstance(value, str):
            return None
        state = str.__new__(cls, value)
        state._name_ = value.upper()
        state._value_ = value
        return state

    @property
    def known(self) -> bool:
        """Whether this version of the library knows the state."""
        return self._name_ in type(self).__members__

    @property
    def finished(self) -> bool:
        """Whether nothing follows but a restart: passed, failed, errored or canceled."""
        return self in _FINISHED

    @property
    def pending(self) -> bool:
        """Whether it is still to start: created, queued or received."""
        return self in _PENDING

    @property
    def running(self) -> bool:
        """Whether it runs now."""
        return self == State.STARTED

    @property
    def passed(self) -> bool:
        """Whether it ended well."""
        return self == State.PASSED

    @property
    def unsuccessful(self) -> bool:
        """Whether it ended, and not well: failed, errored or canceled."""
        return self in _FINISHED and self != State.PASSED

    @property
    def color(self) -> str:
        """``green`` for passed, ``yellow`` before the end, ``red`` for the rest."""
        if self == State.PASSED:
            return "green"
        return "red" if self in _FINISHED else "yellow"


_FINISHED = frozenset({State.PASSED, State.FAILED, State.ERRORED, State.CANCELED})
_PENDING = frozenset({State.CREATED, State.QUEUED, State.RECEIVED})
