"""Stories of a repository, told to its state by reads and events that are late, lost or doubled; stubs."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import anyio

from aiotravis import Build, Commit, Job, Repository, State, errors
from aiotravis.events import BuildEvent, JobEvent
from aiotravis.flows.repository_state import RepositoryState
from aiotravis.flows.watch_reader import WatchReader
from tests.waiting import ignored

LAST = 4
ENDS = ("passed", "failed", "errored", "canceled")


def moment(seconds: float, *, milliseconds: bool = False) -> datetime:
    """Return a time as Travis sends it: with whole seconds, but for ``updated_at`` (fact 1.3)."""
    seconds = 1.7e9 + seconds
    return datetime.fromtimestamp(int(seconds * 1000) / 1000 if milliseconds else int(seconds), UTC)


@dataclass
class WorldJob:
    id: int
    number: str
    state: str = "created"
    started_at: datetime | None = None
    finished_at: datetime | None = None
    queue: str | None = None


@dataclass
class WorldBuild:
    id: int
    number: int
    jobs: list[WorldJob]
    state: str = "created"
    started_at: datetime | None = None
    finished_at: datetime | None = None
    deleted: bool = False
    history: list[tuple[str, datetime | None, datetime | None]] = field(
        default_factory=list[tuple[str, datetime | None, datetime | None]]
    )


@dataclass
class World:
    """One repository, and what is on its way to the client."""

    draw: random.Random
    clock: Callable[[], float]
    builds: dict[int, WorldBuild] = field(default_factory=dict[int, WorldBuild])
    on_its_way: list[BuildEvent | JobEvent] = field(default_factory=list[BuildEvent | JobEvent])
    last: WorldBuild | None = None
    shown: WorldBuild | None = None
    next_id: int = 100

    def _id(self) -> int:
        self.next_id += 1
        return self.next_id

    # What Travis does -------------------------------------------------------------------------------------------------

    def create(self) -> None:
        highest = max((one.number for one in self.builds.values()), default=0)
        # fact 10.1: numbers are not unique, and need not follow each other.
        number = max(1, highest + self.draw.choice((0, 1, 1, 1, 1, 2)))
        build = WorldBuild(self._id(), number, [])
        build.jobs = [WorldJob(self._id(), f"{number}.{place}") for place in range(1, self.draw.randint(2, 4))]
        self.builds[build.id] = build
        self.last = self.shown = max(self.builds.values(), key=lambda one: (one.number, one.id))
        self._emit(build)
        for job in build.jobs:
            self._emit(job, build)

    def advance(self) -> None:
        build, job = self._some_job()
        if job is None or build is None or job.state in ENDS:
            return
        following = {"created": "queued", "queued": "received", "received": "started"}
        job.state = following.get(job.state) or self.draw.choice(ENDS)
        now = moment(self.clock())
        if job.state == "queued":
            job.queue = "builds.gce"
        elif job.state == "started":
            job.started_at = now
            if build.state == "created":
                build.state, build.started_at = "started", now
                self.last = self.shown = build
                self._emit(build)
        elif job.state in ENDS:
            job.finished_at = now
        self._emit(job, build)
        self._end(build)

    def cancel(self) -> None:
        build, _ = self._some_job()
        for job in build.jobs if build is not None else ():
            if job.state not in ENDS and build is not None:
                job.state, job.finished_at = "canceled", moment(self.clock())
                self._emit(job, build)
        if build is not None:
            self._end(build)

    def restart(self) -> None:
        build, _ = self._some_job()
        if build is None or build.state not in ENDS:
            return
        jobs = build.jobs if self.draw.random() < 0.5 else [self.draw.choice(build.jobs)]
        self._reset(build, jobs, quiet=False)

    def requeue(self) -> None:
        build, job = self._some_job()
        if build is not None and job is not None and job.state == "started":
            self._reset(build, [job], quiet=True)

    def delete(self) -> None:
        build, _ = self._some_job()
        if build is not None and len(self.builds) > 1:
            del self.builds[build.id]
            build.deleted = True
            self.last = self.shown = max(self.builds.values(), key=lambda one: (one.number, one.id))

    def _some_job(self) -> tuple[WorldBuild | None, WorldJob | None]:
        if not self.builds:
            return None, None
        build = self.draw.choice(sorted(self.builds.values(), key=lambda one: one.id)[-6:])
        return build, self.draw.choice(build.jobs)

    def _reset(self, build: WorldBuild, jobs: list[WorldJob], *, quiet: bool) -> None:
        if build.state != "created":
            build.state, build.started_at, build.finished_at = "created", None, None
            self.shown = build
            if quiet:
                build.history.append(("created", None, None))
            else:
                self._emit(build)
        for job in jobs:
            job.state, job.started_at, job.finished_at = "created", None, None
            self._emit(job, build)

    def _end(self, build: WorldBuild) -> None:
        if build.state not in ENDS and all(job.state in ENDS for job in build.jobs):
            states = {job.state for job in build.jobs}
            build.state = next(state for state in ("canceled", "errored", "failed", "passed") if state in states)
            build.finished_at = moment(self.clock())
            self._emit(build)

    def _emit(self, about: WorldBuild | WorldJob, build: WorldBuild | None = None) -> None:
        updated_at = moment(self.clock(), milliseconds=True) if self.draw.random() < 0.95 else None
        event: BuildEvent | JobEvent
        if isinstance(about, WorldBuild):
            about.history.append((about.state, about.started_at, about.finished_at))
            event = BuildEvent(build=self.build_value(about, updated_at=updated_at))
        else:
            assert build is not None
            event = JobEvent(job=self.job_value(build, about, updated_at=updated_at))
        for _ in range(self.draw.choice((0, 1, 1, 1, 1, 1, 2))):
            self.on_its_way.append(event)

    # What Travis sends ------------------------------------------------------------------------------------------------

    def commit(self, build: WorldBuild, *, read: bool) -> Commit:
        return Commit(id=build.id + 9000, sha="a" * 40, message=f"Change {build.id}", tag="v1" if read else None)

    def build_value(self, build: WorldBuild, *, updated_at: datetime | None = None, read: bool = False) -> Build:
        return Build(
            id=build.id, repository_id=82, commit_id=build.id + 9000, number=str(build.number),
            state=State(build.state), started_at=build.started_at, finished_at=build.finished_at,
            job_ids=tuple(job.id for job in build.jobs), commit=self.commit(build, read=read), updated_at=updated_at,
        )  # fmt: skip

    def job_value(
        self, build: WorldBuild, job: WorldJob, *, updated_at: datetime | None = None, read: bool = False
    ) -> Job:
        return Job(
            id=job.id, repository_id=82, build_id=build.id, number=job.number, state=State(job.state),
            started_at=job.started_at, finished_at=job.finished_at, queue=job.queue, updated_at=updated_at,
            commit=self.commit(build, read=read), tags="" if read else None,
            repository_private=None if read else False,
        )  # fmt: skip

    def newest(self) -> list[WorldBuild]:
        return sorted(self.builds.values(), key=lambda one: (one.number, one.id), reverse=True)[:LAST]

    def truth(self) -> list[tuple[Any, ...]]:
        return [
            (
                one.id, one.number, one.state, one.started_at, one.finished_at,
                [(job.id, job.state, job.started_at, job.finished_at, job.queue) for job in one.jobs],
            )
            for one in self.newest()
        ]  # fmt: skip

    def repository(self) -> Repository:
        last, shown = self.last, self.shown
        return Repository(
            id=82, slug="a/b", last_build_id=last.id if last else None,
            last_build_number=str(last.number) if last else None,
            last_build_state=State(shown.state) if shown else State.NEVER_BUILT,
            last_build_started_at=shown.started_at if shown else None,
            last_build_finished_at=shown.finished_at if shown else None,
        )  # fmt: skip


class Answers:
    """An iterator of entities that were requested by their ids, or listed."""

    def __init__(self, read: Callable[[], Awaitable[tuple[list[Any], tuple[int, ...]]]]) -> None:
        self._read = read
        self.missing: tuple[int, ...] = ()
        self.unreadable: tuple[object, ...] = ()

    async def __aiter__(self) -> AsyncIterator[Any]:
        found, self.missing = await self._read()
        for one in found:
            yield one

    async def to_list(self) -> list[Any]:
        return [one async for one in self]


class Story:
    """A story: a world, a state that is told of it, and whoever looks at that."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.world = World(self.draw, anyio.current_time)
        self.state = RepositoryState(82, last=LAST, jobs=True)
        self.failing = False
        self.older = 0
        self._places: dict[int, int] = {}
        self._depth = 0
        resources: tuple[Any, Any, Any] = (_Repositories(self), _Builds(self), _Jobs(self))
        self.reader = WatchReader(*resources, ignored, last=LAST, batched=True)

    async def happen(self) -> None:
        """Let something happen."""
        world, draw = self.world, self.draw
        chance = draw.random()
        if chance < 0.1:
            world.create()
        elif chance < 0.5:
            world.advance()
        elif chance < 0.53:
            world.cancel()
        elif chance < 0.57:
            world.restart()
        elif chance < 0.59:
            world.requeue()
        elif chance < 0.6:
            world.delete()
        elif chance < 0.9 and world.on_its_way:
            self.receive()
        elif chance < 0.95:
            self.look()
        else:
            await anyio.sleep(draw.choice((0.001, 0.1, 0.5, 2.0)))

    def receive(self) -> None:
        """Receive one of the events that are on their way, often the first."""
        place = 0 if self.draw.random() < 0.7 else self.draw.randrange(len(self.world.on_its_way))
        self.state.apply_event(self.world.on_its_way.pop(place), anyio.current_time())

    def look(self) -> list[tuple[Any, ...]]:
        """Take the newest state, and check that no build in it is older than it was before."""
        update = self.state.take()
        for build in update.builds:
            known = self.world.builds.get(build.id)
            if known is not None:
                value = (str(build.state), build.started_at, build.finished_at)
                before = self._places.get(build.id, 0)
                later = [place for place, one in enumerate(known.history) if one == value and place >= before]
                self.older += not later
                self._places[build.id] = later[0] if later else before
        return [
            (
                one.id, int(one.number), str(one.state), one.started_at, one.finished_at,
                [(job.id, str(job.state), job.started_at, job.finished_at, job.queue) for job in one.jobs],
            )
            for one in update.builds
        ]  # fmt: skip

    async def request(self, answer: Callable[[], Any]) -> Any:
        """Answer a request, while the story goes on before and after the answer is made."""
        for _ in range(self.draw.randrange(3)):
            await self.happen()
        found = answer()
        await anyio.sleep(self.draw.choice((0.001, 0.05, 0.8)))
        for _ in range(self.draw.randrange(3)):
            await self.happen()
        if self.failing and self.draw.random() < 0.3:
            raise errors.ServerError("GET / answered 503.", status=503, method="GET", path="/")
        return found

    async def read(self) -> None:
        """Read as the watcher does; now and then that fails."""
        try:
            if self.draw.random() < 0.6:
                await self.reader.read_due([self.state])
            else:
                await self.reader.reconcile([self.state], whole=self.draw.random() < 0.3)
        except errors.ServerError:
            pass

    async def rest(self) -> None:
        """Let the world rest, receive or lose what is on its way, and reconcile once."""
        self.happen = self._nothing  # type: ignore[method-assign]
        self.failing = False
        while self.world.on_its_way:
            self.receive()
        await anyio.sleep(1.0)
        await self.reader.reconcile([self.state], whole=True)
        for _ in range(5):
            if self.state.due:
                await anyio.sleep(1.0)
                await self.reader.read_due([self.state])

    async def _nothing(self) -> None:
        pass


class _Repositories:
    def __init__(self, story: Story) -> None:
        self._story = story

    def many(self, ids: Sequence[int], **_: object) -> Answers:
        async def read() -> tuple[list[Any], tuple[int, ...]]:
            return await self._story.request(lambda: ([self._story.world.repository()], ())) if ids else ([], ())

        return Answers(read)

    async def get(self, _: object) -> Repository:
        found: Repository = await self._story.request(self._story.world.repository)
        return found


class _Builds:
    def __init__(self, story: Story) -> None:
        self._story = story

    def list(self, _: object, **__: object) -> Answers:
        world = self._story.world

        async def read() -> tuple[list[Any], tuple[int, ...]]:
            found: tuple[list[Any], tuple[int, ...]] = await self._story.request(
                lambda: ([world.build_value(one, read=True) for one in world.newest()], ())
            )
            return found

        return Answers(read)

    def many(self, ids: Sequence[int], **_: object) -> Answers:
        world = self._story.world

        def answer() -> tuple[list[Any], tuple[int, ...]]:
            found = [world.build_value(world.builds[one], read=True) for one in ids if one in world.builds]
            return found, tuple(one for one in ids if one not in world.builds)

        async def read() -> tuple[list[Any], tuple[int, ...]]:
            return await self._story.request(answer) if ids else ([], ())

        return Answers(read)


class _Jobs:
    def __init__(self, story: Story) -> None:
        self._story = story

    def many(self, ids: Sequence[int], **_: object) -> Answers:
        def answer() -> tuple[list[Any], tuple[int, ...]]:
            jobs = {job.id: (build, job) for build in self._story.world.builds.values() for job in build.jobs}
            values = [self._story.world.job_value(*jobs[one], read=True) for one in ids if one in jobs]
            return values, tuple(one for one in ids if one not in jobs)

        async def read() -> tuple[list[Any], tuple[int, ...]]:
            return await self._story.request(answer) if ids else ([], ())

        return Answers(read)
