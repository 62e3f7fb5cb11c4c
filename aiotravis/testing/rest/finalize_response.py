"""What every response gets: CORS, JSONP, ETags, indentation; and the choice of encoding. See fact 1.3.

https://docs.travis-ci.com/api/#making-requests
"""

import json
import re
from typing import Final

from aiohttp import web

__all__ = ["accepted_encodings", "finalize_response", "preflight_response", "unhandled_error"]

METHODS: Final = "HEAD, GET, POST, PATCH, PUT, DELETE"

ALLOWED: Final = (
    "Content-Type, Authorization, Accept, If-None-Match, If-Modified-Since, X-User-Agent, X-Client-Release, "
    "Travis-API-Version, Trace"
)

EXPOSED: Final = "Content-Type, Cache-Control, Expires, Etag, Last-Modified, X-Request-ID"

CALLBACK: Final = re.compile(r"[A-Za-z_$][\w$]*(\.[A-Za-z_$][\w$]*|\[\d+\])*")
"""Legal names of JSONP callbacks."""


def preflight_response() -> web.Response:
    """Return the answer to a CORS preflight."""
    # fact 1.3: nginx answers it in front of the application, on any path.
    return web.Response(
        status=204,
        headers={
            "Access-Control-Allow-Methods": METHODS,
            "Access-Control-Allow-Headers": ALLOWED,
            "Access-Control-Max-Age": "86400",
        },
    )


def unhandled_error(request_id: str) -> web.Response:
    """Return the 500 for an unhandled exception."""
    text = f"Sorry, we experienced an error.\n\nrequest_id:{request_id}\n"
    return web.Response(status=500, text=text, content_type="text/plain")


def finalize_response(request: web.Request, response: web.Response, request_id: str) -> web.Response:
    """Return a response as it leaves the server.

    Args:
        request: The request.
        response: Its response; may be changed.
        request_id: Value of ``X-Request-ID``.
    """
    response = _jsonp(request, _indented(request, response))
    response = _conditional(request, response)
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


def _jsonp(request: web.Request, response: web.Response) -> web.Response:
    """Wrap JSON, errors included, in a call of ``callback``."""
    name = request.query.get("callback")
    if name is None or request.method != "GET" or response.content_type != "application/json":
        return response
    if not CALLBACK.fullmatch(name):
        return web.Response(status=400, text="Bad Request", content_type="text/plain")
    response.body = b"/**/" + name.encode() + b"(" + _bytes(response) + b")"
    response.headers["Content-Type"] = "application/javascript;charset=utf-8"
    return response


def _conditional(request: web.Request, response: web.Response) -> web.Response:
    """Return 304 if the client has what a successful read has to show."""
    if request.method not in {"GET", "HEAD"} or response.status != 200:
        return response
    caching = response.headers.get("Cache-Control", "no-cache")
    etag = response.headers.get("ETag")
    known = [entry.strip().removeprefix("W/") for entry in request.headers.get("If-None-Match", "").split(",")]
    if etag is not None and (etag in known or "*" in known):
        response = web.Response(status=304, headers={"ETag": etag})
    response.headers["Cache-Control"] = caching
    return response


def accepted_encodings(accepted: str | None) -> set[str]:
    """Return the encodings that a client accepts; identity is implied."""
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
