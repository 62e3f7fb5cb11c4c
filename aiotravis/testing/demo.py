"""A demo for dashboards and clients: builds start, run and finish all the time."""

import asyncio
import math
import random
from collections.abc import Sequence
from itertools import chain, cycle
from typing import Final

from aiotravis.testing.server import TravisServer
from aiotravis.testing.world.log_writer import ENDINGS, LogEnding
from aiotravis.testing.world.sample_logs import sample_log, state_of
from aiotravis.testing.world.world import Build, Repository

__all__ = ["Demo"]

TOKEN: Final = "demo-token"

PUBLIC_SLUGS: Final = ("travis-ci/travis.rb", "travis-ci/travis-web", "travis-ci/travis-worker", "sinatra/sinatra")

PRIVATE_SLUG: Final = "acme/secret-sauce"

SUBJECTS: Final = (
    "Stream logs in order", "Fix the build", "Bump dependencies", "Retry on a lost connection", "Explain what failed",
    "Speed up the specs", "Remove dead code", "Support Ruby 3.4", "Test on two databases", "Größere Schrift",
)  # fmt: skip

BRANCHES: Final = ("master", "master", "master", "develop", "fix-timeouts", "2-stable")

EVENT_TYPES: Final = ("push", "push", "push", "pull_request", "cron", "api")

FAILURES: Final[Sequence[LogEnding]] = tuple(ending for ending in ENDINGS if ending != "passed")

SHARE_OF_FAILURES: Final = 0.4

MEAN_INTERVAL: Final = 12.0
"""Mean time between the starts of two builds in seconds, at speed 1; each takes about 10."""

LOOK_INTERVAL: Final = 0.5
"""Seconds between two looks for jobs in the state created, at speed 1."""

MIN_LOOK_INTERVAL: Final = 0.02
"""The same at any speed, at least."""

MAX_BUILDS: Final = 40
"""Builds that each repository keeps."""

MAX_RECORDS: Final = 5_000
"""Requests, and frames, that the server keeps while the demo runs."""


class Demo:
    """Plays builds on a server without end: ``async with TravisServer() as server, Demo(server) as demo: ...``.

    Creates four public repositories and a private one, with past builds. Jobs end in every way that `sample_log` knows.
    Each repository keeps about 40 builds, and the server its last 5,000 requests and frames, so that it can run for
    weeks. What clients trigger or restart is played, too. After the block no more builds start; running ones continue
    until the server stops.

    Args:
        server: The server. Its world gets a user and the repositories at once; new builds start with the block.
        speed: Factor on the pace: 1 starts a build about every 12 seconds, 10 ten times as many.
        seed: Seed of the builds; the same seed plays the same builds.

    Attributes:
        token: API token of the demo's user, who may push to every repository.
        repositories: The repositories; the private one is the last.

    Raises:
        ValueError: ``speed`` is not positive and finite.
    """

    def __init__(self, server: TravisServer, *, speed: float = 1.0, seed: int = 1) -> None:
        if not 0 < speed < math.inf:
            raise ValueError(f"speed must be positive and finite, not {speed}")
        self._server = server
        self._speed = speed
        self._rng = random.Random(seed)  # noqa: S311 - a demo, not a secret
        self._endings = random.Random(seed)  # noqa: S311
        self._task: asyncio.Task[None] | None = None
        self._playing: set[Build] = set()
        self.token = TOKEN
        user = server.world.user("demo", token=TOKEN, name="Demo User")
        self.repositories: Sequence[Repository] = [
            server.world.repository(slug, private=slug == PRIVATE_SLUG, users=[user])
            for slug in (*PUBLIC_SLUGS, PRIVATE_SLUG)
        ]
        failures = cycle(FAILURES)
        for repository in self.repositories:
            for build in repository.history(self._rng.randrange(8, 15), jobs=self._rng.randrange(1, 4)):
                ending: LogEnding = "passed" if build.state == "passed" else next(failures)
                build.state = state_of(ending)
                for job in build.jobs:
                    job.state = build.state
                    job.log.parts.clear()
                    job.write(sample_log(job, ending), final=True)

    async def __aenter__(self) -> "Demo":
        self._task = asyncio.get_running_loop().create_task(self._run(), name="aiotravis demo")
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._create_builds())
            while True:
                for build in chain.from_iterable(repository.builds for repository in self.repositories):
                    # Otherwise they wait for somebody who reads the build.
                    build.run_queued_restarts()
                    if build not in self._playing and any(job.state == "created" for job in build.jobs):
                        self._play(build)
                await asyncio.sleep(max(MIN_LOOK_INTERVAL, LOOK_INTERVAL / self._speed))

    async def _create_builds(self) -> None:
        while True:
            self._create_build()
            self._trim()
            await asyncio.sleep(self._rng.uniform(0.3, 1.7) * MEAN_INTERVAL / self._speed)

    def _create_build(self) -> None:
        rng = self._rng
        rng.choice(self.repositories).build(
            jobs=rng.randrange(1, 5),
            branch=rng.choice(BRANCHES),
            message=rng.choice(SUBJECTS),
            event_type=rng.choice(EVENT_TYPES),
        )

    def _play(self, build: Build) -> None:
        # Numbers of their own: what clients do must not change which builds come next.
        failed = self._endings.random() < SHARE_OF_FAILURES
        state = self._endings.choice(FAILURES) if failed else "passed"
        self._playing.add(build)
        playing = self._server.play(build, speed=self._speed, state=state)
        playing.add_done_callback(lambda _: self._playing.discard(build))

    def _trim(self) -> None:
        for repository in self.repositories:
            for build in repository.builds[:-MAX_BUILDS]:
                if build.finished_at is not None:
                    repository.forget(build)
        del self._server.requests[:-MAX_RECORDS]
        while len(self._server.pusher.frames) > MAX_RECORDS:
            self._server.pusher.frames.popleft()
