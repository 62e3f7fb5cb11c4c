"""A raw WebSocket to the embedded Travis, and which rows of the facts the tests cover."""

import hashlib
import hmac
import itertools
import json
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import aiohttp
import pytest

from aiotravis.testing import Build, Dialect, Job, Repository, TravisServer, User
from tests.conftest import TOKEN

KEY = "5df8ac576dcccf4fd076"
SECRET = "a-secret-of-the-server"
EACH: tuple[Dialect, ...] = ("pusher", "slanger", "soketi")

COVERED: defaultdict[str, list[str]] = defaultdict(list)
"""Names of the rows that tests cover, by section of the facts."""

MARKERS = itertools.count(1)

T = TypeVar("T")


def rows(section: str, table: Mapping[str, T]) -> pytest.MarkDecorator:
    """Parametrize a test by the rows of a table, as ``row``."""
    COVERED[section].extend(table)
    return pytest.mark.parametrize("row", [pytest.param(row, id=name) for name, row in table.items()])


def covers(section: str, *names: str) -> Callable[[T], T]:
    """Mark a test as covering rows of the facts."""
    COVERED[section].extend(names)

    def unchanged(test: T) -> T:
        return test

    return unchanged


def signed(socket_id: str, channel: str) -> str:
    """Return a signature computed from the facts, without the server's code."""
    return f"{KEY}:{hmac.digest(SECRET.encode(), f'{socket_id}:{channel}'.encode(), hashlib.sha256).hex()}"


@dataclass
class Scene:
    """A server, Sarah with permissions on a public (82) and a private repository (83), and Josh without any."""

    server: TravisServer
    sarah: User
    josh: User
    public: Repository
    private: Repository

    def build(self, **options: Any) -> Build:
        """Return a new build without publishing events."""
        return self.public.build(quiet=True, **options)

    def job(self) -> Job:
        """Return the job of a new build without publishing events."""
        return self.build().jobs[0]


@asynccontextmanager
async def travis(**options: Any) -> AsyncGenerator[Scene]:
    """Serve a scene."""
    async with TravisServer(**options) as server:
        sarah = server.world.user("sarah", token=TOKEN, name="Sarah")
        josh = server.world.user("josh", token="another-token")
        public = server.world.repository("a/public", users=[sarah])
        private = server.world.repository("a/private", private=True, users=[sarah])
        yield Scene(server, sarah, josh, public, private)


class Socket:
    """A raw WebSocket."""

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse) -> None:
        self.websocket = websocket
        self.socket_id = ""

    async def receive(self) -> aiohttp.WSMessage:
        """Return the next message of any type."""
        return await self.websocket.receive()

    async def text(self) -> str:
        """Return the next message, which has to be text."""
        message = await self.receive()
        assert message.type is aiohttp.WSMsgType.TEXT, message
        return str(message.data)

    async def hello(self) -> str:
        """Return the first frame, and keep the socket id."""
        text = await self.text()
        self.socket_id = json.loads(json.loads(text)["data"])["socket_id"]
        return text

    async def send(self, frame: str) -> str:
        """Send a frame, and return the answer."""
        await self.websocket.send_str(frame)
        return await self.text()

    async def subscribe(self, channel: str, auth: str | None = None) -> str:
        """Subscribe to a channel, and return the answer."""
        data = {"channel": channel} if auth is None else {"channel": channel, "auth": auth}
        return await self.send(json.dumps({"event": "pusher:subscribe", "data": data}))

    async def subscribe_all(self, *channels: str) -> None:
        """Subscribe to channels, with signatures for private ones."""
        for channel in channels:
            private = channel.startswith("private-")
            answer = await self.subscribe(channel, signed(self.socket_id, channel) if private else None)
            assert json.loads(answer)["event"] == "pusher_internal:subscription_succeeded", answer

    async def received(self) -> list[dict[str, Any]]:
        """Return all frames received so far: those before the answer to another subscription."""
        marker = f"by-now-{next(MARKERS)}"
        await self.websocket.send_str(json.dumps({"event": "pusher:subscribe", "data": {"channel": marker}}))
        frames: list[dict[str, Any]] = []
        while (frame := json.loads(await self.text())).get("channel") != marker:
            frames.append(frame)
        return frames

    async def events(self) -> list[tuple[str, str]]:
        """Return channel and name of all events received so far."""
        return [(frame["channel"], frame["event"]) for frame in await self.received()]

    async def payloads(self) -> list[Any]:
        """Return the payloads of all events received so far."""
        return [json.loads(frame["data"]) for frame in await self.received()]

    async def close_frame(self) -> tuple[int | None, str]:
        """Return code and reason of the next message, which has to be a close frame."""
        message = await self.receive()
        assert message.type is aiohttp.WSMsgType.CLOSE, message
        # aiohttp returns 0 for a frame without a code.
        return message.data or None, message.extra or ""


@asynccontextmanager
async def open_socket(
    server: TravisServer, query: str = "protocol=7", *, path: str = f"/app/{KEY}"
) -> AsyncGenerator[Socket]:
    """Open a WebSocket without reading from it."""
    url = f"ws://127.0.0.1:{server.port}{path}?{query}"
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url, autoclose=False, autoping=False) as websocket,
    ):
        yield Socket(websocket)


@asynccontextmanager
async def connect(server: TravisServer, query: str = "protocol=7") -> AsyncGenerator[Socket]:
    """Open a WebSocket, and read its first frame."""
    async with open_socket(server, query) as socket:
        await socket.hello()
        yield socket
