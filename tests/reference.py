"""``python -m tests docs``: build the reference as HTML, in ``.docs``, or in the folder that is named."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import jinja2
import pdoc
import pdoc.doc
import pdoc.render

from aiotravis import Travis, __version__
from tests.test_house import CONSTRUCTED, PUBLIC_MODULES

ROOT = Path(__file__).resolve().parent.parent

MODULES = ("aiotravis", "aiotravis.web", "aiotravis.testing", "aiotravis.resources", "!aiotravis.resources.")
"""The package with its public modules, and the index of routes."""

INTERNAL: Final = {
    f"ApiResponse.{name}"
    for name in "authenticated secrets delimited strict safe excerpt excerpt_of line error_json is_html".split()  # noqa: SIM905
}
"""Members that no user needs: the library takes them to make its errors."""

SHARED: Final = {"to_dict", "to_json"}
"""Methods that each of a hundred values has: the first page names them once."""

TEMPLATE = """\
{% extends "default/module.html.jinja2" %}
{% macro is_public(doc) %}
    {% if doc.name != "__init__" or doc.qualname.split(".")[-2] in constructed %}{{ default_is_public(doc) }}{% endif %}
{% endmacro %}
"""
"""Shows the constructors that users call alone. https://pdoc.dev/docs/pdoc.html#customize-pdoc"""

PLAINER: Final = [
    (re.compile(pattern), plain)
    for pattern, plain in [
        (r"(?<!\.)\bcollections\.abc\.", ""),
        (r"(?:typing\.)?Annotated\[([\w.]+), msgspec\.Meta\([^()]*\)\]", r"\1"),
        (r"~([A-Z])", r"\1"),
        (r"(?:typing\.)?Optional\[((?:[^\[\]]|\[[^\[\]]*\])*)\]", r"\1 | None"),
        (r"\bdatetime\.datetime\b", "datetime"),
        (r"\*<class '([\w.]+)'>", r"Unpack[\1]"),
        (r"<(?:function|class) '?([\w.]+)'?>", r"\1"),
    ]
]
"""How annotations and defaults are shorter, and none the worse for a reader."""


def _plain(text: str) -> str:
    for pattern, plain in PLAINER:
        text = pattern.sub(plain, text)
    return text


def _names(value: type) -> tuple[str, str]:
    return value.__module__, value.__qualname__


def _public() -> set[tuple[str, str]]:
    values = [vars(module).get(name) or getattr(module, name) for module in PUBLIC_MODULES for name in module.__all__]
    return {_names(value) for value in values if isinstance(value, type)}


def _shown_members(cls: Any, public: set[tuple[str, str]]) -> list[pdoc.doc.Doc[Any]]:
    """Return the members of a class and those of its private bases, which have no place of their own."""
    members: list[pdoc.doc.Doc[Any]] = []
    for member in cls.members.values():
        module, name = member.taken_from
        origin = module, name.rpartition(".")[0]
        own = origin == _names(cls.obj) or (module.partition(".")[0] == "aiotravis" and origin not in public)
        if own and member.qualname not in INTERNAL and member.name not in SHARED:
            members.append(member)
    if cls.obj is Travis:
        # Its constructor makes the resources, so the class does not know them.
        made: dict[str, object] = vars(Travis("a-token"))
        place = cls.modulename, "Travis"
        members += [
            pdoc.doc.Variable(place[0], f"Travis.{name}", taken_from=place, docstring="", annotation=type(value))
            for name, value in made.items()
            if not name.startswith("_")
        ]
    return members


def _shown_bases(cls: pdoc.doc.Class, public: set[tuple[str, str]]) -> list[tuple[str, str, str]]:
    """Return the bases that a reader knows."""
    return [
        (module, name, _plain(re.sub(r"\baiotravis\.(?:\w+\.)*_\w+\.", "", text)).removeprefix(f"{module}."))
        for module, name, text in every_base(cls)
        if (module, name) in public or module.partition(".")[0] not in {"aiotravis", "msgspec", "typing"}
    ]


every_base: Any = vars(pdoc.doc.Class)["bases"].func


def build(folder: Path) -> None:
    """Write the pages."""
    pdoc.render.configure(docformat="google", footer_text=f"aiotravis {__version__}", show_source=False)
    templates = jinja2.DictLoader({"module.html.jinja2": TEMPLATE})
    names: Any = pdoc.render.env.globals
    names["constructed"] = CONSTRUCTED
    pdoc.render.env.loader = jinja2.ChoiceLoader([templates, pdoc.render.env.loader or templates])
    # pdoc has no settings for these. It leaves out what comes from private bases: most methods of the client.
    public, module, formatting = _public(), pdoc.doc, "_remove_collections_abc"
    assert hasattr(module, formatting)
    setattr(module, formatting, _plain)
    classes: Any = pdoc.doc.Class
    classes.own_members = property(lambda cls: _shown_members(cls, public))
    classes.bases = property(lambda cls: _shown_bases(cls, public))
    pdoc.pdoc(*MODULES, output_directory=folder)


def main(arguments: Sequence[str]) -> int:
    """Build the reference, say where it is, and return the exit code."""
    folder = Path(arguments[0]) if arguments else ROOT / ".docs"
    build(folder)
    print(f"The reference is in {folder / 'aiotravis.html'}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
