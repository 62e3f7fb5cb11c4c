"""The commands, how they are found, and how each ends."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

import aiotravis
from aiotravis.cli import _app, main
from aiotravis.cli._app import COMMANDS, app
from tests.cli.conftest import SLUG, TOKEN, Run, Travis

HEAVY = {"aiohttp", "anyio", "asyncio", "cryptography", "msgspec", "pysher", "rich", "ssl", "yaml"}

COMMAND_LINE = [sys.executable, "-m", "aiotravis"]


def imported_by(*arguments: str, **environment: str) -> tuple[set[str], str]:
    """Return the modules that a command line has imported at its end, and its output."""
    program = (
        f"import sys; from aiotravis.cli import main; main({list(arguments)!r}); print(*sys.modules, file=sys.stderr)"
    )
    completed = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, env={**os.environ, **environment}
    )
    return set(completed.stderr.split()), completed.stdout


def test_help_and_version_import_nothing_heavy() -> None:
    for argument in ("--version", "--help"):
        modules, _ = imported_by(argument)
        assert not modules & HEAVY
        assert not {name for name in modules if name.startswith("aiotravis.cli.") and "._" not in name}


def test_the_help_of_all_commands_imports_nothing_heavy_and_fits_80_columns() -> None:
    program = (
        "import sys; from aiotravis.cli import main\n"
        f"for name in {list(COMMANDS)!r}: main([name, '--help'])\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    completed = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert not set(completed.stderr.split()) & HEAVY
    assert [line for line in completed.stdout.splitlines() if len(line) > 80] == []
    assert completed.stdout.count("Usage: aiotravis ") == len(COMMANDS)


def test_completion_offers_commands_and_options_without_heavy_imports() -> None:
    words = {"_AIOTRAVIS_COMPLETE": "bash_complete", "COMP_WORDS": "aiotravis wa", "COMP_CWORD": "1"}
    program = "from aiotravis.cli import run; run()"
    completed = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", program],
        capture_output=True,
        text=True,
        env={**os.environ, **words},
        check=False,
    )
    assert completed.stdout.split() == ["plain,wait", "plain,watch"]
    imported = {line.rpartition("|")[2].strip() for line in completed.stderr.splitlines()}
    assert not imported & HEAVY
    assert completed.returncode == 0


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_the_summary_that_the_overview_prints(name: str) -> None:
    command = app.get_command(click.Context(app), name)
    assert command is not None
    assert command.name == name
    assert command.help is not None
    assert command.help[0].isupper()


def test_the_overview_names_commands_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    for text in ("Builds and jobs:\n  status", "124  timed out", "143, 129: ended by", "-r owner/name"):
        assert text in out
    assert max(map(len, out.splitlines())) <= 80


def test_the_version_is_that_of_the_library(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"aiotravis {aiotravis.__version__}\n"


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["status", "--nonsense"], ["history", "-n", "0"], ["wait", "1", "2"]]
)
def test_wrong_usage_ends_with_2_and_says_what_is_wrong(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Error: " in err


def test_a_bug_ends_with_70_and_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("division by zero\x1b[2J")

    monkeypatch.delenv("AIOTRAVIS_TRACEBACK", raising=False)
    monkeypatch.setattr(_app.app, "invoke", broken)
    assert main(["status"]) == 70
    line = "aiotravis: internal error: ZeroDivisionError: division by zero (AIOTRAVIS_TRACEBACK=1 shows where)\n"
    assert capsys.readouterr().err == line
    monkeypatch.setenv("AIOTRAVIS_TRACEBACK", "1")
    assert main(["status"]) == 70
    assert "in broken" in capsys.readouterr().err


def closed_pipe() -> int:
    reading, writing = os.pipe()
    os.close(reading)
    return writing


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["history", "-r", SLUG, "--all"]])
def test_a_closed_pipe_ends_the_command_quietly(travis: Travis, environment: Path, arguments: list[str]) -> None:
    travis.run(lambda: travis.repository.history(3))
    writing = closed_pipe()
    try:
        completed = subprocess.run([*COMMAND_LINE, *arguments], stdout=writing, stderr=subprocess.PIPE, check=False)
    finally:
        os.close(writing)
    assert (completed.returncode, completed.stderr) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_ends_with_74(travis: Travis, environment: Path) -> None:
    travis.run(lambda: travis.repository.history(1))
    with Path("/dev/full").open("w") as full:
        completed = subprocess.run(
            [*COMMAND_LINE, "history", "-r", SLUG], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert completed.returncode == 74
    assert completed.stderr == "aiotravis: standard output: No space left on device\n"


def test_the_command_works_as_a_process_without_a_home(travis: Travis, process: Run) -> None:
    travis.run(lambda: travis.repository.history(1))
    variables = {name: value for name, value in os.environ.items() if name not in {"HOME", "XDG_STATE_HOME"}}
    assert process("status", "-r", SLUG, env=variables).out == "passed\n"


def test_the_token_is_in_no_output(travis: Travis, run: Run) -> None:
    travis.run(lambda: travis.repository.history(2))
    for arguments in (["history", "-v"], ["history", "--json"], ["show", "99"], ["status", "-e", "http://127.0.0.1:9"]):
        ended = run(*arguments, "-r", SLUG)
        assert TOKEN not in ended.out + ended.err
