"""Every command on every kind of site: in this process and, if asked for, in a pipe and on a terminal.

``AIOTRAVIS_CLI_PROCESSES=1 python -m pytest tests/cli/test_every_command.py`` starts some hundred and sixty processes.
"""

import os
from pathlib import Path

import pytest

from aiotravis.cli._app import COMMANDS
from tests import terminal
from tests.cli.conftest import MODES, SLUG, TOKEN, Run, Travis
from tests.programs import python

LINES = (
    ("status 1", 0),
    ("status 2", 1),
    ("show 1", 0),
    ("show 1.2", 0),
    ("history", 0),
    ("branches", 0),
    ("requests", 0),
    ("wait 2", 1),
    ("wait 3 --timeout 0.3", 124),
    ("watch --timeout 0.5", 124),
    ("logs 1", 0),
    ("download 1 -o saved", 0),
    ("cancel 3", 0),
    ("restart 2", 0),
    ("trigger", 0),
    ("repos", 0),
    ("env set A b", 0),
    ("env list", 0),
    ("env unset A", 0),
    ("encrypt A=b", 0),
    ("lint ci.yml", 0),
    ("open -p", 0),
    ("login -t " + TOKEN, 0),
    ("logout", 0),
    ("whoami", 0),
    ("accounts", 0),
    ("token", 0),
    ("endpoint", 0),
    ("limits", 0),
    ("raw /users", 0),
)
"""Command lines and their exit codes; the repository is added where the command has one."""

WITHOUT_REPOSITORY = {"login", "logout", "whoami", "accounts", "token", "endpoint", "limits", "raw", "lint", "repos"}

SEPARATELY = pytest.mark.skipif(not os.environ.get("AIOTRAVIS_CLI_PROCESSES"), reason="starts many processes")


@pytest.fixture
def lines(travis: Travis, environment: Path) -> list[tuple[list[str], int]]:
    """Make three builds, of which the last runs, and return the command lines."""
    Path("ci.yml").write_text("language: ruby\n")

    def make() -> None:
        for state in ("passed", "failed", "started"):
            for job in travis.repository.build(jobs=2).jobs:
                job.start().write("$ make\n", final=state != "started")
                if state != "started":
                    job.finish(state)

    travis.run(make)
    found: list[tuple[list[str], int]] = []
    for line, code in LINES:
        words = line.split()
        found.append((words if words[0] in WITHOUT_REPOSITORY else [*words, "-r", SLUG], code))
    return found


def test_all_commands_are_here() -> None:
    assert {line.split()[0] for line, _ in LINES} == set(COMMANDS)


@pytest.mark.parametrize("travis", MODES, indirect=True)
def test_every_command_works_on_every_kind_of_site(lines: list[tuple[list[str], int]], run: Run) -> None:
    for words, code in lines:
        ended = run(*words)
        assert ended.code == code, (words, ended)
        assert TOKEN not in ended.err + (ended.out if words[0] != "token" else "")


@SEPARATELY
@pytest.mark.timeout(300)
@pytest.mark.parametrize("travis", MODES, indirect=True)
def test_every_command_works_in_a_pipe(lines: list[tuple[list[str], int]], process: Run) -> None:
    for words, code in lines:
        ended = process(*words)
        assert ended.code == code, (words, ended)
        assert "\x1b" not in ended.out + ended.err


@SEPARATELY
@pytest.mark.timeout(300)
@pytest.mark.parametrize("travis", MODES, indirect=True)
async def test_every_command_works_on_a_terminal(lines: list[tuple[list[str], int]]) -> None:
    for words, code in lines:
        async with terminal.started([*python(), "-m", "aiotravis", *words], 80, 24) as screen:
            assert await screen.ends() == code, (words, screen.text)
            assert "Traceback" not in screen.text
