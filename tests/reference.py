"""``python -m tests docs``: build the reference as HTML, in ``.docs``, or in the folder that is named."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
import pdoc
import pdoc.render

from aiotravis import __version__
from tests.test_house import CONSTRUCTED

ROOT = Path(__file__).resolve().parent.parent

MODULES = ("aiotravis", "aiotravis.web", "aiotravis.testing", "aiotravis.resources", "!aiotravis.resources.")
"""The package with its public modules, and the index of routes."""

CHECKED = re.compile(r"(?:typing\.)?Annotated\[([\w.]+), msgspec\.Meta\([^()]*\)\]")
"""A type with a check of its values, which is no concern of readers: an id is an int."""

TEMPLATE = """\
{% extends "default/module.html.jinja2" %}
{% macro is_public(doc) %}
    {% if doc.name != "__init__" or doc.qualname.split(".")[-2] in constructed %}{{ default_is_public(doc) }}{% endif %}
{% endmacro %}
"""
"""Shows the constructors that users call alone. https://pdoc.dev/docs/pdoc.html#customize-pdoc"""


def build(folder: Path) -> None:
    """Write the pages."""
    pdoc.render.configure(docformat="google", footer_text=f"aiotravis {__version__}", show_source=False)
    templates = jinja2.DictLoader({"module.html.jinja2": TEMPLATE})
    names: Any = pdoc.render.env.globals
    names["constructed"] = CONSTRUCTED
    pdoc.render.env.loader = jinja2.ChoiceLoader([templates, pdoc.render.env.loader or templates])
    pdoc.pdoc(*MODULES, output_directory=folder)
    for page in (path for path in folder.rglob("*") if path.suffix in {".html", ".js"}):
        page.write_text(CHECKED.sub(r"\1", page.read_text("utf-8")), "utf-8")


def main(arguments: Sequence[str]) -> int:
    """Build the reference, say where it is, and return the exit code."""
    folder = Path(arguments[0]) if arguments else ROOT / ".docs"
    build(folder)
    print(f"The reference is in {folder / 'aiotravis.html'}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
