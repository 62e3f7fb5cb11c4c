"""The tests with the lowest versions of the dependencies that pyproject.toml allows: ``python -m tests lowest``."""

import re
import subprocess
import sys
import tempfile
import tomllib
import venv
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

EXTRAS = ("crypto", "config", "redis")
"""The extras that the package itself imports; the others are tools of its tests, or its examples."""

REQUIREMENT = re.compile(r"([\w.-]+)>=([\w.]+)")


def lowest(requirements: Iterable[str]) -> list[str]:
    """Return the lowest version that each requirement allows: ``aiohttp==3.14`` for ``aiohttp>=3.14``.

    Raises:
        ValueError: A requirement names no lowest version.
    """
    pinned: list[str] = []
    for requirement in requirements:
        found = REQUIREMENT.fullmatch(requirement)
        if found is None:
            raise ValueError(f"{requirement} names no lowest version")
        pinned.append(f"{found[1]}=={found[2]}")
    return pinned


def pins() -> list[str]:
    """Return the lowest versions of what the package imports."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    return lowest([*project["dependencies"], *(one for extra in EXTRAS for one in extras[extra])])


def main(arguments: Sequence[str]) -> int:
    """Make an environment, install the lowest versions, run pytest in it, and return its exit code."""
    with tempfile.TemporaryDirectory(prefix="lowest.") as folder:
        venv.create(folder, with_pip=True)
        python = str(Path(folder) / ("Scripts" if sys.platform == "win32" else "bin") / "python")
        constraints = Path(folder) / "constraints.txt"
        constraints.write_text("\n".join(pins()), encoding="utf-8")
        install = (python, "-m", "pip", "install", "--quiet", "--constraint", str(constraints), "--editable", ".[dev]")
        if code := subprocess.run(install, cwd=ROOT, check=False).returncode:
            return code
        print("with", *pins(), flush=True)
        return subprocess.run((python, "-m", "pytest", *arguments), cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
