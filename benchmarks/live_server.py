"""The live server of the benchmarks: a separate process that writes prepared frames in large blocks.

``python -m benchmarks.live_server --events 100000 --size 200`` prints its port. It confirms every
subscription, and sends its events once a client has subscribed to ``job-1``: as fast as the client reads, or at a pace,
one by one or in bursts. Paced events begin with the time at which they were sent.
"""

import argparse
import asyncio
import base64
import contextlib
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Generator
from typing import ClassVar

__all__ = ["CHANNEL", "serving"]

HOST = "127.0.0.1"
CHANNEL = "job-1"
MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
BLOCK = 256 << 10
STAMP = b"0000000000.000000"
"""Placeholder in a prepared event for the time at which it will be sent."""
CONFIRMED = b'{"event":"pusher_internal:subscription_succeeded","channel":"%s","data":"{}"}'


def frame(text: bytes) -> bytes:
    """Return a text as a WebSocket frame of a server."""
    if len(text) < 126:
        return bytes((0x81, len(text))) + text
    if len(text) < 1 << 16:
        return b"\x81\x7e" + len(text).to_bytes(2, "big") + text
    return b"\x81\x7f" + len(text).to_bytes(8, "big") + text


def event(name: str, channel: str | None, data: object) -> bytes:
    """Return an event as Pusher sends it: its data is a JSON text inside the JSON."""
    fields = {"event": name, "data": json.dumps(data)} | ({"channel": channel} if channel else {})
    return json.dumps(fields).encode()


def log_event(number: int, size: int, *, final: bool = False) -> bytes:
    """Return a part of a log whose frame has about so many bytes."""
    bare = len(event("job:log", CHANNEL, {"id": 1, "_log": "", "number": number, "final": final}))
    text = f"{STAMP.decode()} " + "x" * max(0, size - bare - 18)
    ServerProtocol.text.append(text)
    return event("job:log", CHANNEL, {"id": 1, "_log": text, "number": number, "final": final})


class ServerProtocol(asyncio.Protocol):
    """One client.

    Args:
        blocks: All events as frames; each block holds complete frames.
        interval: Seconds between blocks, which are then stamped with the time; 0 sends at full speed.
        count: Number of events.
    """

    def __init__(self, blocks: list[bytes], interval: float, count: int) -> None:
        self._blocks = blocks
        self._interval = interval
        self._count = count
        self._received = b""
        self._upgraded = False
        self._writing = asyncio.Event()
        self._writing.set()
        self._task: asyncio.Task[None] | None = None

    sent: ClassVar[bool] = False
    """Whether the newest client was sent its log."""

    polling: ClassVar[bool] = False
    """Whether the newest client has requested the job. Its log is sent once it has requested the parts."""

    listening: ClassVar["ServerProtocol | None"] = None

    text: ClassVar[list[str]] = []
    """The text of every part that was made."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def pause_writing(self) -> None:
        self._writing.clear()

    def resume_writing(self) -> None:
        self._writing.set()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._upgraded:
            head, end, rest = self._received.partition(b"\r\n\r\n")
            if not end:
                return
            self._received = rest
            self._answer(head)
        if self._upgraded:
            self._read_frames()

    def _answer(self, head: bytes) -> None:
        lines = head.split(b"\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
        key = headers.get(b"sec-websocket-key")
        if key is None:
            body = json.dumps(self._rest_response(lines[0].split()[1].decode())).encode()
            head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
            self._transport.write(head + body)
            return
        accept = base64.b64encode(hashlib.sha1(key + MAGIC).digest())
        self._transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        self._upgraded = True
        ServerProtocol.sent = ServerProtocol.polling = False
        hello = event("pusher:connection_established", None, {"socket_id": "1.1", "activity_timeout": 120})
        self._transport.write(frame(hello))

    def _rest_response(self, path: str) -> object:
        """Return the configuration, the job, or the parts of its log that no event will bring."""
        if path.endswith("/log"):
            return {"log": {"id": 1, "job_id": 1, "type": "Log", "body": "".join(ServerProtocol.text)}}
        if path.startswith("/jobs/"):
            ServerProtocol.polling = True
            state = "passed" if self.sent else "started"
            times = {"started_at": "2014-04-08T00:17:34Z", "finished_at": "2014-04-08T00:27:12Z" if self.sent else None}
            return {"job": {"id": 1, "repository_id": 1, "build_id": 1, "number": "1.1", "state": state, **times}}
        if path.startswith("/v3/"):
            # The first listing has part 0: an empty one would mean that this route has no log yet (fact 10.2).
            number = self._count - 1 if self.sent else 0
            ServerProtocol.polling = False
            if ServerProtocol.listening is not None:
                ServerProtocol.listening._begin()
            part = {"number": number, "content": ServerProtocol.text[number], "final": number > 0}
            return {"@type": "log_parts", "log_parts": [part]}
        port = self._transport.get_extra_info("sockname")[1]
        pusher = {"key": "5df8ac576dcccf4fd076", "host": HOST, "port": port, "scheme": "http"}
        return {"config": {"host": "travis-ci.org", "pusher": pusher}}

    def _read_frames(self) -> None:
        """Handle all complete frames and answer in one write, so that clients do not wait for the server."""
        received, place, answers = self._received, 0, list[bytes]()
        while len(received) >= place + 6:
            length, start = received[place + 1] & 127, place + 6
            if length == 126:
                length, start = int.from_bytes(received[place + 2 : place + 4], "big"), place + 8
            end = start + length
            if len(received) < end:
                break
            if received[place] & 15 == 8:
                self._transport.write(b"\x88\x00")
                self._transport.close()
                return
            mask = received[start - 4 : start] * (length // 4 + 1)
            text = int.from_bytes(received[start:end], "big") ^ int.from_bytes(mask[:length], "big")
            self._handle(text.to_bytes(length, "big"), answers)
            place = end
        self._received = received[place:]
        self._transport.write(b"".join(answers))

    def _handle(self, text: bytes, answers: list[bytes]) -> None:
        message = json.loads(text)
        if message.get("event") == "pusher:ping":
            answers.append(frame(event("pusher:pong", None, {})))
        elif message.get("event") == "pusher:subscribe":
            channel = message["data"]["channel"]
            answers.append(frame(CONFIRMED % channel.encode()))
            if channel == CHANNEL and self._task is None:
                ServerProtocol.listening = self
                if not ServerProtocol.polling:
                    self._begin()

    def _begin(self) -> None:
        ServerProtocol.listening = None
        self._task = asyncio.get_running_loop().create_task(self._send())

    async def _send(self) -> None:
        began = asyncio.get_running_loop().time()
        for number, block in enumerate(self._blocks):
            if self._interval:
                due = began + number * self._interval
                await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
                self._transport.write(block.replace(STAMP, b"%.6f" % time.time()))
            else:
                await self._writing.wait()
                self._transport.write(block)
        ServerProtocol.sent = True


async def serve(count: int, size: int, pace: float, burst: int) -> None:
    """Serve until killed; print the port."""
    frames = [frame(log_event(n, size, final=n == count - 1)) for n in range(count)]
    in_block = burst if pace else max(1, BLOCK // size)
    blocks = [b"".join(frames[start : start + in_block]) for start in range(0, count, in_block)]
    interval = burst / pace if pace else 0.0
    server = await asyncio.get_running_loop().create_server(lambda: ServerProtocol(blocks, interval, count), HOST, 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextlib.contextmanager
def serving(*, events: int, size: int, pace: float = 0.0, burst: int = 1) -> Generator[int]:
    """Run the server in a separate process.

    Args:
        events: Number of log parts that each client receives.
        size: Size of each frame in bytes.
        pace: Events per second; 0 for full speed.
        burst: Events per burst, if there is a pace.

    Yields:
        Its port.
    """
    command = [sys.executable, "-m", "benchmarks.live_server", "--events", str(events), "--size", str(size)]
    command += ["--pace", str(pace), "--burst", str(burst)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.kill()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--size", type=int, default=200)
    parser.add_argument("--pace", type=float, default=0.0)
    parser.add_argument("--burst", type=int, default=1)
    options = parser.parse_args()
    asyncio.run(serve(options.events, options.size, options.pace, options.burst))
