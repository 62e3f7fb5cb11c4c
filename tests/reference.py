"""``python -m tests docs``: build the reference as HTML, in ``.docs``, or in the folder that is named."""

import sys
from collections.abc import Sequence
from pathlib import Path

import pdoc
import pdoc.render

from aiotravis import __version__

ROOT = Path(__file__).resolve().parent.parent

MODULES = ("aiotravis", "aiotravis.web", "aiotravis.testing", "aiotravis.resources", "!aiotravis.resources.")
"""The package with its public modules, and the index of routes."""


def build(folder: Path) -> None:
    """Write the pages."""
    pdoc.render.configure(docformat="google", footer_text=f"aiotravis {__version__}", show_source=False)
    pdoc.pdoc(*MODULES, output_directory=folder)


def main(arguments: Sequence[str]) -> int:
    """Build the reference, say where it is, and return the exit code."""
    folder = Path(arguments[0]) if arguments else ROOT / ".docs"
    build(folder)
    print(f"The reference is in {folder / 'aiotravis.html'}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
