"""A Pusher app in a plain aiohttp application, and a WebSocket client without any protocol of its own."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web

from aiotravis.testing import PusherApp
from aiotravis.testing.live.publish_api import PublishApi

KEY = "5df8ac576dcccf4fd076"


def make_app(**options: Any) -> PusherApp:
    return PusherApp(key=KEY, secret="a-secret", **options)


@asynccontextmanager
async def serve_app(app: PusherApp, prefix: str = "", api: PublishApi | None = None) -> AsyncGenerator[int]:
    """Serve an app on a free port, with its HTTP API if given, and yield the port."""
    application = web.Application()
    app.add_routes(application, prefix)
    if api is not None:
        api.add_routes(application)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@asynccontextmanager
async def open_websocket(
    port: int, query: str = "protocol=7", *, path: str = f"/app/{KEY}", autoclose: bool = True, autoping: bool = True
) -> AsyncGenerator[aiohttp.ClientWebSocketResponse]:
    """Open a WebSocket without reading anything."""
    url = f"ws://127.0.0.1:{port}{path}?{query}"
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url, autoclose=autoclose, autoping=autoping) as websocket,
    ):
        yield websocket


@asynccontextmanager
async def connect_greeted(app: PusherApp) -> AsyncGenerator[aiohttp.ClientWebSocketResponse]:
    """Serve an app, and open a WebSocket that has received the greeting."""
    async with serve_app(app) as port, open_websocket(port) as websocket:
        await websocket.receive_str(timeout=5)
        yield websocket


async def receive_frame(websocket: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    """Return the next frame of the server."""
    frame: dict[str, Any] = json.loads(await websocket.receive_str(timeout=5))
    return frame


async def exchange_frames(websocket: aiohttp.ClientWebSocketResponse, event: str, data: object) -> dict[str, Any]:
    """Send a frame, and return the answer."""
    await websocket.send_json({"event": event, "data": data})
    return await receive_frame(websocket)
