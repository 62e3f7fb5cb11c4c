"""Parameters of requests: paths, queries, JSON and forms."""

import json
from collections.abc import Mapping
from typing import cast

from aiohttp import web

from aiotravis.testing.rest.access import ErrorResponse, not_found

__all__ = [
    "Fields",
    "check_body",
    "is_true",
    "list_parameter",
    "page_size",
    "path_id",
    "read_fields",
    "read_object",
    "read_raw_object",
]

Fields = Mapping[str, object]


def path_id(request: web.Request, name: str = "id") -> int:
    """Return an id of the path.

    Raises:
        ErrorResponse: 404: it is not a number.
    """
    text = request.match_info[name]
    if not text.isdecimal():
        raise not_found()
    return int(text)


def list_parameter(request: web.Request, name: str, *, split: bool) -> list[str]:
    """Return the values of ``ids[]=1&ids[]=2``, and of ``ids=1,2`` if the route splits it."""
    values = [str(value) for value in request.query.getall(f"{name}[]", [])]
    # Rack keeps only the last of repeated ids=.
    plain = [str(value) for value in request.query.getall(name, [])][-1:]
    for value in plain:
        values += value.split(",") if split else [value.partition(",")[0]]
    return values


def page_size(request: web.Request, default: int, maximum: int) -> int:
    """Return ``limit``, at most the maximum; the default if it is missing, zero or not a number."""
    limit = request.query.get("limit", "")
    return min(int(limit), maximum) if limit.isdecimal() and int(limit) else default


def _parse(body: bytes) -> Fields:
    value: object = json.loads(body) if body.strip() else {}
    return cast("Fields", value) if isinstance(value, dict) else {}


async def check_body(request: web.Request) -> None:
    """Check that a body labelled as JSON is JSON.

    Raises:
        ErrorResponse: 400: it is not.
    """
    if request.method not in {"GET", "HEAD"} and request.content_type == "application/json":
        try:
            _parse(await request.read())
        except ValueError:
            raise ErrorResponse(400, b'{"error":"Failed to parse body as JSON"}') from None


async def read_fields(request: web.Request) -> Fields:
    """Return the body as fields: JSON, or a form with ``names[in][brackets]``; empty for any other type."""
    if request.content_type == "application/json":
        return _parse(await request.read())
    fields: dict[str, object] = {}
    if request.content_type in {"application/x-www-form-urlencoded", "multipart/form-data"}:
        for name, value in (await request.post()).items():
            outer, _, inner = name.partition("[")
            if inner == "]":
                cast("list[object]", fields.setdefault(outer, [])).append(value)
            elif inner:
                inner_fields = cast("dict[str, object]", fields.setdefault(outer, {}))
                inner_fields[inner.rstrip("]")] = value
            else:
                fields[name] = value
    return fields


def _inner(fields: Fields, name: str) -> Fields | None:
    inner = fields.get(name)
    return cast("Fields", inner) if isinstance(inner, dict) else None


async def read_object(request: web.Request, name: str) -> Fields | None:
    """Return the object under a name in the body, or None."""
    return _inner(await read_fields(request), name)


async def read_raw_object(request: web.Request, name: str) -> Fields | None:
    """Return the object under a name in a body of any type, which is read as JSON, or None.

    Raises:
        ErrorResponse: 400: the body is not JSON.
    """
    try:
        return _inner(_parse(await request.read()), name)
    except ValueError:
        raise ErrorResponse(400, b"Invalid JSON in request body") from None


def is_true(fields: Fields, name: str = "active") -> bool:
    """Return whether a field is true or ``"true"``."""
    return fields.get(name) is True or fields.get(name) == "true"
