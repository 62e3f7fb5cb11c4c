"""Builds of the embedded Travis, with the jobs in them and the repositories that create them.

https://docs.travis-ci.com/api/#builds
"""

from bisect import insort
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, Self

from aiotravis.testing.world.jobs import BaseJob
from aiotravis.testing.world.models import Commit, Log, Part, User
from aiotravis.testing.world.repositories import BaseRepository
from aiotravis.testing.world.stages import TERMINAL, Stage, result_of

__all__ = ["Build", "Job", "Notify", "Repository", "WorldContext"]

SCRIPT = "bundle exec rake spec"

Notify = Callable[[str, "Build | Job", Part | None], None]
"""Called for every change: name of the event, build or job, and the part of a ``job:log``."""


class WorldContext(Protocol):
    """What builds need of the world."""

    notify: Notify
    builds: "dict[int, Build]"
    jobs: "dict[int, Job]"
    unavailable_log_reads: int
    repeats_number: Callable[[int, bool], bool]
    unended_timers: bool
    worker_clock_offset: float

    def clock(self) -> float:
        """Return seconds since the epoch."""
        ...

    def next_id(self) -> int:
        """Return the next id of the sequence that builds, jobs and stages share."""
        ...

    def log(self) -> Log:
        """Create an empty log."""
        ...

    def commit(self, branch: str, message: str, slug: str, number: int) -> Commit:
        """Create a commit of a ``branch``, with its ``message``, for the build of a ``number`` of a ``slug``."""
        ...


class Job(BaseJob["Build"]):
    """One job, created by `Repository.build`; `BaseJob` documents its attributes and methods."""

    @property
    def world(self) -> WorldContext:
        """World that it belongs to."""
        return self.build.world

    @property
    def repository(self) -> "Repository":
        """Its repository."""
        return self.build.repository

    def _publish(self, event: str, part: Part | None = None) -> None:
        self.world.notify(event, self, part)


@dataclass(eq=False)
class Build:
    """One build. Its methods do what Travis does, publish the events, and return the build, see `BaseJob`.

    `Repository.build` creates builds.

    Attributes:
        world: World that it belongs to.
        repository: Its repository.
        id: From the sequence that builds, jobs and stages share.
        number: Counted per repository; fact 10.1: several builds may share one.
        commit: Commit that it builds.
        event_type: ``push``, ``pull_request``, ``api`` or ``cron``, or None.
        pull_request_title: Title, or None.
        pull_request_number: Number, or None.
        state: As of a `Job`, but never ``queued`` or ``received``.
        started_at: Seconds since the epoch; None before it starts.
        finished_at: Seconds since the epoch; None before it finishes.
        updated_at: Time of its creation or of its last event, in seconds since the epoch.
        fast_finish: Whether it finishes with its required jobs, while others still run.
        created_by: User who created it, if known.
        jobs: In order of their numbers.
        stages: In order; most builds have none.
        config: Its .travis.yml.
        queued_restarts: Itself and those of its jobs whose restarts were granted over HTTP and have not taken effect.
        reads_since_restart: Number of responses with its state, or with that of one of its jobs, since then.
    """

    world: WorldContext
    repository: "Repository"
    id: int
    number: int
    commit: Commit
    event_type: str | None = "push"
    pull_request_title: str | None = None
    pull_request_number: int | None = None
    state: str = "created"
    started_at: float | None = None
    finished_at: float | None = None
    updated_at: float = 0.0
    fast_finish: bool = False
    created_by: User | None = None
    jobs: list[Job] = field(default_factory=list[Job])
    stages: list[Stage] = field(default_factory=list[Stage])
    config: dict[str, object] = field(default_factory=dict[str, object])
    queued_restarts: "list[Build | Job]" = field(default_factory=list["Build | Job"])
    reads_since_restart: int = 0

    @property
    def duration(self) -> int | None:
        """Sum of its jobs' durations in seconds; None before it finishes."""
        return sum(job.duration for job in self.jobs) if self.state in TERMINAL else None

    def receive(self) -> Self:
        """Assign every waiting job to a worker."""
        for job in self.jobs:
            if job.state in {"created", "queued"}:
                job.receive()
        return self

    def start(self) -> Self:
        """Start every job that has not started."""
        for job in self.jobs:
            if job.state in {"created", "queued", "received"}:
                job.start()
        return self

    def write(self, content: str, *, final: bool = False) -> Self:
        """Append a part to the log of every running job.

        Args:
            content: Text of the part.
            final: Whether it is the last part of each log.
        """
        for job in self.jobs:
            if job.state == "started":
                job.write(content, final=final)
        return self

    def finish(self, state: str = "passed") -> Self:
        """Finish every unfinished job, and thereby the build.

        Args:
            state: State of each of these jobs: ``passed``, ``failed``, ``errored`` or ``canceled``. The state of the
                build follows from all its jobs.
        """
        for job in self.jobs:
            if job.state not in TERMINAL:
                job.finish(state)
        return self

    def cancel(self) -> Self:
        """Cancel every unfinished job, and thereby the build."""
        self.finish("canceled")
        return self

    def restart(self) -> Self:
        """Restart every job."""
        for job in self.jobs:
            job.restart()
        return self

    def queue_restart(self, target: "Build | Job") -> None:
        """Add a restart of the ``target``, this build or one of its jobs, to `queued_restarts`."""
        if target not in self.queued_restarts:
            self.queued_restarts.append(target)

    def run_queued_restarts(self) -> None:
        """Restart what was queued and has not been restarted in the meantime."""
        targets, self.queued_restarts, self.reads_since_restart = self.queued_restarts, [], 0
        for target in targets:
            if target.state in TERMINAL:
                target.restart()

    def stage(self, name: str, jobs: Iterable[Job]) -> Stage:
        """Add a stage. Publishes nothing.

        Nothing holds back the jobs of a later stage, but they are canceled once a stage before them has finished
        without passing.

        Args:
            name: Name of the stage.
            jobs: Jobs of this build.

        Returns:
            The stage; the first has number 1.
        """
        stage = Stage(self.world.next_id(), len(self.stages) + 1, name, list(jobs))
        for job in self.jobs:
            if job in stage.jobs:
                job.stage = stage
        self.stages.append(stage)
        return stage

    def show_as_last(self) -> None:
        """Make the repository show this build as its last."""
        self.repository.show_as_last(self)

    def reset(self, *, quiet: bool = False) -> None:
        """Go back to ``created``, unless the build is in that state.

        Args:
            quiet: Whether to publish nothing, instead of ``build:created``.
        """
        self.queued_restarts, self.reads_since_restart = [], 0
        if self.state != "created":
            self.state, self.started_at, self.finished_at = "created", None, None
            self.repository.state_build = self
            if not quiet:
                self.emit("build:created")

    def update_state(self) -> None:
        """Finish with the state that follows from the jobs, once all required jobs have finished.

        Unfinished jobs after a stage that did not pass are canceled first: ``job:finished``. Publishes
        ``build:finished``, or ``build:canceled`` if that is the state.
        """
        if self.state in TERMINAL:
            return
        broken = next((stage for stage in self.stages if stage.ended and stage.state != "passed"), None)
        for job in self.jobs:
            if broken and job.stage and job.stage.number > broken.number and job.state not in TERMINAL:
                # fact 9.40: the name of the event does not tell the state.
                job.conclude("canceled", "job:finished")
        if any(job.state not in TERMINAL and not (self.fast_finish and job.allow_failure) for job in self.jobs):
            return
        # fact 8: with stages, the build takes the state of the first stage that did not pass.
        self.state = broken.state if broken else result_of(self.jobs)
        self.finished_at = self.world.clock() + self.world.worker_clock_offset
        self.emit("build:canceled" if self.state == "canceled" else "build:finished")

    def emit(self, event: str) -> None:
        """Publish an event about the build.

        Args:
            event: Name of the event: ``build:started``.
        """
        self.updated_at = self.world.clock()
        self.world.notify(event, self, None)


@dataclass(eq=False)
class Repository(BaseRepository[Build]):
    """One repository, created by `World.repository`; `BaseRepository` documents its other attributes.

    Attributes:
        world: World that it belongs to.
    """

    world: WorldContext = field(kw_only=True)
    _highest_number: int = field(default=0, init=False, repr=False)

    def build(
        self,
        *,
        jobs: int = 1,
        branch: str = "master",
        message: str = "Stream logs",
        event_type: str = "push",
        number: int | None = None,
        quiet: bool = False,
    ) -> Build:
        """Create a build.

        Args:
            jobs: Number of jobs.
            branch: Branch of its commit.
            message: Message of its commit, and title of a pull request.
            event_type: ``push``, ``pull_request``, ``api`` or ``cron``.
            number: Its number, which other builds may have, too (fact 10.1); None for the next one.
            quiet: Whether to publish nothing, instead of ``build:created`` and ``job:created`` for each job.

        Raises:
            ValueError: ``jobs`` or ``number`` is below 1.
        """
        if jobs < 1:
            raise ValueError(f"a build has at least one job, not {jobs}")
        world, last = self.world, self._highest_number
        if number is None:
            shared = len(self.builds) > 1 and self.builds[-2].number == last
            number = last if last and world.repeats_number(last, shared) else last + 1
        elif number < 1:
            raise ValueError(f"numbers of builds begin at 1, not {number}")
        self._highest_number = max(last, number)
        commit = world.commit(branch, message, self.slug, number)
        build = Build(world, self, world.next_id(), number, commit, event_type, updated_at=world.clock())
        build.config = {"language": "ruby", "rvm": ["3.2", "3.3"], "script": [SCRIPT], ".result": "configured"}
        if event_type == "pull_request":
            build.pull_request_title, build.pull_request_number = message, number
        for index in range(1, jobs + 1):
            job = Job(build, world.next_id(), f"{number}.{index}", world.log(), updated_at=world.clock())
            job.config = {"language": "ruby", "rvm": "3.3", "script": [SCRIPT], "env": None, "global_env": None}
            build.jobs.append(job)
            world.jobs[job.id] = job
        insort(self.builds, build, key=lambda one: (one.number, one.id))
        self.show_as_last(None)
        world.builds[build.id] = build
        if not quiet:
            build.emit("build:created")
            for job in build.jobs:
                world.notify("job:created", job, None)
        return build

    def forget(self, build: Build) -> None:
        """Delete a build with its jobs. Publishes nothing.

        Args:
            build: One of its builds.

        Raises:
            ValueError: It is not one of its builds.
        """
        self.builds.remove(build)
        self.show_as_last(None)
        self.world.builds.pop(build.id, None)
        for job in build.jobs:
            self.world.jobs.pop(job.id, None)

    def history(self, count: int, *, jobs: int = 1) -> Sequence[Build]:
        """Create finished builds, about one in five of them failed. Publishes nothing.

        Args:
            count: Number of builds. The last one started an hour ago, each of the others an hour before the next; each
                took five minutes.
            jobs: Number of jobs of each.

        Returns:
            The builds, oldest first.

        Raises:
            ValueError: ``jobs`` is below 1.
        """
        builds = [self.build(jobs=jobs, message=f"Change number {n}", quiet=True) for n in range(1, count + 1)]
        now = self.world.clock()
        for age, build in enumerate(reversed(builds)):
            started, ended = now - 3600.0 * (age + 1), now - 3600.0 * (age + 1) + 300.0
            build.state = "failed" if build.number % 5 == 0 else "passed"
            build.started_at, build.finished_at, build.updated_at = started, ended, ended
            for job in build.jobs:
                job.state, job.started_at, job.finished_at, job.updated_at = build.state, started, ended, ended
                job.log.parts += [Part(0, f"$ rake\n{build.state}\n", False), Part(1, "", True)]
        return builds
