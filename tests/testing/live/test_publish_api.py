"""Pusher's HTTP API: signed requests, and the stock publisher.

Stock ``pusher``, from PyPI, as an independent publisher:

| Call | What it returns here |
|---|---|
| ``trigger(channel, event, data)`` | ``{}``; subscribers, stock pysher too, receive it with data in a string |
| ``trigger_batch(events)`` | ``{}``; the events, in order |
| ``channels_info(prefix)`` | the occupied channels: ``{"channels": {"job-1": {}}}`` |
| ``channel_info(channel)`` | ``{"occupied": True}`` |
| ``users_info(channel)`` | ``PusherBadRequest``: no presence channels |
| ``authenticate(channel, socket_id)`` | the signature that the server itself gives |
| ``trigger`` with a wrong secret | ``PusherBadAuth``: invalid signature |
"""

import hashlib
import json
from collections.abc import AsyncGenerator, Callable
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
from anyio import to_thread

from aiotravis import Travis, events
from aiotravis.testing import Dialect, PusherApp, TravisServer
from aiotravis.testing.live.publish_api import PublishApi, signed
from tests.testing.live.subscribed_pysher import subscribed_pysher
from tests.testing.pusher_apps import KEY, make_app, open_websocket, serve_app
from tests.waiting import until

SECRET = "a-secret"
NOW = 1_700_000_000.0


@pytest.fixture
def app() -> PusherApp:
    return make_app(app_id="42")


@pytest.fixture
async def port(app: PusherApp) -> AsyncGenerator[int]:
    async with serve_app(app, api=PublishApi(app, lambda: NOW)) as port:
        yield port


async def send_request(
    port: int,
    method: str,
    path: str,
    body: object = None,
    *,
    change: Callable[[dict[str, str]], None] = lambda _: None,
    **query: str,
) -> tuple[int, str]:
    """Send a request signed as Pusher documents it; ``change`` modifies its query afterwards."""
    data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    query |= {"auth_key": KEY, "auth_timestamp": str(int(NOW)), "auth_version": "1.0"}
    if data:
        query["body_md5"] = hashlib.md5(data, usedforsecurity=False).hexdigest()
    query["auth_signature"] = signed(SECRET, method, path, query)
    change(query)
    url = f"http://127.0.0.1:{port}{path}?{urlencode(query)}"
    async with aiohttp.ClientSession() as session, session.request(method, url, data=data or None) as reply:
        return reply.status, (await reply.text()).strip()


def event_body(**fields: object) -> dict[str, object]:
    return {"name": "job:log", "channels": ["job-1"], "data": '{"id":1}'} | fields


async def next_event(socket: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    """Return the next frame that is not one of the protocol."""
    while True:
        frame: dict[str, Any] = json.loads((await socket.receive()).data)
        if not frame["event"].startswith("pusher"):
            return frame


async def subscribe(socket: aiohttp.ClientWebSocketResponse, app: PusherApp, channel: str) -> str:
    """Subscribe, and return the id of the socket."""
    hello = json.loads((await socket.receive()).data)
    await socket.send_str(json.dumps({"event": "pusher:subscribe", "data": {"channel": channel}}))
    await app.wait_occupied(channel)
    return str(json.loads(hello["data"])["socket_id"])


def test_the_signature_equals_that_of_pushers_example() -> None:
    """https://pusher.com/docs/channels/library_auth_reference/rest-api/#worked-authentication-example."""
    query = {
        "auth_key": "278d425bdf160c739803",
        "auth_timestamp": "1353088179",
        "auth_version": "1.0",
        "body_md5": "ec365a775a4cd0599faeb73354201b6f",
    }
    expected = "da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c"
    assert signed("7ad3773142a6692b25b8", "POST", "/apps/3/events", query) == expected


async def test_an_event_reaches_all_subscribers_but_the_excluded_socket(app: PusherApp, port: int) -> None:
    async with open_websocket(port) as first, open_websocket(port) as second:
        excluded = await subscribe(first, app, "job-1")
        await subscribe(second, app, "job-1")
        assert await send_request(port, "POST", "/apps/42/events", event_body(socket_id=excluded)) == (200, "{}")
        assert await send_request(port, "POST", "/apps/42/events", event_body(name="to:all")) == (200, "{}")
        assert (await next_event(first))["event"] == "to:all"
        assert await next_event(second) == {"event": "job:log", "channel": "job-1", "data": '{"id":1}'}
        assert (await next_event(second))["event"] == "to:all"


@pytest.mark.parametrize(("dialect", "data"), [("slanger", {"id": 1}), ("soketi", '{"id":1}')])
async def test_some_dialects_accept_data_that_is_no_string_up_to_10_kb(dialect: Dialect, data: object) -> None:
    app = make_app(app_id="42", dialect=dialect)
    async with serve_app(app, api=PublishApi(app, lambda: NOW)) as port, open_websocket(port) as socket:
        await subscribe(socket, app, "job-1")
        assert await send_request(port, "POST", "/apps/42/events", event_body(data={"id": 1})) == (200, "{}")
        assert (await next_event(socket))["data"] == data
        assert (await send_request(port, "POST", "/apps/42/events", event_body(data={"id": "x" * 10_240})))[0] == 413


async def test_a_batch_is_published_completely_or_not_at_all(app: PusherApp, port: int) -> None:
    async with open_websocket(port) as socket:
        await subscribe(socket, app, "job-1")
        good = {"name": "one", "channel": "job-1", "data": "1"}
        assert (await send_request(port, "POST", "/apps/42/batch_events", {"batch": [good, {**good, "data": 2}]}))[
            0
        ] == 400
        two = {"batch": [good, {**good, "name": "two"}]}
        assert await send_request(port, "POST", "/apps/42/batch_events", two) == (200, "{}")
        assert [(await next_event(socket))["event"] for _ in range(2)] == ["one", "two"]
        eleven = {"batch": [good] * 11}
        assert await send_request(port, "POST", "/apps/42/batch_events", eleven) == (400, "Batch too large (> 10)")


async def test_channels_are_listed_with_their_subscription_counts(app: PusherApp, port: int) -> None:
    async with open_websocket(port) as socket:
        await subscribe(socket, app, "job-1")
        path = "/apps/42/channels"
        assert await send_request(port, "GET", path) == (200, '{"channels": {"job-1": {}}}')
        assert await send_request(port, "GET", path, filter_by_prefix="repo-") == (200, '{"channels": {}}')
        count = '{"channels": {"job-1": {"subscription_count": 1}}}'
        assert await send_request(port, "GET", path, info="subscription_count") == (200, count)
        assert (await send_request(port, "GET", path, info="user_count"))[0] == 400
        assert await send_request(port, "GET", f"{path}/job-1") == (200, '{"occupied": true}')
        assert await send_request(port, "GET", f"{path}/job-2", info="subscription_count") == (
            200, '{"occupied": false, "subscription_count": 0}',
        )  # fmt: skip
        assert (await send_request(port, "GET", f"{path}/job-1/users"))[0] == 400
        counts = await send_request(port, "POST", "/apps/42/events", event_body(info="subscription_count"))
        assert counts == (200, count)


ERRORS: dict[str, tuple[dict[str, Any], int, str]] = {
    "another app": ({"path": "/apps/43/events"}, 404, "Unknown app 43"),
    "no key": ({"after": {"auth_key": None}}, 400, "Missing required param: auth_key"),
    "another key": ({"auth_key": "nobody"}, 401, "Unknown auth_key: nobody"),
    "another version": ({"auth_version": "2.0"}, 400, "Unknown auth_version: 2.0"),
    "too old": ({"auth_timestamp": str(int(NOW) - 601)}, 401, "Timestamp expired"),
    "too new": ({"auth_timestamp": str(int(NOW) + 601)}, 401, "Timestamp expired"),
    "no time": ({"auth_timestamp": "soon"}, 401, "Timestamp expired"),
    "another body": ({"after": {"body_md5": "0" * 32}}, 400, "Invalid body_md5"),
    "another signature": ({"after": {"auth_signature": "0" * 64}}, 401, "Invalid signature"),
    "another parameter": ({"after": {"more": "1"}}, 401, "Invalid signature"),
    "no JSON": ({"body": b"{"}, 400, "Invalid JSON provided"),
    "no object": ({"body": b"[]"}, 400, "Expected a JSON object"),
    "no channel": ({"body": event_body(channels=[])}, 400, "Missing required param: channels"),
    "a bad channel": ({"body": event_body(channels=["a b"])}, 400, "Invalid channel name 'a b'"),
    "a channel that is none": ({"body": event_body(channels=[1])}, 400, "Invalid channel name 1"),
    "a long channel": ({"body": event_body(channels=["x" * 165])}, 400, "Invalid channel name"),
    "many channels": ({"body": event_body(channels=["x"] * 101)}, 400, "Cannot trigger to more than 100 channels"),
    "no name": ({"body": event_body(name="")}, 400, "Invalid event name"),
    "a long name": ({"body": event_body(name="x" * 201)}, 400, "Invalid event name"),
    "data that is no text": ({"body": event_body(data={})}, 400, "Data must be a string"),
    "much data": ({"body": event_body(data="x" * 10_241)}, 413, "The data content of this event exceeds"),
    "a bad socket": ({"body": event_body(socket_id="1")}, 400, "Invalid socket id '1'"),
    "no batch": ({"path": "/apps/42/batch_events", "body": {}}, 400, "Missing required param: batch"),
}


@pytest.mark.parametrize("what", ERRORS)
async def test_an_invalid_request_is_an_error(port: int, what: str) -> None:
    changes, status, reason = ERRORS[what]
    arguments = dict(changes)
    path, body = arguments.pop("path", "/apps/42/events"), arguments.pop("body", event_body())
    after: dict[str, str | None] = arguments.pop("after", {})

    def change(query: dict[str, str]) -> None:
        if arguments:
            query.update(arguments)
            query["auth_signature"] = signed(SECRET, "POST", path, query)
        for name, value in after.items():
            query.pop(name, None)
            if value is not None:
                query[name] = value

    actual, text = await send_request(port, "POST", path, body, change=change)
    assert actual == status
    assert text.startswith(reason)


async def test_a_timestamp_within_ten_minutes_is_accepted(port: int) -> None:
    for moment in (NOW - 600, NOW + 600):

        def change(query: dict[str, str], moment: float = moment) -> None:
            query["auth_timestamp"] = str(int(moment))
            query["auth_signature"] = signed(SECRET, "POST", "/apps/42/events", query)

        assert await send_request(port, "POST", "/apps/42/events", event_body(), change=change) == (200, "{}")


# The stock publisher --------------------------------------------------------------------------------------------------


async def test_the_stock_publisher_can_do_everything() -> None:
    pusher: Any = pytest.importorskip("pusher")
    async with TravisServer() as server, Travis(endpoint=server.endpoint) as travis:
        app = server.pusher
        client = pusher.Pusher(
            app_id=app.app_id, key=app.key, secret=app.secret, host="127.0.0.1", port=server.port, ssl=False
        )
        async with travis.events(channels=["job-1", "my-channel"]) as feed:
            assert (
                await to_thread.run_sync(client.trigger, "job-1", "job:log", {"id": 1, "_log": "größe", "number": 0})
                == {}
            )
            assert await anext(feed) == events.JobLog(channel="job-1", job_id=1, content="größe", number=0)
            batch = [{"channel": "my-channel", "name": "my:event", "data": {"a": number}} for number in (1, 2)]
            assert await to_thread.run_sync(client.trigger_batch, batch) == {}
            for number in (1, 2):
                event = await anext(feed)
                assert isinstance(event, events.UnknownEvent)
                assert (event.channel, event.name, event.data) == ("my-channel", "my:event", {"a": number})
            counts = await to_thread.run_sync(client.channels_info, "job-")
            assert counts == {"channels": {"job-1": {}}}
            assert (await to_thread.run_sync(client.channel_info, "job-1"))["occupied"] is True
            with pytest.raises(pusher.errors.PusherBadRequest, match="presence"):
                await to_thread.run_sync(client.users_info, "presence-x")
            signature = client.authenticate(channel="private-x", socket_id=next(iter(app.connections)))
            assert signature["auth"] == app.sign(next(iter(app.connections)), "private-x")
            stranger = pusher.Pusher(
                app_id=app.app_id, key=app.key, secret="wrong", host="127.0.0.1", port=server.port, ssl=False
            )
            with pytest.raises(pusher.errors.PusherBadAuth, match="Invalid signature"):
                await to_thread.run_sync(stranger.trigger, "job-1", "job:log", {"id": 1})


async def test_the_stock_publisher_reaches_stock_pysher() -> None:
    pusher: Any = pytest.importorskip("pusher")
    received = list[str]()
    async with TravisServer() as server:
        app = server.pusher
        client = pusher.Pusher(
            app_id=app.app_id, key=app.key, secret=app.secret, host="127.0.0.1", port=server.port, ssl=False
        )
        async with subscribed_pysher(app, server.port, "job-1", "job:log", received.append):
            await to_thread.run_sync(client.trigger, "job-1", "job:log", {"id": 1})
            await until(lambda: bool(received))
    assert received == ['{"id": 1}']
