"""A bare WebSocket to the embedded Travis for tests that read frames as they come; the rows that they show."""

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

SHOWN: defaultdict[str, list[str]] = defaultdict(list)
"""Names of the rows that tests show, by section of the facts."""

MARKERS = itertools.count(1)

T = TypeVar("T")


def rows(section: str, table: Mapping[str, T]) -> pytest.MarkDecorator:
    """Give a test each row of a table of the facts, as ``row``, under the row's name."""
    SHOWN[section].extend(table)
    return pytest.mark.parametrize("row", [pytest.param(row, id=name) for name, row in table.items()])


def shows(section: str, *names: str) -> Callable[[T], T]:
    """Say which rows of the facts a test shows."""
    SHOWN[section].extend(names)

    def unchanged(test: T) -> T:
        return test

    return unchanged


def signed(socket_id: str, channel: str) -> str:
    """Sign as the facts say it, not as the server does it."""
    return f"{KEY}:{hmac.digest(SECRET.encode(), f'{socket_id}:{channel}'.encode(), hashlib.sha256).hex()}"


@dataclass
class Scene:
    """Sarah, who has a permission on a public repository (82) and a private one (83), and Josh, who has none."""

    server: TravisServer
    sarah: User
    josh: User
    public: Repository
    private: Repository

    def build(self, **options: Any) -> Build:
        """Make a build of which nobody was told."""
        return self.public.build(quiet=True, **options)

    def job(self) -> Job:
        """Make the job of such a build."""
        return self.build().jobs[0]


@asynccontextmanager
async def travis(**options: Any) -> AsyncGenerator[Scene]:
    """Serve a Travis."""
    async with TravisServer(**options) as server:
        sarah = server.world.user("sarah", token=TOKEN, name="Sarah")
        josh = server.world.user("josh", token="another-token")
        public = server.world.repository("a/public", users=[sarah])
        private = server.world.repository("a/private", private=True, users=[sarah])
        yield Scene(server, sarah, josh, public, private)


class Socket:
    """One WebSocket, and nothing that understands what it says."""

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse) -> None:
        self.websocket = websocket
        self.socket_id = ""

    async def receive(self) -> aiohttp.WSMessage:
        """Give the next frame of the WebSocket protocol, whatever it is."""
        return await self.websocket.receive()

    async def text(self) -> str:
        """Give the next frame, which has to be a text."""
        message = await self.receive()
        assert message.type is aiohttp.WSMsgType.TEXT, message
        return str(message.data)

    async def greeting(self) -> str:
        """Give the first frame, and keep the socket's id."""
        text = await self.text()
        self.socket_id = json.loads(json.loads(text)["data"])["socket_id"]
        return text

    async def says(self, frame: str) -> str:
        """Send a frame, and give the answer."""
        await self.websocket.send_str(frame)
        return await self.text()

    async def subscribes(self, channel: str, auth: str | None = None) -> str:
        """Ask for a channel, and give the answer."""
        data = {"channel": channel} if auth is None else {"channel": channel, "auth": auth}
        return await self.says(json.dumps({"event": "pusher:subscribe", "data": data}))

    async def listens(self, *channels: str) -> None:
        """Subscribe to channels, signed where they are private."""
        for channel in channels:
            private = channel.startswith("private-")
            answer = await self.subscribes(channel, signed(self.socket_id, channel) if private else None)
            assert json.loads(answer)["event"] == "pusher_internal:subscription_succeeded", answer

    async def heard(self) -> list[dict[str, Any]]:
        """Give all frames that have come by now: those in front of the answer to a subscription."""
        marker = f"by-now-{next(MARKERS)}"
        await self.websocket.send_str(json.dumps({"event": "pusher:subscribe", "data": {"channel": marker}}))
        frames: list[dict[str, Any]] = []
        while (frame := json.loads(await self.text())).get("channel") != marker:
            frames.append(frame)
        return frames

    async def events(self) -> list[tuple[str, str]]:
        """Give channel and name of all events that have come by now."""
        return [(frame["channel"], frame["event"]) for frame in await self.heard()]

    async def payloads(self) -> list[Any]:
        """Give what the events of by now carry: JSON in a string."""
        return [json.loads(frame["data"]) for frame in await self.heard()]

    async def closed(self) -> tuple[int | None, str]:
        """Give code and reason of the close frame that has to be next."""
        message = await self.receive()
        assert message.type is aiohttp.WSMsgType.CLOSE, message
        # aiohttp says 0 for a frame without a code.
        return message.data or None, message.extra or ""


@asynccontextmanager
async def opened(
    server: TravisServer, query: str = "protocol=7", *, path: str = f"/app/{KEY}"
) -> AsyncGenerator[Socket]:
    """Open a socket, and hear nothing yet."""
    url = f"ws://127.0.0.1:{server.port}{path}?{query}"
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url, autoclose=False, autoping=False) as websocket,
    ):
        yield Socket(websocket)


@asynccontextmanager
async def greeted(server: TravisServer, query: str = "protocol=7") -> AsyncGenerator[Socket]:
    """Open a socket, and hear its greeting."""
    async with opened(server, query) as socket:
        await socket.greeting()
        yield socket
