"""``logs`` and ``download``."""

import json
import os
import sys
from pathlib import Path

import pytest

from aiotravis.testing import SAMPLE_LOGS, Build
from tests.cli.conftest import MODES, SLUG, Run, Travis
from tests.programs import python

R = ("-r", SLUG)

CODES = {"passed": 0, "failed": 1, "canceled": 5, "errored": 6}

COLOURED = (
    "travis_fold:start:git.1\r\x1b[0K$ git clone\r\n\x1b[31;1mRed\x1b[0m 10%\r 20%\r\n\x1b]0;owned\x07\u202eleft\n"
)


def built(travis: Travis, *logs: str, state: str | None = "passed") -> Build:
    """Make a build whose jobs have these logs."""

    def make() -> Build:
        build = travis.repository.build(jobs=len(logs))
        for job, log in zip(build.jobs, logs, strict=True):
            job.start()
            if log:
                job.write(log, final=state is not None)
            if state is not None:
                job.finish(state)
        return build

    return travis.run(make)


# logs -----------------------------------------------------------------------------------------------------------------


def test_a_log_in_a_pipe_is_plain_text_and_its_name_a_notice(travis: Travis, run: Run) -> None:
    build = built(travis, COLOURED)
    shown = run("logs", "1.1", *R)
    assert shown == (0, "$ git clone\n 20%\n<U+202E>left\n", "aiotravis: log of job #1.1, passed\n")
    job, number = build.jobs[0].id, build.id
    assert [path.partition("?")[0] for path in travis.paths] == [
        "/builds",
        f"/builds/{number}",
        f"/jobs/{job}",
        f"/jobs/{job}/log",
    ]


def test_a_raw_log_is_as_it_was_written(travis: Travis, run: Run) -> None:
    built(travis, COLOURED)
    assert run("logs", "1.1", "--raw", "-q", *R) == (0, COLOURED, "")
    followed = run("logs", "1.1", "--raw", "-f", "-q", *R)
    assert followed == (0, COLOURED, "")


def test_colours_stay_where_they_are_wanted_and_nothing_else_does(travis: Travis, run: Run) -> None:
    built(travis, "\x1b[31mRed\x1b[0m \x1b]0;owned\x07\x1b[2J\n")
    assert run("logs", "1.1", "-q", "--color", "always", *R).out == "\x1b[31mRed\x1b[0m \n"


def test_the_logs_of_a_build_follow_each_other_in_order(travis: Travis, run: Run) -> None:
    built(travis, "first\n", "second\n", state="failed")
    shown = run("logs", *R)
    assert shown.code == 0
    assert shown.out == (
        "job #1.1 failed, 0 sec  rvm: 3.3\nfirst\njob #1.2 failed, 0 sec  rvm: 3.3\nsecond\n"
    )  # fmt: skip
    assert run("logs", "--raw", "-q", *R).out == "first\nsecond\n"


def test_a_log_is_folded_by_phase_when_asked(travis: Travis, run: Run) -> None:
    built(travis, SAMPLE_LOGS["2021-failed"], state="failed")
    shown = run("logs", "1.1", "--fold", *R).out
    assert "[INFO] BUILD FAILURE\n" in shown
    assert "Scanning for projects" not in shown
    assert "Scanning for projects" in run("logs", "1.1", "--plain", *R).out


def test_json_has_a_record_for_each_line_with_its_phase(travis: Travis, run: Run) -> None:
    built(travis, SAMPLE_LOGS["2021-failed"], state="failed")
    records = [json.loads(line) for line in run("logs", "1.1", "--json", *R).out.splitlines()]
    assert [record["line"] for record in records] == list(range(1, 39))
    assert records[30]["text"].startswith("[ERROR] Tests run: 12")
    assert (records[30]["phase"], records[30]["job"]) == ("script", "1.1")


def test_a_running_log_is_printed_as_far_as_it_is_written(travis: Travis, run: Run) -> None:
    built(travis, "one\ntw", state=None)
    shown = run("logs", "1.1", *R)
    assert (shown.code, shown.out) == (0, "one\ntw\n")
    assert shown.err.endswith("aiotravis: job #1.1 is started: logs -f follows its log to the end\n")


def test_a_log_that_is_not_there_is_69_and_the_others_are_printed(travis: Travis, run: Run) -> None:
    build = built(travis, "first\n", "", state=None)
    travis.run(lambda: build.finish("passed"))
    shown = run("logs", *R)
    assert shown.code == 69
    assert "first\n" in shown.out
    assert f"aiotravis: job #1.2: GET /jobs/{build.jobs[1].id}/log: the log is not available" in shown.err


def test_a_job_that_has_not_started_has_no_log_yet(travis: Travis, run: Run) -> None:
    travis.run(travis.repository.build)
    assert run("logs", "1.1", "-q", *R) == (69, "", "aiotravis: job #1.1: it has not started; logs -f waits for it\n")


def test_a_job_that_never_started_has_an_empty_log(travis: Travis, run: Run) -> None:
    travis.run(lambda: travis.repository.build().cancel())
    shown = run("logs", "1.1", *R)
    assert (shown.code, shown.out) == (0, "")
    assert shown.err.endswith("the log of job #1.1 is empty: it was canceled before it started\n")


def test_a_removed_log_says_who_removed_it(travis: Travis, run: Run) -> None:
    build = built(travis, "secret\n")
    travis.run(lambda: build.jobs[0].log.remove("sarah", 1_400_000_000.0))
    shown = run("logs", "1.1", *R)
    assert shown.code == 0
    assert "secret" not in shown.out
    assert "removed" in shown.out


@pytest.mark.parametrize("log_mode", ["head", "2017", "2014"])
def test_an_archived_log_is_read_from_wherever_it_is(travis: Travis, run: Run, log_mode: str) -> None:
    build = built(travis, "kept\n")
    travis.server.log_mode = log_mode
    build.jobs[0].log.archived = True
    assert run("logs", "1.1", "-q", *R) == (0, "kept\n", "")


def test_a_build_without_jobs_has_no_log(travis: Travis, run: Run) -> None:
    build = built(travis, "a\n")
    body: dict[str, object] = {"build": {"id": build.id, "number": "1", "state": "errored"}}
    travis.server.respond("GET", f"/builds/{build.id}", body=json.dumps(body).encode())
    assert run("logs", *R) == (0, "", "aiotravis: build #1 has no jobs, so there is no log\n")


def test_a_log_that_only_api_v3_has_is_printed(travis: Travis, run: Run) -> None:
    build = built(travis, "kept\n")
    job = build.jobs[0].id
    travis.server.respond("GET", f"/jobs/{job}/log", status=406)
    assert run("logs", "1.1", "-q", *R) == (0, "kept\n", "")


# logs -f --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("travis", MODES, indirect=True)
@pytest.mark.parametrize(("state", "code"), CODES.items())
def test_a_followed_log_ends_with_its_job_and_tells_the_outcome(
    travis: Travis, run: Run, state: str, code: int
) -> None:
    build = built(travis, "one\n", state=None)
    (job,) = build.jobs

    def finish() -> None:
        job.write("two\n", final=True)
        job.finish(state)

    travis.once(lambda: travis.server.pusher.occupied(f"job-{job.id}"), finish)
    shown = run("logs", "-f", "1.1", *R)
    assert (shown.code, shown.out) == (code, "one\ntwo\n")
    assert shown.err.splitlines()[-1] == f"aiotravis: job #1.1 {state} after 0 sec"


def test_following_a_build_prints_each_job_to_its_end(travis: Travis, run: Run) -> None:
    build = built(travis, "first\n", "second\n", state=None)

    def finish() -> None:
        for job in build.jobs:
            job.write("end\n", final=True)
            job.finish("failed" if job is build.jobs[1] else "passed")

    travis.once(lambda: travis.server.pusher.occupied(f"job-{build.jobs[0].id}"), finish)
    shown = run("logs", "-f", *R)
    assert shown.code == 1
    lines = [line for line in shown.out.splitlines() if not line.startswith("job #")]
    assert lines == ["first", "end", "second", "end"]
    assert shown.err.endswith("aiotravis: build #1 failed after 0 sec\n")


def test_a_passed_job_whose_log_is_lost_is_no_success(travis: Travis, run: Run) -> None:
    build = built(travis, "")
    job = build.jobs[0]
    job.started_at = job.finished_at = travis.server.world.clock() - 7200.0
    followed = run("logs", "-f", "1.1", *R)
    assert followed.code == 69
    assert "aiotravis: job #1.1: The log of job" in followed.err


@pytest.mark.parametrize("options", [("--raw", "--fold"), ("-f", "--fold"), ("--timeout", "no")])
def test_options_that_exclude_each_other_are_wrong_usage(travis: Travis, run: Run, options: tuple[str, ...]) -> None:
    assert run("logs", *options, *R).code == 2
    assert travis.server.requests == []


@pytest.mark.skipif(sys.platform == "win32", reason="it has no pseudo-terminals")
async def test_on_a_terminal_a_log_is_folded_and_has_colours(travis: Travis, environment: Path) -> None:
    from tests.terminal import started

    built(travis, SAMPLE_LOGS["2021-failed"], state="failed")
    command = [*python(), "-m", "aiotravis", "logs", "1.1", *R]
    async with started(command, 100, 30) as terminal:
        assert await terminal.ends() == 0
        lines = [line.rstrip() for line in terminal.screen.display]
    assert f"{'  $ mvn test -B':60}    52.5 s  exited with 1" in lines
    assert "[INFO] BUILD FAILURE" in lines
    assert "Apache Maven 3.6.3" not in lines
    assert b"\x1b[1mscript" in terminal.written


# download -------------------------------------------------------------------------------------------------------------


def test_download_writes_the_logs_of_builds_and_jobs_into_files(travis: Travis, run: Run, tmp_path: Path) -> None:
    first, second = built(travis, COLOURED, "b\n"), built(travis, "c\n", "d\n")
    loaded = run("download", "1", "2.2", "1.1", "-o", "logs", *R)
    jobs = [first.jobs[0], first.jobs[1], second.jobs[1]]
    assert loaded == (0, "".join(f"logs/{job.id}.txt\n" for job in jobs), "")
    assert [(tmp_path / f"logs/{job.id}.txt").read_bytes().decode() for job in jobs] == [COLOURED, "b\n", "d\n"]
    assert len(list(tmp_path.iterdir())) == 1


def test_download_reads_the_last_builds_and_skips_what_is_there(travis: Travis, run: Run, tmp_path: Path) -> None:
    jobs = [built(travis, f"{n}\n").jobs[0] for n in range(3)]
    assert run("download", "-l", "2", *R).code == 0
    assert {file.name for file in tmp_path.iterdir()} == {f"{job.id}.txt" for job in jobs[1:]}
    before = len(travis.server.requests_to("/jobs/*/log"))
    again = run("download", "-l", "3", "--json", *R)
    records = [json.loads(line) for line in again.out.splitlines()]
    assert [record["fresh"] for record in records] == [False, False, True]
    assert len(travis.server.requests_to("/jobs/*/log")) == before + 1


def test_download_tells_what_failed_and_keeps_the_rest(travis: Travis, run: Run, tmp_path: Path) -> None:
    lost, kept, _ = built(travis, ""), built(travis, "kept\n"), built(travis, "half\n", state=None)
    loaded = run("download", "1", "2", "3", *R)
    assert loaded.code == 69
    assert loaded.out == f"{kept.jobs[0].id}.txt\n"
    assert f"aiotravis: job #1.1: GET /jobs/{lost.jobs[0].id}/log: the log is not available" in loaded.err
    assert loaded.err.endswith("aiotravis: not ended yet, so the log is not whole: job #3.1\n")
    assert [file.name for file in tmp_path.iterdir()] == [f"{kept.jobs[0].id}.txt"]


def test_a_download_that_is_broken_off_leaves_no_half_of_a_file(travis: Travis, run: Run, tmp_path: Path) -> None:
    whole, frozen = built(travis, "whole\n"), built(travis, "frozen\n")
    travis.run(travis.server.faults.rest(f"/jobs/{frozen.jobs[0].id}/log").freeze)
    assert run("download", "1", "2", "--timeout", "0.7", *R).code == 124
    assert [file.name for file in tmp_path.iterdir()] == [f"{whole.jobs[0].id}.txt"]


def test_a_folder_that_cannot_be_made_is_74(travis: Travis, run: Run, tmp_path: Path) -> None:
    built(travis, "a\n")
    (tmp_path / "file").write_text("")
    assert run("download", "-o", "file/logs", *R).code == 74


def test_a_full_disk_is_74_once_for_all_logs_and_leaves_no_half_of_a_file(
    travis: Travis, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built(travis, "a\n", "b\n", "c\n")

    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("aiotravis.resources._log_downloads.FileSink._replace", full)
    loaded = run("download", *R)
    assert (loaded.code, loaded.out) == (74, "")
    assert loaded.err == f"aiotravis: job #1.1 and 2 more: {tmp_path}: No space left on device\n"
    assert list(tmp_path.iterdir()) == []


def test_an_empty_repository_has_nothing_to_download(travis: Travis, run: Run, tmp_path: Path) -> None:
    assert run("download", "-l", "3", *R) == (0, "", f"aiotravis: {SLUG} has no builds yet\n")
    assert run("download", *R).code == 4
    assert run("download", "-l", "3", "1", *R).code == 2
    assert list(tmp_path.iterdir()) == []
