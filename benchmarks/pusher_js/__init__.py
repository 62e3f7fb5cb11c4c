"""Stock pusher-js under Node, as a peer: installed into a folder of its own, run as a process of its own."""

import functools
import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Done", "available", "run"]

HERE = Path(__file__).parent
FILES = ("client.js", "package.json", "package-lock.json", ".npmrc")


@dataclass(frozen=True)
class Done:
    """What it did.

    Attributes:
        seconds: From the first subscription on.
        cpu: Seconds of CPU in that time.
        count: How many events or channels it counted.
        late: Seconds from the sending of each event to its hand-over, where that was asked for.
    """

    seconds: float
    cpu: float
    count: int
    late: list[float]


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str] | None:
    """Install it; None where there is no Node, or npm reaches no registry."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return None
    made = tempfile.TemporaryDirectory()
    for name in FILES:
        shutil.copy(HERE / name, made.name)
    command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"]
    done = subprocess.run(command, cwd=made.name, capture_output=True, text=True, timeout=120, check=False)
    return made if done.returncode == 0 else None


def available() -> bool:
    """Whether it can be run here."""
    return _folder() is not None


def run(key: str, port: int, work: str, what: str | int) -> Done:
    """Let it work.

    Args:
        key: Key of the app.
        port: Where the live server is, on this machine.
        work: ``log`` reads a log to its end, ``late`` notes how late each event is, too, ``channels`` subscribes.
        what: The log's channel, or how many channels.
    """
    folder = _folder()
    assert folder is not None
    command = ["node", "client.js", key, str(port), work, str(what)]
    done = subprocess.run(command, cwd=folder.name, capture_output=True, text=True, timeout=120, check=True)
    return Done(**json.loads(done.stdout))
