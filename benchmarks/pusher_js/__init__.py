"""Stock pusher-js under Node as a peer: installed into a temporary folder, run as a separate process."""

import functools
import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Result", "available", "run"]

HERE = Path(__file__).parent
FILES = ("client.js", "package.json", "package-lock.json", ".npmrc")


@dataclass(frozen=True)
class Result:
    """The result of a run.

    Attributes:
        seconds: Seconds since the first subscription.
        cpu: CPU seconds in that time.
        count: Number of events or channels.
        late: Seconds from sending to delivery of each event, if requested.
    """

    seconds: float
    cpu: float
    count: int
    late: list[float]


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str] | None:
    """Install it; return None if there is no Node or npm cannot reach a registry."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return None
    made = tempfile.TemporaryDirectory()
    for name in FILES:
        shutil.copy(HERE / name, made.name)
    command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"]
    completed = subprocess.run(command, cwd=made.name, capture_output=True, text=True, timeout=120, check=False)
    return made if completed.returncode == 0 else None


def available() -> bool:
    """Return whether it can run here."""
    return _folder() is not None


def run(key: str, port: int, work: str, what: str | int) -> Result:
    """Run a task.

    Args:
        key: Key of the app.
        port: Port of the live server on this machine.
        work: ``log`` reads a log to its end, ``late`` also records the delay of each event, ``channels`` subscribes.
        what: The channel of the log, or the number of channels.
    """
    folder = _folder()
    assert folder is not None
    command = ["node", "client.js", key, str(port), work, str(what)]
    completed = subprocess.run(command, cwd=folder.name, capture_output=True, text=True, timeout=120, check=True)
    return Result(**json.loads(completed.stdout))
