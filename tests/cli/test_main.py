"""The entry point."""

import subprocess
import sys


def test_without_the_extra_one_line_says_how_to_get_it() -> None:
    program = "import sys; sys.modules['click'] = None; from aiotravis.cli import run; run()"
    completed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert completed.returncode == 2
    assert completed.stderr == "aiotravis: the command line requires the extra cli: pip install 'aiotravis[cli]'\n"
