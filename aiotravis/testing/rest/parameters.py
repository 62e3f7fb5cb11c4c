"""Reading what was sent: paths, queries, JSON and forms."""

import json
from collections.abc import Mapping
from typing import cast

from aiohttp import web

from aiotravis.testing.rest.access import Refusal, not_found

__all__ = ["Fields", "check_body", "fields_of", "nested", "number_in", "raw_nested", "several", "size_in", "yes"]

Fields = Mapping[str, object]


def number_in(request: web.Request, name: str = "id") -> int:
    """Read an id out of the path.

    Raises:
        Refusal: It is no number: no such route.
    """
    text = request.match_info[name]
    if not text.isdecimal():
        raise not_found()
    return int(text)


def several(request: web.Request, name: str, *, split: bool) -> list[str]:
    """Read ``ids[]=1&ids[]=2``; ``ids=1,2`` as well where the route splits it."""
    values = [str(value) for value in request.query.getall(f"{name}[]", [])]
    # Rack keeps only the last of a repeated plain parameter.
    plain = [str(value) for value in request.query.getall(name, [])][-1:]
    for value in plain:
        values += value.split(",") if split else [value.partition(",")[0]]
    return values


def size_in(request: web.Request, *, usual: int, most: int) -> int:
    """Read ``limit``; nothing, zero and what is no number mean the usual size."""
    limit = request.query.get("limit", "")
    return min(int(limit), most) if limit.isdecimal() and int(limit) else usual


def _parsed(body: bytes) -> Fields:
    sent: object = json.loads(body) if body.strip() else {}
    return cast("Fields", sent) if isinstance(sent, dict) else {}


async def check_body(request: web.Request) -> None:
    """Look whether what calls itself JSON is any.

    Raises:
        Refusal: It is none.
    """
    if request.method not in {"GET", "HEAD"} and request.content_type == "application/json":
        try:
            _parsed(await request.read())
        except ValueError:
            raise Refusal(400, b'{"error":"Failed to parse body as JSON"}') from None


async def fields_of(request: web.Request) -> Fields:
    """Read what was sent, as JSON or as a form with ``names[in][brackets]``; another kind says nothing."""
    if request.content_type == "application/json":
        return _parsed(await request.read())
    fields: dict[str, object] = {}
    if request.content_type in {"application/x-www-form-urlencoded", "multipart/form-data"}:
        for name, value in (await request.post()).items():
            outer, _, inner = name.partition("[")
            if inner == "]":
                cast("list[object]", fields.setdefault(outer, [])).append(value)
            elif inner:
                nested = cast("dict[str, object]", fields.setdefault(outer, {}))
                nested[inner.rstrip("]")] = value
            else:
                fields[name] = value
    return fields


def _inner(fields: Fields, name: str) -> Fields | None:
    inner = fields.get(name)
    return cast("Fields", inner) if isinstance(inner, dict) else None


async def nested(request: web.Request, name: str) -> Fields | None:
    """Read the object that was sent under a name, or None where there is none."""
    return _inner(await fields_of(request), name)


async def raw_nested(request: web.Request, name: str) -> Fields | None:
    """Read it as the settings' routes do, which take any body for JSON, whatever it calls itself.

    Raises:
        Refusal: It is none; the text of it calls itself JSON all the same.
    """
    try:
        return _inner(_parsed(await request.read()), name)
    except ValueError:
        raise Refusal(400, b"Invalid JSON in request body") from None


def yes(fields: Fields, name: str = "active") -> bool:
    """Read a switch: true, or the text ``true``; anything else is a no."""
    return fields.get(name) is True or fields.get(name) == "true"
