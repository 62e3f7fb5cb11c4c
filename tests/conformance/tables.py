"""How a row of a table is written down, and how it is held against the embedded Travis."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypedDict, cast

import pytest

from aiotravis.testing import Mode, Switches
from tests.conformance.scene import Scene, scene
from tests.conftest import TOKEN
from tests.raw import V2, Raw, ask

JSON = "application/json"
NOT_FOUND = b'{"file":"not found"}'
NOTHING = b""
SORRY = b"Sorry, we experienced an error.\n"
V21 = "application/vnd.travis-ci.2.1+json"

Check = Callable[[Any], bool]
Before = Callable[[Scene], object]
After = Callable[[Scene], bool]
Whole = Callable[[Raw, Scene], bool]


class More(TypedDict, total=False):
    """What helpers pass on to a `Row`."""

    kind: str | None
    token: str | None
    mode: Mode
    old: str
    accept: str
    headers: Mapping[str, str]
    json: object
    data: bytes | None
    switches: Switches | None
    before: Before
    after: After
    whole: Whole


@dataclass(frozen=True)
class Row:
    """A call, and what it is answered with.

    Attributes:
        status: HTTP status.
        path: Names of the scene in braces.
        body: All of it as bytes, or whether its JSON is right, or None: whatever it is.
        data: Sent as it is; of a form names of the scene in braces.
        kind: The type that it says to be of, without a charset.
        token: Whose; None: nobody's.
        old: The server's year, if it is not today's.
        before: Changes the scene beforehand.
        after: Whether the scene is as it should be afterwards.
        whole: Whether the answer is right in something else, its headers for one.
    """

    status: int
    path: str
    body: bytes | Check | None = None
    kind: str | None = JSON
    method: str = "GET"
    token: str | None = TOKEN
    mode: Mode = "org"
    old: str = "head"
    accept: str = V2
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    json: object = None
    data: bytes | None = None
    switches: Switches | None = None
    before: Before = lambda _: None
    after: After = lambda _: True
    whole: Whole = lambda _, __: True


async def check(row: Row) -> None:
    """Make the call, and look at its answer."""
    is_form = "form" in row.headers.get("Content-Type", "")
    async with scene(mode=row.mode, log_mode=row.old, switches=row.switches) as found:
        row.before(found)
        data = row.data.decode().format_map(found.names).encode() if row.data and is_form else row.data
        answer = await ask(
            found.server, row.path.format_map(found.names), method=row.method, token=row.token, accept=row.accept,
            headers={name: value.format_map(found.names) for name, value in row.headers.items()}, json=row.json,
            data=data,
        )  # fmt: skip
        assert answer.status == row.status, (answer.status, answer.body)
        if row.kind is not None:
            assert answer.content_type.partition(";")[0] == row.kind
        if isinstance(row.body, bytes):
            assert answer.body == row.body
        elif row.body is not None:
            assert row.body(answer.json), answer.body[:2000]
        assert row.whole(answer, found), answer
        assert row.after(found)


def ids(name: str, *expected: object, by: str = "id") -> Check:
    """Whether a list has these, in this order."""
    return lambda body: [one[by] for one in body[name]] == list(expected)


def numbers(*expected: str) -> Check:
    """Whether a list of builds has these numbers, in this order."""
    return ids("builds", *expected, by="number")


def keys(*expected: str) -> Check:
    """Whether an answer has these keys and no others."""
    return lambda body: set(body) == set(expected)


def equals(expected: object) -> Check:
    """Whether an answer is just this."""
    return lambda body: body == expected


# Fields ---------------------------------------------------------------------------------------------------------------

STAMP: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def _is_list_of(kind: type) -> Check:
    return lambda value: isinstance(value, list) and {type(one) for one in cast("list[object]", value)} <= {kind}


KINDS: Final[Mapping[str, Check]] = {
    "int": lambda value: type(value) is int,
    "string": lambda value: isinstance(value, str),
    "bool": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "ts": lambda value: isinstance(value, str) and STAMP.fullmatch(value) is not None,
    "null": lambda value: value is None,
    "[int]": _is_list_of(int),
    "[string]": _is_list_of(str),
}


@dataclass(frozen=True)
class Place:
    """Where an entity is shown.

    Attributes:
        path: Names of the scene in braces, ``{one}`` for what is looked for, ``{one_build}``, ``{one_job}`` and
            ``{one_request}`` for what it comes beside.
        at: Key of the object, or of the list that has it; empty: the whole answer.
        by: The field that says which one of a list it is.
        sparse_token: Whose the sparse one is asked for with, if it is another's.
    """

    path: str
    at: str = ""
    by: str = "id"
    mode: Mode = "org"
    old: str = "head"
    token: str | None = TOKEN
    sparse_token: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Entity:
    """An entity with the fields that it has.

    Attributes:
        section: Of the facts.
        full: Which one has everything; a name of the scene, or the value itself.
        sparse: Which one has nothing that it need not have.
        places: Where it is shown.
        fields: Name to kind; a ``?`` after the kind: null where there is nothing.
        only: Names to the places that alone have them.
        never: Names that it has nowhere.
    """

    section: str
    full: object
    sparse: object
    places: Mapping[str, Place]
    fields: Mapping[str, str]
    only: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    never: Sequence[str] = ()

    async def shown(self, found: Scene, place: Place, which: object) -> Any:
        """Give one of it as it is shown in a place."""
        one = found.names.get(which, which) if isinstance(which, str) else which
        stem = "full" if which == self.full else "sparse"
        beside = {f"one_{kind}": found.names[f"{stem}_{kind}"] for kind in ("build", "job", "request")}
        path = place.path.format_map({**found.names, **beside, "one": one})
        token = place.sparse_token if which == self.sparse and place.sparse_token else place.token
        answer = await ask(found.server, path, token=token, headers=dict(place.headers))
        assert answer.status == 200, answer.body
        shown = answer.json[place.at] if place.at else answer.json
        if not isinstance(shown, list):
            return shown
        return next(entry for entry in cast("list[dict[str, Any]]", shown) if entry[place.by] == one)

    async def check(self, name: str) -> None:
        """Look at one field in each place."""
        for title, place in self.places.items():
            async with scene(mode=place.mode, log_mode=place.old) as found:
                full, sparse = [await self.shown(found, place, which) for which in (self.full, self.sparse)]
            expected = name in self.fields and title in self.only.get(name, self.places)
            assert (name in full, name in sparse) == (expected, expected), title
            if expected:
                kind = self.fields[name]
                assert KINDS[kind.rstrip("?")](full[name]), (title, full[name])
                assert sparse[name] is None if kind.endswith("?") else KINDS[kind](sparse[name]), (title, sparse[name])

    async def check_nothing_else(self) -> None:
        """Look whether there is nothing that the table does not have."""
        for title, place in self.places.items():
            async with scene(mode=place.mode, log_mode=place.old) as found:
                full = await self.shown(found, place, self.full)
            assert set(full) <= set(self.fields), title


def field_rows(entities: Mapping[str, Entity]) -> dict[str, tuple[str, str]]:
    """Give name of the entity and of the field for every row, by its own name: section, entity, field."""
    return {
        f"{entity.section} {title}.{name}": (title, name)
        for title, entity in entities.items()
        for name in (*entity.fields, *entity.never)
    }


# Tests ----------------------------------------------------------------------------------------------------------------

Tests = Callable[..., Awaitable[None]]


def calls(rows: Mapping[str, Row]) -> Tests:
    """Make a test of every row."""

    @pytest.mark.parametrize("name", rows)
    async def a_call(name: str) -> None:
        await check(rows[name])

    return a_call


def fields(entities: Mapping[str, Entity]) -> Tests:
    """Make a test of every field, under the name of its section, its entity and itself."""
    rows = field_rows(entities)

    @pytest.mark.parametrize(("entity", "field"), rows.values(), ids=rows)
    async def a_field(entity: str, field: str) -> None:
        await entities[entity].check(field)

    return a_field


def nothing_else(entities: Mapping[str, Entity]) -> Tests:
    """Make a test of every entity: it has no fields but those of the table."""

    @pytest.mark.parametrize("entity", entities)
    async def an_entity(entity: str) -> None:
        await entities[entity].check_nothing_else()

    return an_entity
