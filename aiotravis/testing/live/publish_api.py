"""Pusher's HTTP API on the live channel of the embedded Travis: any Pusher publisher can drive it.

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

TOLERANCE: Final = 600
"""Seconds by which a request's time stamp may be off."""

LONGEST_DATA: Final = 10_240
"""Bytes of an event's data."""

LONGEST_NAME: Final = 200
"""Characters of an event's name."""

MOST_CHANNELS: Final = 100

MOST_EVENTS: Final = 10
"""Events in one batch."""

CHANNEL: Final = re.compile(r"[\w\-=@,.;]{1,164}", re.ASCII)

SOCKET: Final = re.compile(r"\d+\.\d+")


def signed(secret: str, method: str, path: str, query: Mapping[str, str]) -> str:
    """Sign a request: HMAC-SHA256, in hexadecimal, of method, path and sorted query.

    Args:
        secret: The app's secret.
        method: HTTP method.
        path: Path without query.
        query: Parameters, values as they are before any escaping; ``auth_signature`` is left out.
    """
    pairs = sorted((name.lower(), value) for name, value in query.items() if name.lower() != "auth_signature")
    text = "\n".join((method, path, "&".join(f"{name}={value}" for name, value in pairs)))
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


class _Refused(Exception):
    """A request that Pusher declines: a status, and why in a line of text."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class PublishApi:
    """The routes below ``/apps/ID``.

    Args:
        app: The app that they are about.
        clock: Gives seconds since the epoch.
    """

    def __init__(self, app: PusherApp, clock: Callable[[], float] = time.time) -> None:
        self._app = app
        self._clock = clock

    def add_routes(self, app: web.Application) -> None:
        """Serve the routes."""
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
                given = handler(request, body)
            except _Refused as refused:
                return web.Response(status=refused.status, text=f"{refused}\n")
            return web.json_response(given)

        return answer

    def _check(self, request: web.Request, body: bytes) -> None:
        """Look at who asks, as Pusher does: app, key, time, body, signature."""
        query = request.query
        if request.match_info["id"] != self._app.app_id:
            raise _Refused(404, f"Unknown app {request.match_info['id']}")
        for name in ("auth_key", "auth_timestamp", "auth_version", "auth_signature"):
            if name not in query:
                raise _Refused(400, f"Missing required param: {name}")
        if query["auth_key"] != self._app.key:
            raise _Refused(401, f"Unknown auth_key: {query['auth_key']}")
        if query["auth_version"] != "1.0":
            raise _Refused(400, f"Unknown auth_version: {query['auth_version']}")
        stamp, now = query["auth_timestamp"], self._clock()
        if not stamp.isdecimal() or abs(int(stamp) - now) > TOLERANCE:
            raise _Refused(
                401, f"Timestamp expired: Given timestamp ({stamp}) not within 600s of server time ({now:.0f})"
            )
        if request.method == "POST" and query.get("body_md5") != hashlib.md5(body, usedforsecurity=False).hexdigest():
            raise _Refused(400, "Invalid body_md5")
        expected = signed(self._app.secret, request.method, request.path, query)
        if not hmac.compare_digest(expected, query["auth_signature"]):
            raise _Refused(401, f"Invalid signature: you sent {query['auth_signature']!r}")

    # Publishing -------------------------------------------------------------------------------------------------------

    def _events(self, request: web.Request, body: bytes) -> object:
        """Publish one event on one channel or several."""
        event = _mapping(_json(body))
        channels = event.get("channels", [event["channel"]] if "channel" in event else None)
        if not isinstance(channels, list) or not channels:
            raise _Refused(400, "Missing required param: channels")
        names = [_channel(name) for name in cast("list[object]", channels)]
        if len(names) > MOST_CHANNELS:
            raise _Refused(400, f"Cannot trigger to more than {MOST_CHANNELS} channels")
        self._publish(event, names)
        return self._told(names, event.get("info"))

    def _batch(self, request: web.Request, body: bytes) -> object:
        """Publish several events, a channel each."""
        batch = _mapping(_json(body)).get("batch")
        if not isinstance(batch, list):
            raise _Refused(400, "Missing required param: batch")
        events = [_mapping(event) for event in cast("list[object]", batch)]
        if len(events) > MOST_EVENTS:
            raise _Refused(400, f"Batch too large (> {MOST_EVENTS})")
        names = [_channel(event.get("channel")) for event in events]
        for event in events:
            _check_event(event, objects=self._app.takes_objects)
        for event, name in zip(events, names, strict=True):
            self._publish(event, [name])
        return {}

    def _publish(self, event: Mapping[str, object], names: Iterable[str]) -> None:
        name, data = _check_event(event, objects=self._app.takes_objects)
        besides = event.get("socket_id")
        if besides is not None and not (isinstance(besides, str) and SOCKET.fullmatch(besides)):
            raise _Refused(400, f"Invalid socket id {besides!r}")
        self._app.publish(names, name, data, besides=besides if isinstance(besides, str) else None)

    # Looking ----------------------------------------------------------------------------------------------------------

    def _channels(self, request: web.Request, body: bytes) -> object:
        """Tell which channels are occupied."""
        prefix = request.query.get("filter_by_prefix", "")
        names = [name for name in self._app.listeners if name.startswith(prefix)]
        bare = {name: dict[str, object]() for name in names}
        return self._told(names, request.query.get("info")) or {"channels": bare}

    def _told(self, names: Iterable[str], info: object) -> dict[str, object]:
        if not info:
            return {}
        _check_info(info)
        counts = self._app.listeners
        return {"channels": {name: {"subscription_count": counts.get(name, 0)} for name in names}}

    def _channel(self, request: web.Request, body: bytes) -> object:
        """Tell whether a channel is occupied."""
        count = self._app.listeners.get(_channel(request.match_info["name"]), 0)
        info = request.query.get("info")
        if info:
            _check_info(info)
        return {"occupied": count > 0} | ({"subscription_count": count} if info else {})

    def _users(self, request: web.Request, body: bytes) -> object:
        raise _Refused(400, "Users can only be retrieved for presence channels")


def _json(body: bytes) -> object:
    try:
        return json.loads(body)
    except ValueError:
        raise _Refused(400, "Invalid JSON provided") from None


def _mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise _Refused(400, "Expected a JSON object")
    return cast("dict[str, object]", value)


def _channel(name: object) -> str:
    if not isinstance(name, str) or not CHANNEL.fullmatch(name):
        raise _Refused(400, f"Invalid channel name {name!r}")
    return name


def _check_event(event: Mapping[str, object], *, objects: bool) -> tuple[str, object]:
    """Give name and data of an event; only some servers take data that is no string."""
    name, data = event.get("name"), event.get("data")
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME:
        raise _Refused(400, "Invalid event name")
    if not isinstance(data, str) and not objects:
        raise _Refused(400, "Data must be a string")
    text = data if isinstance(data, str) else compact(data)
    if len(text.encode("utf-8", "surrogatepass")) > LONGEST_DATA:
        raise _Refused(413, f"The data content of this event exceeds the allowed maximum ({LONGEST_DATA} bytes)")
    return name, data


def _check_info(info: object) -> None:
    if info != "subscription_count":
        raise _Refused(400, f"Unsupported info attribute {info!r}")
