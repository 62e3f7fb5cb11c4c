"""Every public name and parameter is documented, and the reference shows it."""

import html
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import cast

import pytest

from aiotravis import Travis
from tests.reference import build
from tests.test_house import CONSTRUCTED, PUBLIC_MODULES

INTERNAL_TEXT = r"Annotated|Meta\(|Optional\[|aiotravis\.[\w.]*\b_\w|<class|<function|~[A-Z]"
"""What annotations and bases must not show."""


def _documented(module: ModuleType) -> Iterator[tuple[str, FunctionType, str]]:
    """Yield the public functions and methods, and the constructors that users call, with what documents them."""
    for name in vars(module)["__all__"]:
        value = getattr(module, name)
        if inspect.isfunction(value):
            yield name, value, value.__doc__ or ""
        if not inspect.isclass(value) or issubclass(value, BaseException):
            continue
        of_class = inspect.getdoc(value) or ""
        if name in CONSTRUCTED:
            yield name, cast("FunctionType", value.__init__), of_class
        for method_name, method in vars(value).items():
            function = getattr(method, "__func__", method)
            if inspect.isfunction(function) and not method_name.startswith("_"):
                yield f"{name}.{method_name}", function, f"{function.__doc__ or ''}\n{of_class}"


def _parameters(function: Callable[..., object]) -> Iterator[str]:
    # A handler of aiohttp has its request, which nobody passes by hand.
    for name in inspect.signature(function).parameters:
        if name not in {"self", "cls", "request"} and not name.startswith("_"):
            yield name


@pytest.mark.parametrize("module", PUBLIC_MODULES, ids=lambda module: module.__name__)
def test_every_public_function_and_parameter_is_documented(module: ModuleType) -> None:
    undocumented: list[str] = []
    for name, function, text in _documented(module):
        if not text.strip():
            undocumented.append(name)
        undocumented += [f"{name}({each})" for each in _parameters(function) if not re.search(rf"\b{each}\b", text)]
    assert undocumented == []


@pytest.mark.parametrize("module", PUBLIC_MODULES, ids=lambda module: module.__name__)
def test_every_public_class_is_documented(module: ModuleType) -> None:
    classes = [name for name in vars(module)["__all__"] if inspect.isclass(getattr(module, name))]
    assert [name for name in classes if not getattr(module, name).__doc__] == []


def test_the_reference_shows_every_public_name_and_route(tmp_path: Path) -> None:
    build(tmp_path)
    for module in PUBLIC_MODULES:
        page = tmp_path.joinpath(*module.__name__.split(".")).with_suffix(".html").read_text("utf-8")
        # Modules have pages of their own.
        names = [name for name in vars(module)["__all__"] if not inspect.ismodule(getattr(module, name))]
        missing = [name for name in names if f'id="{name}"' not in page]
        assert missing == [], module.__name__
    first_page = (tmp_path / "aiotravis.html").read_text("utf-8")
    for name in ("web", "testing", "resources"):
        assert f'href="aiotravis/{name}.html"' in first_page
    assert 'id="Travis.__init__"' in first_page
    # Calls return it; its constructor takes what no user has.
    assert 'id="Builds.get"' in first_page
    assert "Builds.__init__" not in first_page
    # Resources, and methods of private bases, have no other place.
    assert {name for name in dir(Travis("a-token")) if not name.startswith("_")} == set(
        re.findall(r'id="Travis\.([a-z]\w*)"', first_page)
    )
    assert 'id="Paginator.first"' in first_page
    # What is for the library alone.
    assert 'id="ApiResponse.json"' in first_page
    assert not re.search(r'id="ApiResponse\.(secrets|delimited|strict|authenticated|excerpt)"', first_page)
    for file in tmp_path.rglob("*.html"):
        shown = html.unescape(re.sub("<[^>]+>", "", file.read_text("utf-8")))
        assert re.findall(INTERNAL_TEXT, shown) == []
    assert "POST /v3/repo/{repo}/requests" in (tmp_path / "aiotravis" / "resources.html").read_text("utf-8")
