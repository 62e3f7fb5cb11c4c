"""Other live clients for the same task: hand-written, stock pysher, asyncpusher, pusher-js."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import anyio
import msgspec

from benchmarks import pusher_js
from benchmarks.live_server import CHANNEL, HOST

__all__ = ["KEY", "Figure", "Watcher", "floor_log", "subscribers", "watchers"]

KEY = "5df8ac576dcccf4fd076"

Figure = tuple[float, float]
"""Seconds from the first subscription to the last event, and CPU seconds in that time."""

Watcher = Callable[[int, int, list[float] | None], Figure]
"""Reads a log to its end: takes a port, the number of events, and a list for the delay of each event in seconds."""


class Frame(msgspec.Struct):
    """A frame in a hand-written client."""

    event: str
    channel: str | None = None
    data: str = ""


class Log(msgspec.Struct):
    """A part of a log in a hand-written client."""

    id: int
    number: int
    content: str = msgspec.field(name="_log")
    final: bool = False


def watchers(peers: bool) -> dict[str, Watcher]:
    """Return the clients that read a log to its end, by name: the floor, and other libraries if asked for."""
    found: dict[str, Watcher] = {"floor": lambda port, events, late: anyio.run(floor_log, port, events, late)}
    if not peers:
        return found
    found["stock pysher"] = _pysher_log
    if _asyncpusher() is not None:
        found["asyncpusher"] = lambda port, events, late: asyncio.run(_asyncpusher_log(port, events, late))
    if pusher_js.available():
        found["pusher-js"] = _pusher_js_log
    return found


def subscribers() -> dict[str, Callable[[int, int], Figure]]:
    """Return the clients that subscribe to many channels, by name; each takes a port and the number of channels."""
    found: dict[str, Callable[[int, int], Figure]] = {
        "floor": lambda port, count: anyio.run(_floor_channels, port, count),
        "stock pysher": _pysher_channels,
    }
    if pusher_js.available():
        found["pusher-js"] = _pusher_js_channels
    return found


def _since(began: float, used: float) -> Figure:
    return time.perf_counter() - began, time.process_time() - used


def _subscribe(channel: str) -> str:
    return msgspec.json.encode({"event": "pusher:subscribe", "data": {"channel": channel}}).decode()


def _url(port: int) -> str:
    return f"http://{HOST}:{port}/app/{KEY}?client=floor&version=1&protocol=7"


async def floor_log(port: int, events: int, late: list[float] | None = None) -> Figure:
    """Read a log with hand-written code: the socket and the two decoders, without delivery.

    Args:
        port: Port of the live server.
        events: Number of parts to expect.
        late: Receives the delay of each event in seconds.
    """
    decode, decode_log = msgspec.json.Decoder(Frame).decode, msgspec.json.Decoder(Log).decode
    seen = 0
    async with aiohttp.ClientSession() as session, session.ws_connect(_url(port)) as socket:
        began, used = time.perf_counter(), time.process_time()
        await socket.send_str(_subscribe(CHANNEL))
        async for message in socket:
            frame = decode(message.data)
            if frame.event == "job:log":
                seen += 1
                log = decode_log(frame.data)
                if late is not None:
                    late.append(time.time() - float(log.content[:17]))
                if log.final:
                    break
        figure = _since(began, used)
    assert seen == events, seen
    return figure


async def _floor_channels(port: int, count: int) -> Figure:
    decode = msgspec.json.Decoder(Frame).decode
    async with aiohttp.ClientSession() as session, session.ws_connect(_url(port)) as socket:
        began, used = time.perf_counter(), time.process_time()
        for number in range(count):
            await socket.send_str(_subscribe(f"c-{number}"))
        confirmed = 0
        async for message in socket:
            confirmed += decode(message.data).event == "pusher_internal:subscription_succeeded"
            if confirmed == count:
                break
        return _since(began, used)


def _pysher(port: int, connected: Callable[[Any], None], done: threading.Event) -> None:
    import pysher

    make: Any = pysher.Pusher
    pusher = make(KEY, secure=False, custom_host=HOST, port=port, log_level=50)

    def on_connect(_: str) -> None:
        connected(pusher)

    pusher.connection.bind("pusher:connection_established", on_connect)
    pusher.connect()
    assert done.wait(120)
    pusher.disconnect(timeout=0)


def _pysher_log(port: int, events: int, late: list[float] | None) -> Figure:
    done = threading.Event()
    seen, began, used = 0, 0.0, 0.0

    def on_log(data: str) -> None:
        nonlocal seen
        seen += 1
        log = msgspec.json.decode(data, type=Log)
        if late is not None:
            late.append(time.time() - float(log.content[:17]))
        if log.final:
            done.set()

    def connected(pusher: Any) -> None:
        nonlocal began, used
        began, used = time.perf_counter(), time.process_time()
        pusher.subscribe(CHANNEL).bind("job:log", on_log)

    _pysher(port, connected, done)
    assert seen == events, seen
    return _since(began, used)


def _pysher_channels(port: int, count: int) -> Figure:
    done = threading.Event()
    confirmed, began, used = 0, 0.0, 0.0

    def on_confirmed(_: str) -> None:
        nonlocal confirmed
        confirmed += 1
        if confirmed == count:
            done.set()

    def connected(pusher: Any) -> None:
        nonlocal began, used
        began, used = time.perf_counter(), time.process_time()
        for number in range(count):
            pusher.subscribe(f"c-{number}").bind("pusher_internal:subscription_succeeded", on_confirmed)

    _pysher(port, connected, done)
    return _since(began, used)


def _asyncpusher() -> Any:
    try:
        import asyncpusher  # type: ignore[import-untyped,import-not-found,unused-ignore]
    except ImportError:
        return None
    return asyncpusher


async def _asyncpusher_log(port: int, events: int, late: list[float] | None) -> Figure:
    module = _asyncpusher()
    silent = logging.getLogger("benchmarks.asyncpusher")
    silent.disabled = True
    pusher = module.Pusher(KEY, secure=False, custom_host=HOST, custom_port=port, log=silent)
    await pusher.connect()
    done = asyncio.Event()
    seen = 0

    async def on_log(data: Any) -> None:
        nonlocal seen
        seen += 1
        log: Any = msgspec.json.decode(data) if isinstance(data, str) else data
        if late is not None:
            late.append(time.time() - float(log["_log"][:17]))
        if log["final"]:
            done.set()

    began, used = time.perf_counter(), time.process_time()
    channel = await pusher.subscribe(CHANNEL)
    channel.bind("job:log", on_log)
    await done.wait()
    figure = _since(began, used)
    await pusher.disconnect()
    assert seen == events, seen
    return figure


def _pusher_js_log(port: int, events: int, late: list[float] | None) -> Figure:
    done = pusher_js.run(KEY, port, "log" if late is None else "late", CHANNEL)
    assert done.count == events, done.count
    if late is not None:
        late += done.late
    return done.seconds, done.cpu


def _pusher_js_channels(port: int, count: int) -> Figure:
    done = pusher_js.run(KEY, port, "channels", count)
    assert done.count == count, done.count
    return done.seconds, done.cpu
