"""Whether the tables are complete: every section has rows, and every route is met by one."""

import importlib
import pkgutil
from collections import Counter
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from aiotravis.testing import TravisServer
from aiotravis.testing.rest.content_negotiation import split_suffix
from tests import conformance
from tests.conformance.scene import scene
from tests.conformance.tables import Entity, Row, field_rows

SECTIONS = [f"3.{number}" for number in range(1, 23)]

FIELDS: Mapping[str, int] = {
    "3.1": 8, "3.2": 6, "3.4": 4, "3.5": 14, "3.7": 6, "3.8": 13, "3.9": 8, "3.10": 17, "3.11": 4, "3.12": 3,
    "3.13": 15, "3.14": 33, "3.15": 18, "3.16": 11, "3.17": 4, "3.18": 15, "3.20": 6,
}  # fmt: skip
"""Section to how many fields it lists, those included that are nowhere."""


def modules() -> Iterator[ModuleType]:
    for found in pkgutil.iter_modules(conformance.__path__):
        if found.name.startswith("test_") and found.name != "test_completeness":
            yield importlib.import_module(f"{conformance.__name__}.{found.name}")


def rows() -> Iterator[tuple[str, Any]]:
    """Give name and row of each call, those of refusals included, which are rows of their own kind."""
    for module in modules():
        table = getattr(module, "ROWS", {})
        if isinstance(table, dict):
            yield from table.items()


def entities() -> Iterator[tuple[str, Entity]]:
    for module in modules():
        yield from getattr(module, "ENTITIES", {}).items()


def section_of(name: str) -> str:
    return name.partition(" ")[0]


@pytest.mark.parametrize("section", [*SECTIONS, "1.1", "1.2", "1.5", "4", "5.1", "5.2", "5.3", "5.4", "5.5"])
def test_every_section_has_rows(section: str) -> None:
    assert section in {section_of(name) for name, _ in rows()} | {entity.section for _, entity in entities()}


def test_every_row_names_a_section_that_there_is() -> None:
    known = {*SECTIONS, "1.1", "1.2", "1.3", "1.5", "4", "5.1", "5.2", "5.3", "5.4", "5.5"}
    assert {section_of(name) for name, row in rows() if isinstance(row, Row)} <= known


def test_every_listed_field_has_its_row() -> None:
    counts: Counter[str] = Counter()
    for module in modules():
        counts.update(section_of(name) for name in field_rows(getattr(module, "ENTITIES", {})))
    assert counts == FIELDS


def test_no_row_is_there_twice() -> None:
    counts = Counter(name for name, row in rows() if isinstance(row, Row))
    assert [name for name, count in counts.items() if count > 1] == []


async def met() -> list[tuple[str, str]]:
    """Give method and path of every call of every row."""
    async with scene() as found:
        names = {**found.names, "one": "1"} | {f"one_{kind}": "1" for kind in ("build", "job", "request")}
        calls = [(row.method, row.path.format_map(names)) for _, row in rows() if isinstance(row, Row)]
        places = [place for _, entity in entities() for place in entity.places.values()]
        calls += [("GET", place.path.format_map(names)) for place in places]
    return [(method, path.partition("?")[0]) for method, path in calls]


async def test_every_route_is_met_by_a_row() -> None:
    router = web.UrlDispatcher()
    for routes in TravisServer()._groups:
        routes.add_routes(router, "")
    every = {(route.method, route.resource.canonical) for route in router.routes() if route.resource is not None}
    reached: set[tuple[str, str]] = set()
    for method, path in await met():
        for target in (path, split_suffix(path)[0]):
            match = await router.resolve(make_mocked_request(method, target))
            if match.route.resource is not None:
                reached.add((method, match.route.resource.canonical))
    assert {(method, path) for method, path in every if method != "HEAD"} - reached == set()
