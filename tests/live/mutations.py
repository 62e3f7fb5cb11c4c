"""Frames that no Pusher server would send: a list, and random mutations.

``python -m tests.live.mutations --frames 2000000`` feeds that many to the reader, without a socket.
"""

import argparse
import json
import logging
import random
import time
from collections import Counter
from typing import cast

import anyio

from aiotravis.live.connection import PusherConnection
from aiotravis.live.dispatcher import Dispatcher
from aiotravis.live.monitor import LiveMonitor
from aiotravis.live.options import LiveOptions
from aiotravis.live.socket import PusherSocket
from tests.live.fakes import subscribed_to

__all__ = ["BROKEN_HANDSHAKES", "BROKEN_WEBSOCKET", "INVALID_FRAMES", "mutated", "read"]

JOB = '{"id":501,"repository_id":82,"build_id":500,"number":"1.1","state":"started"}'

VALID_FRAMES = (
    '{"event":"job:log","channel":"job-501","data":"{\\"id\\":501,\\"_log\\":\\"$ make\\\\n\\",\\"number\\":3}"}',
    f'{{"event":"job:started","channel":"repo-82","data":{json.dumps(JOB)}}}',
    f'{{"event":"job:finished","channel":"repo-82","data":{JOB}}}',
    '{"event":"build:created","channel":"repo-82","data":{"build":{"id":500,"number":"1"},"commit":null}}',
    '{"event":"pusher:ping","data":"{}"}',
    '{"event":"pusher:pong","data":{}}',
    '{"event":"pusher:error","data":"{\\"code\\":null,\\"message\\":\\"Existing subscription to repo-82\\"}"}',
    '{"event":"pusher_internal:subscription_succeeded","channel":"repo-82","data":"{}"}',
)

INVALID_FRAMES: tuple[str | bytes, ...] = (
    "", " ", "{", "}", "[", "]", "null", "true", "0", '"text"', "{}", "[]", "[[[]]]", '{"event"}', '{"event":}',
    '{"event":null}', '{"event":7}', '{"event":[]}', '{"event":{}}', '{"event":"x","channel":7}',
    '{"event":"x","channel":[]}', '{"data":{}}', '{"Event":"x"}', '{"event":"x"', '{"event":"x"}}', '{"event":"x"},',
    "{'event':'x'}", "{event:1}", '{"event":"x","data":}', '{"event":"x","data":nul}', '{"event":"\\ud800"}',
    '{"event":"x","data":1e999}', '{"event":"x","data":-}', "\x00", "\x00" * 100, "\ufeff{}", "[" * 5000, "{" * 5000,
    '{"event":' * 2000, b"\xff\xfe", b"\xc3\x28", b"\xed\xa0\x80", b'{"event":"\xff"}', b"\x00\x01\x02", b"",
    '{"event":"pusher:what"}', '{"event":"pusher:connection_established"}', '{"event":"pusher:"}',
    '{"event":"pusher_internal:subscription_succeeded"}', '{"event":"pusher:connection_established","data":"x"}',
)  # fmt: skip
"""Ignored; the connection continues."""

BROKEN_WEBSOCKET: tuple[bytes, ...] = (
    b"\xf1\x02{}", b"\xc1\x02{}", b"\x83\x00", b"\x8b\x00", b"\x80\x02{}", b"\x89\x7e\x00\x80" + bytes(128),
    b"\x09\x00", b"\x88\x01\x03", b"\x88\x02\x00\x01", b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x81\x7f\x80\x00\x00\x00\x00\x00\x00\x00", b"HTTP/1.1 500 Internal Server Error\r\n\r\n", bytes(64), b"\xff" * 64,
    b"\x01\x02{}\x01\x02{}",
)  # fmt: skip
"""Bytes in place of a frame that end the connection."""

BROKEN_HANDSHAKES: tuple[str, ...] = (
    "", "{}", '{"event":"pusher:connection_established"}', '{"event":"pusher:connection_established","data":"x"}',
    '{"event":"pusher:connection_established","data":"{}"}',
    '{"event":"pusher:connection_established","data":{"socket_id":null}}',
    '{"event":"pusher:connection_established","data":{"socket_id":""}}',
)  # fmt: skip
"""Frames in place of ``pusher:connection_established``."""


def mutated(draw: random.Random) -> bytes:
    """Return a valid frame with random damage."""
    frame = bytearray(draw.choice(VALID_FRAMES).encode())
    for _ in range(draw.choice([1, 1, 2, 5, 20])):
        position = draw.randrange(len(frame) + 1)
        kind = draw.randrange(6)
        if kind == 0 and frame:
            frame[position % len(frame)] = draw.randrange(256)
        elif kind == 1:
            frame[position:position] = bytes([draw.randrange(256)])
        elif kind == 2:
            del frame[position : position + draw.randrange(1, 9)]
        elif kind == 3:
            frame[position:position] = frame[: draw.randrange(len(frame) + 1)]
        elif kind == 4:
            frame[position:position] = draw.choice(
                [b"{", b"[", b'"', b"\\", b"null", b"\\ud800", b"1e400", b"\\u0000", b"}"]
            )
        else:
            del frame[position:]
    return bytes(frame)


def main() -> None:
    """Feed mutated frames to the reader."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=2_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    logging.getLogger("aiotravis.live").setLevel(logging.ERROR)
    began = time.perf_counter()
    kinds = anyio.run(read, options.frames, options.seed)
    print(f"{options.frames} frames in {time.perf_counter() - began:.0f} s, none stopped the reader: {dict(kinds)}")


async def read(frames: int, seed: int) -> Counter[str]:
    """Let a connection read that many mutated frames, some in bursts, and count what it makes of them."""
    draw, kinds, monitor = random.Random(seed), Counter[str](), LiveMonitor()
    dispatcher = Dispatcher(monitor)
    subscription = subscribed_to("repo-82", "job-501", max_events=1000)
    dispatcher.add(subscription)
    connection = PusherConnection(cast("PusherSocket", _FakeSocket()), dispatcher, monitor, LiveOptions())
    while monitor.counts["frames"] < frames:
        batch = [mutated(draw) for _ in range(draw.choice([1, 1, 3, 200]))]
        kinds["frames that end the connection"] += await connection._handle_frames(batch) is not None
        while (event := subscription.buffer.get_nowait()) is not None:
            kinds[type(event).__name__] += 1
    return kinds + Counter({name: monitor.counts[name] for name in ("invalid_frames", "errors", "duplicates")})


class _FakeSocket:
    def queue(self, event: str) -> None:
        assert event == "pusher:pong"


if __name__ == "__main__":
    main()
