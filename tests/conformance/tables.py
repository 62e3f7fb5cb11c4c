"""The rows of the tables, and how they are checked against the embedded Travis."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Final, TypedDict, cast

import pytest

from aiotravis.testing import Mode, Switches
from tests.conformance.scene import Scene, SharedScenes, scene
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
AnswerCheck = Callable[[Raw, Scene], bool]


class RowOptions(TypedDict, total=False):
    """Optional fields of a `Row`."""

    kind: str | None
    token: str | None
    mode: Mode
    age: str
    accept: str
    headers: Mapping[str, str]
    json: object
    data: bytes | None
    switches: Switches | None
    before: Before
    after: After
    answer_is: AnswerCheck


def _unchanged(_: Scene) -> None:
    pass


def _any(*_: object) -> bool:
    return True


@dataclass(frozen=True)
class Row:
    """A request and the answer that is expected.

    Attributes:
        status: HTTP status.
        path: Path and query, with names of the scene in braces.
        body: The whole body as bytes, or a check of its JSON, or None to accept any.
        kind: Media type without a charset, or None to accept any.
        token: Access token, or None to send none.
        age: Age of the server.
        data: Body to send; in a form names of the scene stand in braces.
        before: Change the scene before the request.
        after: Check the scene after the request.
        answer_is: Check the whole answer, such as its headers.
    """

    status: int
    path: str
    body: bytes | Check | None = None
    kind: str | None = JSON
    method: str = "GET"
    token: str | None = TOKEN
    mode: Mode = "org"
    age: str = "head"
    accept: str = V2
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    json: object = None
    data: bytes | None = None
    switches: Switches | None = None
    before: Before = _unchanged
    after: After = _any
    answer_is: AnswerCheck = _any


def _only_reads(row: Row) -> bool:
    """Return whether other rows may share the scene of this one; signing in and out by GET changes it."""
    is_read = row.method in {"GET", "HEAD"} and not row.path.startswith(("/auth", "/logout"))
    return is_read and row.before is _unchanged and row.after is _any and row.switches is None


async def check(row: Row, scenes: SharedScenes) -> None:
    """Make the request of a row and check its answer, on a scene of its own if the row changes it."""
    is_form = "form" in row.headers.get("Content-Type", "")
    async with AsyncExitStack() as stack:
        if _only_reads(row):
            found = await scenes.get(row.mode, row.age)
        else:
            own = scene(mode=row.mode, log_mode=row.age, switches=row.switches)
            found = await stack.enter_async_context(own)
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
        assert row.answer_is(answer, found), answer
        assert row.after(found)


def ids(name: str, *expected: object, by: str = "id") -> Check:
    """Return a check that a list has these, in this order."""
    return lambda body: [one[by] for one in body[name]] == list(expected)


def numbers(*expected: str) -> Check:
    """Return a check that a list of builds has these numbers, in this order."""
    return ids("builds", *expected, by="number")


def keys(*expected: str) -> Check:
    """Return a check that an answer has these keys and no others."""
    return lambda body: set(body) == set(expected)


def equals(expected: object) -> Check:
    """Return a check that an answer equals this."""
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
    """A response that shows an entity.

    Attributes:
        path: Path with names of the scene in braces: ``{one}`` is the entity, ``{one_build}``, ``{one_job}`` and
            ``{one_request}`` are those that it comes with.
        at: Key of the object or of the list that holds it; empty: the whole answer.
        by: Field that identifies the entity in a list.
        sparse_token: Token that may read the sparse one, if it is another than ``token``.
    """

    path: str
    at: str = ""
    by: str = "id"
    mode: Mode = "org"
    age: str = "head"
    token: str | None = TOKEN
    sparse_token: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Entity:
    """An entity and its fields.

    Attributes:
        section: Section of the facts.
        full: The one that has everything: a name of the scene, or the value itself.
        sparse: The one that has as little as possible.
        places: Responses that show it.
        fields: Kind of each field; with a ``?``: null where there is nothing.
        only: Places of those fields that are not in all of them.
        never: Fields that are in none.
    """

    section: str
    full: object
    sparse: object
    places: Mapping[str, Place]
    fields: Mapping[str, str]
    only: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    never: Sequence[str] = ()

    async def _shown(self, scenes: SharedScenes, place: Place, which: object) -> Any:
        found = await scenes.get(place.mode, place.age)
        one = found.names.get(which, which) if isinstance(which, str) else which
        stem = "full" if which == self.full else "sparse"
        beside = {f"one_{kind}": found.names[f"{stem}_{kind}"] for kind in ("build", "job", "request")}
        path = place.path.format_map({**found.names, **beside, "one": one})
        token = place.sparse_token if which == self.sparse and place.sparse_token else place.token
        answer = await scenes.read(found, path, token, place.headers)
        shown = answer[place.at] if place.at else answer
        if not isinstance(shown, list):
            return shown
        return next(entry for entry in cast("list[dict[str, Any]]", shown) if entry[place.by] == one)

    async def check(self, name: str, scenes: SharedScenes) -> None:
        """Check one field in every place."""
        for title, place in self.places.items():
            full, sparse = [await self._shown(scenes, place, which) for which in (self.full, self.sparse)]
            expected = name in self.fields and title in self.only.get(name, self.places)
            assert (name in full, name in sparse) == (expected, expected), title
            if expected:
                kind = self.fields[name]
                assert KINDS[kind.rstrip("?")](full[name]), (title, full[name])
                assert sparse[name] is None if kind.endswith("?") else KINDS[kind](sparse[name]), (title, sparse[name])

    async def check_no_other_fields(self, scenes: SharedScenes) -> None:
        """Check that no place has a field that is not in the table."""
        for title, place in self.places.items():
            assert set(await self._shown(scenes, place, self.full)) <= set(self.fields), title


def field_rows(entities: Mapping[str, Entity]) -> dict[str, tuple[str, str]]:
    """Return names of the entity and the field of each row, by the name of the row: section, entity, field."""
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
    async def call(name: str, scenes: SharedScenes) -> None:
        await check(rows[name], scenes)

    return call


def fields(entities: Mapping[str, Entity]) -> Tests:
    """Make a test of every field, named by its section, its entity and itself."""
    rows = field_rows(entities)

    @pytest.mark.parametrize(("entity", "field"), rows.values(), ids=rows)
    async def has_field(entity: str, field: str, scenes: SharedScenes) -> None:
        await entities[entity].check(field, scenes)

    return has_field


def no_other_fields(entities: Mapping[str, Entity]) -> Tests:
    """Make a test of every entity: it has no fields but those of the table."""

    @pytest.mark.parametrize("entity", entities)
    async def has_no_other_fields(entity: str, scenes: SharedScenes) -> None:
        await entities[entity].check_no_other_fields(scenes)

    return has_no_other_fields
