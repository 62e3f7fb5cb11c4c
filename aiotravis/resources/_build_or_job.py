"""What builds and jobs share: a state, times, a configuration that is decoded on access."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC
from typing import Any, Final, TypeVar, cast

import msgspec
from msgspec.structs import replace

from aiotravis._http import Results, results_of
from aiotravis._http.dates import FIRST_DATE, Timestamp, dates_to_utc
from aiotravis._http.json_text import DECODE_ERRORS, decode_any
from aiotravis._http.lenient import Id
from aiotravis.resources._base import Entity
from aiotravis.resources._states import State
from aiotravis.resources.commits import Commit, commits_by_id

__all__ = ["EMPTY", "BuildOrJob", "complete", "finish"]

EMPTY: Final = msgspec.Raw(b"{}")

MAX_KEPT_BYTES: Final = 1 << 20
"""A larger configuration is not kept for the next response."""

_set: Final = msgspec.structs.force_setattr


_last_config: Final = [EMPTY]
"""The configuration that was copied last: the next one is often equal, and then shares the copy."""


class BuildOrJob(Entity, frozen=True, kw_only=True):
    """What builds, jobs and branches share.

    Attributes:
        id: Builds and jobs share one sequence of ids.
        number: ``"784"`` for a build, ``"784.1"`` for a job. Sort with `number_key`.
        state: Current state.
        finished_at: Can be before ``started_at``.
        config_json: The configuration as raw JSON, see `config`.
        commit: The commit, if the response contained it.
        updated_at: With milliseconds; only from the live channel.
    """

    id: Id
    repository_id: Id | None = None
    commit_id: Id | None = None
    number: str = ""
    state: State = State.CREATED
    started_at: Timestamp | None = None
    finished_at: Timestamp | None = None
    config_json: msgspec.Raw = msgspec.field(default_factory=EMPTY.copy, name="config")
    commit: Commit | None = None
    updated_at: Timestamp | None = None

    def __eq__(self, other: object) -> bool:
        """Compare configurations as decoded JSON, whose white space says nothing."""
        equal = super().__eq__(other)
        if equal is False and isinstance(other, BuildOrJob) and self.config_json != other.config_json:
            return self.config == other.config and super().__eq__(replace(other, config_json=self.config_json))
        return equal

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        """Hash by type and id: raw JSON has no hash."""
        return hash((type(self), self.id))

    @property
    def config(self) -> Mapping[str, Any]:
        """The .travis.yml as Travis parsed it, with secrets obfuscated; decoded at each access. ``{}`` if unknown."""
        # fact 9.15: `env` is a list in builds and a string in jobs; the whole can be {} or null.
        try:
            value: object = decode_any(bytes(self.config_json))
        except DECODE_ERRORS:
            return {}
        return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}

    @property
    def finished(self) -> bool:
        """Whether it passed, failed, errored or was canceled."""
        return State(self.state).finished

    @property
    def pending(self) -> bool:
        """Whether it has not started."""
        return State(self.state).pending

    @property
    def running(self) -> bool:
        """Whether it is running."""
        return State(self.state).running

    @property
    def passed(self) -> bool:
        """Whether it passed."""
        return State(self.state).passed

    @property
    def unsuccessful(self) -> bool:
        """Whether it failed, errored or was canceled."""
        return State(self.state).unsuccessful


B = TypeVar("B", bound=BuildOrJob)


def finish(entities: Sequence[B], commits: Sequence[Commit | None] = ()) -> Results[B]:
    """Finish freshly decoded builds, jobs or branches, see `complete`.

    Returns:
        The same entities. What could not be read beside them, or beside the commits, is in ``unreadable``.
    """
    complete(entities, commits)
    return results_of(entities, commits)


def complete(entities: Iterable[BuildOrJob], commits: Sequence[Commit | None]) -> None:
    """Complete freshly decoded builds, jobs or branches: set their commits, copy configurations, convert dates to UTC.

    A configuration that is a slice of the response would keep all of it in memory. One loop costs half of a
    `__post_init__` for each.
    """
    commit_of = commits_by_id(commits).get
    last = _last_config[0]
    for entity in entities:
        # Travis sends UTC as a rule, and often the same configuration again. These checks without a call are most of
        # what a page of builds costs after its decoding.
        started_at, finished_at = entity.started_at, entity.finished_at
        if (
            (started_at is not None and (started_at.tzinfo is not UTC or started_at < FIRST_DATE))
            or (finished_at is not None and (finished_at.tzinfo is not UTC or finished_at < FIRST_DATE))
            or entity.updated_at is not None
        ):
            dates_to_utc(entity, "started_at", "finished_at", "updated_at")
        commit = commit_of(entity.commit_id)
        if commit is not None:
            # Frozen, but not yet seen by anyone else.
            _set(entity, "commit", commit)
        elif entity.commit is not None:
            dates_to_utc(entity.commit, "committed_at")
        config = entity.config_json
        if config != last:
            last = config.copy()
        _set(entity, "config_json", last)
    if last is not _last_config[0] and memoryview(last).nbytes <= MAX_KEPT_BYTES:
        _last_config[0] = last
