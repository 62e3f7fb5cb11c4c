"""For how long a large answer holds up everything else in the event loop: ``python -m benchmarks.lag``."""

import argparse
import asyncio
import contextlib
import gc
import gzip
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import anyio

from aiotravis import Travis
from benchmarks.pages import page_of_builds

__all__ = ["Lag", "lags"]

JOB = 7

LINE = "\x1b[32m$ bundle exec rake spec\x1b[0m of a log, as long as such a line is\r\n"

Ask = Callable[[Travis], Awaitable[object]]


async def _log(travis: Travis) -> object:
    return await travis.logs.text(JOB)


async def _parts(travis: Travis) -> object:
    return await travis.logs.parts(JOB)


async def _builds(travis: Travis) -> object:
    return await travis.builds.recent()


async def _any(travis: Travis) -> object:
    return await travis.request("GET", "/builds")


def _text(size: int, line: str = LINE) -> str:
    return line * (size // len(line.encode()))


def _as_json(text: str) -> bytes:
    return json.dumps({"log": {"id": 1, "job_id": JOB, "type": "Log", "body": text}}).encode()


def _as_parts(text: str) -> bytes:
    pieces = [text[start : start + 1600] for start in range(0, len(text), 1600)]
    return json.dumps({"log_parts": [{"number": n, "content": piece} for n, piece in enumerate(pieces)]}).encode()


def _page(size: int) -> bytes:
    return page_of_builds(max(1, size // (len(page_of_builds(100)) // 100)))


SHAPES: dict[str, tuple[Ask, str, Callable[[int], bytes]]] = {
    "builds": (_builds, "application/json", _page),
    "builds, left as they came": (_any, "application/json", _page),
    "very many small builds": (
        _builds,
        "application/json",
        lambda size: b'{"builds":[%b]}' % b",".join([b'{"id":1,"number":"1"}'] * (size // 22)),
    ),
    "a log as text": (_log, "text/plain", lambda size: _text(size).encode()),
    "a log as JSON": (_log, "application/json", lambda size: _as_json(_text(size * 9 // 10))),
    "a log as JSON, in parts": (_parts, "application/json", lambda size: _as_parts(_text(size * 9 // 10))),
    "a log as JSON, in one part": (
        _parts,
        "application/json",
        lambda size: json.dumps({"log_parts": [{"number": 0, "content": _text(size * 9 // 10)}]}).encode(),
    ),
    "a log with a check mark at its end": (_log, "text/plain", lambda size: _text(size).encode() + "✔".encode()),
    "a log with an emoji at its end": (_log, "text/plain", lambda size: _text(size).encode() + "🚀".encode()),
    "a log of emojis": (_log, "text/plain", lambda size: _text(size, "done 🚀\n").encode()),
}
"""What is asked, its content type, and a body of about so many bytes."""


class Lag:
    """Looks how long the turns of the event loop take."""

    def __init__(self) -> None:
        self.cpu: list[float] = []
        self.wall: list[float] = []

    async def watch(self) -> None:
        wall, cpu = time.perf_counter(), time.thread_time()
        while True:
            await asyncio.sleep(0)
            then, used = time.perf_counter(), time.thread_time()
            self.wall.append(then - wall)
            self.cpu.append(used - cpu)
            wall, cpu = then, used


@asynccontextmanager
async def _served(body: bytes, kind: str, encoding: str) -> AsyncGenerator[str]:
    """Serve the same answer to every request, from this same loop, a little at a time."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{encoding}\r\n".encode()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(head)
                for start in range(0, len(body), 1 << 16):
                    writer.write(body[start : start + (1 << 16)])
                    await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


async def _lag(ask: Ask, body: bytes, kind: str, encoding: str) -> Lag:
    lag = Lag()
    async with _served(body, kind, encoding) as endpoint, Travis(endpoint=endpoint, max_response=256 << 20) as travis:
        # What the process holds besides takes its time to collect, too; that is not what is looked at.
        gc.collect()
        gc.freeze()
        watching = asyncio.create_task(lag.watch())
        answer = await ask(travis)
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
        gc.unfreeze()
        del answer
    return lag


def lags(*, size: int) -> Iterator[tuple[str, Lag]]:
    """Take an answer of each shape, as it is and packed.

    Args:
        size: Bytes of each body, about.

    Yields:
        What was taken, and how long the turns of the loop took meanwhile.
    """
    for name, (ask, kind, make) in SHAPES.items():
        body = make(size)
        for how, sent, encoding in (
            ("", body, ""),
            (", gzip", gzip.compress(body, 1), "Content-Encoding: gzip\r\n"),
        ):
            yield f"{name}{how}", anyio.run(_lag, ask, sent, kind, encoding)


def main() -> None:
    """Measure, and tell."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lag", description=__doc__)
    parser.add_argument("--megabytes", type=float, default=60, help="of each body, unpacked (60)")
    options = parser.parse_args()
    print(f"{'':40} {'longest turn':>14} {'of CPU':>10} {'turns':>8}")
    for name, lag in lags(size=int(options.megabytes * 1e6)):
        print(f"{name:40} {max(lag.wall) * 1e3:11.1f} ms {max(lag.cpu) * 1e3:7.1f} ms {len(lag.wall):8}", flush=True)


if __name__ == "__main__":
    main()
