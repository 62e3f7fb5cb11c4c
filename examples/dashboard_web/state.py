"""The builds on the page, as `Travis.watch` yields them, sent to viewers as differences."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import anyio

from aiotravis import (
    Build,
    Job,
    LiveState,
    Repository,
    RepositoryUpdate,
    Travis,
    TravisError,
    WatchStatus,
    safe_for_terminal,
)

BUILDS_SHOWN: Final = 8
"""Builds of each repository on the page."""

MAX_JOBS: Final = 200
"""Jobs of one build on the page."""

MAX_TEXT: Final = 300

NOT_LIVE: Final = {
    LiveState.CONNECTING: "connecting to the live channel",
    LiveState.RECONNECTING: "the connection to Travis was lost",
    LiveState.CLOSED: "the client is closed",
}
"""Why builds do not change on the page at once, by the state of the live channel."""

LANGUAGE_VERSIONS: Final = (
    "rvm", "python", "node_js", "go", "jdk", "php", "perl", "scala", "rust", "elixir", "otp_release", "dart", "ghc",
    "julia", "d", "r", "compiler", "os", "dist",
)  # fmt: skip
"""Keys of .travis.yml that distinguish the jobs of a matrix."""


class Signal:
    """Wakes everything that waits for a change."""

    def __init__(self) -> None:
        self._event = anyio.Event()

    def notify(self) -> None:
        """Wake everything that waits now."""
        event, self._event = self._event, anyio.Event()
        event.set()

    def next(self) -> anyio.Event:
        """Return the event that the next change sets. Call it before reading the state, so that no change is missed."""
        return self._event


async def wait(event: anyio.Event, seconds: float) -> None:
    """Wait for a change, at most so many seconds."""
    with anyio.move_on_after(seconds):
        await event.wait()


@dataclass
class Row:
    """A repository on the page.

    Attributes:
        repository: The repository.
        update: What is known of it; None until it was read.
        version: Version of the board when it last changed.
        changed_at: Versions of the board when its builds last changed, by their ids.
    """

    repository: Repository
    update: RepositoryUpdate | None = None
    version: int = 0
    changed_at: dict[int, int] = field(default_factory=dict[int, int])

    @property
    def builds(self) -> tuple[Build, ...]:
        """Its newest builds, newest first."""
        return self.update.builds if self.update is not None else ()

    def put(self, update: RepositoryUpdate, version: int) -> None:
        """Replace what is known."""
        self.update, self.version = update, version
        changed = dict.fromkeys(update.changed, version)
        self.changed_at = {one.id: changed.get(one.id) or self.changed_at.get(one.id, version) for one in self.builds}


class Board:
    """The newest builds of some repositories, up to date.

    Viewers ask for what changed after the version that they have seen. So nothing is queued for them, and a slow viewer
    gets the newest state later, without the steps in between.

    Attributes:
        version: Counts changes.
        changed: Wakes viewers.
    """

    def __init__(self, travis: Travis, repositories: Iterable[Repository]) -> None:
        self._travis = travis
        self._rows = {repository.id: Row(repository) for repository in repositories}
        self._error: TravisError | None = None
        self.version = 0
        self.changed = Signal()

    # For viewers ------------------------------------------------------------------------------------------------------

    def repositories(self) -> list[dict[str, object]]:
        """Return the repositories, in the order in which they were named."""
        return [{"id": number, "slug": row.repository.slug} for number, row in self._rows.items()]

    def changes_after(self, version: int) -> dict[str, object]:
        """Return what changed after a version, without the steps in between; after 0, everything.

        Builds that are not listed under ``shown`` are no longer on the page.
        """
        rows = {number: row for number, row in self._rows.items() if row.version > version}
        return {
            "version": self.version,
            "builds": [
                shown_build(build, number)
                for number, row in rows.items()
                for build in row.builds
                if row.changed_at[build.id] > version
            ],
            "shown": {str(number): [build.id for build in row.builds] for number, row in rows.items()},
            "errors": {
                str(number): shown_text(str(row.update.error)) if row.update and row.update.error else None
                for number, row in rows.items()
            },
        }

    def health(self) -> dict[str, object]:
        """Return how up to date the board is."""
        counted = self._travis.live.statistics()
        return {
            "state": counted.state,
            "behind": self._behind(counted.state),
            "unreachable": self._error is not None or counted.state is LiveState.RECONNECTING,
            "complete": self._complete,
            "gaps": counted.gaps,
            "dropped": counted.dropped,
            "now": time.time(),
        }

    @property
    def _complete(self) -> bool:
        return all(row.update is not None for row in self._rows.values())

    def _behind(self, state: LiveState) -> str | None:
        """Return why the page may be out of date; None if it is up to date."""
        if self._error is not None:
            return shown_text(str(self._error))
        if state is LiveState.CONNECTED:
            return None if self._complete else "reading"
        return NOT_LIVE.get(
            state, "no live channel, Travis is asked every few seconds" if self._complete else "reading"
        )

    def build(self, number: int) -> Build | None:
        """Return a build on the page, or None."""
        return next((one for row in self._rows.values() for one in row.builds if one.id == number), None)

    def job(self, number: int) -> Job | None:
        """Return a job on the page, or None."""
        builds = (build for row in self._rows.values() for build in row.builds)
        return next((job for build in builds for job in build.jobs if job.id == number), None)

    # Updates ----------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep the board up to date until cancelled."""
        async with (
            anyio.create_task_group() as group,
            self._travis.watch(list(self._rows), last=BUILDS_SHOWN) as watch,
        ):
            group.start_soon(self._notify_of_live_states)
            async for item in watch:
                match item:
                    case WatchStatus(error=error):
                        self._error = error
                    case RepositoryUpdate(repo=int(number)) if number in self._rows:
                        self.version += 1
                        self._rows[number].put(item, self.version)
                    case _:
                        pass
                self.changed.notify()

    async def _notify_of_live_states(self) -> None:
        async for _ in self._travis.live.changes():
            self.changed.notify()


# What the page receives -----------------------------------------------------------------------------------------------


def shown_text(text: str | None) -> str:
    """Return a text of others, cut for the page; characters that would turn its direction are shown by number."""
    return safe_for_terminal((text or "")[:MAX_TEXT], colour=False)


def shown_build(build: Build, repository: int) -> dict[str, object]:
    """Return the fields of a build that the page needs."""
    commit = build.commit
    return {
        "id": build.id,
        "repo": repository,
        "number": build.number,
        "state": build.state,
        "event": build.event_type,
        "pull_request": build.pull_request_number,
        "subject": shown_text(commit.subject if commit else ""),
        "branch": shown_text(commit.branch if commit else ""),
        "sha": shown_text(commit.short_sha if commit else ""),
        "author": shown_text(commit.author_name if commit else ""),
        "started": _seconds(build.started_at),
        "finished": _seconds(build.finished_at),
        "jobs": [
            {
                "id": job.id,
                "number": job.number,
                "name": job_name(job),
                "state": job.state,
                "started": _seconds(job.started_at),
                "finished": _seconds(job.finished_at),
                "allow_failure": bool(job.allow_failure),
            }
            for job in build.jobs[:MAX_JOBS]
        ],
    }


def job_name(job: Job) -> str:
    """Return what distinguishes a job from the others of its build: its name, or its versions and variables."""
    config = job.config
    if isinstance(name := config.get("name"), str) and name:
        return shown_text(name)
    values = [f"{key} {config[key]}" for key in LANGUAGE_VERSIONS if isinstance(config.get(key), str | int | float)]
    env = config.get("env")
    return shown_text(" · ".join([*values, *([env] if isinstance(env, str) and env else [])]))


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()
