"""Playback of a build: from created to finished, its logs written as a worker would."""

import asyncio
import math
import random
from collections.abc import Iterator

from aiotravis.testing.world.builds import Build, Job
from aiotravis.testing.world.log_writer import LogEnding
from aiotravis.testing.world.sample_logs import ending_of, sample_log, state_of
from aiotravis.testing.world.stages import TERMINAL

__all__ = ["play"]

STEP_SECONDS = 0.25
"""Seconds between two parts of a log, at speed 1."""


def scaled_delay(seconds: float, speed: float) -> float:
    """Return the time to wait in seconds; 0 at infinite speed."""
    return 0.0 if math.isinf(speed) else seconds / speed


def split_log(text: str, *, seed: int) -> Iterator[str]:
    """Split a text into parts of up to 400 characters, in the middle of markers too."""
    rng = random.Random(seed)  # noqa: S311 - places to cut, not secrets
    position = 0
    # fact 9.36: workers cut logs anywhere.
    while position < len(text):
        size = rng.randint(20, 400)
        yield text[position : position + size]
        position += size


async def play(build: Build, *, speed: float = 1.0, state: str = "passed") -> None:
    """Run a build from created to finished, its jobs overlapping. Jobs that have ended are left alone.

    Args:
        build: A build that was just created, or that was restarted, or some of whose jobs were.
        speed: Factor on the pace: 1 takes about 10 seconds, 10 a tenth of that, ``math.inf`` does not wait at all.
        state: Final state of its jobs: ``passed``, ``failed``, ``errored`` or ``canceled``; or an ending of
            `sample_log`, which implies the state. A job that is ended by something else keeps its state.

    Raises:
        ValueError: ``speed`` is not above 0, or there is no such state or ending.
    """
    if not speed > 0:
        raise ValueError(f"speed must be positive, not {speed}")
    ending = ending_of(state)
    async with asyncio.TaskGroup() as group:
        for position, job in enumerate(job for job in build.jobs if job.state not in TERMINAL):
            group.create_task(_play_job(job, speed=speed, ending=ending, delay=position * 4 * STEP_SECONDS))


async def _play_job(job: Job, *, speed: float, ending: LogEnding, delay: float) -> None:
    await asyncio.sleep(scaled_delay(4 * STEP_SECONDS + delay, speed))
    for before, step in (("created", job.enqueue), ("queued", job.receive), ("received", job.start)):
        if job.state == before:
            step()
            await asyncio.sleep(scaled_delay(2 * STEP_SECONDS, speed))
    for content in split_log(sample_log(job, ending), seed=job.id):
        # Ended by something else, and perhaps restarted since.
        if job.state != "started":
            return
        job.write(content)
        await asyncio.sleep(scaled_delay(STEP_SECONDS, speed))
    if job.state != "started":
        return
    job.write("", final=True)
    await asyncio.sleep(scaled_delay(STEP_SECONDS, speed))
    if job.state == "started":
        job.finish(state_of(ending))
