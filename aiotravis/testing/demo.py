"""A living world: builds come, run and end for ever, for dashboards and whoever wants to look around."""

import asyncio
import math
import random
from collections.abc import Sequence
from typing import Final

from aiotravis.testing.server import TravisServer
from aiotravis.testing.world.playback import sample_log
from aiotravis.testing.world.world import Build, Repository

__all__ = ["Demo"]

TOKEN: Final = "demo-token"

SLUGS: Final = ("travis-ci/travis.rb", "travis-ci/travis-web", "travis-ci/travis-worker", "sinatra/sinatra")

PRIVATE: Final = "acme/secret-sauce"

SUBJECTS: Final = (
    "Stream logs in order", "Fix the build", "Bump dependencies", "Retry on a lost connection", "Say what went wrong",
    "Speed up the specs", "Remove dead code", "Support Ruby 3.4", "Test on two databases", "Größere Schrift",
)  # fmt: skip

BRANCHES: Final = ("master", "master", "master", "develop", "fix-timeouts", "2-stable")

EVENTS: Final = ("push", "push", "push", "pull_request", "cron", "api")

STATES: Final = ("passed", "passed", "passed", "passed", "failed", "errored", "canceled")

BETWEEN: Final = 12.0
"""Seconds between two builds at speed 1, on average. Each takes some 10."""

KEPT: Final = 40
"""Builds that each repository remembers."""

SEEN: Final = 5_000
"""Requests and frames that the server remembers while the demo runs."""


class Demo:
    """Lets builds come and go on a server: ``async with TravisServer() as server, Demo(server) as demo: ...``.

    Four public repositories and a private one, with a past. Each remembers its last 40 builds or so, and the server its
    last 5,000 requests and frames, so it may run for weeks. Once it is left no more builds come; those that run go on
    until the server stops.

    Args:
        server: The server; its world gets the demo's user, repositories and their past at once, new builds come from
            entering on.
        speed: How fast: at 1 a build about every 12 seconds; at 10 ten times as many.
        seed: The same seed gives the same story.

    Attributes:
        token: An API token of the demo's user, who may push to every repository.
        repositories: The repositories; the private one is the last.

    Raises:
        ValueError: The speed is not above 0, or infinite.
    """

    def __init__(self, server: TravisServer, *, speed: float = 1.0, seed: int = 1) -> None:
        if not 0 < speed < math.inf:
            raise ValueError(f"speed must be positive and finite, not {speed}")
        self._server = server
        self._speed = speed
        self._draw = random.Random(seed)  # noqa: S311 - a story, not a secret
        self._task: asyncio.Task[None] | None = None
        self.token = TOKEN
        user = server.world.user("demo", token=TOKEN, name="Demo User")
        self.repositories: Sequence[Repository] = [
            server.world.repository(slug, private=slug == PRIVATE, users=[user]) for slug in (*SLUGS, PRIVATE)
        ]
        for repository in self.repositories:
            for build in repository.history(self._draw.randrange(8, 15), jobs=self._draw.randrange(1, 4)):
                for job in build.jobs:
                    job.log.parts.clear()
                    job.write(sample_log(job, build.state), final=True)

    async def __aenter__(self) -> "Demo":
        self._task = asyncio.get_running_loop().create_task(self._live(), name="aiotravis demo")
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _live(self) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                group.create_task(self._run(self._build()))
                self._forget()
                await asyncio.sleep(self._draw.uniform(0.3, 1.7) * BETWEEN / self._speed)

    def _build(self) -> Build:
        draw = self._draw
        return draw.choice(self.repositories).build(
            jobs=draw.randrange(1, 5),
            branch=draw.choice(BRANCHES),
            message=draw.choice(SUBJECTS),
            event_type=draw.choice(EVENTS),
        )

    async def _run(self, build: Build) -> None:
        state = self._draw.choice(STATES)
        playing = self._server.play(build, speed=self._speed, state="passed" if state == "canceled" else state)
        if state == "canceled":
            await asyncio.sleep(self._draw.uniform(3, 9) / self._speed)
            build.cancel()
        await asyncio.wait([playing])

    def _forget(self) -> None:
        for repository in self.repositories:
            while len(repository.builds) > KEPT and repository.builds[0].finished_at is not None:
                repository.forget(repository.builds[0])
        del self._server.requests[:-SEEN]
        while len(self._server.pusher.frames) > SEEN:
            self._server.pusher.frames.popleft()
