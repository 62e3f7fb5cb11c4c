"""The builds on the page, as `Travis.watch` yields them, sent to viewers as differences."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import anyio

from aiotravis import Build, Job, LiveState, RepositoryUpdate, Travis, safe_for_terminal

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
        update: What is known of it; empty until it was read.
        version: Version of the board when it last changed.
        changed_at: Versions of the board when its builds last changed, by their ids.
        read: Whether it was read, or could not be.
    """

    update: RepositoryUpdate
    version: int = 1
    changed_at: dict[int, int] = field(default_factory=dict[int, int])
    read: bool = False

    def put(self, update: RepositoryUpdate, version: int) -> None:
        """Replace what is known."""
        self.update, self.version, self.read = update, version, True
        changed = dict.fromkeys(update.changed, version)
        self.changed_at = {one.id: changed.get(one.id) or self.changed_at.get(one.id, version) for one in update.builds}


class Board:
    """The newest builds of some repositories, up to date.

    Viewers ask for what changed after the version that they have seen. So nothing is queued for them, and a slow viewer
    gets the newest state later, without the steps in between.

    Args:
        travis: The client.
        slugs: The repositories. One that is not found, or is hidden, says so on its card.

    Attributes:
        version: Counts changes.
        changed: Wakes viewers.
    """

    def __init__(self, travis: Travis, slugs: Iterable[str]) -> None:
        self._travis = travis
        self._rows = {slug.lower(): Row(RepositoryUpdate(repo=slug)) for slug in slugs}
        self._watch = travis.watch(slugs, last=BUILDS_SHOWN)
        self.version = 1
        self.changed = Signal()

    # For viewers ------------------------------------------------------------------------------------------------------

    def changes_after(self, version: int) -> dict[str, object]:
        """Return what changed after a version, without the steps in between; after 0, everything.

        Builds that a repository does not list under ``shown`` are no longer on the page.
        """
        rows = [(place, row) for place, row in enumerate(self._rows.values()) if row.version > version]
        return {
            "version": self.version,
            "whole": version == 0,
            "repositories": [
                {
                    "id": place,
                    "slug": row.update.repository.slug if row.update.repository else row.update.repo,
                    "error": shown_text(str(row.update.error)) if row.update.error else None,
                    "read": row.read,
                    "shown": [build.id for build in row.update.builds],
                }
                for place, row in rows
            ],
            "builds": [
                shown_build(build, place)
                for place, row in rows
                for build in row.update.builds
                if row.changed_at[build.id] > version
            ],
        }

    def health(self) -> dict[str, object]:
        """Return how up to date the board is."""
        counted, error = self._travis.live.statistics(), self._watch.error
        complete = all(row.read for row in self._rows.values())
        behind = shown_text(str(error)) if error is not None else None if complete else "reading"
        if behind is None and counted.state is not LiveState.CONNECTED:
            behind = NOT_LIVE.get(counted.state, "no live channel, Travis is asked every few seconds")
        return {
            "state": counted.state,
            "behind": behind,
            "unreachable": error is not None or counted.state is LiveState.RECONNECTING,
            "complete": complete,
            "gaps": counted.gaps,
            "dropped": counted.dropped,
            "now": time.time(),
        }

    def build(self, number: int) -> Build | None:
        """Return a build on the page, or None."""
        return next((one for row in self._rows.values() for one in row.update.builds if one.id == number), None)

    def job(self, number: int) -> Job | None:
        """Return a job on the page, or None."""
        builds = (build for row in self._rows.values() for build in row.update.builds)
        return next((job for build in builds for job in build.jobs if job.id == number), None)

    # Updates ----------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep the board up to date until cancelled."""
        async with anyio.create_task_group() as group, self._watch as watch:
            group.start_soon(self._notify_of_live_states)
            async for item in watch:
                if isinstance(item, RepositoryUpdate):
                    self.version += 1
                    self._rows[str(item.repo).lower()].put(item, self.version)
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
