"""The work of the embedded Travis's world: repositories, their builds, and the jobs of these.

https://docs.travis-ci.com/api/#builds
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, Self

from aiotravis.testing.world.models import Annotation, Commit, Log, Part, User
from aiotravis.testing.world.repository_data import RepositoryData
from aiotravis.testing.world.stages import TERMINAL, Stage, result_of

__all__ = ["TERMINAL", "Build", "Job", "Notify", "Repository", "WorldContext"]

LAST_PART = 2_147_483_647
"""Number of a part that is put at the end of a log, whatever is in front of it."""

MOST_RESETS = 50
"""How often a worker may give a job back, at least."""

LONGEST_RESETTING = 6 * 3600.0
"""Seconds for which it may do so, at least."""

Notify = Callable[[str, "Build | Job", Part | None], None]
"""Told of everything that happens: name of the event, build or job, and the part of a ``job:log``."""


class WorldContext(Protocol):
    """What the work needs of the world around it."""

    clock: Callable[[], float]
    notify: Notify
    builds: "dict[int, Build]"
    jobs: "dict[int, Job]"

    def next_id(self) -> int:
        """Give the next id of the one sequence that builds and jobs share."""
        ...

    def log(self) -> Log:
        """Make an empty log."""
        ...

    def commit(self, branch: str, message: str, slug: str, number: int) -> Commit:
        """Make a commit."""
        ...


@dataclass(eq=False)
class Job:
    """One job. Its methods do what Travis would do, events included, and give it back: ``job.start().finish()``.

    `Repository.build` makes them. No method but `cancel` and `auto_cancel` looks at the state that the job is in.

    Attributes:
        world: The world that it is in.
        build: The build that it is of.
        id: From the sequence that builds, jobs and stages share.
        number: What people see: ``7.1``.
        log: What it printed.
        state: ``created``, ``queued``, ``received``, ``started``, ``passed``, ``failed``, ``errored`` or ``canceled``.
        queue: Name of its queue, or None.
        allow_failure: Whether the build may pass without it; None stands for no.
        stage: The stage that it is in, see `Build.stage`; None: it is in none.
        tags: Comma-joined, or None.
        started_at: Seconds since the epoch; None: it has not started.
        finished_at: Seconds since the epoch; None: it has not ended.
        updated_at: When it last changed its state, in seconds since the epoch.
        resets: When its worker gave it back, each time, in seconds since the epoch; see `requeue`.
        config: What its part of the .travis.yml says.
        annotations: Remarks of other services; only a server whose ``log_mode`` is ``2014`` shows them.
    """

    world: WorldContext
    build: "Build"
    id: int
    number: str
    log: Log
    state: str = "created"
    queue: str | None = "builds.gce"
    allow_failure: bool | None = False
    stage: Stage | None = None
    tags: str | None = None
    started_at: float | None = None
    finished_at: float | None = None
    updated_at: float = 0.0
    resets: list[float] = field(default_factory=list[float])
    config: dict[str, object] = field(default_factory=dict[str, object])
    annotations: list[Annotation] = field(default_factory=list[Annotation])

    @property
    def repository(self) -> "Repository":
        """Its repository."""
        return self.build.repository

    @property
    def duration(self) -> int:
        """Whole seconds from start to finish, 0 while it has not finished."""
        return 0 if self.started_at is None or self.finished_at is None else int(self.finished_at - self.started_at)

    def enqueue(self) -> Self:
        """Let the scheduler pick it: ``job:queued``."""
        self._move("queued", "job:queued")
        return self

    def receive(self) -> Self:
        """Let a worker take it: ``job:received``."""
        self._move("received", "job:received")
        return self

    def start(self) -> Self:
        """Run it: ``job:started``.

        The first job starts its build, which its repository then shows as the last: ``build:started``.
        """
        self.started_at = self.world.clock()
        first = self.build.state in {"created", "queued", "received"}
        if first:
            self.build.state, self.build.started_at = "started", self.started_at
            self.repository.shows(self.build)
        self._move("started", "job:started")
        if first:
            self.build.emit("build:started")
        return self

    def write(self, content: str, *, final: bool = False) -> Part:
        """Append a part to its log, and publish it: ``job:log``.

        Args:
            content: Its text.
            final: Whether it is the last one, as a worker says when it is done.

        Returns:
            The part: its number is how many were in the log before.
        """
        return self._append(Part(len(self.log.parts), content, final))

    def finish(self, state: str = "passed") -> Self:
        """End it: ``job:finished``, or ``job:canceled`` where that is the state.

        The last job ends its build, see `Build.settle`.

        Args:
            state: ``passed``, ``failed``, ``errored`` or ``canceled``; anything else does not count as an end.
        """
        self.conclude(state, "job:canceled" if state == "canceled" else "job:finished")
        self.build.settle()
        return self

    def conclude(self, state: str, event: str) -> None:
        """End it, and leave the build as it is.

        Args:
            state: See `finish`.
            event: Name of the event that is published; it need not tell the state.
        """
        self.finished_at = self.world.clock()
        self._move(state, event)

    def cancel(self) -> Self:
        """Cancel it, unless it has ended."""
        if self.state not in TERMINAL:
            self.finish("canceled")
        return self

    def auto_cancel(self, notice: str = "\n\nCanceled: a newer build has come in.\n") -> Self:
        """Cancel it because there is a newer build, unless it has ended: a notice is put at the very end of its log.

        Args:
            notice: What the log says of it.
        """
        if self.state not in TERMINAL:
            self._append(Part(LAST_PART, notice, True))
        return self.cancel()

    def restart(self) -> Self:
        """Begin anew: its log is emptied, and its build goes back with it.

        Publishes ``build:created``, unless the build is that already, then ``job:created``.
        """
        self.build.reopen()
        return self._begin_anew()

    def requeue(self) -> Self:
        """Let its worker give it back: begins anew as by a restart, but nothing is told of the build.

        After 50 times and six hours it is given up: errored.
        """
        self.resets.append(self.world.clock())
        if len(self.resets) > MOST_RESETS and self.resets[-1] - self.resets[0] > LONGEST_RESETTING:
            return self.finish("errored")
        self.build.reopen(quiet=True)
        return self._begin_anew()

    def _begin_anew(self) -> Self:
        self.log.parts.clear()
        self.log.aggregated, self.log.archived = False, False
        self.log.removed_at, self.log.removed_by = None, None
        self.started_at = self.finished_at = None
        self._move("created", "job:created")
        return self

    def _append(self, part: Part) -> Part:
        self.log.parts.append(part)
        self.world.notify("job:log", self, part)
        return part

    def _move(self, state: str, event: str) -> None:
        self.state = state
        self.updated_at = self.world.clock()
        self.world.notify(event, self, None)


@dataclass(eq=False)
class Build:
    """One build. Its methods do what Travis would do, events included, and give it back, see `Job`.

    `Repository.build` makes them.

    Attributes:
        world: The world that it is in.
        repository: The repository that it is of.
        id: From the sequence that builds, jobs and stages share.
        number: What people see, counted in its repository.
        commit: What it was made from.
        event_type: ``push``, ``pull_request``, ``api`` or ``cron``, or None.
        pull_request_title: Or None.
        pull_request_number: Or None.
        state: As of a `Job`, but never ``queued`` or ``received``.
        started_at: Seconds since the epoch; None: it has not started.
        finished_at: Seconds since the epoch; None: it has not ended.
        updated_at: When it was made, or something about it was last published, in seconds since the epoch.
        fast_finish: Whether it ends with its required jobs, while others still run.
        created_by: Who made it, where Travis knows.
        jobs: In the order of their numbers.
        stages: In their order; most builds have none.
        config: What its .travis.yml says.
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

    @property
    def duration(self) -> int | None:
        """Seconds of work summed over its jobs, None until it has finished."""
        return sum(job.duration for job in self.jobs) if self.state in TERMINAL else None

    def receive(self) -> Self:
        """Let workers take every job that waits."""
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
        """Append a part to the log of every job that runs.

        Args:
            content: Its text.
            final: Whether it is the last one of each.
        """
        for job in self.jobs:
            if job.state == "started":
                job.write(content, final=final)
        return self

    def finish(self, state: str = "passed") -> Self:
        """End every job that has not ended, and so itself.

        Args:
            state: Of each of these jobs: ``passed``, ``failed``, ``errored`` or ``canceled``. What the build's own
                is follows from all its jobs.
        """
        for job in self.jobs:
            if job.state not in TERMINAL:
                job.finish(state)
        return self

    def cancel(self) -> Self:
        """Cancel every job that has not ended, and so itself."""
        self.finish("canceled")
        return self

    def restart(self) -> Self:
        """Begin anew with every job."""
        for job in self.jobs:
            job.restart()
        return self

    def stage(self, name: str, jobs: Iterable[Job]) -> Stage:
        """Put jobs into a stage, the next of the build. Publishes nothing.

        Nothing holds back the jobs of a later stage; but they are canceled once all of an earlier one have ended and it
        has not passed.

        Args:
            name: What people call it.
            jobs: Jobs of this build.

        Returns:
            The stage; its number is one more than there were before.
        """
        stage = Stage(self.world.next_id(), len(self.stages) + 1, name, list(jobs))
        for job in self.jobs:
            if job in stage.jobs:
                job.stage = stage
        self.stages.append(stage)
        return stage

    def reopen(self, *, quiet: bool = False) -> None:
        """Go back to created, once, when a job does.

        Args:
            quiet: Whether to publish nothing about it.
        """
        if self.state != "created":
            self.state, self.started_at, self.finished_at = "created", None, None
            self.repository.moved_build = self
            if not quiet:
                self.emit("build:created")

    def settle(self) -> None:
        """Take the state that follows from the jobs, once all of them have ended that have to.

        Jobs behind a stage that has not passed are canceled first: ``job:finished``. Publishes ``build:finished``, or
        ``build:canceled`` where that is the state.
        """
        if self.state in TERMINAL:
            return
        broken = next((stage for stage in self.stages if stage.ended and stage.state != "passed"), None)
        for job in self.jobs:
            if broken and job.stage and job.stage.number > broken.number and job.state not in TERMINAL:
                job.conclude("canceled", "job:finished")
        if any(job.state not in TERMINAL and not (self.fast_finish and job.allow_failure) for job in self.jobs):
            return
        self.state = broken.state if broken else result_of(self.jobs)
        self.finished_at = self.world.clock()
        self.emit("build:canceled" if self.state == "canceled" else "build:finished")

    def emit(self, event: str) -> None:
        """Publish something about it.

        Args:
            event: Name of the event: ``build:started``.
        """
        self.updated_at = self.world.clock()
        self.world.notify(event, self, None)


@dataclass(eq=False)
class Repository:
    """One repository; `World.repository` makes them.

    Attributes:
        world: The world that it is in.
        id: From a sequence of its own.
        slug: ``owner/name``.
        private: Whether only its users see it.
        active: Whether Travis builds it, or None.
        description: What people say of it, or None.
        language: Language that GitHub tells, or None.
        users: Who has a permission on it.
        readers: Those of them who may look, and nothing else.
        belongings: What it has beside builds: settings, variables, keys, caches, requests.
        builds: In the order of their making.
        migrated: Whether it has moved from org to com, so that nobody may change it on org any more.
        named_build: The build whose id and number it shows as those of its last, where it is not the one with the
            highest number.
        moved_build: The build whose state and times it shows, likewise; a restart makes the two differ.
    """

    world: WorldContext
    id: int
    slug: str
    private: bool = False
    active: bool | None = True
    description: str | None = None
    language: str | None = "Ruby"
    users: list[User] = field(default_factory=list[User])
    readers: list[User] = field(default_factory=list[User])
    belongings: RepositoryData = field(default_factory=RepositoryData)
    builds: list[Build] = field(default_factory=list[Build])
    migrated: bool = False
    named_build: Build | None = None
    moved_build: Build | None = None
    _made: int = field(default=0, init=False, repr=False)

    def may_push(self, user: User | None) -> bool:
        """Whether somebody may change things; then they are admins, too.

        Args:
            user: Who; None: somebody without a token, who may not.
        """
        return user in self.users and user not in self.readers

    @property
    def last_build(self) -> Build | None:
        """The build with the highest number; None: there is none."""
        return self.builds[-1] if self.builds else None

    def shows(self, build: Build | None) -> None:
        """Show a build as the last: id and number, state and times.

        Args:
            build: One of its builds; None: the one with the highest number, from now on.
        """
        self.named_build = self.moved_build = build

    def build(
        self,
        *,
        jobs: int = 1,
        branch: str = "master",
        message: str = "Stream logs",
        event_type: str = "push",
        quiet: bool = False,
    ) -> Build:
        """Create a build, the next in number.

        Args:
            jobs: How many jobs it has.
            branch: Branch of its commit.
            message: Message of its commit; of a pull request the title, too.
            event_type: ``push``, ``pull_request``, ``api`` or ``cron``.
            quiet: Whether to publish nothing about it, rather than ``build:created`` and ``job:created`` of each job.

        Raises:
            ValueError: Less than one job.
        """
        if jobs < 1:
            raise ValueError(f"a build has at least one job, not {jobs}")
        self._made += 1
        world, number = self.world, self._made
        pull_request = event_type == "pull_request"
        commit = world.commit(branch, message, self.slug, number)
        build = Build(
            world,
            self,
            world.next_id(),
            number,
            commit,
            event_type,
            pull_request_title=message if pull_request else None,
            pull_request_number=number if pull_request else None,
            updated_at=world.clock(),
            config={"language": "ruby", "rvm": ["3.2", "3.3"], "script": ["rake"], ".result": "configured"},
        )
        for place in range(1, jobs + 1):
            job = Job(world, build, world.next_id(), f"{number}.{place}", world.log(), updated_at=world.clock())
            job.config = {"language": "ruby", "rvm": "3.3", "script": ["rake"], "env": None, "global_env": None}
            build.jobs.append(job)
            world.jobs[job.id] = job
        self.builds.append(build)
        self.shows(None)
        world.builds[build.id] = build
        if not quiet:
            build.emit("build:created")
            for job in build.jobs:
                world.notify("job:created", job, None)
        return build

    def forget(self, build: Build) -> None:
        """Let go of a build with its jobs, as if it had never been. Publishes nothing.

        Args:
            build: One of its builds.

        Raises:
            ValueError: It is none of them.
        """
        self.builds.remove(build)
        self.shows(None)
        self.world.builds.pop(build.id, None)
        for job in build.jobs:
            self.world.jobs.pop(job.id, None)

    def history(self, count: int, *, jobs: int = 1) -> Sequence[Build]:
        """Add finished builds of the past, about one in five of them failed. Publishes nothing.

        Args:
            count: How many. The last one began an hour ago, each of the others an hour before the next; each took five
                minutes.
            jobs: How many jobs each has.

        Returns:
            The builds, oldest first.

        Raises:
            ValueError: Less than one job.
        """
        builds = [self.build(jobs=jobs, message=f"Change number {n}", quiet=True) for n in range(1, count + 1)]
        now = self.world.clock()
        for age, build in enumerate(reversed(builds)):
            began = now - 3600.0 * (age + 1)
            build.state = "failed" if build.number % 5 == 0 else "passed"
            build.started_at, build.finished_at, build.updated_at = began, began + 300.0, began + 300.0
            for job in build.jobs:
                job.state, job.started_at = build.state, began
                job.finished_at = job.updated_at = began + 300.0
                job.log.parts += [Part(0, f"$ rake\n{build.state}\n", False), Part(1, "", True)]
        return builds
