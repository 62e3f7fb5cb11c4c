"""Whether the tables are complete: facts have rows, citations have facts, quirks have tests, routes are requested."""

import importlib
import pkgutil
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

import aiotravis
from aiotravis.testing import TravisServer
from aiotravis.testing.rest.content_negotiation import split_suffix
from tests import conformance
from tests.conformance.live import COVERED
from tests.conformance.scene import scene
from tests.conformance.tables import Entity, Row, field_rows

HERE = Path(__file__).parent
FACTS = (HERE / "facts.md").read_text(encoding="utf-8")

NUMBER = r"(?:beyond )?\d+(?:\.\d+)?"
"""Number of a section or a quirk: ``3.14``, or ``beyond 2.1`` for what is not API v2."""

SECTIONS: Mapping[str, str] = dict(re.findall(rf"^## ({NUMBER})\n(.*?)(?=^## |\Z)", FACTS, re.MULTILINE | re.DOTALL))
QUIRKS = re.findall(r"^\| (9\.\d+) \|", FACTS, re.MULTILINE)

WITHOUT_ROWS = {
    "2": "rate limits, which take time: tests/testing/rest",
    "6": "the text of logs, which no route changes: tests/log_text",
    "9": "quirks: tests/quirks",
    "10.3": "the text of logs: tests/log_text, tests/testing/world/test_playback.py",
}
"""Sections without rows of a table, and why."""

CITATION = re.compile(rf"\bfacts? ({NUMBER}(?:, {NUMBER})*)")

REPOSITORY = re.compile(r"`([\w.-]+/[\w.-]+)(?:: [\w./-]+)?`")

FIELDS: Mapping[str, int] = {
    "3.1": 8, "3.2": 6, "3.4": 4, "3.5": 14, "3.7": 6, "3.8": 13, "3.9": 8, "3.10": 17, "3.11": 4, "3.12": 3,
    "3.13": 15, "3.14": 33, "3.15": 18, "3.16": 11, "3.17": 4, "3.18": 15, "3.20": 6,
}  # fmt: skip
"""Number of fields that a section lists, with those that are never sent."""


def modules() -> Iterator[ModuleType]:
    for found in pkgutil.iter_modules(conformance.__path__):
        if found.name.startswith("test_") and found.name != "test_completeness":
            yield importlib.import_module(f"{conformance.__name__}.{found.name}")


def rows() -> Iterator[tuple[str, Row]]:
    for module in modules():
        for name, row in getattr(module, "ROWS", dict[str, Any]()).items():
            if isinstance(row, Row):
                yield name, row


def entities() -> Iterator[tuple[str, Entity]]:
    for module in modules():
        yield from getattr(module, "ENTITIES", {}).items()


def section_of(name: str) -> str:
    number = re.match(NUMBER, name)
    return number[0] if number else name


def cited(*folders: Path) -> set[str]:
    """Return all facts that the Python files of some folders cite."""
    files = [file for folder in folders for file in folder.rglob("*.py")]
    citations = [found for file in files for found in CITATION.findall(file.read_text("utf-8"))]
    return {number for citation in citations for number in citation.split(", ")}


def test_every_section_of_the_facts_has_rows_and_every_row_has_its_section() -> None:
    named = {section_of(name) for name, _ in rows()} | {entity.section for _, entity in entities()} | set(COVERED)
    assert named == set(SECTIONS) - set(WITHOUT_ROWS)


def test_every_fact_that_the_package_cites_exists() -> None:
    assert cited(Path(aiotravis.__path__[0])) - {*SECTIONS, *QUIRKS} == set()


def test_quirks_are_numbered_and_each_is_tested_or_cited() -> None:
    quirks = HERE.parent / "quirks"
    tests = "\n".join(file.read_text("utf-8") for file in quirks.glob("*.py"))
    tested = {f"9.{number}" for number in re.findall(r"def test_quirk_(\d+)_", tests)}
    assert [f"9.{number}" for number in range(1, len(QUIRKS) + 1)] == QUIRKS
    assert set(QUIRKS) - tested - cited(Path(aiotravis.__path__[0]), quirks) == set()


@pytest.mark.parametrize("section", SECTIONS)
def test_every_fact_names_a_source(section: str) -> None:
    known = set(REPOSITORY.findall(FACTS.partition("## ")[0]))
    paragraph = re.search(r"Sources: (.*?)(?:\n\n|\Z)", SECTIONS[section], re.DOTALL)
    assert paragraph is not None
    assert set(REPOSITORY.findall(paragraph[1])) <= known
    if not paragraph[1].startswith("as named"):
        assert REPOSITORY.search(paragraph[1]) or "official documentation" in paragraph[1]
        return
    facts = [line for line in SECTIONS[section].splitlines() if line.startswith("| ")][1:]
    for fact in facts:
        source = fact.rstrip("| ").rpartition(" | ")[2]
        repositories = set(REPOSITORY.findall(source))
        sections = {number for number in re.findall(r"\b\d+(?:\.\d+)?\b", source) if not repositories}
        assert repositories <= known, fact
        assert sections <= set(SECTIONS), fact
        assert repositories or sections, fact


def test_every_listed_field_has_its_row() -> None:
    counts: Counter[str] = Counter()
    for module in modules():
        counts.update(section_of(name) for name in field_rows(getattr(module, "ENTITIES", {})))
    assert counts == FIELDS


def test_no_two_rows_have_the_same_name() -> None:
    counts = Counter(name for name, _ in rows())
    assert [name for name, count in counts.items() if count > 1] == []


async def requested() -> set[tuple[str, str]]:
    """Return method and path of each request of each row."""
    async with scene() as found:
        names = {**found.names, "one": "1"} | {f"one_{kind}": "1" for kind in ("build", "job", "request")}
    calls = [(row.method, row.path.format_map(names)) for _, row in rows()]
    places = [place for _, entity in entities() for place in entity.places.values()]
    calls += [("GET", place.path.format_map(names)) for place in places]
    return {(method, path.partition("?")[0]) for method, path in calls}


async def test_every_route_is_requested_by_a_row() -> None:
    router = web.UrlDispatcher()
    for routes in TravisServer()._groups:
        routes.add_routes(router, "")
    every = {(route.method, route.resource.canonical) for route in router.routes() if route.resource is not None}
    reached: set[tuple[str, str]] = set()
    calls = await requested()
    for method in {method for method, _ in calls}:
        # One mocked request for each method: making one costs as much as resolving a hundred paths.
        request = make_mocked_request(method, "/")
        paths = {path for other, path in calls if other == method}
        for path in paths | {split_suffix(path)[0] for path in paths}:
            match = await router.resolve(request.clone(rel_url=path))
            if match.route.resource is not None:
                reached.add((method, match.route.resource.canonical))
    assert {(method, path) for method, path in every if method != "HEAD"} - reached == set()
