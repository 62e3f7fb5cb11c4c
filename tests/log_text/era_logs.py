"""Logs as Travis wrote them in 2013, 2017, 2019 and 2021, and what they say. Made without the reader or its tables."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiotravis import log_text

__all__ = ["ENDINGS", "ERAS", "LANGUAGES", "EraLog", "era_log"]

ERAS = (2013, 2017, 2019, 2021)

# Language: (set-up command, announced commands, install, script).
LANGUAGES: dict[str, tuple[str, tuple[str, ...], str, tuple[str, ...]]] = {
    "ruby": ("rvm use 2.6 --install --binary --fuzzy", ("ruby --version", "bundle --version"),
             "bundle install --jobs=3 --retry=3", ("bundle exec rake", "bundle exec rubocop")),
    "python": ("source ~/virtualenv/python3.7/bin/activate", ("python --version", "pip --version"),
               "pip install -r requirements.txt", ("python -m pytest", "mypy .")),
    "node_js": ("nvm install 10", ("node --version", "npm --version", "nvm --version"), "npm ci",
                ("npm test", "npm run lint")),
    "java": ("jdk_switcher use oraclejdk8", ("java -Xmx32m -version", "javac -J-Xmx32m -version"),
             "mvn install -DskipTests=true -B -V", ("mvn test -B", "mvn verify")),
    "go": ("travis_setup_go", ("gimme version", "go version", "go env"), "travis_install_go_dependencies 1.x -v",
           ("go test -v ./...", "go vet ./...")),
    "generic": ("sudo systemctl start docker", ("bash -c 'echo $BASH_VERSION'",), "docker pull a/b",
                ('docker run a/b sh -c "make test"', "if [ -e x ]; then\n  ./x\nfi")),
}  # fmt: skip

ENDINGS = (
    "passed", "failed", "setup", "stalled", "time", "length", "canceled", "generated", "broken off", "other",
)  # fmt: skip

NO_LOGS = (
    "", "\n", "docker: Error response from daemon: manifest for a/b:c not found.\r\nSee 'docker run --help'.\r\n",
    "<!DOCTYPE html>\n<html><body><h1>502 Bad Gateway</h1>\n$5 off</body></html>\n", '{"error": "not found"}', "null",
)  # fmt: skip

APPLIANCES = (
    "no_world_writable_dirs", "agent", "rm_riak_source", "wait_for_network", "fix_resolv_conf", "update_glibc",
    "fix_ps4", "maven_https", "apt_get_update",
)  # fmt: skip

NOISE = (
    "ok", "\x1b[32m..\x1b[31mF\x1b[0m", "10%\r20%\r\x1b[K100%", "", "  The command line", "größe 💎", "x" * 300,
    "Retrying, 2 of 3.", "travis_", "$HOME is /home/travis", "No output has been seen",
)  # fmt: skip

PRINTED = (
    "Done. Your build exited with 0.", 'The command "of another job" exited with 3.', "$ jest --ci",
    "Done: Job Cancelled",
    "The job exceeded the maximum time limit for jobs, and has been terminated.", "Your build has been stopped.",
    "No output has been received in the last 10m0s, this potentially indicates a stalled build",
    'The command "x" failed and exited with 1 during .',
)  # fmt: skip
"""What a command may print that is not about its own job."""

RED, GREEN, RESET = "\x1b[31;1m", "\x1b[32;1m", "\x1b[0m"


class Ended(Exception):
    """The log ends here."""


@dataclass
class EraLog:
    """A log and what it says."""

    year: int
    language: str
    kind: str
    text: str = ""
    ending: Any = None
    exit_code: int | None = None
    phases: dict[str, float | None] = field(default_factory=dict[str, float | None])
    groups: dict[str, float | None] = field(default_factory=dict[str, float | None])
    commands: list[tuple[Any, ...]] = field(default_factory=list[tuple[Any, ...]])
    """Text, phase, duration, exit code, whether it has finished."""
    attempts: dict[str, list[tuple[int, int, bool | None]]] = field(default_factory=dict[str, list[Any]])
    """Number, maximum, whether it failed, of the attempts of each command."""
    lines: int = 0


def era_log(seed: int) -> EraLog:
    """Make the log of a number."""
    rng = random.Random(seed)
    log = EraLog(rng.choice(ERAS), rng.choice([*LANGUAGES]), rng.choice(ENDINGS))
    if log.kind == "other":
        log.text, log.ending = rng.choice(NO_LOGS), log_text.NotATravisLog()
        log.lines = len(log.text.splitlines())
        return log
    _Writer(log, rng).write()
    return log


class _Writer:
    def __init__(self, log: EraLog, rng: random.Random) -> None:
        self.log, self.rng = log, rng
        self.parts: list[str] = []
        self.marked = False
        self.newline = rng.choice(["\r\n", "\n"])
        # Logs saved by people: the carriage return of markers became a newline.
        self.clear = "\r" if log.year == 2013 else "\n\x1b[0K" if rng.random() < 0.1 else "\r\x1b[0K"
        self.clock = 10**18 + rng.randrange(10**17)
        self.timers = log.year > 2013
        self.events = log.year >= 2019
        self.stop_in = rng.choice(["checkout", "setup", "install", "script", "script", "script"])
        if log.kind == "setup":
            self.stop_in = rng.choice(["checkout", "setup", "before_install", "install", "before_script"])

    # Pieces -----------------------------------------------------------------------------------------------------------

    def line(self, text: str = "") -> None:
        self.parts.append(text + self.newline)
        self.log.lines += bool(text) or not self.marked
        self.marked = False

    def mark(self, text: str) -> None:
        self.parts.append(text + self.clear)
        # The rest of the marker begins the next line.
        self.marked = self.clear != "\n\x1b[0K"
        self.cleared = not self.marked

    def fold(self, name: str, body: Callable[[], None]) -> None:
        self.mark(f"travis_fold:start:{name}")
        body()
        self.mark(f"travis_fold:end:{name}")

    def start(self) -> tuple[str, int]:
        name = f"{self.rng.randrange(16**8):08x}"
        self.mark(f"travis_time:start:{name}")
        return name, self.clock

    def end(self, timer: tuple[str, int], event: str) -> float:
        self.clock += self.rng.randrange(10**6, 10**10)
        duration = self.clock - timer[1]
        details = f"start={timer[1]},finish={self.clock},duration={duration}" + f",event={event}" * self.events
        self.mark(f"travis_time:end:{timer[0]}:{details}")
        return duration / 1e9

    def phase(self, name: str, group: str, duration: float | None) -> None:
        for names, key in ((self.log.phases, name), (self.log.groups, group)):
            before = names.setdefault(key, None)
            if duration is not None:
                names[key] = (before or 0.0) + duration

    def noise(self) -> None:
        for _ in range(self.rng.randrange(4)):
            self.line(self.rng.choice(NOISE))

    def output(self) -> None:
        self.noise()
        if self.timers and self.rng.random() < 0.3:
            self.line(self.rng.choice(PRINTED))
            for _ in range(4):
                self.line("and goes on")
        self.noise()

    # Commands ---------------------------------------------------------------------------------------------------------

    def command(self, text: str, phase: str, group: str, event: str, *, timed: bool = True, stage: str = "") -> int:
        """Write a command and what it prints; return its exit code."""
        timed = timed and self.timers
        timer = self.start() if timed else ("", 0)
        first, *more = text.split("\n")
        at = len(self.log.commands)
        self.log.commands.append((first, phase, None, None, False))
        self.phase(phase, group, None)
        self.line(f"$ {first}")
        for rest in more:
            self.line(rest)
        self.output() if timed or stage == "script" else self.noise()
        if self.log.kind != "setup" and stage and stage == self.stop_in:
            self.stop(at, phase, group)
        failing = self.log.kind == "setup" and stage == self.stop_in
        if stage in ("checkout", "install", "script") and self.rng.random() < 0.3 and timed:
            self.retries(first, failing=failing)
        duration = self.end(timer, event) if timed else None
        self.phase(phase, group, duration)
        code = self.rng.choice([1, 2, 127]) if failing else 0
        if stage == "script" and self.log.kind == "failed":
            code = self.rng.choice([0, 1, 1])
            if first in self.log.attempts:
                *before, (number, of, _) = self.log.attempts[first]
                self.log.attempts[first] = [*before, (number, of, code > 0)]
        self.log.commands[at] = (first, phase, duration, code if failing or stage == "script" else None, True)
        if failing:
            named = self.rng.choice(["", "", stage])
            self.line(f'{RED}The command "{text}" failed and exited with {code} during {named}.{RESET}')
            where = self.log.lines + text.count("\n")
            self.log.lines = where
            self.log.ending = log_text.SetupFailed(
                command=first, phase=named if named not in ("", "checkout", "setup") else phase, code=code, line=where
            )
            self.line()
            self.line("Your build has been stopped.")
            raise Ended
        return code

    def retries(self, first: str, *, failing: bool) -> None:
        attempts: list[tuple[int, int, bool | None]] = [(1, 3, True)]
        for number in (2, 3):
            self.line()
            self.line(f'{RED}The command "eval {first} " failed. Retrying, {number} of 3.{RESET}')
            self.line()
            self.noise()
            attempts.append((number, 3, True))
            if not failing and self.rng.random() < 0.5:
                break
        if failing:
            self.line(f'{RED}The command "eval {first} " failed 3 times.{RESET}')
        attempts[-1] = (*attempts[-1][:2], failing)
        self.log.attempts[first] = attempts

    def stop(self, at: int, phase: str, group: str) -> None:
        """Stop the job while a command is running."""
        if self.log.kind in ("passed", "failed", "generated"):
            return
        text, name, _, code, _ = self.log.commands[at]
        duration: float | None = None
        if self.log.kind == "broken off":
            self.log.ending = log_text.Unfinished()
            self.parts.append("an unfinished li")
            self.log.lines += 1
            raise Ended
        self.line()
        self.line()
        at_line = self.log.lines + 1
        year = self.log.year
        if self.log.kind == "stalled":
            shown = "10 minutes" if year == 2013 else self.rng.choice(["10m0s", "30m0s", "1h0m0s"])
            duration = {"10 minutes": 600.0, "10m0s": 600.0, "30m0s": 1800.0, "1h0m0s": 3600.0}[shown]
            self.log.ending = log_text.Stalled(seconds=duration, line=at_line)
            self.line(f"No output has been received in the last {shown}, this potentially indicates a stalled build.")
            self.line("Check the details on how to adjust your build configuration on: https://docs.travis-ci.com/")
            self.line()
            self.line("The build has been terminated")
            self.phase(phase, group, duration)
        elif self.log.kind == "time":
            seconds = 3000.0 if year == 2013 else None
            self.log.ending = log_text.TimeLimit(seconds=seconds, line=at_line)
            if seconds:
                polite = self.rng.choice(["Y", "I'm sorry but y"])
                self.line(f"{polite}our test run exceeded 50 minutes. ")
                self.line()
                self.line("One possible solution is to split up your test run.")
            else:
                self.line("The job exceeded the maximum time limit for jobs, and has been terminated.")
        elif self.log.kind == "length":
            shown = "4 Megabytes" if year == 2013 else "4 MB"
            self.log.ending = log_text.LogLimit(bytes=4_000_000, line=at_line)
            self.line(
                f"The log length has exceeded the limit of {shown} (this usually means that the test suite is ...)."
            )
            self.line()
            self.line("The job has been terminated")
        else:
            self.log.ending = log_text.Canceled(line=at_line)
            self.line("Done: Job Cancelled")
        self.line()
        self.log.commands[at] = (text, name, duration, code, False)
        raise Ended

    # Stages -----------------------------------------------------------------------------------------------------------

    def write(self) -> None:
        log = self.log
        try:
            self.header()
            if log.kind == "generated":
                at = log.lines + 1
                self.line("An error occurred while generating the build script.")
                log.ending = log_text.ScriptNotGenerated(line=at)
                raise Ended
            self.checkout()
            self.set_up()
            self.install()
            self.script()
        except Ended:
            pass
        log.text = "".join(self.parts)

    def header(self) -> None:
        if self.log.year == 2013:
            self.line("Using worker: worker-linux-1.bb.travis-ci.org:travis-linux-5")
            self.line()
            return
        self.fold("worker_info", lambda: self.line("\x1b[33;1mWorker information\x1b[0m"))
        self.phase("worker_info", "setup", None)
        if not self.events:
            self.fold("system_info", lambda: self.line("Build system information"))
            self.phase("system_info", "setup", None)
            return
        timer = self.start()
        self.fold("system_info", lambda: self.line("Build system information"))
        self.phase("system_info", "setup", self.end(timer, "show_system_info"))
        for name in self.rng.sample(APPLIANCES, 3):
            self.phase(name, "setup", self.end(self.start(), name))

    def checkout(self) -> None:
        if self.events:
            # A timer that never ends.
            self.start()
            self.line()
        again: list[tuple[str, int]] = []

        def body() -> None:
            before = len(self.parts)
            self.command(
                "git clone --depth=50 https://github.com/a/b.git a/b", name, "checkout", "checkout", stage="checkout"
            )
            if self.events:
                started = next(part for part in self.parts[before:] if part.startswith("travis_time:start:"))
                ended = next(part for part in self.parts[before:] if part.startswith("travis_time:end:"))
                at = int(ended.partition("start=")[2].partition(",")[0])
                again.append((started.partition("start:")[2][:8], at))
            self.command("cd a/b", name, "checkout", "checkout", timed=False)
            self.command("git checkout -qf 1234567", name, "checkout", "checkout", timed=False)

        name = "git" if self.log.year == 2013 else "git.checkout"
        self.fold("git.1" if name == "git" else name, body)
        for timer in again:
            # The stage ends under the id of its command: what it measured contains what the command took.
            duration = self.log.phases[name] or 0.0
            self.phase(name, "checkout", self.end(timer, "checkout") - duration)
        if self.events:
            timer = self.start()
            self.line()
            self.line("Setting environment variables from repository settings")
            self.command("export TOKEN=[secure]", "env", "setup", "env", timed=False)
            self.line()
            self.phase("env", "setup", self.end(timer, "env"))

    def set_up(self) -> None:
        set_up, announced, _, _ = LANGUAGES[self.log.language]
        self.command(set_up, "setup", "setup", "", stage="setup")
        for text in announced:
            self.command(text, "setup", "setup", "", timed=False)
        if self.timers and self.rng.random() < 0.5:
            self.folded("cache.1", "cache", "cache", "setup_cache", "casher fetch")

    def folded(self, fold: str, phase: str, group: str, event: str, text: str, stage: str = "") -> None:
        """Write a fold with a command."""

        def body() -> None:
            self.command(text, phase, group, event, stage=stage)

        self.fold(fold, body)

    def install(self) -> None:
        count = self.rng.randrange(3)
        for number in range(1, count + 1):
            name = "before_install" + (f".{number}" if count > 1 else "")
            stage = "before_install" if number == count else ""
            self.folded(name, "before_install", "install", "before_install", f"./prepare {number}", stage)
        if self.stop_in == "before_install" and not count:
            self.stop_in = "install"
        self.folded("install", "install", "install", "install", LANGUAGES[self.log.language][2], "install")
        if self.stop_in == "before_script" or self.rng.random() < 0.3:
            self.folded("before_script", "before_script", "install", "before_script", "createdb x", "before_script")

    def script(self) -> None:
        texts = LANGUAGES[self.log.language][3][: self.rng.randint(1, 2)]
        result = 0
        if self.log.kind not in ("passed", "failed"):
            texts = texts[:1]
        for text in texts:
            code = self.command(text, "script", "script", "script", stage="script")
            result = result or code
            self.line()
            self.line(f'{RED if code else GREEN}The command "{text}" exited with {code}.{RESET}')
            self.log.lines += text.count("\n")
        self.after(result)
        self.line()
        self.line(f"Done. Your build exited with {1 if result else 0}.")
        self.log.exit_code = 1 if result else 0
        self.log.ending = log_text.ScriptEnded(code=self.log.exit_code, line=self.log.lines)

    def after(self, result: int) -> None:
        if self.timers and self.rng.random() < 0.3:
            self.folded("cache.2", "cache", "cache", "cache", "casher push")
        name = "after_failure" if result else "after_success"
        if self.rng.random() < 0.5:
            self.folded(name, name, "after", name, "bash <(curl -s https://codecov.io/bash)")
        if self.events and not result and self.rng.random() < 0.4:
            self.folded("dpl_0", "deploy", "deploy", "after_success", "gem install dpl")
            timer = self.start()
            for number in range(1, 3):
                self.fold(f"dpl.{number}", lambda: self.line("Deploying application"))
                self.line("Logged in")
            self.phase("deploy", "deploy", self.end(timer, "after_success"))
        if self.rng.random() < 0.3:
            self.folded("after_script", "after_script", "after", "after_script", "rm -rf x")
