"""Jobs of the embedded Travis: their states, and what each change does to log and build.

https://docs.travis-ci.com/api/#jobs
"""

from dataclasses import dataclass, field
from typing import Final, Generic, Protocol, Self, TypeVar

from aiotravis.testing.world.models import Annotation, Log, Part
from aiotravis.testing.world.stages import TERMINAL, Stage

__all__ = ["BaseJob", "ParentBuild"]

LAST_PART_NUMBER: Final = 2_147_483_647
"""Number of the notice that is appended to the log of an auto-canceled job."""

MAX_RESETS: Final = 50
"""Requeues that a job is always granted."""

MAX_RESET_SECONDS: Final = 6 * 3600.0
"""Seconds since its first requeue in which a job may be requeued without limit."""


class _World(Protocol):
    unavailable_log_reads: int
    worker_clock_offset: float

    def clock(self) -> float: ...


class ParentBuild(Protocol):
    """What a job needs of its build."""

    state: str
    started_at: float | None

    @property
    def world(self) -> _World:
        """World, which has the clock."""
        ...

    def show_as_last(self) -> None:
        """Make the repository show this build as its last."""
        ...

    def reset(self, *, quiet: bool = False) -> None:
        """Go back to ``created``."""
        ...

    def update_state(self) -> None:
        """Finish once its jobs have."""
        ...

    def emit(self, event: str) -> None:
        """Publish an event about it."""
        ...


BuildT = TypeVar("BuildT", bound=ParentBuild)


@dataclass(eq=False)
class BaseJob(Generic[BuildT]):
    """One job. Its methods do what Travis does, publish the events, and return the job: ``job.start().finish()``.

    `Repository.build` creates jobs. Only `cancel` and `auto_cancel` check the state that the job is in.

    Attributes:
        build: Its build.
        id: From the sequence that builds, jobs and stages share.
        number: Build number and index: ``7.1``.
        log: Its log.
        state: ``created``, ``queued``, ``received``, ``started``, ``passed``, ``failed``, ``errored`` or ``canceled``.
        queue: Name of its queue, or None.
        allow_failure: Whether the build may pass without it; None means False.
        stage: Its stage, see `Build.stage`; None if it has none.
        tags: Comma-joined, or None.
        started_at: Seconds since the epoch; None before it starts.
        finished_at: Seconds since the epoch; None before it finishes.
        updated_at: Time of its last change of state, in seconds since the epoch.
        resets: Times of its requeues, in seconds since the epoch; see `requeue`.
        config: Its part of the .travis.yml.
        annotations: Remarks of other services; shown only with ``log_mode="2014"``.
    """

    build: BuildT
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
    def duration(self) -> int:
        """Whole seconds from start to finish; 0 before it finishes."""
        return 0 if self.started_at is None or self.finished_at is None else int(self.finished_at - self.started_at)

    def enqueue(self) -> Self:
        """Queue it, as the scheduler does: ``job:queued``."""
        self._transition("queued", "job:queued")
        return self

    def receive(self) -> Self:
        """Assign it to a worker: ``job:received``."""
        self._transition("received", "job:received")
        return self

    def start(self) -> Self:
        """Run it: ``job:started``.

        The first job starts its build, which its repository then shows as the last: ``build:started``.
        """
        world = self.build.world
        # fact 10.1: dates are of the worker's clock.
        self.started_at = world.clock() + world.worker_clock_offset
        first = self.build.state in {"created", "queued", "received"}
        if first:
            self.build.state, self.build.started_at = "started", self.started_at
            self.build.show_as_last()
        self._transition("started", "job:started")
        if first:
            self.build.emit("build:started")
        return self

    def write(self, content: str, *, final: bool = False) -> Part:
        """Append a part to its log, and publish it: ``job:log``.

        Args:
            content: Text of the part.
            final: Whether it is the last part, as a worker marks it.

        Returns:
            The part; its number is the count of parts before it.
        """
        return self._append(Part(len(self.log.parts), content, final))

    def finish(self, state: str = "passed") -> Self:
        """Finish it: ``job:finished``, or ``job:canceled`` if that is the state.

        The last job finishes its build, see `Build.update_state`.

        Args:
            state: ``passed``, ``failed``, ``errored`` or ``canceled``; any other state is not terminal.
        """
        self.conclude(state, "job:canceled" if state == "canceled" else "job:finished")
        self.build.update_state()
        return self

    def conclude(self, state: str, event: str) -> None:
        """Finish it, and leave the build as it is.

        Args:
            state: See `finish`.
            event: Name of the published event; fact 9.40: it need not match the state.
        """
        world = self.build.world
        # Only a worker ends what has started.
        self.finished_at = world.clock() + (0.0 if self.started_at is None else world.worker_clock_offset)
        if state in TERMINAL and self.started_at is not None:
            # fact 10.2: the log of a job that has run is stored after its end.
            self.log.unavailable_reads = world.unavailable_log_reads
        self._transition(state, event)

    def cancel(self) -> Self:
        """Cancel it, unless it has finished."""
        if self.state not in TERMINAL:
            self.finish("canceled")
        return self

    def auto_cancel(self, notice: str = "\n\nCanceled: a newer build has come in.\n") -> Self:
        """Cancel it because of a newer build, unless it has finished. A notice becomes the last part of its log.

        Args:
            notice: Text of the notice.
        """
        if self.state not in TERMINAL:
            # fact 9.34: the notice has the highest number, so that it follows parts which are still on their way.
            self._append(Part(LAST_PART_NUMBER, notice, True))
        return self.cancel()

    def restart(self) -> Self:
        """Restart it: its log is emptied, and its build goes back to ``created``.

        Publishes ``build:created``, unless the build is in that state, then ``job:created``.
        """
        self.build.reset()
        return self._reset()

    def requeue(self) -> Self:
        """Restart it as its worker does, without an event about the build.

        After 50 requeues and six hours it finishes as ``errored`` instead.
        """
        # fact 8: Travis gives a job up only once both limits are exceeded.
        self.resets.append(self.build.world.clock())
        if len(self.resets) > MAX_RESETS and self.resets[-1] - self.resets[0] > MAX_RESET_SECONDS:
            return self.finish("errored")
        self.build.reset(quiet=True)
        return self._reset()

    def _reset(self) -> Self:
        self.log.clear()
        self.started_at = self.finished_at = None
        self._transition("created", "job:created")
        return self

    def _append(self, part: Part) -> Part:
        self.log.parts.append(part)
        self._publish("job:log", part)
        return part

    def _transition(self, state: str, event: str) -> None:
        self.state = state
        self.updated_at = self.build.world.clock()
        self._publish(event)

    def _publish(self, event: str, part: Part | None = None) -> None:
        raise NotImplementedError
