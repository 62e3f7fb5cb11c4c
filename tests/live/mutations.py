"""Frames that no Pusher server would send: a list by hand, and mutations without end.

``python -m tests.live.mutations --frames 2000000`` feeds so many to the reader, without a socket in between.
"""

import argparse
import json
import logging
import random
import time
from collections import Counter
from typing import cast

import anyio

from aiotravis.live.channels import ChannelSelection
from aiotravis.live.connection import Connection
from aiotravis.live.dispatcher import Dispatcher
from aiotravis.live.monitor import LiveMonitor
from aiotravis.live.options import LiveOptions
from aiotravis.live.socket import Socket
from aiotravis.live.subscription import HubSubscription
from aiotravis.resources.pusher_auth import PusherAuth

__all__ = ["BROKEN_WEBSOCKET", "JUNK", "NO_GREETING", "mutated", "read"]

JOB = '{"id":501,"repository_id":82,"build_id":500,"number":"1.1","state":"started"}'

GOOD = (
    '{"event":"job:log","channel":"job-501","data":"{\\"id\\":501,\\"_log\\":\\"$ make\\\\n\\",\\"number\\":3}"}',
    f'{{"event":"job:started","channel":"repo-82","data":{json.dumps(JOB)}}}',
    f'{{"event":"job:finished","channel":"repo-82","data":{JOB}}}',
    '{"event":"build:created","channel":"repo-82","data":{"build":{"id":500,"number":"1"},"commit":null}}',
    '{"event":"pusher:ping","data":"{}"}',
    '{"event":"pusher:pong","data":{}}',
    '{"event":"pusher:error","data":"{\\"code\\":null,\\"message\\":\\"Existing subscription to repo-82\\"}"}',
    '{"event":"pusher_internal:subscription_succeeded","channel":"repo-82","data":"{}"}',
)

JUNK: tuple[str | bytes, ...] = (
    "", " ", "{", "}", "[", "]", "null", "true", "0", '"text"', "{}", "[]", "[[[]]]", '{"event"}', '{"event":}',
    '{"event":null}', '{"event":7}', '{"event":[]}', '{"event":{}}', '{"event":"x","channel":7}',
    '{"event":"x","channel":[]}', '{"data":{}}', '{"Event":"x"}', '{"event":"x"', '{"event":"x"}}', '{"event":"x"},',
    "{'event':'x'}", "{event:1}", '{"event":"x","data":}', '{"event":"x","data":nul}', '{"event":"\\ud800"}',
    '{"event":"x","data":1e999}', '{"event":"x","data":-}', "\x00", "\x00" * 100, "\ufeff{}", "[" * 5000, "{" * 5000,
    '{"event":' * 2000, b"\xff\xfe", b"\xc3\x28", b"\xed\xa0\x80", b'{"event":"\xff"}', b"\x00\x01\x02", b"",
    '{"event":"pusher:what"}', '{"event":"pusher:connection_established"}', '{"event":"pusher:"}',
    '{"event":"pusher_internal:subscription_succeeded"}', '{"event":"pusher:connection_established","data":"x"}',
)  # fmt: skip
"""On the same connection: passed over."""

BROKEN_WEBSOCKET: tuple[bytes, ...] = (
    b"\xf1\x02{}", b"\xc1\x02{}", b"\x83\x00", b"\x8b\x00", b"\x80\x02{}", b"\x89\x7e\x00\x80" + bytes(128),
    b"\x09\x00", b"\x88\x01\x03", b"\x88\x02\x00\x01", b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x81\x7f\x80\x00\x00\x00\x00\x00\x00\x00", b"HTTP/1.1 500 Internal Server Error\r\n\r\n", bytes(64), b"\xff" * 64,
    b"\x01\x02{}\x01\x02{}",
)  # fmt: skip
"""In place of a frame: the connection is of no use any more."""

NO_GREETING: tuple[str, ...] = (
    "", "{}", '{"event":"pusher:connection_established"}', '{"event":"pusher:connection_established","data":"x"}',
    '{"event":"pusher:connection_established","data":"{}"}',
    '{"event":"pusher:connection_established","data":{"socket_id":null}}',
    '{"event":"pusher:connection_established","data":{"socket_id":""}}',
)  # fmt: skip
"""In place of the greeting."""


def mutated(draw: random.Random) -> bytes:
    """Take a good frame, and spoil it."""
    frame = bytearray(draw.choice(GOOD).encode())
    for _ in range(draw.choice([1, 1, 2, 5, 20])):
        place = draw.randrange(len(frame) + 1)
        how = draw.randrange(6)
        if how == 0 and frame:
            frame[place % len(frame)] = draw.randrange(256)
        elif how == 1:
            frame[place:place] = bytes([draw.randrange(256)])
        elif how == 2:
            del frame[place : place + draw.randrange(1, 9)]
        elif how == 3:
            frame[place:place] = frame[: draw.randrange(len(frame) + 1)]
        elif how == 4:
            frame[place:place] = draw.choice([b"{", b"[", b'"', b"\\", b"null", b"\\ud800", b"1e400", b"\\u0000", b"}"])
        else:
            del frame[place:]
    return bytes(frame)


def main() -> None:
    """Feed mutations to the reader for as long as was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=2_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    logging.getLogger("aiotravis.live").setLevel(logging.ERROR)
    began = time.perf_counter()
    kinds = anyio.run(read, options.frames, options.seed)
    print(f"{options.frames} frames in {time.perf_counter() - began:.0f} s, none stopped the reader: {dict(kinds)}")


async def read(frames: int, seed: int) -> Counter[str]:
    """Let a connection read so many mutations, some together as bursts come, and count what it made of them."""
    draw, kinds, health = random.Random(seed), Counter[str](), LiveMonitor()
    registry = Dispatcher(health)
    line = HubSubscription(_Nobody(), _nothing, (), 1000)
    line.channels = frozenset({"repo-82", "job-501"})
    line.interest = ChannelSelection(channels=line.channels)
    registry.add(line)
    connection = Connection(cast("Socket", _Mute()), registry, cast("PusherAuth", None), health, LiveOptions())
    while health.frames < frames:
        batch = [mutated(draw) for _ in range(draw.choice([1, 1, 3, 200]))]
        kinds["frames that end the connection"] += connection._take(batch) is not None
        while (event := line.mailbox.take()) is not None:
            kinds[type(event).__name__] += 1
    counted = health.statistics(feeds=1, channels=2)
    return kinds + Counter(junk=counted.junk, complaints=counted.complaints, duplicates=counted.duplicates)


async def _nothing() -> ChannelSelection:
    return ChannelSelection()


class _Mute:
    def say(self, event: str) -> None:
        assert event == "pusher:pong"


class _Nobody:
    async def site(self, *, own: bool) -> tuple[bool, tuple[str, ...]]:
        return False, ()

    def add(self, subscription: HubSubscription) -> None:
        pass

    def remove(self, subscription: HubSubscription) -> None:
        pass


if __name__ == "__main__":
    main()
