"""The builds on the page: read over REST, kept up to date by events, sent to viewers as differences."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Final

import anyio

from aiotravis import Build, Job, LiveState, Repository, Travis, TravisError, errors, events, number_key

BUILDS_SHOWN: Final = 8
"""Builds of each repository on the page."""

MAX_JOBS: Final = 200
"""Jobs of one build on the page."""

RETRY_DELAYS: Final = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds before reading is retried after a failure; the last value repeats."""

MAX_TEXT: Final = 300


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
class Entry:
    """A build on the page.

    Attributes:
        build: Its last known state.
        jobs: Its jobs by their ids.
        version: Version of the board when the build last changed.
    """

    build: Build
    jobs: dict[int, Job]
    version: int = 0

    def to_json(self, repository: int) -> dict[str, object]:
        """Return the fields that the page needs."""
        build, commit = self.build, self.build.commit
        return {
            "id": build.id,
            "repo": repository,
            "number": build.number,
            "state": build.state,
            "event": build.event_type,
            "pull_request": build.pull_request_number,
            "subject": (commit.subject if commit else "")[:MAX_TEXT],
            "branch": ((commit.branch if commit else None) or "")[:MAX_TEXT],
            "sha": commit.short_sha if commit else "",
            "author": ((commit.author_name if commit else None) or "")[:MAX_TEXT],
            "started": _seconds(build.started_at),
            "finished": _seconds(build.finished_at),
            "jobs": [
                {
                    "id": job.id,
                    "number": job.number,
                    "state": job.state,
                    "started": _seconds(job.started_at),
                    "finished": _seconds(job.finished_at),
                    "allow_failure": bool(job.allow_failure),
                }
                for job in islice(self.jobs.values(), MAX_JOBS)
            ],
        }


@dataclass
class Row:
    """A repository on the page, with its newest builds by their ids."""

    repository: Repository
    entries: dict[int, Entry] = field(default_factory=dict[int, Entry])
    version: int = 0

    def newest(self) -> list[Entry]:
        """Return its builds, newest first."""
        return sorted(self.entries.values(), key=lambda entry: number_key(entry.build.number), reverse=True)

    def drop_old(self) -> None:
        """Remove builds that are too old for the page."""
        for entry in self.newest()[BUILDS_SHOWN:]:
            del self.entries[entry.build.id]


def _seconds(time: datetime | None) -> float | None:
    return None if time is None else time.timestamp()


class Board:
    """The newest builds of some repositories, up to date.

    Viewers ask for what changed after the version that they have seen. So nothing is queued for them, and a slow viewer
    gets the newest state later, without the steps in between.

    Attributes:
        version: Counts changes.
        changed: Wakes viewers.
        behind: Why the page may be out of date; None if it is up to date.
    """

    def __init__(self, travis: Travis, repositories: Iterable[Repository]) -> None:
        self._travis = travis
        self._rows = {repository.id: Row(repository) for repository in repositories}
        self._dropped = 0
        self.version = 0
        self.changed = Signal()
        self.behind: str | None = "reading"

    # For viewers ------------------------------------------------------------------------------------------------------

    def repositories(self) -> list[dict[str, object]]:
        """Return the repositories, in the order in which they were named."""
        return [{"id": number, "slug": row.repository.slug} for number, row in self._rows.items()]

    def changes_after(self, version: int) -> dict[str, object]:
        """Return what changed after a version, without the steps in between; after 0, everything.

        Builds that are not listed under ``shown`` are no longer on the page.
        """
        rows = {number: row for number, row in self._rows.items() if row.version > version}
        changed = [
            entry.to_json(number) for number, row in rows.items() for entry in row.newest() if entry.version > version
        ]
        return {
            "version": self.version,
            "builds": changed,
            "shown": {str(number): [entry.build.id for entry in row.newest()] for number, row in rows.items()},
            "merged": self.version - version - len(changed) if version else 0,
        }

    def health(self) -> dict[str, object]:
        """Return how up to date the board is."""
        counted = self._travis.live.statistics()
        return {
            "state": counted.state,
            "behind": self.behind,
            "gaps": counted.gaps,
            "dropped": self._dropped,
            "lag": counted.lag,
            "now": time.time(),
        }

    def build(self, number: int) -> Build | None:
        """Return a build on the page, or None."""
        found = (row.entries.get(number) for row in self._rows.values())
        return next((entry.build for entry in found if entry is not None), None)

    def job(self, number: int) -> Job | None:
        """Return a job on the page, or None."""
        found = (entry.jobs.get(number) for row in self._rows.values() for entry in row.entries.values())
        return next((job for job in found if job is not None), None)

    # Updates ----------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep the board up to date until cancelled; retry whatever fails."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._watch_state)
            failures = 0
            while True:
                try:
                    async with self._travis.events(
                        list(self._rows), only=(events.BuildEvent, events.JobEvent), buffer=5000
                    ) as feed:
                        await self._read()
                        failures = 0
                        async for event in feed:
                            await self.apply(event)
                except errors.LiveError as error:
                    # There is no live channel here, or not for this client: poll.
                    await self._read_or_report(f"no live channel: {error}")
                except TravisError as error:
                    self._set_behind(str(error))
                await anyio.sleep(RETRY_DELAYS[min(failures, len(RETRY_DELAYS) - 1)])
                failures += 1

    async def _watch_state(self) -> None:
        async for state in self._travis.live.changes():
            if state is LiveState.RECONNECTING:
                self.behind = "the connection to Travis was lost"
            self.changed.notify()

    def _set_behind(self, behind: str | None) -> None:
        self.behind = behind[:MAX_TEXT] if behind else None
        self.changed.notify()

    async def _read_or_report(self, behind: str) -> None:
        try:
            await self._read()
        except TravisError as error:
            behind = str(error)
        self._set_behind(behind)

    async def apply(self, event: events.Event) -> None:
        """Apply an event to the board.

        Raises:
            TravisError: The event requires reading everything again, and that failed.
        """
        match event:
            case events.Reconnected(down=down):
                self._set_behind(f"back after {down:.1f} s, reading what was missed")
                await self._read()
            case events.Lagged(dropped=dropped):
                self._dropped += dropped
                self._set_behind(f"too slow: {dropped} events were dropped, reading again")
                await self._read()
            case events.BuildEvent(complete=False) | events.JobEvent(complete=False):
                await self._read()
            case events.BuildEvent(build=build, late=False):
                self._put_build(build)
            case events.JobEvent(job=job, late=False):
                self._put_job(job)
            case _:
                pass

    async def _read(self) -> None:
        """Read all builds on the page again.

        Raises:
            TravisError: Some could not be read.
        """
        async with self._travis.map(self._newest, list(self._rows), at_once=8) as outcomes:
            read = [(outcome.item, outcome.value) async for outcome in outcomes]
        ids = [number for _, builds in read for build in builds for number in build.job_ids[:MAX_JOBS]]
        jobs = {job.id: job async for job in self._travis.jobs.many(ids, missing_ok=True)}
        for number, builds in read:
            row = self._rows[number]
            row.entries = {
                build.id: Entry(build, {one: jobs[one] for one in build.job_ids if one in jobs}) for build in builds
            }
            for entry in row.entries.values():
                self._touch(row, entry)
        self._set_behind(None)

    async def _newest(self, repository: int) -> Sequence[Build]:
        newest: list[Build] = []
        async for build in self._travis.builds.list(repository, exclude_config=True):
            newest.append(build)
            if len(newest) == BUILDS_SHOWN:
                break
        return newest

    def _touch(self, row: Row, entry: Entry) -> None:
        self.version += 1
        row.version = entry.version = self.version
        self.changed.notify()

    def _put_build(self, build: Build) -> None:
        row = self._rows.get(build.repository_id or 0)
        if row is None:
            return
        entry = row.entries.setdefault(build.id, Entry(build, {}))
        entry.build = build
        self._touch(row, entry)
        row.drop_old()

    def _put_job(self, job: Job) -> None:
        row = self._rows.get(job.repository_id or 0)
        entry = row.entries.get(job.build_id or 0) if row is not None else None
        if row is not None and entry is not None:
            entry.jobs[job.id] = job
            self._touch(row, entry)
