"""Starting the command line: without the extra, and with closed streams."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import SLUG, Travis


def test_without_the_extra_one_line_says_how_to_get_it() -> None:
    program = "import sys; sys.modules['click'] = None; from aiotravis.cli import run; run()"
    completed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert completed.returncode == 2
    assert completed.stderr == "aiotravis: the command line requires the extra cli: pip install 'aiotravis[cli]'\n"


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell that closes streams")
@pytest.mark.parametrize("arguments", ["--version", "--help", f"status -r {SLUG}", f"history --json -r {SLUG}"])
def test_closed_streams_change_no_exit_code(travis: Travis, environment: Path, arguments: str) -> None:
    travis.run(lambda: travis.repository.history(1))
    line = f"'{sys.executable}' -m aiotravis {arguments}"
    expected = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False)
    without_output = subprocess.run(["sh", "-c", f"{line} >&-"], capture_output=True, text=True, check=False)
    without_all = subprocess.run(["sh", "-c", f"{line} <&- >&- 2>&-"], check=False)
    assert (without_output.returncode, without_output.stderr) == (expected.returncode, expected.stderr)
    assert without_all.returncode == expected.returncode


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell that closes streams")
def test_errors_go_not_to_standard_output_without_a_standard_error() -> None:
    line = f"'{sys.executable}' -m aiotravis status -r nonsense 2>&-"
    completed = subprocess.run(["sh", "-c", line], stdout=subprocess.PIPE, check=False)
    assert (completed.returncode, completed.stdout) == (2, b"")
