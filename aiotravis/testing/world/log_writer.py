"""Write a log as Travis wrote it in a year: markers, commands, results, and what workers say as they stop a job.

Sources: `lib/travis/build/bash` of travis-ci/travis-build; `step_run_script.go`, `step_generate_script.go` of
travis-ci/worker; `lib/travis/worker/job/runner.rb` of travis-ci/travis-worker.
"""

import random
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Final, Literal, get_args

__all__ = ["CLEAR_LINE", "ENDINGS", "ERAS", "STOPS", "Era", "LogEnding", "LogWriter"]

CLEAR_LINE: Final = "\r\x1b[0K"
"""End of a marker; fact 6: a newline does not follow."""

Era = Literal[2013, 2017, 2019, 2021]
"""A year whose logs differ from those of the years before."""

ERAS: Final[tuple[Era, ...]] = get_args(Era)
"""The eras, the first one first."""

LogEnding = Literal[
    "passed", "failed", "setup-failed", "stalled", "time-limit", "log-limit", "canceled", "not-generated", "unfinished"
]
"""What a job came to, as its log tells it."""

ENDINGS: Final[tuple[LogEnding, ...]] = get_args(LogEnding)
"""The endings."""

STALLED: Final = (
    "No output has been received in the last 10m0s, this potentially indicates a stalled build or something wrong with "
    "the build itself.\nCheck the details on how to adjust your build configuration on: "
    "https://docs.travis-ci.com/user/common-build-problems/#{}\n\nThe build has been terminated\n\n"
)

STOPS_SINCE_2019: Final[Mapping[str, str]] = {
    "stalled": "\n\n" + STALLED.format("build-times-out-because-no-output-was-received"),
    "time-limit": "\n\nThe job exceeded the maximum time limit for jobs, and has been terminated.\n\n",
    "log-limit": "\n\nThe job exceeded the maximum log length, and has been terminated.\n\n",
    "canceled": "\n\nDone: Job Cancelled\n\n",
    "not-generated": "An error occurred while generating the build script.",
}

# Workers write these; the terminal of the job does not turn their newlines into carriage return and newline.
STOPS: Final[Mapping[Era, Mapping[str, str]]] = {
    2013: {
        "stalled": "\n\nNo output has been received in the last 10 minutes, this potentially indicates a stalled build "
        "or something wrong with the build itself.\n\nThe build has been terminated\n\n",
        "time-limit": "\n\nI'm sorry but your test run exceeded 50.0 minutes. \n\n"
        "One possible solution is to split up your test run.",
        "log-limit": "\n\nThe log length has exceeded the limit of 4 Megabytes (this usually means that test suite is "
        "raising the same exception over and over).\n\nThe build has been terminated.\n\n",
        "canceled": "\n\nDone: Job Cancelled\n",
        "not-generated": "\n\nAn error occured while compiling the build script\n\n",
    },
    2017: {
        "stalled": "\n\n" + STALLED.format("Build-times-out-because-no-output-was-received"),
        "time-limit": "\n\nThe job exceeded the maximum time limit for jobs, and has been terminated.\n\n",
        "log-limit": "\n\nThe log length has exceeded the limit of 4 MB (this usually means that the test suite is "
        "raising the same exception over and over).\n\nThe job has been terminated\n",
        "canceled": "\n\nDone: Job Cancelled\n\n",
        "not-generated": "An error occurred while generating the build script.",
    },
    2019: STOPS_SINCE_2019,
    2021: STOPS_SINCE_2019,
}
"""What the workers of an era say as they stop a job, by ending."""

EPOCHS: Final[Mapping[Era, int]] = {
    2013: 1_370_000_000, 2017: 1_500_000_000, 2019: 1_568_800_000, 2021: 1_616_000_000
}  # fmt: skip

TIMERS_SINCE: Final = 2014
"""Year of the first timers."""

EVENTS_SINCE: Final = 2019
"""Year since which timers name what they time, surround folds, and share one identifier."""

MILLISECONDS: Final[Mapping[str, tuple[int, int]]] = {"install": (5_000, 60_000), "script": (20_000, 200_000)}
"""Least and most that commands take."""

MAX_ATTEMPTS: Final = 3
"""Attempts of `travis_retry`."""

RED, GREEN, YELLOW, RESET = "\x1b[31;1m", "\x1b[32;1m", "\x1b[33;1m", "\x1b[0m"


class LogWriter:
    """Writes the log of one job.

    Args:
        era: Year that it looks like.
        rng: Source of durations and identifiers.
        unended_timers: Whether a timer around others ends under the identifier of the last one of them, as since 2019
            (fact 10.3); if not, each ends under its own.
    """

    def __init__(self, era: Era, rng: random.Random, *, unended_timers: bool = True) -> None:
        self.era: Era = era
        self._rng = rng
        self._unended_timers = unended_timers
        self._now = EPOCHS[era] * 10**9 + rng.randrange(10**15)
        self._timers: list[tuple[str, int]] = []
        self._pieces: list[str] = []

    @property
    def has_timers(self) -> bool:
        """Whether there are timers: since 2014, with much else."""
        return self.era >= TIMERS_SINCE

    @property
    def names_events(self) -> bool:
        """Whether timers name what they time, and surround folds: since 2019."""
        return self.era >= EVENTS_SINCE

    @property
    def text(self) -> str:
        """The log so far."""
        return "".join(self._pieces)

    def write(self, text: str) -> None:
        """Write what a worker writes: the text itself."""
        self._pieces.append(text)

    def echo(self, text: str) -> None:
        """Write output of the job, a newline after it: its terminal sends carriage return and newline for newline."""
        self._pieces.append(f"{text}\n".replace("\n", "\r\n"))

    @contextmanager
    def fold(self, name: str) -> Generator[None]:
        """Write a fold around what is written in the block."""
        self.write(f"travis_fold:start:{name}{CLEAR_LINE}")
        yield
        self.write(f"travis_fold:end:{name}{CLEAR_LINE}")

    def start_timer(self) -> None:
        """Start a timer; before 2014 there were none."""
        if self.has_timers:
            identifier = f"{self._rng.randrange(2**32):08x}"
            self._timers.append((identifier, self._now))
            self.write(f"travis_time:start:{identifier}{CLEAR_LINE}")
            self._now += 10**7

    def end_timer(self, event: str, *, milliseconds: int | None = None) -> None:
        """End the timer that was started last.

        Args:
            event: What was timed; named since 2019.
            milliseconds: Its duration; random if None.
        """
        if not self._timers:
            return
        # fact 10.3: the script holds one timer; an end around another one repeats the identifier of that one.
        shared = self._unended_timers and self.names_events
        identifier, started = self._timers[-1] if shared else self._timers.pop()
        if milliseconds is None:
            milliseconds = self._rng.randrange(*MILLISECONDS.get(event, (100, 5_000)))
        self._now += 10**6 * milliseconds
        times = f"start={started},finish={self._now},duration={self._now - started}"
        named = f",event={event}" if self.names_events else ""
        self.write(f"travis_time:end:{identifier}:{times}{named}{CLEAR_LINE}")

    def command(self, command: str, output: str = "", *, event: str | None = None) -> None:
        """Write a command and its output.

        Args:
            command: Text of the command.
            output: Complete lines, or nothing.
            event: What it is timed as; None if it is not timed.
        """
        if event is not None:
            self.start_timer()
        self.echo(f"$ {command}")
        if output:
            self.echo(output.removesuffix("\n"))
        if event is not None:
            self.end_timer(event)

    def retried(self, command: str, output: str, *, failures: int) -> str:
        """Return the output of a command that `travis_retry` runs.

        Args:
            command: Text of the command.
            output: What each failed attempt prints.
            failures: Number of attempts that fail, of 3.
        """
        whole = ""
        for attempt in range(1, failures + 1):
            says = f"failed. Retrying, {attempt + 1} of 3." if attempt < MAX_ATTEMPTS else "failed 3 times."
            whole += f'{output}\n{RED}The command "eval {command} " {says}{RESET}\n\n'
        return whole

    def result(self, command: str, code: int) -> None:
        """Write the exit code of a command of the script."""
        colour, reset = (RED if code else GREEN, RESET) if self.has_timers else ("", "")
        self.echo(f'{self._blank}{colour}The command "{command}" exited with {code}.{reset}')

    def stop(self, command: str, code: int, phase: str) -> None:
        """Write that a command before the script failed. The folds that are open stay open."""
        # fact 10.3: the script of 2013 knows its stage; later ones do not and say "during .".
        colour, stage = (RED, "") if self.has_timers else (YELLOW, phase)
        self.echo(
            f'{self._blank}{colour}The command "{command}" failed and exited with {code} during {stage}.{RESET}\n\n'
            "Your build has been stopped."
        )

    @property
    def _blank(self) -> str:
        return "" if self.names_events else "\n"

    def done(self, code: int) -> None:
        """Write the exit code of the job."""
        self.echo(f"\nDone. Your build exited with {code}.")
