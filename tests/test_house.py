"""Rules of the house: how modules, structs, endpoints and their tests have to stand."""

import ast
import importlib
import inspect
import pkgutil
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import cast

import msgspec
import pytest

import aiotravis
from aiotravis._http import Endpoint

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "aiotravis"

TOP_LEVEL = {
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "README.md",
    "aiotravis",
    "benchmarks",
    "examples",
    "pyproject.toml",
    "tests",
}

RAW_JSON = {"Entity.to_dict", "BuildOrJob.config"}
"""Public methods whose signature may say `Any`: they hand out JSON that nobody has typed."""

ROUTE = re.compile(r"`(GET|HEAD|POST|PUT|PATCH|DELETE) (/[^`\s]*)`")


def _files(pattern: str = "*.py") -> list[str]:
    return sorted(path.relative_to(ROOT).as_posix() for path in PACKAGE.rglob(pattern))


def _test_file(module: str) -> Path:
    """Mirror `aiotravis/live/socket.py` as `tests/live/test_socket.py`."""
    *folders, name = Path(module).with_suffix("").parts[1:]
    return Path("tests", *(folder.strip("_") for folder in folders), f"test_{name.strip('_')}.py")


MODULES = [file for file in _files() if Path(file).name not in {"__init__.py", "_version.py"}]


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    """Import a package with everything below it, except programs."""
    yield package
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not found.name.endswith(".__main__"):
            yield importlib.import_module(found.name)


def _structs(base: type[msgspec.Struct] = msgspec.Struct) -> Iterator[type[msgspec.Struct]]:
    for struct in base.__subclasses__():
        if struct.__module__.split(".")[0] == "aiotravis":
            yield struct
        yield from _structs(struct)


def _endpoints() -> Iterator[tuple[str, str, str]]:
    """Give the full name of the constant, method and path of every endpoint, once, from where it is defined."""
    seen: list[object] = []
    for module in _modules(importlib.import_module("aiotravis.resources")):
        for name, value in vars(module).items():
            if not isinstance(value, Endpoint) or any(value is other for other in seen):
                continue
            endpoint = cast("Endpoint[object]", value)
            seen.append(endpoint)
            yield f"{module.__name__}.{name}", endpoint.method, endpoint.path


def _index() -> set[tuple[str, str]]:
    """Read the routes out of the README's tables."""
    lines = (ROOT / "README.md").read_text("utf-8").splitlines()
    rows = (line for line in lines if line.lstrip().startswith("|"))
    return {(method, path) for row in rows for method, path in ROUTE.findall(row)}


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_its_test_file_at_the_mirrored_path(module: str) -> None:
    test_file = _test_file(module)
    assert (ROOT / test_file).is_file(), f"{module} wants {test_file.as_posix()}"


def test_every_tests_folder_is_a_package() -> None:
    folders = {path.parent for path in (ROOT / "tests").rglob("*.py")}
    assert [folder.name for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []


@pytest.mark.parametrize("module", _files())
def test_every_module_says_in_one_line_what_it_is_for(module: str) -> None:
    docstring = ast.get_docstring(ast.parse((ROOT / module).read_text("utf-8")))
    assert docstring
    first_line = docstring.splitlines()[0]
    assert first_line.endswith(".")
    assert len(first_line) <= 120


@pytest.mark.parametrize("module", [file for file in _files("__init__.py") if file != "aiotravis/__init__.py"])
def test_a_package_module_holds_nothing_but_docstring_imports_and_all(module: str) -> None:
    docstring, *statements = ast.parse((ROOT / module).read_text("utf-8")).body
    assert isinstance(docstring, ast.Expr)
    others = [
        ast.unparse(statement)
        for statement in statements
        if not isinstance(statement, ast.Import | ast.ImportFrom)
        and not ast.unparse(statement).startswith(("__all__ = [", "def __dir__("))
    ]
    assert others == []


def test_all_structs_are_frozen_and_built_by_keyword() -> None:
    list(_modules(aiotravis))
    structs = list(_structs())
    assert structs
    for struct in structs:
        name = f"{struct.__module__}.{struct.__qualname__}"
        assert struct.__struct_config__.frozen, f"{name} is not frozen"
        kinds = {parameter.kind for parameter in inspect.signature(struct).parameters.values()}
        assert kinds <= {inspect.Parameter.KEYWORD_ONLY}, f"{name} takes positional arguments"


def test_no_two_endpoints_are_the_same_route() -> None:
    constants: dict[tuple[str, str], str] = {}
    for constant, method, path in _endpoints():
        # A private constant may read another form of an answer from a route that has its public constant.
        if not constant.rpartition(".")[2].startswith("_"):
            assert constants.setdefault((method, path), constant) == constant, f"{constant}: {method} {path}"
    assert constants


def test_the_readme_index_has_every_endpoint_and_no_other() -> None:
    assert _index() == {(method, path) for _, method, path in _endpoints()}


def test_importing_the_package_does_not_pay_for_the_live_channel() -> None:
    program = "import aiotravis, sys; print(*sorted({'pysher', 'requests', 'websocket'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout.split() == []


def test_run_time_dependencies_are_the_agreed_four() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    names = [re.match(r"[\w.-]+", dependency) for dependency in project["dependencies"]]
    assert sorted(name[0] for name in names if name) == ["aiohttp", "anyio", "msgspec", "pysher"]


def test_the_top_level_holds_what_belongs_there() -> None:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    command = [git, "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    entries = {line.split("/")[0] for line in listed}
    assert {entry for entry in entries if not entry.startswith(".")} <= TOP_LEVEL


def _public_methods(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for cls in tree.body:
        if isinstance(cls, ast.ClassDef) and not cls.name.startswith("_"):
            for method in cls.body:
                if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef) and (
                    method.name == "__init__" or not method.name.startswith("_")
                ):
                    yield f"{cls.name}.{method.name}", method


CLIENT_SIDE = [file for file in MODULES if file.startswith(("aiotravis/resources/", "aiotravis/client"))]


@pytest.mark.parametrize("module", CLIENT_SIDE)
def test_public_methods_are_typed_without_any(module: str) -> None:
    for name, method in _public_methods(ast.parse((ROOT / module).read_text("utf-8"))):
        returns = ast.unparse(method.returns) if method.returns else ""
        signature = f"({ast.unparse(method.args)}) -> {returns}"
        assert name in RAW_JSON or not re.search(r"\bAny\b", signature), f"{name}{signature}"


def test_every_public_name_is_explained() -> None:
    names: list[str] = vars(aiotravis)["__all__"]
    assert len(names) == len(set(names))
    for name in names:
        value = getattr(aiotravis, name)
        if inspect.isclass(value) or inspect.isroutine(value) or inspect.ismodule(value):
            docstring = vars(value).get("__doc__") if inspect.isclass(value) else value.__doc__
            # A dataclass without one gets its signature for a docstring.
            assert docstring, f"aiotravis.{name} has no docstring"
            assert not docstring.startswith(f"{name}("), f"aiotravis.{name} has no docstring"
