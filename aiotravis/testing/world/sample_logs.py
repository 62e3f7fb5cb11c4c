"""Sample logs: of a job of the embedded Travis, and by name, one for each year and ending.

What real logs look like stands in the sections 6 and 10.3 of the facts.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, cast, get_args

from aiotravis.testing.world.builds import Job
from aiotravis.testing.world.log_languages import LANGUAGES, Language
from aiotravis.testing.world.log_writer import CLEAR_LINE, ENDINGS, ERAS, STOPS, Era, LogEnding, LogWriter

__all__ = ["SAMPLE_LOGS", "ending_of", "sample_log", "state_of"]

PREPARATIONS: Final = ("setup_filter", "rm_riak_source", "wait_for_network", "fix_etc_hosts", "update_glibc")
"""Some of the 40 steps that prepare the machine. Most print nothing but their timers."""

NOT_LOGS: Final[Mapping[str, str]] = {
    "empty": "",
    "docker-error": "docker: Error response from daemon: Get https://registry-1.docker.io/v2/: net/http: request "
    "canceled while waiting for connection (Client.Timeout exceeded while awaiting headers).\n"
    "See 'docker run --help'.\n",
    "html-page": "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head>\n"
    "<body><h1>502 Bad Gateway</h1></body></html>\n",
}
"""What stands in the place of a log although Travis did not write it."""


RETRIED: Final = 2019
"""Era whose logs show an install command that succeeds at its second attempt."""


@dataclass(frozen=True)
class _Project:
    """What a log tells of its job."""

    slug: str
    branch: str
    sha: str
    language: str
    script: Sequence[str]

    @property
    def commands(self) -> Language:
        return LANGUAGES.get(self.language, LANGUAGES["ruby"])


def ending_of(state: str) -> LogEnding:
    """Return the ending that a state implies; any ending implies itself.

    Args:
        state: State of a job, or an ending.

    Raises:
        ValueError: It is neither.
    """
    implied: Mapping[str, LogEnding] = {"errored": "setup-failed"}
    if state in implied:
        return implied[state]
    if state not in get_args(LogEnding):
        raise ValueError(f"no such ending: {state!r}; endings are {', '.join(ENDINGS)}")
    return cast("LogEnding", state)


def state_of(ending: LogEnding) -> str:
    """Return the state of a job whose log ends like this."""
    return ending if ending in {"passed", "failed", "canceled"} else "errored"


def sample_log(job: Job, ending: str = "passed", *, seed: int | None = None) -> str:
    """Return the log of a small project as of 2021: folds, timers, colours, a progress bar.

    Language and script are those of the job's configuration. As in every log since 2019, timers around folds never end
    under their own identifiers (see `World.unended_timers`). Some commands are timed outside of any fold, and some not
    at all.

    Args:
        job: Job that the log is for; nothing is written to its log, see `Job.write`.
        ending: What the job comes to: its state, or one of ``passed``, ``failed``, ``setup-failed``, ``stalled``,
            ``time-limit``, ``log-limit``, ``canceled``, ``not-generated``, ``unfinished``.
        seed: Seed of times and identifiers; the job's id if None.

    Returns:
        The text, about 7 kB; the same for the same job, ending and seed.

    Raises:
        ValueError: There is no such ending.
    """
    commit = job.build.commit
    language = str(job.config.get("language"))
    script = job.config.get("script")
    lines = cast("list[object]", script) if isinstance(script, list) else [script] if script else []
    project = _Project(job.repository.slug, commit.branch, commit.sha, language, [str(line) for line in lines])
    writer = _writer(2021, job.id if seed is None else seed, unended_timers=job.world.unended_timers)
    return _whole(writer, project, ending_of(ending))


class _SampleLogs(Mapping[str, str]):
    """Logs by name, each written when it is first read."""

    def __getitem__(self, name: str) -> str:
        if name not in _NAMES:
            raise KeyError(name)
        return _by_name(name)

    def __iter__(self) -> Iterator[str]:
        return iter(_NAMES)

    def __len__(self) -> int:
        return len(_NAMES)

    def __repr__(self) -> str:
        return f"<{len(self)} logs: {', '.join(self)}>"


_SAVED: Final = {"2017-failed-saved": "2017-failed", "2013-failed-saved-by-cr": "2013-failed"}

_NAMES: Final = (*(f"{era}-{ending}" for era in ERAS for ending in ENDINGS), *_SAVED, *NOT_LOGS)

SAMPLE_LOGS: Final[Mapping[str, str]] = _SampleLogs()
"""Logs by name: ``2021-setup-failed``.

One for each year of 2013, 2017, 2019, 2021 and each ending of `sample_log`, in several languages, in the bytes of the
workers and build scripts of that year. ``2017-failed-saved`` has line feeds for carriage returns, as logs that people
saved; ``2013-failed-saved-by-cr`` has no line feeds. ``empty``, ``docker-error`` and ``html-page`` are not written by
Travis. ``job.write(SAMPLE_LOGS["2019-stalled"], final=True)`` makes one the log of a job.
"""


@cache
def _by_name(name: str) -> str:
    if name in NOT_LOGS:
        return NOT_LOGS[name]
    if name == "2017-failed-saved":
        return SAMPLE_LOGS[_SAVED[name]].replace("\r\n", "\n").replace("\r", "\n")
    if name == "2013-failed-saved-by-cr":
        return SAMPLE_LOGS[_SAVED[name]].replace("\r\n", "\r").replace("\n", "\r")
    year, _, ending = name.partition("-")
    language = list(LANGUAGES)[_NAMES.index(name) % len(LANGUAGES)]
    project = _Project("acme/app", "master", "6dcb09b5b57875f334f61aebed695e2e4193db5e", language, ())
    return _whole(_writer(cast("Era", int(year)), _NAMES.index(name)), project, cast("LogEnding", ending))


def _writer(era: Era, seed: int, *, unended_timers: bool = True) -> LogWriter:
    rng = random.Random(seed)  # noqa: S311 - a text, not a secret
    return LogWriter(era, rng, unended_timers=unended_timers)


def _whole(log: LogWriter, project: _Project, ending: LogEnding) -> str:
    if ending == "not-generated":
        if not log.has_timers:
            _write_worker(log)
        log.write(STOPS[log.era][ending])
        return log.text
    _write_worker(log)
    _write_preparations(log, project)
    _write_checkout(log, project)
    _write_setup(log, project)
    if _write_install(log, project, ending):
        _write_script(log, project, ending)
    return log.text


def _write_worker(log: LogWriter) -> None:
    if not log.has_timers:
        log.write("Using worker: worker-linux-6-2.bb.travis-ci.org:travis-linux-15\n\n")
        return
    version, tree = ("v6.2.22", "858cb91") if log.names_events else ("v3.5.0", "77dbc57")
    with log.fold("worker_info"):
        log.write(
            "\x1b[33;1mWorker information\x1b[0m\n"
            "hostname: b17f9074-0aa0-434d-af4a-734a94b23635@1.production-1-worker-org-a-2-gce\n"
            f"version: {version} https://github.com/travis-ci/worker/tree/{tree}\n"
            "instance: travis-job-485aa97b-c8ca-4ade-a403-5e0b194160ce (via amqp)\nstartup: 6.208033088s\n"
        )


def _write_preparations(log: LogWriter, project: _Project) -> None:
    if not log.has_timers:
        return
    dist = {2017: "trusty", 2019: "xenial"}.get(log.era, "bionic")
    if log.names_events:
        log.start_timer()
    with log.fold("system_info"):
        log.echo(f"\x1b[33;1mBuild system information\x1b[0m\nBuild language: {project.language}\nBuild dist: {dist}")
    log.echo("")
    if not log.names_events:
        return
    # fact 10.3: a timer surrounds a fold, and the fold names the phase.
    log.end_timer("show_system_info", milliseconds=6)
    for event in PREPARATIONS:
        log.start_timer()
        log.end_timer(event, milliseconds=9)
    log.start_timer()
    with log.fold("services"):
        log.command("sudo systemctl start docker", event="prepare")
    log.end_timer("services", milliseconds=3000)


def _write_checkout(log: LogWriter, project: _Project) -> None:
    slug = project.slug
    progress = "\r".join(f"Receiving objects: {n:3}% ({n * 12}/1200)   " for n in range(0, 101, 10))
    clone = f"git clone --depth=50 --branch={project.branch} https://github.com/{slug}.git {slug}"
    cloned = f"Cloning into '{slug}'...\n{progress}\rReceiving objects: 100% (1200/1200), done.\n"
    if not log.has_timers:
        with log.fold("git.1"):
            log.command(clone, cloned)
        log.command(f"cd {slug}")
        with log.fold("git.3"):
            log.command(f"git checkout -qf {project.sha}")
        return
    # fact 10.3: since 2019, the timer before the checkout never ends: its end bears the identifier of the clone's.
    if log.names_events:
        log.start_timer()
        log.echo("")
    with log.fold("git.checkout"):
        log.command(clone, cloned, event="checkout")
        log.command(f"cd {slug}")
        log.command(f"git checkout -qf {project.sha}")
    log.echo("")
    if log.names_events:
        log.end_timer("checkout", milliseconds=40)


def _write_setup(log: LogWriter, project: _Project) -> None:
    commands = project.commands
    if log.names_events:
        log.start_timer()
    log.echo("\n\x1b[33;1mSetting environment variables from .travis.yml\x1b[0m")
    log.command("export RETRIES=3")
    log.command("export DEPLOY_KEY=[secure]")
    log.echo("")
    if log.names_events:
        log.end_timer("env", milliseconds=10)
    # fact 10.3: set-up commands are timed outside of folds; they are not the script.
    if commands.setup_fold and log.has_timers:
        with log.fold(commands.setup_fold):
            log.command(commands.setup, commands.setup_output, event="setup")
        log.echo("")
    else:
        log.command(commands.setup, commands.setup_output, event="" if commands.setup_output == "" else "setup")
    for command, output in commands.versions:
        log.command(command, output)


def _write_install(log: LogWriter, project: _Project, ending: LogEnding) -> bool:
    """Write the install phase, and return whether the job goes on."""
    commands = project.commands
    if ending not in {"setup-failed", "canceled"}:
        retried = log.retried(commands.install, commands.not_installed, failures=1) if log.era == RETRIED else ""
        with log.fold("install"):
            log.command(commands.install, retried + commands.installed, event="install")
        log.echo("")
        return True
    # fact 10.3: a fold stays open where the job is stopped in it.
    log.write(f"travis_fold:start:install{CLEAR_LINE}")
    if ending == "setup-failed":
        output = commands.not_installed
        if log.has_timers:
            output = log.retried(commands.install, output, failures=3)
        log.command(commands.install, output, event="install")
        log.stop(commands.install, commands.code, "install")
    else:
        log.start_timer()
        log.echo(f"$ {commands.install}\n{commands.installed.removesuffix(chr(10))}")
        log.write(STOPS[log.era][ending])
    return False


def _write_script(log: LogWriter, project: _Project, ending: LogEnding) -> None:
    commands = project.commands
    *earlier, last = project.script or commands.script
    for command in earlier:
        log.command(command, event="script")
        log.result(command, 0)
    if ending in {"passed", "failed"}:
        code = commands.code if ending == "failed" else 0
        log.command(last, commands.failed if code else commands.passed, event="script")
        log.result(last, code)
        if log.has_timers:
            _write_after(log, "after_failure" if code else "after_success")
        # fact 6: the script's codes are joined to 0 or 1.
        log.done(min(code, 1))
        return
    log.start_timer()
    log.echo(f"$ {last}")
    if ending == "log-limit":
        log.echo("\n".join("The same exception, over and over" for _ in range(40)))
    else:
        log.echo(commands.passed.partition("\n")[0])
    if ending == "unfinished":
        log.write("and in the middle of a li")
    else:
        log.write(STOPS[log.era][ending])


def _write_after(log: LogWriter, phase: str) -> None:
    log.echo("")
    with log.fold(phase):
        log.command("bash <(curl -s https://codecov.io/bash)", "==> Uploading reports\n", event=phase)
    log.echo("")
