"""Playback of a build: from created to finished, its logs written as a worker would."""

import asyncio
import math
import random
from collections.abc import Iterator

from aiotravis.testing.world.builds import Build, Job
from aiotravis.testing.world.stages import TERMINAL

__all__ = ["play", "sample_log"]

CLEAR_LINE = "\r\x1b[0K"
"""End of a marker; fact 6: a newline does not follow."""

STEP_SECONDS = 0.25
"""Seconds between two parts of a log, at speed 1."""


def scaled_delay(seconds: float, speed: float) -> float:
    """Return the time to wait in seconds; 0 at infinite speed."""
    return 0.0 if math.isinf(speed) else seconds / speed


def sample_log(job: Job, state: str = "passed", *, seed: int | None = None) -> str:
    """Return the log of a small Ruby project as of 2021: folds, timers, colours, a progress bar.

    As in every log of that time, one timer never ends (see `World.unended_timers`), and a timer surrounds the fold of
    the system's information. Some commands are timed outside of any fold, and some not at all.

    Args:
        job: Job that the log is for; nothing is written to its log, see `Job.write`.
        state: Final state of the job: ``passed``, or any other for a log with failures.
        seed: Seed of times and identifiers; the job's id if None.

    Returns:
        The text, about 6 kB; the same for the same job, state and seed.
    """
    rng = random.Random(job.id if seed is None else seed)  # noqa: S311 - a text, not a secret
    clock = 1_616_000_000_000_000_000 + rng.randrange(10**15)
    code = 0 if state == "passed" else 1
    colour = "32;1" if state == "passed" else "31;1"

    def fold(name: str, *body: str) -> str:
        return f"travis_fold:start:{name}{CLEAR_LINE}{''.join(body)}travis_fold:end:{name}{CLEAR_LINE}"

    def start_timer() -> str:
        return f"travis_time:start:{rng.randrange(2**32):08x}{CLEAR_LINE}"

    def timed(text: str, event: str) -> str:
        nonlocal clock
        start, started = start_timer(), clock
        clock += rng.randrange(10**8, 10**10)
        identifier = start.removeprefix("travis_time:start:").removesuffix(CLEAR_LINE)
        times = f"start={started},finish={clock},duration={clock - started},event={event}"
        return f"{start}{text}travis_time:end:{identifier}:{times}{CLEAR_LINE}"

    slug, commit = job.repository.slug, job.build.commit
    host = f"worker-{rng.randrange(10**6)}@1.worker.example.org"
    cloning = "".join(f"Receiving objects: {n:3}% ({n * 12}/1200)\r" for n in range(0, 101, 5))
    gems = "".join(f"Fetching gem-{n} {n}.{n * 7 % 10}.0\nInstalling gem-{n}\n" for n in range(1, 25))
    dots = "".join("\x1b[32m.\x1b[0m" if rng.random() < 0.97 else "\x1b[33m*\x1b[0m" for _ in range(240))
    summary = "480 examples, 0 failures" if state == "passed" else "480 examples, 3 failures"
    tests = f"{dots}\n\nFinished in 12.3 seconds – größtenteils schnell ✓\n\x1b[{colour[:2]}m{summary}\x1b[0m\n"
    return "".join(
        [
            fold(
                "worker_info",
                f"\x1b[33;1mWorker information\x1b[0m\nhostname: {host}\nversion: v6.2.22\nstartup: 6.2 s\n",
            ),
            # fact 10.3: a timer surrounds a fold, and the fold names the phase.
            timed(
                fold(
                    "system_info",
                    "\x1b[33;1mBuild system information\x1b[0m\nBuild language: ruby\nBuild dist: xenial\n",
                ),
                "show_system_info",
            ),
            # fact 10.3: since 2019, a timer before the checkout never ends.
            f"{start_timer()}\n" if job.world.unended_timers else "",
            fold(
                "git.checkout",
                timed(f"$ git clone --depth=50 https://github.com/{slug}.git {slug}\n{cloning}\n", "checkout"),
                f"$ cd {slug}\n$ git checkout -qf {commit.sha}\nHEAD is now at {commit.sha[:7]} {commit.message}\n",
            ),
            # fact 10.3: set-up commands are timed outside of folds; they are not the script.
            timed("$ rvm use 2.7 --install --binary --fuzzy\nUsing /home/travis/.rvm/gems/ruby-2.7.2\n", "setup"),
            "$ export BUNDLE_GEMFILE=$PWD/Gemfile\n$ ruby --version\nruby 2.7.2p137 (2020-10-01) [x86_64-linux]\n",
            fold(
                "install", timed(f"$ bundle install --jobs=3 --retry=3\n{gems}Bundle complete! 24 gems.\n", "install")
            ),
            timed(f"$ bundle exec rake spec\n{tests}", "script"),
            f'\x1b[{colour}mThe command "bundle exec rake spec" exited with {code}.\x1b[0m\n',
            f"\nDone. Your build exited with {code}.\n",
        ]
    )


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
    """Run a build from created to finished, its jobs overlapping.

    Args:
        build: A build that was just created.
        speed: Factor on the pace: 1 takes about 10 seconds, 10 a tenth of that, ``math.inf`` does not wait at all.
        state: Final state of its jobs: ``passed``, ``failed`` or ``errored``. A job that is ended by something else
            keeps its state.

    Raises:
        ValueError: ``speed`` is not above 0.
    """
    if not speed > 0:
        raise ValueError(f"speed must be positive, not {speed}")
    async with asyncio.TaskGroup() as group:
        for position, job in enumerate(build.jobs):
            group.create_task(_play_job(job, speed=speed, state=state, delay=position * 4 * STEP_SECONDS))


async def _play_job(job: Job, *, speed: float, state: str, delay: float) -> None:
    await asyncio.sleep(scaled_delay(4 * STEP_SECONDS + delay, speed))
    for step in (job.enqueue, job.receive, job.start):
        if job.state in TERMINAL:
            return
        step()
        await asyncio.sleep(scaled_delay(2 * STEP_SECONDS, speed))
    for content in split_log(sample_log(job, state), seed=job.id):
        if job.state in TERMINAL:
            return
        job.write(content)
        await asyncio.sleep(scaled_delay(STEP_SECONDS, speed))
    if job.state in TERMINAL:
        return
    job.write("", final=True)
    await asyncio.sleep(scaled_delay(STEP_SECONDS, speed))
    if job.state not in TERMINAL:
        job.finish(state)
