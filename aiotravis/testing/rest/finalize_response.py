"""What every answer of the embedded Travis wears: CORS, JSONP, ETags, indentation, compression.

https://docs.travis-ci.com/api/#making-requests
"""

import hashlib
import json
import re
from typing import Final

from aiohttp import web

__all__ = ["admitted_encodings", "finalized", "preflight", "unhandled"]

METHODS: Final = "HEAD, GET, POST, PATCH, PUT, DELETE"

ALLOWED: Final = (
    "Content-Type, Authorization, Accept, If-None-Match, If-Modified-Since, X-User-Agent, X-Client-Release, "
    "Travis-API-Version, Trace"
)

EXPOSED: Final = "Content-Type, Cache-Control, Expires, Etag, Last-Modified, X-Request-ID"

CALLBACK: Final = re.compile(r"[A-Za-z_$][\w$]*(\.[A-Za-z_$][\w$]*|\[\d+\])*")
"""Names that JSONP may call."""


def preflight() -> web.Response:
    """Answer a browser that asks beforehand whether it may ask."""
    return web.Response(
        status=204,
        headers={
            "Access-Control-Allow-Methods": METHODS,
            "Access-Control-Allow-Headers": ALLOWED,
            "Access-Control-Max-Age": "86400",
        },
    )


def unhandled(request_id: str) -> web.Response:
    """Answer where something went wrong that nobody thought of."""
    text = f"Sorry, we experienced an error.\n\nrequest_id:{request_id}\n"
    return web.Response(status=500, text=text, content_type="text/plain")


def finalized(request: web.Request, response: web.Response, request_id: str) -> web.Response:
    """Dress an answer as it leaves.

    Args:
        request: What was asked.
        response: What is answered; it is changed.
        request_id: What the server calls the request.
    """
    response = _with_callback(request, _indented(request, response))
    response = _unless_known(request, response)
    headers = response.headers
    headers["X-Request-ID"] = request_id
    headers["Vary"] = "Accept,Authorization,Accept-Encoding"
    headers["Access-Control-Allow-Origin"] = "*"
    headers["Access-Control-Allow-Credentials"] = "true"
    headers["Access-Control-Expose-Headers"] = EXPOSED
    return response


def _is_json(response: web.Response) -> bool:
    return response.content_type == "application/json" and bool(response.body)


def _bytes(response: web.Response) -> bytes:
    return response.body if isinstance(response.body, bytes) else b""


def _indented(request: web.Request, response: web.Response) -> web.Response:
    if request.query.get("pretty") in {"true", "1"} and _is_json(response) and response.status == 200:
        response.body = json.dumps(json.loads(_bytes(response)), indent=2).encode()
    return response


def _with_callback(request: web.Request, response: web.Response) -> web.Response:
    """Wrap JSON, errors too, in a call, where a page asks that way because it cannot ask another."""
    name = request.query.get("callback")
    if name is None or request.method != "GET" or response.content_type != "application/json":
        return response
    if not CALLBACK.fullmatch(name):
        return web.Response(status=400, text="Bad Request", content_type="text/plain")
    response.body = b"/**/" + name.encode() + b"(" + _bytes(response) + b")"
    response.headers["Content-Type"] = "application/javascript;charset=utf-8"
    return response


def _unless_known(request: web.Request, response: web.Response) -> web.Response:
    """Mark what was read with its fingerprint, and leave it out where the client knows it by that."""
    if request.method not in {"GET", "HEAD"} or response.status != 200 or "Cache-Control" in response.headers:
        return response
    tag = f'"{hashlib.md5(_bytes(response), usedforsecurity=False).hexdigest()}"'
    known = [entry.strip().removeprefix("W/") for entry in request.headers.get("If-None-Match", "").split(",")]
    if tag in known or "*" in known:
        response = web.Response(status=304)
    response.headers["ETag"] = tag
    response.headers["Cache-Control"] = "no-cache"
    return response


def admitted_encodings(accepted: str | None) -> set[str]:
    """Give the encodings that somebody takes; identity goes without saying."""
    encodings = {"identity"}
    for entry in (accepted or "").lower().replace(" ", "").split(","):
        name, _, weight = entry.partition(";q=")
        if weight and not weight.strip("0."):
            encodings.discard(name)
            if name == "*":
                encodings.discard("identity")
        elif name:
            encodings.add(name)
    return encodings
