"""What builds and jobs have in common: a state, a lazily read configuration, a start."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, cast

import msgspec

from aiotravis.resources._base import Entity
from aiotravis.resources._states import State
from aiotravis.resources.commits import Commit

__all__ = ["EMPTY", "BuildOrJob"]

EMPTY: Final = msgspec.Raw(b"{}")

MOST: Final = 1 << 20
"""Bytes of a configuration that are copied; of an answer that holds more, it is the most anyway."""

_set: Final = msgspec.structs.force_setattr


class _Last:
    """The configuration that was taken last: the next is often the same, and then held once for both."""

    def __init__(self) -> None:
        self.config = EMPTY

    def taken(self, config: msgspec.Raw) -> msgspec.Raw:
        """Copy a configuration out of its answer."""
        if memoryview(config).nbytes > MOST:
            return config
        self.config = config.copy()
        return self.config


_last: Final = _Last()


class BuildOrJob(Entity, frozen=True, kw_only=True):
    """Something that runs: a build or a job.

    Attributes:
        id: Builds and jobs share one sequence of ids.
        repository_id: Id of its repository.
        commit_id: Id of its commit.
        number: A string: ``"784"`` for a build, ``"784.1"`` for a job. Sort with `number_key`.
        state: Where it stands.
        started_at: UTC, or None.
        finished_at: UTC, or None. Samples exist where it lies before the start.
        config_json: The configuration as raw JSON; read it as `config`.
        commit: The commit, where the answer carried it.
        updated_at: UTC with milliseconds, only in values that came over the live channel.
    """

    id: int
    repository_id: int | None = None
    commit_id: int | None = None
    number: str = ""
    state: State = State.CREATED
    started_at: datetime | None = None
    finished_at: datetime | None = None
    config_json: msgspec.Raw = msgspec.field(default=EMPTY, name="config")
    commit: Commit | None = None
    updated_at: datetime | None = None

    def __post_init__(self) -> None:
        """Take the configuration out of the answer, which would stay in memory whole."""
        config = self.config_json
        if config is not EMPTY:
            _set(self, "config_json", _last.config if config == _last.config else _last.taken(config))

    def __hash__(self) -> int:
        """Hash by identity in Travis: raw JSON has no hash."""
        return hash((type(self), self.id))

    @property
    def config(self) -> Mapping[str, Any]:
        """The .travis.yml as Travis parsed it, secrets obfuscated. Read anew at each access; ``{}`` for old builds."""
        value: object = msgspec.json.decode(self.config_json)
        return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}

    @property
    def finished(self) -> bool:
        """Whether nothing follows but a restart."""
        return self.state.finished

    @property
    def pending(self) -> bool:
        """Whether it is still to start."""
        return self.state.pending

    @property
    def running(self) -> bool:
        """Whether it runs now."""
        return self.state.running

    @property
    def passed(self) -> bool:
        """Whether it ended well."""
        return self.state.passed

    @property
    def unsuccessful(self) -> bool:
        """Whether it failed, errored or was canceled."""
        return self.state.unsuccessful
