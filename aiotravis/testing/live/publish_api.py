"""Pusher's HTTP API, so that any Pusher publisher can send events to clients of the embedded Travis.

https://pusher.com/docs/channels/library_auth_reference/rest-api/
"""

import hashlib
import hmac
import json
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final, cast

from aiohttp import web

from aiotravis.testing.live.compact_json import compact
from aiotravis.testing.live.pusher import PusherApp

__all__ = ["PublishApi", "signed"]

MAX_CLOCK_SKEW: Final = 600
"""Maximum difference between a request's timestamp and the clock, in seconds."""

MAX_DATA_BYTES: Final = 10_240

MAX_NAME_CHARACTERS: Final = 200

MAX_CHANNELS: Final = 100

MAX_BATCH_EVENTS: Final = 10

CHANNEL: Final = re.compile(r"[\w\-=@,.;]{1,164}", re.ASCII)

SOCKET_ID: Final = re.compile(r"\d+\.\d+")


def signed(secret: str, method: str, path: str, query: Mapping[str, str]) -> str:
    """Return the signature of a request: HMAC-SHA256 of method, path and sorted unescaped query, in hexadecimal."""
    pairs = sorted((name.lower(), value) for name, value in query.items() if name.lower() != "auth_signature")
    text = "\n".join((method, path, "&".join(f"{name}={value}" for name, value in pairs)))
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


class _ApiError(Exception):
    """An error answer: a status and a line of text."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class PublishApi:
    """The routes below ``/apps/ID``.

    Args:
        app: The app to publish to.
        clock: Returns seconds since the epoch.
    """

    def __init__(self, app: PusherApp, clock: Callable[[], float] = time.time) -> None:
        self._app = app
        self._clock = clock

    def add_routes(self, app: web.Application) -> None:
        """Add the routes to an application."""
        for method, path, handler in (
            ("POST", "events", self._events),
            ("POST", "batch_events", self._batch),
            ("GET", "channels", self._channels),
            ("GET", "channels/{name}", self._channel),
            ("GET", "channels/{name}/users", self._users),
        ):
            app.router.add_route(method, f"/apps/{{id}}/{path}", self._checked(handler))

    def _checked(
        self, handler: Callable[[web.Request, bytes], object]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answer(request: web.Request) -> web.Response:
            body = await request.read()
            try:
                self._check(request, body)
                content = handler(request, body)
            except _ApiError as exc:
                return web.Response(status=exc.status, text=f"{exc}\n")
            return web.json_response(content)

        return answer

    def _check(self, request: web.Request, body: bytes) -> None:
        """Check app, key, version, timestamp, body and signature in Pusher's order."""
        query = request.query
        if request.match_info["id"] != self._app.app_id:
            raise _ApiError(404, f"Unknown app {request.match_info['id']}")
        for name in ("auth_key", "auth_timestamp", "auth_version", "auth_signature"):
            if name not in query:
                raise _ApiError(400, f"Missing required param: {name}")
        if query["auth_key"] != self._app.key:
            raise _ApiError(401, f"Unknown auth_key: {query['auth_key']}")
        if query["auth_version"] != "1.0":
            raise _ApiError(400, f"Unknown auth_version: {query['auth_version']}")
        stamp, now = query["auth_timestamp"], self._clock()
        if not stamp.isdecimal() or abs(int(stamp) - now) > MAX_CLOCK_SKEW:
            raise _ApiError(
                401, f"Timestamp expired: Given timestamp ({stamp}) not within 600s of server time ({now:.0f})"
            )
        if request.method == "POST" and query.get("body_md5") != hashlib.md5(body, usedforsecurity=False).hexdigest():
            raise _ApiError(400, "Invalid body_md5")
        expected = signed(self._app.secret, request.method, request.path, query)
        if not hmac.compare_digest(expected, query["auth_signature"]):
            raise _ApiError(401, f"Invalid signature: you sent {query['auth_signature']!r}")

    # Publishing -------------------------------------------------------------------------------------------------------

    def _events(self, request: web.Request, body: bytes) -> object:
        """Publish one event on one channel or several."""
        event = _mapping(_json(body))
        channels = event.get("channels", [event["channel"]] if "channel" in event else None)
        if not isinstance(channels, list) or not channels:
            raise _ApiError(400, "Missing required param: channels")
        names = [_channel(name) for name in cast("list[object]", channels)]
        if len(names) > MAX_CHANNELS:
            raise _ApiError(400, f"Cannot trigger to more than {MAX_CHANNELS} channels")
        self._publish(event, names)
        return self._info(names, event.get("info"))

    def _batch(self, request: web.Request, body: bytes) -> object:
        """Publish several events, each on one channel."""
        batch = _mapping(_json(body)).get("batch")
        if not isinstance(batch, list):
            raise _ApiError(400, "Missing required param: batch")
        events = [_mapping(event) for event in cast("list[object]", batch)]
        if len(events) > MAX_BATCH_EVENTS:
            raise _ApiError(400, f"Batch too large (> {MAX_BATCH_EVENTS})")
        names = [_channel(event.get("channel")) for event in events]
        for event in events:
            _check_event(event, objects=self._app.accepts_object_data)
        for event, name in zip(events, names, strict=True):
            self._publish(event, [name])
        return {}

    def _publish(self, event: Mapping[str, object], names: Iterable[str]) -> None:
        name, data = _check_event(event, objects=self._app.accepts_object_data)
        socket_id = event.get("socket_id")
        if socket_id is not None and not (isinstance(socket_id, str) and SOCKET_ID.fullmatch(socket_id)):
            raise _ApiError(400, f"Invalid socket id {socket_id!r}")
        self._app.publish(names, name, data, exclude=socket_id if isinstance(socket_id, str) else None)

    # Channels ---------------------------------------------------------------------------------------------------------

    def _channels(self, request: web.Request, body: bytes) -> object:
        """Return the occupied channels."""
        prefix = request.query.get("filter_by_prefix", "")
        names = [name for name in self._app.subscription_counts if name.startswith(prefix)]
        channels = {name: dict[str, object]() for name in names}
        return self._info(names, request.query.get("info")) or {"channels": channels}

    def _info(self, names: Iterable[str], info: object) -> dict[str, object]:
        if not info:
            return {}
        _check_info(info)
        counts = self._app.subscription_counts
        return {"channels": {name: {"subscription_count": counts.get(name, 0)} for name in names}}

    def _channel(self, request: web.Request, body: bytes) -> object:
        """Return whether a channel is occupied."""
        count = self._app.subscription_counts.get(_channel(request.match_info["name"]), 0)
        info = request.query.get("info")
        if info:
            _check_info(info)
        return {"occupied": count > 0} | ({"subscription_count": count} if info else {})

    def _users(self, request: web.Request, body: bytes) -> object:
        raise _ApiError(400, "Users can only be retrieved for presence channels")


def _json(body: bytes) -> object:
    try:
        return json.loads(body)
    except ValueError:
        raise _ApiError(400, "Invalid JSON provided") from None


def _mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise _ApiError(400, "Expected a JSON object")
    return cast("dict[str, object]", value)


def _channel(name: object) -> str:
    if not isinstance(name, str) or not CHANNEL.fullmatch(name):
        raise _ApiError(400, f"Invalid channel name {name!r}")
    return name


def _check_event(event: Mapping[str, object], *, objects: bool) -> tuple[str, object]:
    """Return name and data of an event; only some servers accept data that is no string."""
    name, data = event.get("name"), event.get("data")
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME_CHARACTERS:
        raise _ApiError(400, "Invalid event name")
    if not isinstance(data, str) and not objects:
        raise _ApiError(400, "Data must be a string")
    text = data if isinstance(data, str) else compact(data)
    if len(text.encode("utf-8", "surrogatepass")) > MAX_DATA_BYTES:
        raise _ApiError(413, f"The data content of this event exceeds the allowed maximum ({MAX_DATA_BYTES} bytes)")
    return name, data


def _check_info(info: object) -> None:
    if info != "subscription_count":
        raise _ApiError(400, f"Unsupported info attribute {info!r}")
