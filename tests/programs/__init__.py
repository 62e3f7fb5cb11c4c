"""Python programs as processes of their own, for a tenth of what a start of Python costs.

Most of the CPU time of a short program goes into its imports. `python()` takes the place of `sys.executable` in a
command: the program is forked from a process that has done the usual imports. It has its own streams, arguments,
environment and folder, is ended by signals, and returns its exit code. What imports do is tested with `sys.executable`.
"""

import atexit
import functools
import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent


@functools.cache
def python() -> tuple[str, ...]:
    """Return the beginning of a command, followed by the path of a program, or by `-m` and a module, and arguments."""
    if not hasattr(os, "fork"):
        return (sys.executable,)
    # It ends once its standard input is closed, even if this process is killed.
    command = [sys.executable, str(FOLDER / "server.py")]
    server = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=FOLDER.parent.parent, text=True
    )
    atexit.register(server.communicate)
    assert server.stdout is not None
    return (sys.executable, "-IS", str(FOLDER / "start.py"), server.stdout.readline().strip())
