"""Programs that are forked from one with the usual imports: what a test sees of them is what it sees of others."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.programs import python
from tests.waiting import until

PROGRAM = """
import os, signal, sys, time
if sys.argv[1] == "tell":
    print(__name__, sys.argv[1:], os.environ["TOLD"], os.getcwd(), sys.path[0], sys.stdin.read())
    print("größe", file=sys.stderr)
    raise SystemExit(7)
if sys.argv[1] == "raise":
    raise ValueError("wrong")
print(os.getpid(), flush=True)
signal.pause()
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "program.py"
    path.write_text(PROGRAM, "utf-8")
    return path


def test_a_program_has_its_own_arguments_streams_environment_and_folder(program: Path) -> None:
    for first in ((sys.executable,), python()):
        command, environment = [*first, str(program), "tell", "a b"], {**os.environ, "TOLD": "yes"}
        ended = subprocess.run(
            command, input=b"given", capture_output=True, env=environment, cwd=program.parent, check=False
        )
        folder = program.parent
        assert ended.stdout.decode() == f"__main__ ['tell', 'a b'] yes {folder} {folder} given\n"
        assert (ended.returncode, ended.stderr.decode()) == (7, "größe\n")


def test_an_exception_ends_it_with_a_traceback(program: Path) -> None:
    ended = subprocess.run([*python(), program, "raise"], capture_output=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.endswith(b"ValueError: wrong\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
async def test_a_signal_reaches_it_and_is_how_it_ends(program: Path, number: signal.Signals) -> None:
    with subprocess.Popen([*python(), program, "wait"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # noqa: ASYNC220
        assert process.stdout is not None
        forked = int(process.stdout.readline())
        process.send_signal(number)
        assert process.wait() == -number

    def is_gone() -> bool:
        try:
            os.kill(forked, 0)
        except ProcessLookupError:
            return True
        return False

    await until(is_gone)
