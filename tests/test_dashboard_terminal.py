"""The terminal dashboard in a pseudo-terminal."""

import os
import re
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import anyio
import pytest

from aiotravis import LogText
from aiotravis.testing import SAMPLE_LOGS, Repository, TravisServer
from tests.programs import python
from tests.terminal import Terminal, started

DASHBOARD = str(Path(__file__).parent.parent / "examples" / "dashboard_terminal.py")

SIZES = [(80, 24), (120, 40), (40, 12)]


def dashboard(server: TravisServer, columns: int, rows: int) -> AbstractAsyncContextManager[Terminal]:
    command = [*python(), DASHBOARD, "--endpoint", server.endpoint, "--repo", "a/b"]
    return started(command, columns, rows, {"TRAVIS_TOKEN": ""})


def has_build(text: str, number: int, state: str) -> bool:
    """Return whether a line shows this build in this state."""
    return bool(re.search(rf"{state} +(?:a/)?b +#{number}\b", text))


@pytest.fixture
async def server() -> AsyncGenerator[TravisServer]:
    # Reading a log that Travis has not stored yet takes some seconds.
    async with TravisServer(instant=True) as server:
        yield server


@pytest.fixture
def repository(server: TravisServer) -> Repository:
    return server.world.repository("a/b")


@pytest.mark.parametrize(("columns", "rows"), SIZES)
async def test_builds_appear_and_change_and_a_log_streams(
    server: TravisServer, repository: Repository, columns: int, rows: int
) -> None:
    repository.history(2)
    async with dashboard(server, columns, rows) as terminal:
        await terminal.shows(lambda text: "live: connected" in text and has_build(text, 2, "passed"))
        build = repository.build(message="Brand new").start()
        await terminal.shows(lambda text: has_build(text, 3, "started") and "1 running" in text)
        terminal.press("j")
        await terminal.shows(lambda text: "log of a/b #2" in text)
        terminal.press("\x1b[A")
        await terminal.shows(lambda text: "log of a/b #3" in text)
        build.write("\x1b[32mgrün\x1b[0m Zeile\n")
        await terminal.shows(lambda text: "grün Zeile" in text)
        build.write("", final=True).finish("failed")
        await terminal.shows(lambda text: "0 running" in text and has_build(text, 3, "failed"))
        terminal.press("q")
        assert await terminal.ends() == 0
        # The alternate screen is left, and the cursor is visible again.
        assert b"\x1b[?1049l" in terminal.written
        assert b"\x1b[?25h" in terminal.written


async def test_it_fits_a_terminal_that_is_resized(server: TravisServer, repository: Repository) -> None:
    repository.history(30)
    async with dashboard(server, 120, 40) as terminal:
        for columns, rows in ((120, 40), (40, 12), (80, 24), (24, 8), (200, 50)):
            terminal.resize(columns, rows)
            edge = f"╰{'─' * (columns - 2)}╯"

            def fits(text: str, edge: str = edge, rows: int = rows) -> bool:
                lines = text.split("\n")
                return lines[-2] == edge and lines[0].startswith("12 builds") and len(lines) == rows

            await terminal.shows(fits)
            assert terminal.text.count("╭") == 1, "nothing of the old screen is left"
        terminal.press("q")
        assert await terminal.ends() == 0


async def test_the_title_names_the_log_that_is_shown_when_the_list_is_sorted_anew(
    server: TravisServer, repository: Repository
) -> None:
    for number in (1, 2):
        repository.build().start().write(f"of {number}\n", final=True).finish("passed")
    async with dashboard(server, 100, 30) as terminal:
        await terminal.shows(lambda text: "log of a/b #2" in text and "of 2" in text)
        terminal.press("j")
        await terminal.shows(lambda text: "log of a/b #1" in text and "of 1" in text)
        repository.build().start().write("of 3\n")
        await terminal.shows(lambda text: has_build(text, 3, "started"))
        assert "log of a/b #1" in terminal.text
        assert "of 1" in terminal.text
        assert terminal.screen.display[4].startswith(">")
        terminal.press("kk")
        await terminal.shows(lambda text: "log of a/b #3" in text and "of 3" in text)


async def test_the_first_failed_job_is_shown_and_keys_select_another(
    server: TravisServer, repository: Repository
) -> None:
    build = repository.build(jobs=3).start()
    for job, state in zip(build.jobs, ("passed", "failed", "failed"), strict=True):
        job.write(f"of job {job.number}\n", final=True)
        job.finish(state)
    async with dashboard(server, 100, 30) as terminal:
        await terminal.shows(lambda text: "log of a/b #1 · 1.2" in text and "of job 1.2" in text)
        for key, number in (("l", "1.3"), ("l", "1.3"), ("h", "1.2"), ("\x1b[D", "1.1"), ("\x1b[C", "1.2")):

            def shown(text: str, number: str = number) -> bool:
                return f"#1 · {number}" in text and f"of job {number}" in text

            terminal.press(key)
            await terminal.shows(shown)


async def test_a_log_of_a_running_build_changes_to_the_job_that_fails(
    server: TravisServer, repository: Repository
) -> None:
    build = repository.build(jobs=3).start()
    async with dashboard(server, 100, 30) as terminal:
        await terminal.shows(lambda text: "log of a/b #1 · 1.1" in text)
        build.jobs[2].write("wrong\n", final=True)
        build.jobs[2].finish("failed")
        await terminal.shows(lambda text: "log of a/b #1 · 1.3" in text and "wrong" in text)
        terminal.press("h")
        await terminal.shows(lambda text: "log of a/b #1 · 1.2" in text)
        build.jobs[0].finish("failed")
        await terminal.shows(lambda text: "live: connected" in text)
        assert "log of a/b #1 · 1.2" in terminal.text


@pytest.mark.parametrize(
    ("name", "status", "colour"),
    [
        ("2019-passed", "exit code 0", "green"),
        ("2019-failed", "exit code 1 · pytest exited with 1", "red"),
        ("2019-setup-failed", "Set-up failed during install: npm ci exited with 1.", "red"),
        ("2021-stalled", "Stopped: no output for 600 seconds.", "red"),
        ("2021-time-limit", "Stopped: the job took too long.", "red"),
        ("2021-log-limit", "Stopped: the log was too long.", "red"),
        ("2021-canceled", "Canceled.", "default"),
        ("2021-not-generated", "Travis could not make a script", "red"),
        ("2021-unfinished", "The log does not say", "red"),
    ],
)
async def test_a_log_opens_at_what_failed_with_the_colour_of_its_ending(
    server: TravisServer, repository: Repository, name: str, status: str, colour: str
) -> None:
    state = name[5:] if name[5:] in {"passed", "failed", "canceled"} else "errored"
    repository.build().start().write(SAMPLE_LOGS[name], final=True).finish(state)
    log = LogText.parse(SAMPLE_LOGS[name])
    async with dashboard(server, 120, 16) as terminal:
        await terminal.shows(lambda text: f"1.1 · {status}" in text)
        rows = terminal.screen.display
        top = next(number for number, row in enumerate(rows) if row.startswith("╭"))
        assert terminal.screen.buffer[top][0].fg == colour
        marked = [number for number in range(len(rows)) if terminal.screen.buffer[number][2].bg == "red"]
        line = log.failed_commands[0].line if log.failed_commands else log.ending.line
        if state == "passed" or line is None:
            assert marked == []
        else:
            assert [rows[number][2:40].strip() for number in marked] == [log.lines[line - 1].text[:38].strip()]


async def test_a_log_scrolls(server: TravisServer, repository: Repository) -> None:
    lines = "".join(f"line {number}\n" for number in range(1, 18_001))
    failing = '$ make\nThe command "make" exited with 2.\n'
    fold = "travis_fold:start:a\r\x1b[0Kw\ntravis_fold:end:a\r\x1b[0K\n"
    text = f"{fold}{failing}{lines}\nDone. Your build exited with 1.\n"
    repository.build().start().write(text, final=True).finish("failed")
    async with dashboard(server, 100, 30) as terminal:
        await terminal.shows(lambda text: "$ make" in text and "exit code 1" in text)
        terminal.press("G")
        await terminal.shows(lambda text: "Done. Your build exited with 1." in text and "line 18000" in text)
        terminal.press("b")
        await terminal.shows(lambda text: "line 17970" in text and "Done." not in text)
        terminal.press("\x1b[6~")
        await terminal.shows(lambda text: "Done." in text)
        terminal.press("f")
        await terminal.shows(lambda text: "$ make" in text)
        terminal.press(" g")
        await terminal.shows(lambda text: "1-24 of 18005" in text)


async def test_a_log_that_cannot_be_read_says_why(server: TravisServer, repository: Repository) -> None:
    build = repository.build().start().write("x\n", final=True).finish("passed")
    server.faults.rest(f"/jobs/{build.jobs[0].id}/log*").status(403, b'{"error":"hidden"}')
    server.faults.rest(f"/v3/job/{build.jobs[0].id}/log*").status(403, b"{}")
    async with dashboard(server, 160, 30) as terminal:
        await terminal.shows(lambda text: "1.1 · broke off: " in text and "403" in text)


async def test_a_line_of_megabytes_does_not_stop_the_dashboard(server: TravisServer, repository: Repository) -> None:
    build = repository.build().start().write("x" * 5_000_000 + "\n")
    async with dashboard(server, 100, 30) as terminal:
        await terminal.shows(lambda text: "xxxxxxxx" in text)
        build.write("the end\n")
        await terminal.shows(lambda text: "the end" in text)
        terminal.press("q")
        assert await terminal.ends() == 0


async def test_a_restarted_job_shows_its_new_log(server: TravisServer, repository: Repository) -> None:
    build = repository.build().start().write("first run\n", final=True).finish("failed")
    async with dashboard(server, 100, 30) as terminal:
        await terminal.shows(lambda text: "first run" in text and has_build(text, 1, "failed"))
        build.restart()
        build.start().write("second run\n")
        await terminal.shows(lambda text: "second run" in text and "first run" not in text)


async def test_a_hostile_commit_message_does_not_control_the_terminal(
    server: TravisServer, repository: Repository
) -> None:
    repository.build(message="\x1b]0;stolen title\x07\x1b[2Jover \x1b[31meverything", branch="\x1b[1;1Hb")
    async with dashboard(server, 100, 30) as terminal:
        await terminal.shows(lambda text: "live: connected" in text and "over everything" in text)
        assert "1 builds, 0 running" in terminal.screen.display[0]
        assert terminal.screen.title == ""
        assert b"stolen title\x07" not in terminal.written
        terminal.press("q")
        assert await terminal.ends() == 0


async def test_a_hostile_log_does_not_control_the_terminal(server: TravisServer, repository: Repository) -> None:
    build = repository.build().start()
    async with dashboard(server, 100, 30) as terminal:
        await terminal.shows(lambda text: "log of a/b #1" in text)
        build.write("\x1b]0;stolen title\x07\x1b[2J\x1b[1;1Hover everything\x1b[?1049l\x1b[5n\n").write("the end\n")
        await terminal.shows(lambda text: "the end" in text)
        assert "1 builds, 1 running" in terminal.screen.display[0]
        assert terminal.screen.title == ""
        assert "over everything" in terminal.text
        terminal.press("q")
        assert await terminal.ends() == 0
        assert b"stolen title\x07" not in terminal.written
        assert b"\x1b[5n" not in terminal.written


async def test_the_dashboard_is_printed_once_without_a_terminal(server: TravisServer, repository: Repository) -> None:
    repository.history(3)
    command = [*python(), DASHBOARD, "--once", "--endpoint", server.endpoint, "--repo", "a/b"]
    done = await anyio.run_process(command, check=False, env={**os.environ, "TRAVIS_TOKEN": ""})
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"3 builds, 0 running" in done.stdout
    assert b"$ rake" in done.stdout
    assert b"\x1b" not in done.stdout
    done = await anyio.run_process([*command, "A/B", "a/b"], env={**os.environ, "TRAVIS_TOKEN": ""})
    assert b"3 builds, 0 running" in done.stdout, "named twice"
    command[-1] = "no/such"
    done = await anyio.run_process(command, check=False, env={**os.environ, "TRAVIS_TOKEN": ""})
    assert done.returncode == 2
    assert done.stderr.startswith(b"dashboard_terminal: GET /repos/no/such answered 404")
    # Beside another one, it is named, and the other one is shown.
    done = await anyio.run_process([*command, "a/b"], env={**os.environ, "TRAVIS_TOKEN": ""})
    assert b"3 builds, 0 running" in done.stdout
    assert b"behind: no/such: GET" in done.stdout


async def test_a_log_that_is_not_there_yet_is_loading(server: TravisServer, repository: Repository) -> None:
    server.world.unavailable_log_reads = 2
    repository.build().start().finish("passed")
    async with dashboard(server, 100, 30) as terminal:
        await terminal.shows(lambda text: "1.1 · loading · empty" in text)
