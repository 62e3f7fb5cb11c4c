"""Log events as fast as they come: aiotravis through hub, typed event and feed, beside others on the same frames."""

import threading
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import anyio
import msgspec

from aiotravis import Travis
from aiotravis import events as travis_events
from benchmarks.live_server import CHANNEL, serving

__all__ = ["burst", "latency"]

KEY = "5df8ac576dcccf4fd076"


def burst(*, events: int, size: int, rounds: int, slow_events: int) -> dict[str, list[tuple[float, float]]]:
    """Give events a second and microseconds of CPU per event, one pair a round, by client.

    Args:
        events: How many each client gets.
        size: Bytes of each frame.
        rounds: How often to measure, interleaved.
        slow_events: How many stock pysher gets, which is much slower.
    """
    figures: dict[str, list[tuple[float, float]]] = {}
    with serving(events=events, size=size) as port, serving(events=slow_events, size=size) as slow_port:
        cases: dict[str, tuple[int, Callable[[], None]]] = {
            "floor": (events, lambda: anyio.run(_floor, port, events)),
            "aiotravis": (events, lambda: anyio.run(_ours, port, events)),
            "stock pysher": (slow_events, lambda: _pysher(slow_port, slow_events)),
        }
        for _ in range(rounds):
            for name, (count, case) in cases.items():
                began, used = time.perf_counter(), time.process_time()
                case()
                seconds = time.perf_counter() - began
                cpu = (time.process_time() - used) / count * 1e6
                figures.setdefault(name, []).append((count / seconds, cpu))
    return figures


def latency(*, events: int, rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Give the median and the 99th percentile of the time from sending to hand-over, in milliseconds, by client.

    At 2,000 events a second, of 200 bytes each; the server writes the time into every one.

    Args:
        events: How many each client gets, in a round.
        rounds: How often to measure, interleaved.
    """
    figures: dict[str, list[tuple[float, float]]] = {}
    with serving(events=events, size=200, pace=2000) as port:
        for _ in range(rounds):
            for name, case in (("floor", _floor), ("aiotravis", _ours)):
                late: list[float] = []
                anyio.run(case, port, events, late)
                late.sort()
                pair = (late[len(late) // 2] * 1000, late[len(late) * 99 // 100] * 1000)
                figures.setdefault(name, []).append(pair)
    return figures


async def _ours(port: int, events: int, late: list[float] | None = None) -> None:
    async with Travis(endpoint=f"http://127.0.0.1:{port}") as travis:
        feed = travis.events(channels=[CHANNEL], buffer=events + 1)
        seen = 0
        async with feed:
            async for event in feed:
                if isinstance(event, travis_events.JobLog):
                    seen += 1
                    if late is not None:
                        late.append(time.time() - float(event.content[:17]))
                    if event.final:
                        break
        assert seen == events, seen


class _Frame(msgspec.Struct):
    event: str
    channel: str | None = None
    data: str = ""


class _Log(msgspec.Struct):
    id: int
    number: int
    content: str = msgspec.field(name="_log")
    final: bool = False


async def _floor(port: int, events: int, late: list[float] | None = None) -> None:
    """What a careful person writes by hand: the socket, the two decoders, no hand-over."""
    decode, decode_log = msgspec.json.Decoder(_Frame).decode, msgspec.json.Decoder(_Log).decode
    url = f"http://127.0.0.1:{port}/app/{KEY}?client=floor&version=1&protocol=7"
    seen = 0
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        await socket.send_str(msgspec.json.encode({"event": "pusher:subscribe", "data": {"channel": CHANNEL}}).decode())
        async for message in socket:
            frame = decode(message.data)
            if frame.event == "job:log":
                seen += 1
                log = decode_log(frame.data)
                if late is not None:
                    late.append(time.time() - float(log.content[:17]))
                if log.final:
                    break
    assert seen == events, seen


def _pysher(port: int, events: int) -> None:
    import pysher

    make: Any = pysher.Pusher
    pusher = make(KEY, secure=False, custom_host="127.0.0.1", port=port, log_level=50)
    done = threading.Event()
    seen = 0

    def on_log(data: str) -> None:
        nonlocal seen
        seen += 1
        if msgspec.json.decode(data, type=_Log).final:
            done.set()

    def on_connect(_: str) -> None:
        pusher.subscribe(CHANNEL).bind("job:log", on_log)

    pusher.connection.bind("pusher:connection_established", on_connect)
    pusher.connect()
    assert done.wait(120)
    pusher.disconnect(timeout=0)
    assert seen == events, seen
