"""Reading what was sent: paths, queries, JSON and forms."""

import json
import re
from collections.abc import Mapping
from typing import cast

from aiohttp import web

from aiotravis.testing.access import Refusal, not_found

__all__ = ["Fields", "fields_of", "nested", "number_in", "several", "yes"]

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


async def fields_of(request: web.Request) -> Fields:
    """Read what was sent, as JSON or as a form with ``names[in][brackets]``.

    Raises:
        Refusal: It calls itself JSON and is none.
    """
    if request.content_type == "application/x-www-form-urlencoded":
        fields: dict[str, object] = {}
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
    body = await request.read()
    if not body:
        return {}
    try:
        sent: object = json.loads(body)
    except ValueError:
        raise Refusal(400, b'{"error":"Failed to parse body as JSON"}') from None
    return cast("Fields", sent) if isinstance(sent, dict) else {}


async def nested(request: web.Request, name: str) -> Fields | None:
    """Read the object that was sent under a name, or None where there is none.

    Raises:
        Refusal: What was sent calls itself JSON and is none.
    """
    inner = (await fields_of(request)).get(name)
    return cast("Fields", inner) if isinstance(inner, dict) else None


def yes(fields: Fields, name: str = "active") -> bool:
    """Read a switch: true, or the text ``true``; anything else is a no."""
    return re.fullmatch("true", str(fields.get(name)), re.IGNORECASE) is not None
