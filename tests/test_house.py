"""Rules of the project: layout, names, prose, structs, endpoints, public names."""

import ast
import functools
import importlib
import inspect
import pkgutil
import re
import shutil
import subprocess
import sys
import tomllib
import typing
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import msgspec
import pytest

import aiotravis
import aiotravis.resources
import aiotravis.testing
from aiotravis import errors, events, log_text, web, webhooks
from aiotravis._http import ApiRequest, ApiResponse, Endpoint

ROOT = Path(__file__).resolve().parent.parent

TOP_LEVEL = {
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "README.md",
    "SECURITY.md",
    "aiotravis",
    "benchmarks",
    "examples",
    "pyproject.toml",
    "tests",
}

MAX_LINES = 350
"""Lines of a module, except tables of data."""

TABLES = {"aiotravis/errors.py"}
"""Modules that are tables: the exception tree is in one file, so that it can be read as a whole."""

MAX_TEST_NAME = 80
"""Characters of the name of a test."""

RAW_JSON = {"Entity.to_dict", "BuildOrJob.config"}
"""Public methods whose signature may say `Any`: they return JSON that has no type."""

CONSTRUCTED = {
    "Demo", "FaultProxy", "LiveOptions", "LogText", "RecentNotifications", "RedisLimits",
    "Switches", "Travis", "TravisServer", "World",
}  # fmt: skip
"""Classes that users construct. Others are returned by calls, and their constructors are private."""

UNUSUAL_VERBS = {"Give", "Take", "Let", "Tell", "Say", "Name", "Put", "Hand", "Ask", "Look", "Turn"}
"""First words of docstrings that a reader would not expect: Return, Raise, Wait, Check, Add and the like are usual."""

OLD_NAMES = frozenset(
    """
    judge _Verdict Call Reply Steps takes_long in_turns Garbled Overflow Hop UnderWay Patience Lifetime OwnTask
    unreached broken_off harmless Connecting Derived endpoint_of token_of agent_of call_of Rest _attach Budget Ticket
    budget_for worth_another_try worth_asking_again passes patiently Mapped Many Pages Running granted Listening
    Interest Shared Watched Following Looking Registry Completer Pacing Health Trouble Junk Happening Verdict Reception
    House Manners Surroundings HoldingRoutes Belongings BelongingRoutes dressed harmed CannedAnswers
    """.split()  # noqa: SIM905 - a list of 60 strings would be a page
)
"""Names that do not say what they name. They were replaced by the standard term; do not bring them back."""

OLD_MODULES = frozenset(
    """
    judging in_steps _turns under_way failing _given _own_task _budget patience sharing watched looking following
    completing pacing reception dressing accepting harming canned holdings belongings records work people script
    """.split()  # noqa: SIM905 - a list of 60 strings would be a page
)

OLD_CONSTANTS = re.compile(
    r"_*(MOST|LARGEST|LONGEST|FEW|MANY|YOUNG|SAME|DEEPEST|REMEMBERED|PATIENCE|QUIET|UNDER_WAY)(_|$)"
)

ROUTE = re.compile(r"`(GET|HEAD|POST|PUT|PATCH|DELETE) (/[^`\s]*)`")

Function = ast.FunctionDef | ast.AsyncFunctionDef

PUBLIC_MODULES = [aiotravis, errors, events, log_text, web, webhooks, aiotravis.testing]


@functools.cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def _files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


MODULES = [path for path in _files("aiotravis") if path.name not in {"__init__.py", "_version.py"}]


def _mirrored(module: Path) -> Path:
    """Return `tests/live/test_socket.py` for `aiotravis/live/socket.py`."""
    *folders, name = module.relative_to(ROOT / "aiotravis").with_suffix("").parts
    return ROOT.joinpath("tests", *(folder.strip("_") for folder in folders), f"test_{name.strip('_')}.py")


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    """Import a package and everything below it, except programs."""
    yield package
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not found.name.endswith(".__main__"):
            yield importlib.import_module(found.name)


def _subclasses(base: type) -> Iterator[type]:
    subclasses: list[type] = base.__subclasses__()
    for cls in subclasses:
        if cls.__module__.split(".")[0] == "aiotravis":
            yield cls
        yield from _subclasses(cls)


def _endpoints() -> Iterator[tuple[str, str, str]]:
    """Yield the full name of the constant, method and path of every endpoint, once, from where it is defined."""
    seen: list[object] = []
    for module in _modules(importlib.import_module("aiotravis.resources")):
        for name, value in vars(module).items():
            if not isinstance(value, Endpoint) or any(value is other for other in seen):
                continue
            endpoint = cast("Endpoint[object]", value)
            seen.append(endpoint)
            yield f"{module.__name__}.{name}", endpoint.method, endpoint.path


def _imported_by(program: str) -> set[str]:
    """Return the modules that a program in a fresh interpreter has imported at its end."""
    command = [sys.executable, "-c", f"{program}\nimport sys; print(*sys.modules)"]
    completed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return set(completed.stdout.split())


# Layout ---------------------------------------------------------------------------------------------------------------


def test_every_module_has_its_test_file_at_the_mirrored_path() -> None:
    assert [_name(_mirrored(module)) for module in MODULES if not _mirrored(module).is_file()] == []


def test_every_tests_folder_is_a_package() -> None:
    folders = {path.parent for path in _files("tests")}
    assert [folder.name for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []


def test_no_module_is_longer_than_the_limit() -> None:
    lengths = {_name(path): path.read_text("utf-8").count("\n") for path in _files("aiotravis")}
    assert {name: lines for name, lines in lengths.items() if lines > MAX_LINES and name not in TABLES} == {}


def test_a_package_module_holds_nothing_but_docstring_imports_all_and_dir() -> None:
    others: list[str] = []
    for path in _files("aiotravis"):
        if path.name != "__init__.py" or path.parent.name == "aiotravis":
            continue
        docstring, *statements = _tree(path).body
        assert isinstance(docstring, ast.Expr), _name(path)
        others += [
            f"{_name(path)}: {ast.unparse(statement)}"
            for statement in statements
            if not isinstance(statement, ast.Import | ast.ImportFrom)
            and not ast.unparse(statement).startswith(("__all__ = [", "def __dir__()"))
        ]
    assert not others, "\n".join(others)


def test_the_top_level_holds_what_belongs_there() -> None:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    command = [git, "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    entries = {line.split("/")[0] for line in listed}
    assert {entry for entry in entries if not entry.startswith(".")} <= TOP_LEVEL


def test_run_time_dependencies_are_the_agreed_four() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    names = [re.match(r"[\w.-]+", dependency) for dependency in project["dependencies"]]
    assert sorted(name[0] for name in names if name) == ["aiohttp", "anyio", "msgspec", "pysher"]


def test_files_and_tests_named_in_the_test_configuration_exist() -> None:
    from tests.conftest import NOT_MEASURED, SLOWEST

    for start in (*NOT_MEASURED, *SLOWEST):
        name, _, test = start.partition("::")
        files = list(ROOT.glob(f"{name.rstrip('/')}*"))
        assert files, start
        assert f"def {test}" in files[0].read_text("utf-8") if test else True, start


# Names and prose ------------------------------------------------------------------------------------------------------


def _defined(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield line and name of every function, class and assigned variable."""
    for node in ast.walk(tree):
        if isinstance(node, Function | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from ((node.lineno, target.id) for target in targets if isinstance(target, ast.Name))


def test_no_name_of_the_first_edition_comes_back() -> None:
    found = [_name(path) for path in MODULES if path.stem in OLD_MODULES]
    for path in _files("aiotravis"):
        for line, name in _defined(_tree(path)):
            if OLD_CONSTANTS.match(name) or {name, name.lstrip("_")} & OLD_NAMES:
                found.append(f"{_name(path)}:{line}: {name}")
    assert not found, "\n".join(found)


def test_names_of_tests_are_short_enough_to_read() -> None:
    found = [
        f"{_name(path)}:{node.lineno}: {node.name}"
        for path in _files("tests")
        for node in ast.walk(_tree(path))
        if isinstance(node, Function) and node.name.startswith("test_") and len(node.name) > MAX_TEST_NAME
    ]
    assert not found, "\n".join(found)


def test_docstrings_begin_with_a_usual_verb() -> None:
    found: list[str] = []
    for path in _files("aiotravis", "benchmarks", "examples"):
        for node in ast.walk(_tree(path)):
            if isinstance(node, Function | ast.ClassDef | ast.Module):
                docstring = ast.get_docstring(node) or ""
                if docstring.split(" ")[0] in UNUSUAL_VERBS:
                    found.append(f"{_name(path)}:{getattr(node, 'lineno', 1)}: {docstring.splitlines()[0]}")
    assert not found, "\n".join(found)


def test_every_module_says_in_one_line_what_it_is_for() -> None:
    for path in _files("aiotravis"):
        first_line = (ast.get_docstring(_tree(path)) or "").split("\n")[0]
        assert first_line.endswith("."), _name(path)
        assert len(first_line) <= 120, _name(path)


# Structs and endpoints ------------------------------------------------------------------------------------------------


MESSAGES = {ApiRequest, ApiResponse}
"""Structs only because that is fastest: they are made by us, in one order that everybody knows."""


def test_all_structs_are_frozen_and_built_by_keyword() -> None:
    list(_modules(aiotravis))
    structs = list(_subclasses(msgspec.Struct))
    assert structs
    for struct in structs:
        name = f"{struct.__module__}.{struct.__qualname__}"
        assert cast("type[msgspec.Struct]", struct).__struct_config__.frozen, f"{name} is not frozen"
        kinds = {parameter.kind for parameter in inspect.signature(struct).parameters.values()}
        assert kinds <= {inspect.Parameter.KEYWORD_ONLY} or struct in MESSAGES, f"{name} takes positional arguments"


def test_no_two_endpoints_are_the_same_route() -> None:
    constants: dict[tuple[str, str], str] = {}
    for constant, method, path in _endpoints():
        # A private constant may read another form of a response from a route that has its public constant.
        if not constant.rpartition(".")[2].startswith("_"):
            assert constants.setdefault((method, path), constant) == constant, f"{constant}: {method} {path}"
    assert constants


def test_the_index_of_routes_has_every_endpoint_and_no_other() -> None:
    rows = [line for line in (aiotravis.resources.__doc__ or "").splitlines() if line.startswith("|")]
    index = {(method, path) for row in rows for method, path in ROUTE.findall(row)}
    assert index == {(method, path) for _, method, path in _endpoints()}


def test_public_methods_are_typed_without_any() -> None:
    for path in MODULES:
        if not _name(path).startswith(("aiotravis/resources/", "aiotravis/client")):
            continue
        for cls in _tree(path).body:
            if not isinstance(cls, ast.ClassDef) or cls.name.startswith("_"):
                continue
            for method in cls.body:
                if isinstance(method, Function) and (method.name == "__init__" or not method.name.startswith("_")):
                    name, returns = f"{cls.name}.{method.name}", ast.unparse(method.returns) if method.returns else ""
                    signature = f"({ast.unparse(method.args)}) -> {returns}"
                    assert name in RAW_JSON or not re.search(r"\bAny\b", signature), f"{name}{signature}"


# Public names ---------------------------------------------------------------------------------------------------------


def _public_names(module: ModuleType) -> list[str]:
    return list(vars(module)["__all__"])


def test_importing_the_package_or_its_errors_imports_no_io() -> None:
    heavy = {"aiohttp", "anyio", "asyncio", "msgspec", "pysher", "requests", "ssl", "websocket"}
    assert _imported_by("import aiotravis") & heavy == set()
    assert _imported_by("from aiotravis import errors; errors.TravisError") & heavy == set()


def test_importing_the_client_does_not_pay_for_pysher() -> None:
    assert _imported_by("from aiotravis import Travis, events") & {"pysher", "requests", "websocket"} == set()


def test_the_three_lists_of_the_package_agree() -> None:
    tree = _tree(ROOT / "aiotravis" / "__init__.py")
    (block,) = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    typed = {
        alias.name: imported.module
        for imported in block.body
        if isinstance(imported, ast.ImportFrom)
        for alias in imported.names
    }
    homes = {name: home for home, names in vars(aiotravis)["_HOMES"].items() for name in names}
    submodules = {name for name, module in typed.items() if module == "aiotravis"}
    assert {name: module for name, module in typed.items() if name not in submodules} == homes
    assert sorted(_public_names(aiotravis)) == sorted({*homes, *submodules})


@pytest.mark.parametrize("module", PUBLIC_MODULES, ids=lambda module: module.__name__)
def test_public_modules_show_only_their_public_names(module: ModuleType) -> None:
    assert dir(module) == sorted(_public_names(module))
    assert [name for name, count in Counter(_public_names(module)).items() if count > 1] == []


@pytest.mark.parametrize("module", PUBLIC_MODULES, ids=lambda module: module.__name__)
def test_every_public_name_is_explained(module: ModuleType) -> None:
    for name in _public_names(module):
        value = getattr(module, name)
        if inspect.isclass(value) or inspect.isroutine(value) or inspect.ismodule(value):
            docstring = vars(value).get("__doc__") if inspect.isclass(value) else value.__doc__
            assert docstring, f"{module.__name__}.{name} has no docstring"
            # A dataclass without a docstring gets its signature for one.
            assert not docstring.startswith(f"{name}("), f"{module.__name__}.{name} has no docstring"


def test_every_error_is_public() -> None:
    list(_modules(aiotravis))
    public = {getattr(errors, name) for name in errors.__all__}
    raised = {cls for cls in _subclasses(errors.TravisError) if not cls.__name__.startswith("_")}
    assert {f"{cls.__module__}.{cls.__name__}" for cls in raised - public} == set()


def _types_in(hint: Any) -> Iterator[type]:
    """Yield every class of ours that an annotation names."""
    for one in (hint, typing.get_origin(hint)):
        if isinstance(one, type) and one.__module__.split(".")[0] == "aiotravis":
            yield one
    arguments: Iterable[Any] = typing.get_args(hint)
    for argument in arguments:
        # The parameters of a Callable are a list.
        several = cast("Iterable[Any]", argument) if isinstance(argument, list) else (argument,)
        for one in several:
            yield from _types_in(one)


def _annotations(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield place and annotation of everything public that a function takes or returns, or a class has."""
    if inspect.isfunction(value):
        yield from ((value.__qualname__, hint) for hint in typing.get_type_hints(value).values())
        return
    if not inspect.isclass(value):
        return
    names = typing.get_type_hints(value)
    yield from ((f"{value.__name__}.{name}", hint) for name, hint in names.items() if not name.startswith("_"))
    if value.__name__ in CONSTRUCTED:
        yield from ((f"{value.__name__}()", hint) for hint in typing.get_type_hints(value.__init__).values())
    for base in value.__mro__:
        if base.__module__.split(".")[0] != "aiotravis":
            continue
        for name, member in vars(base).items():
            if name == "__init__":
                continue
            if name.startswith("_") and not (name.startswith("__") and name.endswith("__")):
                continue
            function = getattr(member, "fget", None) or getattr(member, "func", None) or member
            function = inspect.unwrap(getattr(function, "__func__", function))
            # Only what is written in our code: msgspec and dataclasses generate methods without annotations.
            if inspect.isfunction(function) and function.__module__.split(".")[0] == "aiotravis":
                hints = typing.get_type_hints(function)
                yield from ((f"{value.__name__}.{name}", hint) for hint in hints.values())


def test_every_type_in_a_public_signature_has_a_public_name() -> None:
    public = {
        value
        for module in PUBLIC_MODULES
        for name in _public_names(module)
        if inspect.isclass(value := getattr(module, name)) or inspect.isfunction(value)
    }
    # Resources are attributes of a client; their classes are named there.
    attributes: dict[str, object] = vars(aiotravis.Travis("a-token"))
    resources: set[type] = {type(value) for name, value in attributes.items() if not name.startswith("_")}
    hidden: dict[str, set[str]] = {cls.__qualname__: {"Travis"} for cls in resources - public}
    for value in public:
        for place, hint in _annotations(value):
            for cls in _types_in(hint):
                if cls not in public:
                    hidden.setdefault(f"{cls.__module__}.{cls.__qualname__}", set()).add(place)
    assert not hidden, "\n".join(f"{cls}: {', '.join(sorted(places))}" for cls, places in hidden.items())
