"""A simulated Travis for one job: its log grows, its answers are the bytes of the facts, its network is unreliable."""

import asyncio
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any, cast

import anyio
from msgspec.structs import replace

from aiotravis import Feed, Job, LogPart, LogStream, State, errors, events
from aiotravis._async.lifetime import ClientLifetime
from aiotravis._http import ApiRequest, ApiResponse, Sink
from aiotravis.follow_log.sources import LogSources
from aiotravis.live.event_buffer import EventBuffer, event_size
from aiotravis.live.subscription import Subscription
from aiotravis.resources._runs import Restarts, RunFilter
from aiotravis.resources.jobs import Jobs
from aiotravis.resources.logs import LAST, Logs
from tests.samples import JSON, TEXT

JOB = 7

DAMAGES: list[Callable[[str], str] | None] = [
    None,
    None,
    lambda text: text[: len(text) // 5] + text[len(text) // 4 : len(text) // 2] + text[len(text) // 2 + 3 :],
    lambda text: text[2 : len(text) // 3] + text[len(text) // 3 + 1 : -2],
    lambda text: text.replace("l", "\ufffd").replace("ö", "\ufffd\ufffd"),
    lambda text: "The log was truncated.\n" + text[len(text) // 2 :],
    lambda _: "unrelated",
    lambda _: "\r\n",
]
"""What the store may do to a text: leave holes, replace characters, put a note in front, hold another text."""

FOR_EVER = 1e9
"""Seconds."""

MAX_JSON = 16 << 20
"""Bytes; the client's default."""

XML = {"content-type": "application/xml"}
HTML = {"content-type": "text/html"}

NOTICE = b"Your log is temporarily unavailable"

NO_KEY = b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code></Error>'

# fact 10.2
ABSENT_V2 = [
    ApiResponse(200, JSON, b'{"log":{"job_id":7,"parts":[],"@type":"Log"}}'),
    ApiResponse(200, JSON, b'{"log":{"id":1,"job_id":7,"body":null}}'),
    ApiResponse(200, JSON, b'{"log":{}}'),
    ApiResponse(200, JSON, b'{"log":{"id":1,"job_id":7,"body":""}}'),
    ApiResponse(200, JSON, b'{"log":{"id":1,"job_id":7,"body":"%s"}}' % NOTICE),
    ApiResponse(200, JSON, b'{"log":{"id":1,"parts":[{"number":0,"content":"%s"}]}}' % NOTICE),
    ApiResponse(200, TEXT, NOTICE),
    ApiResponse(200, TEXT, b""),
    ApiResponse(406, TEXT, b""),
    ApiResponse(404, XML, NO_KEY, redirected=True),
    ApiResponse(403, XML, NO_KEY.replace(b"NoSuchKey", b"AccessDenied"), redirected=True),
    ApiResponse(200, XML, NO_KEY, redirected=True),
    ApiResponse(200, TEXT, NO_KEY),
    ApiResponse(200, TEXT, b"<!DOCTYPE html>\n<html>Sign in</html>"),
    ApiResponse(200, {"content-type": "application/xhtml+xml"}, b"<!DOCTYPE html>\n<html>Sign in</html>"),
    ApiResponse(200, HTML, b"<html>Maintenance</html>"),
    ApiResponse(200, JSON, b'{"log":{"id":1,"job_id":7,"body":"<Error><Code>NoSuchKey</Code></Error>"}}'),
    ApiResponse(200, JSON, b'{"log":{"id":1,"job_id":7,"body":" Your log is temporarily unavailable.\\r\\n"}}'),
    ApiResponse(200, JSON, b"[]"),
    ApiResponse(204, JSON, b""),
    ApiResponse(307, TEXT, b""),
    ApiResponse(410, TEXT, b""),
]
ABSENT_V3 = [
    ApiResponse(401, JSON, b'{"@type":"error","error_type":"login_required","error_message":"login required"}'),
    ApiResponse(403, JSON, b'{"@type":"error","error_type":"insufficient_access","error_message":"no"}'),
    ApiResponse(404, JSON, b'{"@type":"error","error_type":"not_found","error_message":"log not found"}'),
    ApiResponse(500, TEXT, b"Sorry, we experienced an error."),
    ApiResponse(200, HTML, b"<html>Maintenance</html>"),
]
ABSENT_PARTS = [
    *ABSENT_V3,
    ApiResponse(200, JSON, b'{"@type":"log_parts","log_parts":[]}'),
    ApiResponse(200, JSON, b'{"@type":"log_parts","log_parts":[{"number":0,"content":"%s","final":true}]}' % NOTICE),
    ApiResponse(
        200, JSON, b'{"log_parts":[{"number":0,"content":"<Error><Code>NoSuchKey</Code></Error>","final":true}]}'
    ),
    ApiResponse(200, JSON, b"[]"),
    ApiResponse(204, JSON, b""),
    ApiResponse(410, TEXT, b""),
]
ABSENT_TEXT = [*ABSENT_V3, ApiResponse(200, TEXT, NOTICE), ApiResponse(406, TEXT, b"")]
NO_ROUTE = ApiResponse(404, TEXT, b"file not found")


@dataclass(repr=False)
class Server:
    """A job whose log grows, and a network that loses, repeats, delays and reorders messages, reproducible by seed."""

    draw: random.Random
    loses: bool
    clock: Callable[[], float] = lambda: 0.0
    buffer: EventBuffer = field(default_factory=lambda: EventBuffer(40))
    channels: frozenset[str] = frozenset({f"job-{JOB}"})
    stored: list[LogPart] = field(default_factory=list[LogPart])
    sent: dict[int, LogPart] = field(default_factory=dict[int, LogPart])
    lost: set[int] = field(default_factory=set[int])
    received_live: set[int] = field(default_factory=set[int])
    earlier_texts: set[str] = field(default_factory=set[str])
    aggregated: bool = False
    state: State = State.CREATED
    started_at: datetime | None = None
    finished_at: datetime | None = None
    texts_read: int = 0
    run: int = 0
    mixed: bool = False
    old: list[LogPart] | None = None
    old_until: float = 0.0
    connected: bool = True
    subscribed: bool = False
    subscribed_at_start: bool = False

    def __post_init__(self) -> None:
        draw = self.draw
        self.has_v3 = draw.random() < 0.6
        self.has_parts = draw.random() < 0.5
        self.has_text = draw.random() < 0.8
        self.is_live = draw.random() < 0.85
        self.loss = draw.choice([0.0, 0.05, 0.5, 1.0])
        self.state_loss = draw.choice([0.0, 0.0, 0.0, 0.3])
        self.repeats = draw.choice([0.0, 0.3])
        self.delay = draw.choice([0.0, 0.1, 3.0])
        self.failing = draw.choice([0.0, 0.1, 0.4])
        self.latency = draw.choice([0.0, 0.2, 1.5])
        # fact 7.9: servers of 2013 to 2015 numbered parts from 1.
        self.first = draw.choice([0, 0, 0, 1])
        # fact 10.2: for a while after the end, or for ever, the log is not there; before it, now and then.
        self.absence = draw.choice([0.0, 0.0, 0.3])
        self.hidden_for = draw.choice([0.0, 0.0, 5.0, 50.0, FOR_EVER])
        # fact 9.35: the final part may come early, in a listing, too.
        self.early_final = draw.random() < 0.2
        # fact 10.1: seconds into a new run for which the log of the run before is served.
        self.lag = draw.choice([0.0, 0.0, 3.0])
        # For ten minutes after the end of the job, every route of its log fails.
        self.broken_at_end = draw.random() < 0.1
        self.damage = draw.choice(DAMAGES) if self.loses else None
        # fact 10.2: a stored log may lack its beginning.
        self.lacking = draw.choice([0, 0, 1, 3]) if self.loses else 0

    @property
    def ended_at(self) -> float | None:
        return None if self.finished_at is None else self.finished_at.timestamp()

    @property
    def gone(self) -> bool:
        """Whether the log of this job is never stored."""
        return self.hidden_for == FOR_EVER and not self.mixed

    def is_hidden(self) -> bool:
        """Return whether this answer holds no log."""
        if self.mixed:
            # Only the stored log can tell the runs apart.
            return False
        if self.ended_at is not None:
            return self.clock() < self.ended_at + self.hidden_for
        return self.draw.random() < self.absence

    @property
    def text(self) -> str:
        return "".join(part.content or "" for part in self.stored)

    @property
    def stored_text(self) -> str:
        """The text in one piece, which may lack its beginning once the job has ended."""
        lacking = self.lacking if self.finished_at is not None else 0
        text = "".join(part.content or "" for part in self.stored[lacking:]) or self.text
        return self.damage(text) or text if self.damage is not None and self.finished_at is not None else text

    # The live channel -------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        if not self.is_live:
            raise errors.LiveUnavailable("no live channel")
        # What came for an earlier stream, whose opening failed, is lost.
        self.subscribed, self.received_live, self.subscribed_at_start = True, set(), False

    def close(self) -> None:
        pass

    def publish(self, event: events.Event) -> None:
        draw, loss = self.draw, self.loss if isinstance(event, events.JobLog) else self.state_loss
        while True:
            if self.connected and draw.random() >= loss:
                delay = draw.random() * self.delay if draw.random() < 0.5 else 0.0
                asyncio.get_running_loop().call_later(delay, self._arrive, event, self.run)
            if draw.random() >= self.repeats:
                return

    def _arrive(self, event: events.Event, run: int) -> None:
        if not (self.subscribed and self.connected):
            return
        is_part = isinstance(event, events.JobLog)
        self.mixed = self.mixed or (is_part and run != self.run)
        if self.buffer.put(event, event_size(event)) and isinstance(event, events.JobLog):
            self.received_live.add(int(event.number))

    def announce(self, kind: type[events.JobEvent]) -> None:
        self.publish(kind(job=self.job()))

    def announce_created(self) -> None:
        """Announce the run, perhaps more than once, and up to a minute late."""
        event = events.JobCreated(job=self.job())
        if self.draw.random() < 0.1:
            # fact 10.1: a date can be unreadable.
            event = replace(event, job=replace(event.job, updated_at=None))
        for _ in range(self.draw.randrange(3)):
            asyncio.get_running_loop().call_later(self.draw.random() * 60, self._arrive, event, self.run)

    def job(self) -> Job:
        now = datetime.fromtimestamp(self.clock(), UTC)
        return Job(id=JOB, state=self.state, started_at=self.started_at, finished_at=self.finished_at, updated_at=now)

    def _now(self) -> datetime:
        # Start and end times have no fractions of seconds, those of events do.
        return datetime.fromtimestamp(int(self.clock()), UTC)

    # The job ----------------------------------------------------------------------------------------------------------

    async def live(self, runs: Sequence[Sequence[str]]) -> None:
        draw = self.draw
        for place, contents in enumerate(runs):
            last = place == len(runs) - 1
            await self.begin_run()
            if not last and draw.random() < 0.15:
                self.end(State.CANCELED)
            else:
                self.start()
                await self.write(contents if last or draw.random() < 0.5 else contents[: len(contents) // 2])
                if last or draw.random() < 0.5:
                    self.end(draw.choice([State.PASSED, State.FAILED, State.CANCELED]))
            if not last:
                await anyio.sleep(2.0 + draw.random() * 5)
                self.restart()
        if draw.random() < 0.5:
            await anyio.sleep(draw.choice([1.0, 60.0, 180.0]))
            self.aggregated = True

    async def begin_run(self) -> None:
        self.announce_created()
        await anyio.sleep(1.0 + self.draw.random() * 5)

    def start(self) -> None:
        self.subscribed_at_start = self.subscribed
        self.state, self.started_at = State.STARTED, self._now()
        self.old_until = self.clock() + self.lag * self.draw.random()
        self.announce(events.JobStarted)

    def end(self, state: State) -> None:
        self.state, self.finished_at = state, self._now()
        self.old_until = min(self.old_until, self.clock() + self.lag * self.draw.random())
        self.announce(events.JobFinished)

    def restart(self) -> None:
        if self.state.finished or any(part.final for part in self.stored):
            self.earlier_texts.add(self.text)
        self.old, self.old_until = self.stored, FOR_EVER * 10
        self.stored, self.aggregated, self.state = [], False, State.CREATED
        self.started_at = self.finished_at = None
        self.sent, self.lost, self.received_live = {}, set(), set()
        self.run += 1
        # fact 7.9: a restart is announced as "created". Where that is lost, the client receives a mark.
        self.connected = True
        if self.subscribed:
            created = events.JobCreated(job=self.job())
            event = self.draw.choice([created, created, events.Reconnected(down=1.0)])
            self.buffer.put(event, 0)
            # Where the start of a run is lost, too, only the stored log can tell it from the one before.
            self.mixed = self.mixed or (event is not created and self.state_loss > 0)

    async def write(self, contents: Sequence[str]) -> None:
        draw = self.draw
        ends = draw.random() < 0.9
        for number, content in enumerate(contents, self.first):
            await anyio.sleep(draw.choice([0.0, 0.05, 0.5, 3.0]))
            self.keep(LogPart(number=number, content=content, final=False))
            if draw.random() < 0.03:
                self._cut(draw.random() * 8)
        if ends:
            self.keep(LogPart(number=self.first + len(contents), content="", final=True))
        elif draw.random() < 0.3:
            self.keep(LogPart(number=LAST, content="Canceled.\n", final=True))

    def keep(self, part: LogPart) -> None:
        number = int(part.number)
        self.sent[number] = part
        if self.loses and number not in {self.first, LAST} and self.draw.random() < 0.1:
            self.lost.add(number)
        else:
            self.stored.append(part)
        content = part.content or ""
        self.publish(events.JobLog(job_id=JOB, number=part.number, content=content, final=part.final))

    def _cut(self, seconds: float) -> None:
        """Lose the connection for a while, then report that it was lost."""
        if not self.connected:
            return
        self.connected = False

        def back() -> None:
            if not self.connected:
                self.connected = True
                if self.subscribed:
                    self.buffer.put(events.Reconnected(down=seconds), 0)

        asyncio.get_running_loop().call_later(seconds, back)


class Connection:
    """A transport that answers as the server does."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._version: object = None
        self._responses: dict[object, ApiResponse] = {}
        self.waiting = 0

    async def send(self, request: ApiRequest, sink: Sink | None = None) -> ApiResponse:
        server, draw = self._server, self._server.draw
        await anyio.sleep(draw.random() * server.latency)
        if draw.random() < server.failing:
            where: Any = {"method": "GET", "path": request.path}
            raise draw.choice(
                [
                    errors.RequestTimeout("late", **where),
                    errors.TruncatedError("cut", **where),
                    errors.ServerError("down", status=503, **where),
                ]
            )
        response = self._respond(request)
        if response.content_type.endswith("json") and len(response.body) > MAX_JSON:
            raise errors.TooLargeError("too large", method="GET", path=request.path, limit=MAX_JSON)
        if sink is None or response.status != 200 or response.content_type.endswith("json"):
            return response
        content = response.body
        if draw.random() < server.failing:
            # The transport starts again after a truncated attempt.
            await sink.begin()
            await sink.take(content[: len(content) // 2])
        await sink.begin()
        cut = draw.randrange(len(content) + 1)
        await sink.take(content[:cut])
        await anyio.sleep(draw.random() * server.latency)
        await sink.take(content[cut:])
        return ApiResponse(200, response.headers, b"", redirected=response.redirected)

    def _respond(self, request: ApiRequest) -> ApiResponse:
        server = self._server
        path, _, query = request.target.partition("?")
        if path == f"/jobs/{JOB}":
            return _json({"job": _job_fields(server)})
        v3 = path.startswith("/v3/")
        if v3 and not server.has_v3:
            return NO_ROUTE
        numbered = path.endswith("/log_parts")
        if server.broken_at_end and server.ended_at is not None and server.clock() < server.ended_at + 600.0:
            where: Any = {"method": "GET", "path": request.path}
            raise server.draw.choice(
                [errors.ServerError("down", status=502, **where), errors.RateLimited("slow", status=429, **where)]
            )
        if server.clock() < server.old_until and server.old:
            text = "".join(part.content or "" for part in server.old)
            if numbered:
                parts = server.draw.choice([server.old, [LogPart(number=0, content=text, final=True)]])
                return _json({"@type": "log_parts", "log_parts": [_part_fields(part) for part in parts]})
            return ApiResponse(200, TEXT, text.encode())
        if server.is_hidden():
            return server.draw.choice(ABSENT_PARTS if numbered else ABSENT_TEXT if v3 else ABSENT_V2)
        if not (server.stored or numbered):
            return ABSENT_TEXT[2] if v3 else server.draw.choice(ABSENT_V2)
        as_text = not numbered and (v3 or (server.has_text and request.accept == "text/plain"))
        server.texts_read += as_text
        # Large logs take long to encode.
        version = (server.run, len(server.stored), server.aggregated, server.finished_at)
        if version != self._version:
            self._version, self._responses = version, {}
        key = (path, query, as_text)
        if key not in self._responses:
            self._responses[key] = self._encode(query, as_text=as_text, numbered=numbered)
        return self._responses[key]

    def _encode(self, query: str, *, as_text: bool, numbered: bool) -> ApiResponse:
        server = self._server
        if numbered:
            return _json({"@type": "log_parts", "log_parts": self._parts(query)})
        if as_text:
            return ApiResponse(200, TEXT, server.stored_text.encode())
        fields: dict[str, Any] = {"id": 1, "job_id": JOB, "type": "Log"}
        if server.has_parts and not server.aggregated:
            return _json({"log": {**fields, "parts": [_part_fields(part) for part in server.stored]}})
        return _json({"log": {**fields, "body": server.stored_text}})

    def _parts(self, query: str) -> list[dict[str, Any]]:
        server = self._server
        parts = [LogPart(number=0, content=server.stored_text, final=True)] if server.aggregated else server.stored
        options = dict(pair.split("=") for pair in query.split("&") if pair)
        after = int(options.get("after", -1))
        content = options.get("content") != "false"
        listed = [_part_fields(part, content=content) for part in parts if int(part.number) > after]
        if listed and server.early_final and server.finished_at is None:
            listed[-1]["final"] = True
        return listed


def _json(value: object) -> ApiResponse:
    return ApiResponse(200, JSON, json.dumps(value).encode())


def _part_fields(part: LogPart, *, content: bool = True) -> dict[str, Any]:
    fields = {"number": part.number, "final": part.final}
    return {**fields, "content": part.content} if content else fields


def _job_fields(server: Server) -> dict[str, Any]:
    times = {"started_at": server.started_at, "finished_at": server.finished_at}
    shown = {name: time and time.strftime("%Y-%m-%dT%H:%M:%SZ") for name, time in times.items()}
    return {"id": JOB, "repository_id": 1, "build_id": 1, "number": "1.1", "state": server.state, **shown}


def stream(server: Server, restarts: Restarts | None = None) -> LogStream:
    """Return a stream of the log of the job."""
    return LogStream(
        JOB,
        lambda: Feed(cast("Subscription", server)),
        Jobs(Connection(server)),
        LogSources(Logs(Connection(server))),
        ClientLifetime(),
        None if restarts is None else RunFilter(restarts, ("job", JOB)),
    )


def restart_now(server: Server) -> Restarts:
    """Return the memory of a client that has restarted the job just now."""
    restarts = Restarts(clock=server.clock)
    restarts.record(("job", JOB), formatdate(int(server.clock()), usegmt=True))
    return restarts
