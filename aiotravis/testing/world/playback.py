"""A scripted build: from created to finished, its logs written as a worker would."""

import asyncio
import math
import random
from collections.abc import Iterator, Sequence

from aiotravis.testing.world.world import TERMINAL, Build, Job

__all__ = ["play", "sample_log"]

CLEAR = "\r\x1b[0K"

STEP = 0.25
"""Seconds between two parts of a log, at speed 1."""


def play_delay(seconds: float, speed: float) -> float:
    """Give how long to wait: nothing at infinite speed."""
    return 0.0 if math.isinf(speed) else seconds / speed


def sample_log(job: Job, state: str = "passed", *, seed: int | None = None) -> str:
    """Write the log of a small Ruby project: folds, timings, colours, a progress bar.

    Args:
        job: Whose log it is; nothing is written to it, see `Job.write`.
        state: How the job ends: ``passed``, or anything else for a log that tells of failures.
        seed: Makes times and identifiers; the job's id by default.

    Returns:
        The text, some 5 kB; the same for the same job, state and seed.
    """
    draw = random.Random(job.id if seed is None else seed)  # noqa: S311 - a text, not a secret
    clock = 1_700_000_000_000_000_000 + draw.randrange(10**15)
    code = 0 if state == "passed" else 1
    colour = "32;1" if state == "passed" else "31;1"
    lines: list[str] = []

    def fold(name: str, body: Sequence[str]) -> None:
        lines.append(f"travis_fold:start:{name}{CLEAR}")
        lines.extend(body)
        lines.append(f"travis_fold:end:{name}{CLEAR}")

    def command(text: str, output: str, event: str) -> Sequence[str]:
        nonlocal clock
        identifier, begin = f"{draw.randrange(2**32):08x}", clock
        clock += draw.randrange(10**8, 10**10)
        times = f"start={begin},finish={clock},duration={clock - begin},event={event}"
        return (
            f"travis_time:start:{identifier}{CLEAR}$ {text}\n",
            output,
            f"travis_time:end:{identifier}:{times}{CLEAR}",
        )

    host = f"worker-{draw.randrange(10**6)}@1.worker.example.org"
    fold("worker_info", [f"\x1b[33;1mWorker information\x1b[0m\nhostname: {host}\nversion: v6.2.22\nstartup: 6.2 s\n"])
    slug, commit = job.repository.slug, job.build.commit
    cloning = "".join(f"Receiving objects: {n:3}% ({n * 12}/1200)\r" for n in range(0, 101, 5))
    clone = command(f"git clone --depth=50 https://github.com/{slug}.git {slug}", f"{cloning}\n", "checkout")
    fold("git.checkout", [*clone, f"HEAD is now at {commit.sha[:7]} {commit.message}\n"])
    gems = "".join(f"Fetching gem-{n} {n}.{n * 7 % 10}.0\nInstalling gem-{n}\n" for n in range(1, 25))
    fold("install", command("bundle install --jobs=3 --retry=3", f"{gems}Bundle complete! 24 gems.\n", "install"))
    dots = "".join("\x1b[32m.\x1b[0m" if draw.random() < 0.97 else "\x1b[33m*\x1b[0m" for _ in range(240))
    verdict = "480 examples, 0 failures" if state == "passed" else "480 examples, 3 failures"
    tests = f"{dots}\n\nFinished in 12.3 seconds – größtenteils schnell ✓\n\x1b[{colour[:2]}m{verdict}\x1b[0m\n"
    lines += command("bundle exec rake spec", tests, "script")
    lines.append(f'\x1b[{colour}mThe command "bundle exec rake spec" exited with {code}.\x1b[0m\n')
    lines.append(f"\nDone. Your build exited with {code}.\n")
    return "".join(lines)


def cut(text: str, *, seed: int) -> Iterator[str]:
    """Cut a text at awkward places, in the middle of markers too, into parts of up to 400 characters."""
    draw = random.Random(seed)  # noqa: S311 - places to cut, not secrets
    place = 0
    while place < len(text):
        size = draw.randint(20, 400)
        yield text[place : place + size]
        place += size


async def play(build: Build, *, speed: float = 1.0, state: str = "passed") -> None:
    """Let a build go its way, its jobs overlapping.

    Args:
        build: A build just created; its jobs take their turn.
        speed: How fast: at 1 some 10 seconds, at 10 a tenth of that, at ``math.inf`` without any waiting.
        state: How its jobs end: ``passed``, ``failed`` or ``errored``. A job that somebody ends meanwhile keeps the
            state that it has.

    Raises:
        ValueError: The speed is not above zero.
    """
    if not speed > 0:
        raise ValueError(f"speed must be positive, not {speed}")
    async with asyncio.TaskGroup() as group:
        for place, job in enumerate(build.jobs):
            group.create_task(_play_job(job, speed=speed, state=state, late=place * 4 * STEP))


async def _play_job(job: Job, *, speed: float, state: str, late: float) -> None:
    await asyncio.sleep(play_delay(4 * STEP + late, speed))
    for step in (job.enqueue, job.receive, job.start):
        if job.state in TERMINAL:
            return
        step()
        await asyncio.sleep(play_delay(2 * STEP, speed))
    for piece in cut(sample_log(job, state), seed=job.id):
        if job.state in TERMINAL:
            return
        job.write(piece)
        await asyncio.sleep(play_delay(STEP, speed))
    if job.state in TERMINAL:
        return
    job.write("", final=True)
    await asyncio.sleep(play_delay(STEP, speed))
    if job.state not in TERMINAL:
        job.finish(state)
