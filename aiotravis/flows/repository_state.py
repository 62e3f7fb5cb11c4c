"""The newest builds of one repository, merged from lists, reads and events that come in any order. No I/O."""

import math
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Final

import msgspec

from aiotravis.bulk.page_reader import build_number, number_key
from aiotravis.errors import TravisError
from aiotravis.events import BuildEvent, JobEvent
from aiotravis.flows.repository_update import RepositoryUpdate, is_same_failure
from aiotravis.flows.tracked import Tracked, TrackedBuild
from aiotravis.resources.builds import Build
from aiotravis.resources.jobs import Job
from aiotravis.resources.repositories import Repository

__all__ = ["RepositoryState"]

RECORD: Final = attrgetter(
    "last_build_id", "last_build_state", "last_build_started_at", "last_build_finished_at", "last_build_number"
)
"""What changes in a repository whenever one of its builds is created, starts, ends or is restarted (fact 3.13)."""


class RepositoryState:
    """What is known of one repository: merges what is read and received, and collects what has changed.

    All times are seconds of one monotonic clock.

    Args:
        repo: The repository as it was named.
        last: Number of builds.
        jobs: Whether their jobs are wanted.

    Attributes:
        repository_id: Its id, once that is known.
        repository: As it was read last.
        error: Why it could not be read last; None if it could.
        complete: Whether its builds were read, with their jobs.
        dirty: Whether `take` has something new.
    """

    def __init__(self, repo: int | str, *, last: int, jobs: bool) -> None:
        self.repo = repo
        self.repository_id = None if isinstance(repo, str) else repo
        self.repository: Repository | None = None
        self.error: TravisError | None = None
        self.complete: bool = False
        self.dirty: bool = False
        self._last = last
        self._jobs = jobs
        self._builds: dict[int, TrackedBuild] = {}
        self._due: dict[int, None] = {}
        self._postponed: dict[int, None] = {}
        self._changed: set[int] = set()
        self._list_wanted_at: float | None = -math.inf
        self._repository_read_at = -math.inf
        self._listed: tuple[object, ...] | None = None
        self._update: RepositoryUpdate | None = None

    def __repr__(self) -> str:
        return f"<RepositoryState {self.repo}, {len(self._builds)} builds>"

    # For consumers ----------------------------------------------------------------------------------------------------

    def show(self) -> RepositoryUpdate:
        """Return what is known now, without ``changed``."""
        if self._update is None:
            builds = tuple(state.show() for state in self._newest())
            self._update = RepositoryUpdate(repo=self.repo, repository=self.repository, builds=builds, error=self.error)
        return self._update

    def take(self) -> RepositoryUpdate:
        """Return what is known now, with what has changed since the last call."""
        changed, self._changed, self.dirty = self._changed, set(), False
        update = self.show()
        return msgspec.structs.replace(
            update, changed=tuple(build.id for build in update.builds if build.id in changed)
        )

    # What to read -----------------------------------------------------------------------------------------------------

    @property
    def due(self) -> Sequence[int]:
        """Ids of builds to read soon, with their jobs: what came of them leaves a doubt."""
        return list(self._due)

    @property
    def is_empty(self) -> bool:
        """Whether it is known to have no builds: none was ever made."""
        return self.repository is not None and self.repository.last_build_id is None and not self._builds

    def needs_list(self, *, every_change: bool) -> bool:
        """Return whether builds may be missing.

        Args:
            every_change: Whether to list after each change of the repository; else only where the builds that are
                known do not explain it.
        """
        if self._list_wanted_at is not None:
            return True
        record = self._record
        return record != self._listed and (every_change or not self._is_explained)

    def check_builds(self, *, every_build: bool) -> None:
        """Make builds due: those that have not ended, or all."""
        self._due, self._postponed = self._due | self._postponed, {}
        self._due.update((build_id, None) for build_id, one in self._builds.items() if every_build or not one.finished)

    def check_jobs(self) -> None:
        """Want the jobs of the builds that have not ended, and of those that had events since their jobs were read."""
        for state in self._builds.values():
            state.jobs_wanted |= not state.finished or state.event_at >= state.jobs_read_at

    def jobs_to_read(self) -> Mapping[int, Sequence[int]]:
        """Return the ids of the jobs to read, by builds."""
        if not self._jobs:
            return {}
        return {
            build_id: tuple({*state.build.value.job_ids, *state.jobs})
            for build_id, state in self._builds.items()
            if state.jobs_wanted
        }

    @property
    def _record(self) -> tuple[object, ...] | None:
        return None if self.repository is None else RECORD(self.repository)

    @property
    def _is_explained(self) -> bool:
        repository = self.repository
        if repository is None or repository.last_build_id is None:
            return not self._builds
        state = self._builds.get(repository.last_build_id)
        return state is not None and self._record == (
            state.build.value.id,
            state.build.value.state,
            state.build.value.started_at,
            state.build.value.finished_at,
            state.build.value.number,
        )

    # What was read ----------------------------------------------------------------------------------------------------

    def apply_repository(self, repository: Repository, read_at: float) -> None:
        """Apply the repository itself."""
        before = self.repository
        if before is None or (before.slug, before.description, before.active) != (
            repository.slug,
            repository.description,
            repository.active,
        ):
            self._touch()
        if before is not None and repository.private is None and before.private is not None:
            repository = msgspec.structs.replace(repository, private=before.private)
        self.repository, self.repository_id, self._repository_read_at = repository, repository.id, read_at
        self._update = None

    def apply_error(self, error: TravisError | None) -> None:
        """Record why this repository cannot be read, or None if it can. What was known stays."""
        if not is_same_failure(error, self.error):
            self.error = error
            self._touch()

    def apply_list(self, builds: Iterable[Build], read_at: float, *, whole: bool = True) -> None:
        """Apply a list of its newest builds.

        Args:
            builds: The builds.
            read_at: When the list was requested.
            whole: Whether all of it could be read.
        """
        listed = {build.id: build for build in builds}
        for build in listed.values():
            self.repository_id = self.repository_id or build.repository_id
            self._apply_read(build, read_at)
        for build_id in list(self._builds.keys() - listed.keys()) if whole else ():
            if self._builds[build_id].build.event_at <= read_at:
                self._drop(build_id)  # deleted, or no longer among the newest
        self._trim()
        if self._list_wanted_at is not None and self._list_wanted_at <= read_at:
            self._list_wanted_at = None
        # A repository that was read after its builds may tell of a build that they lack.
        if self._repository_read_at <= read_at or self._is_explained:
            self._listed = self._record

    def apply_builds(self, ids: Iterable[int], builds: Iterable[Build], read_at: float) -> None:
        """Apply builds that were read by their ids."""
        found = {build.id: build for build in builds}
        for build_id in ids:
            self._due.pop(build_id, None)
            if build_id in found:
                self._apply_read(found[build_id], read_at)
            elif build_id in self._builds:
                # Deleted, or the whole repository is hidden now: a list tells.
                self._want_list(read_at)
        self._trim()

    def postpone(self, build_id: int) -> None:
        """Make a build that cannot be read due with the next comparison."""
        self._postponed[build_id] = self._due.pop(build_id, None)

    def apply_jobs(self, jobs: Mapping[int, Sequence[int]], found: Mapping[int, Job], read_at: float) -> None:
        """Apply jobs that were read by their ids; see `jobs_to_read`."""
        for build_id, ids in jobs.items():
            state = self._builds.get(build_id)
            if state is None:
                continue
            state.jobs_wanted, state.jobs_read_at = False, read_at
            for job_id in ids:
                job, known = found.get(job_id), state.jobs.get(job_id)
                if job is not None and known is not None:
                    self._note(state, known.apply_read(job, read_at))
                elif job is not None:
                    state.jobs[job_id] = Tracked(job, read_at)
                    self._note(state, True)
                elif known is not None and known.event_at < read_at:
                    del state.jobs[job_id]
                    self._note(state, True)

    def finish_reading(self) -> None:
        """Record that its builds and their jobs were read."""
        if not self.complete:
            self.complete = True
            self._touch()

    def _apply_read(self, build: Build, read_at: float) -> None:
        state = self._builds.get(build.id)
        if state is None:
            self._add(Tracked(build, read_at))
        else:
            changed = state.build.apply_read(build, read_at)
            # What one job does to its build shows in the times or the state of the build.
            state.jobs_wanted |= changed is not False or state.event_at >= state.jobs_read_at
            self._note(state, changed)

    # What was received ------------------------------------------------------------------------------------------------

    def apply_event(self, event: BuildEvent | JobEvent, now: float) -> None:
        """Apply an event."""
        if event.late:
            return
        if isinstance(event, JobEvent):
            self._apply_job(event, now)
        else:
            self._apply_build(event, now)

    def _apply_build(self, event: BuildEvent, now: float) -> None:
        build = event.build
        state = self._builds.get(build.id)
        if not event.complete:
            self._due[build.id] = None
            return
        if event.repository is not None and self.repository is not None:
            self._rename(self.repository, event.repository)
        if state is None:
            if self._is_wanted(_order(build)):
                numbers = [build_number(one.build.value.number) for one in self._builds.values()]
                if numbers and build_number(build.number) > max(numbers) + 1:
                    self._want_list(now)  # The event of a build in between is missing, or late.
                self._add(Tracked(build, event_at=now))
                self._due[build.id] = None
                self._trim()
            return
        before = state.build.value
        changed = state.build.apply_event(build, now)
        state.event_at = now
        if changed and (build.finished or before.finished):
            # Its end, or a new run: its jobs have changed, too, whether or not their events come.
            self._due[build.id], state.jobs_wanted = None, True
        self._note(state, changed)

    def _apply_job(self, event: JobEvent, now: float) -> None:
        job = event.job
        state = self._builds.get(job.build_id or 0)
        if state is None:
            # Ids of builds and jobs are of one sequence (fact 1.3).
            if job.build_id is not None and (
                not event.complete or self._is_wanted((number_key(job.number)[0], job.id))
            ):
                self._due[job.build_id] = None
            return
        state.event_at = now
        if not event.complete:
            self._note(state, None)
            return
        known = state.jobs.get(job.id)
        if known is None:
            state.jobs[job.id] = Tracked(job, event_at=now)
            self._note(state, None)
            self._note(state, True)
            return
        before = known.value
        changed = known.apply_event(job, now)
        if changed and not job.finished and before.state != job.state and not before.pending:
            # fact 7.9: a worker's requeue sets the build back, and no event tells.
            self._due[state.build.value.id] = None
        self._note(state, changed)

    def _rename(self, known: Repository, told: Repository) -> None:
        if told.slug and told.slug != known.slug:
            self.repository = msgspec.structs.replace(known, slug=told.slug)
            self._touch()

    # The builds -------------------------------------------------------------------------------------------------------

    def _newest(self) -> list[TrackedBuild]:
        return sorted(self._builds.values(), key=lambda state: _order(state.build.value), reverse=True)

    def _is_wanted(self, order: tuple[int, int]) -> bool:
        """Return whether a build of this number and id is among the newest."""
        newest = self._newest()
        return len(newest) < self._last or order >= _order(newest[self._last - 1].build.value)

    def _add(self, build: Tracked[Build]) -> None:
        state = self._builds[build.value.id] = TrackedBuild(build)
        self._note(state, True)

    def _trim(self) -> None:
        for state in self._newest()[self._last :]:
            self._drop(state.build.value.id)

    def _drop(self, build_id: int) -> None:
        del self._builds[build_id]
        self._due.pop(build_id, None)
        self._touch()

    def _want_list(self, now: float) -> None:
        self._list_wanted_at = max(now, -math.inf if self._list_wanted_at is None else self._list_wanted_at)

    def _note(self, state: TrackedBuild, changed: bool | None) -> None:
        """Record what became of a build: changed, the same, or, if None, in doubt."""
        build_id = state.build.value.id
        if changed is None:
            self._due[build_id], state.jobs_wanted = None, True
        elif changed:
            state.shown = None
            self._changed.add(build_id)
            self._touch()

    def _touch(self) -> None:
        self._update, self.dirty = None, True


def _order(build: Build) -> tuple[int, int]:
    # fact 10.1: numbers are not unique.
    return build_number(build.number), build.id
