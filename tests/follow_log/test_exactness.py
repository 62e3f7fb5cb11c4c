"""Whatever the network and the server do, a follower delivers the stored log. Runs in virtual time."""

import asyncio
import contextlib
import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiotravis import Feed, Job, Log, LogPart, LogReset, State, errors, events
from aiotravis._async.lifetime import ClientLifetime
from aiotravis.follow_log import LogStream, spooled_text
from aiotravis.follow_log.sources import LogSources
from aiotravis.live.event_buffer import EventBuffer, event_size
from aiotravis.live.subscription import Subscription
from aiotravis.resources._log_sinks import LogSink
from aiotravis.resources.jobs import Jobs
from aiotravis.resources.logs import LAST, Logs
from tests.autojump import run
from tests.samples import Scripted

JOB = 7
MAX_DURATION = 3 * 3600.0
"""Virtual seconds after which a case has failed."""

CASES = int(os.environ.get("AIOTRAVIS_LOG_CASES", "500"))
"""Cases of each test. Run many more by hand: ``AIOTRAVIS_LOG_CASES=25000``."""

DETERMINISTIC = "AIOTRAVIS_LOG_CASES" not in os.environ
"""Whether to run the same cases each time."""

TEXTS = ("line\n", "\r\x1b[0K", "größe ", "travis_fold:start:x\r", "", "log aggregate", "💎")


@dataclass
class Server:
    """A job whose log grows, and a network that loses, repeats, delays and reorders messages, reproducible by seed."""

    draw: random.Random
    loses: bool
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
    clock: Callable[[], float] = lambda: 0.0
    connected: bool = True
    subscribed: bool = False

    def __post_init__(self) -> None:
        draw = self.draw
        self.has_v3 = draw.random() < 0.6
        self.has_parts = draw.random() < 0.5
        self.has_text = draw.random() < 0.8
        self.is_live = draw.random() < 0.85
        self.loss = draw.choice([0.0, 0.05, 0.5, 1.0])
        self.repeats = draw.choice([0.0, 0.3])
        self.delay = draw.choice([0.0, 0.1, 3.0])
        self.failing = draw.choice([0.0, 0.1, 0.4])
        self.latency = draw.choice([0.0, 0.2, 1.5])

    @property
    def text(self) -> str:
        return "".join(part.content or "" for part in self.stored)

    # The live channel -------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        if not self.is_live:
            raise errors.LiveUnavailable("no live channel")
        self.subscribed = True

    def close(self) -> None:
        pass

    def publish(self, event: events.Event) -> None:
        draw = self.draw
        while True:
            if self.connected and draw.random() >= self.loss * (isinstance(event, events.JobLog)):
                delay = draw.random() * self.delay if draw.random() < 0.5 else 0.0
                asyncio.get_running_loop().call_later(delay, self._arrive, event)
            if draw.random() >= self.repeats:
                return

    def _arrive(self, event: events.Event) -> None:
        if (
            self.subscribed
            and self.connected
            and self.buffer.put(event, event_size(event))
            and isinstance(event, events.JobLog)
        ):
            self.received_live.add(int(event.number))

    def announce(self, kind: type[events.JobEvent]) -> None:
        job = self.job()
        self.publish(kind(job=job))

    def job(self) -> Job:
        now = datetime.fromtimestamp(self.clock(), UTC)
        return Job(id=JOB, state=self.state, started_at=self.started_at, updated_at=now)

    # The job ----------------------------------------------------------------------------------------------------------

    async def live(self, runs: Sequence[Sequence[str]]) -> None:
        draw = self.draw
        for place, contents in enumerate(runs):
            last = place == len(runs) - 1
            await anyio.sleep(draw.random() * 5)
            self.state, self.started_at = State.STARTED, datetime.fromtimestamp(int(self.clock()), UTC)
            self.announce(events.JobStarted)
            await self._write(contents if last or draw.random() < 0.5 else contents[: len(contents) // 2])
            if last or draw.random() < 0.5:
                self.state = draw.choice([State.PASSED, State.FAILED, State.CANCELED])
                self.announce(events.JobFinished)
            if not last:
                await anyio.sleep(2.0 + draw.random() * 5)
                if self.state.finished or any(part.final for part in self.stored):
                    self.earlier_texts.add(self.text)
                self.stored, self.aggregated, self.state, self.started_at = [], False, State.CREATED, None
                self.sent, self.lost, self.received_live = {}, set(), set()
                # A restart never goes unnoticed: the client receives the event, or a mark.
                self.connected = True
                if self.subscribed:
                    self.buffer.put(events.JobCreated(job=self.job()), 512)
        if draw.random() < 0.5:
            await anyio.sleep(draw.choice([1.0, 60.0, 180.0]))
            self.aggregated = True

    async def _write(self, contents: Sequence[str]) -> None:
        draw = self.draw
        ends = draw.random() < 0.9
        for number, content in enumerate(contents):
            await anyio.sleep(draw.choice([0.0, 0.05, 0.5, 3.0]))
            self._keep(LogPart(number=number, content=content, final=False))
            if draw.random() < 0.03:
                self._cut(draw.random() * 8)
        if ends:
            self._keep(LogPart(number=len(contents), content="", final=True))
        elif draw.random() < 0.3:
            self._keep(LogPart(number=LAST, content="Canceled.\n", final=True))

    def _keep(self, part: LogPart) -> None:
        number = int(part.number)
        self.sent[number] = part
        if self.loses and number != LAST and self.draw.random() < 0.1:
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

    # REST -------------------------------------------------------------------------------------------------------------

    async def answer(self, path: str) -> None:
        await anyio.sleep(self.draw.random() * self.latency)
        if self.draw.random() < self.failing:
            raise self.draw.choice(
                [
                    errors.RequestTimeout("late", method="GET", path=path),
                    errors.TruncatedError("cut", method="GET", path=path),
                    errors.ServerError("down", status=503, method="GET", path=path),
                ]
            )


class ServedJobs(Jobs):
    """Answers with the state of the job."""

    __slots__ = ("_server",)

    def __init__(self, server: Server) -> None:
        super().__init__(Scripted(b""))
        self._server = server

    async def get(self, job: int | Job, *, include_log_id: bool = False) -> Job:
        await self._server.answer("/jobs")
        return self._server.job()


class ServedLogs(Logs):
    """Answers with the stored log, in the forms that this server has."""

    __slots__ = ("_server",)

    def __init__(self, server: Server) -> None:
        super().__init__(Scripted(b""))
        self._server = server

    async def parts(  # type: ignore[override]
        self, job: int | Job, *, after: int | None = None, content: bool = True
    ) -> Sequence[LogPart]:
        server = self._server
        await server.answer("/v3/log_parts")
        if not server.has_v3:
            raise errors.NotFoundError("no", status=404, method="GET", path="/", excerpt='{"file":"not found"}')
        parts = [LogPart(number=0, content=server.text, final=True)] if server.aggregated else server.stored
        return tuple(
            part if content else LogPart(number=part.number, final=part.final)
            for part in parts
            if after is None or int(part.number) > after
        )

    async def get(self, job: int | Job) -> Log:
        server = self._server
        await server.answer("/jobs/log")
        if server.has_parts and not server.aggregated:
            return Log(id=1, job_id=JOB, parts=tuple(server.stored))
        return Log(id=1, job_id=JOB, body=server.text if server.stored else None)

    async def _stream_text(self, job: int | Job, sink: LogSink, *, v3: bool = False) -> Log | None:
        server = self._server
        await server.answer("/v3/log.txt" if v3 else "/jobs/log")
        if v3 and not server.has_v3:
            raise errors.NotFoundError("no", status=404, method="GET", path="/", excerpt='{"file":"not found"}')
        if not (v3 or server.has_text) or not server.stored:
            return Log()
        content = server.text.encode()
        if self._server.draw.random() < server.failing:
            # The transport starts again after a truncated attempt.
            await sink.begin()
            await sink.take(content[: len(content) // 2])
        await sink.begin()
        cut = server.draw.randrange(len(content) + 1)
        await sink.take(content[:cut])
        await anyio.sleep(server.draw.random() * server.latency)
        await sink.take(content[cut:])
        return None


@dataclass(frozen=True)
class Followed:
    """The outcome of following a log."""

    text: str
    missing: tuple[int, ...]
    complete: bool


FAILURES = (errors.RequestError, errors.ServerError)


async def opened(server: Server) -> LogStream:
    """Open a stream, again if the server fails for minutes."""
    while True:
        with contextlib.suppress(*FAILURES):
            log = LogStream(
                JOB,
                lambda: Feed(cast("Subscription", server)),
                ServedJobs(server),
                LogSources(ServedLogs(server)),
                ClientLifetime(),
            )
            return await log.__aenter__()


async def read_all(log: LogStream, draw: random.Random) -> tuple[str, tuple[int, ...]]:
    """Read a log to its end; after a failure that lasted, continue."""
    pieces: list[str] = []
    while True:
        try:
            part = await anext(log)
        except StopAsyncIteration:
            return "".join(pieces), ()
        except errors.LogGap as gap:
            return "".join(pieces), gap.missing
        except FAILURES:
            continue
        if isinstance(part, LogReset):
            pieces.clear()
        pieces.append(part.content or "")
        if draw.random() < 0.05:
            await anyio.sleep(draw.random() * 4)


def follow(seed: int, runs: Sequence[Sequence[str]], *, loses: bool) -> tuple[Server, Followed]:
    """Follow a log from a moment before, during, or after the job."""
    draw = random.Random(seed)
    # The follower draws its jitter from this.
    random.seed(seed)

    async def main(clock: Callable[[], float]) -> tuple[Server, Followed]:
        server = Server(draw, loses, clock=clock)
        living = asyncio.ensure_future(server.live(runs))
        await anyio.sleep(draw.choice([0.0, 1.0, 5.0, 400.0]))
        log = await asyncio.wait_for(opened(server), MAX_DURATION)
        text, missing = await asyncio.wait_for(read_all(log, draw), MAX_DURATION)
        await log.aclose()
        # A follower that has seen the end of a run does not wait for another: what was stored then counts.
        living.cancel()
        await asyncio.wait([living])
        return server, Followed(text, missing, log.complete)

    with pytest.MonkeyPatch.context() as patch:
        # Deliver even these short texts in many pieces.
        patch.setattr(spooled_text, "PIECE", 10)
        return run(main, start=1.7e9, settling=0)


logs = st.lists(st.lists(st.sampled_from(TEXTS), max_size=25), min_size=1, max_size=3)


def numbered(runs: Sequence[Sequence[str]]) -> list[list[str]]:
    """Number every part of every run, so that no mix-up goes unnoticed."""
    return [[f"{text}{run}.{number}" for number, text in enumerate(texts)] for run, texts in enumerate(runs)]


@settings(max_examples=CASES, deadline=None, derandomize=DETERMINISTIC, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**64), logs)
def test_the_delivered_text_equals_the_stored_log(seed: int, texts: list[list[str]]) -> None:
    server, followed = follow(seed, numbered(texts), loses=False)
    # A run that had ended counts, even if another one followed while its last parts were being read.
    assert followed.text in {server.text, *server.earlier_texts}
    assert followed.missing == ()
    assert followed.complete


@settings(max_examples=CASES, deadline=None, derandomize=DETERMINISTIC, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**64), logs)
def test_parts_that_the_server_lost_are_reported_exactly(seed: int, texts: list[list[str]]) -> None:
    server, followed = follow(seed, numbered(texts[:1]), loses=True)
    if server.aggregated or not (server.has_v3 or server.has_parts):
        # Without numbers, nothing shows that the stored text lacks parts.
        return
    assert set(followed.missing) <= server.lost
    if followed.complete and followed.text == server.text:
        return
    received = "".join(
        part.content or "" for number, part in sorted(server.sent.items()) if number not in followed.missing
    )
    known = max((int(part.number) for part in server.stored if part.number != LAST), default=-1)
    if not server.lost - server.received_live or max(server.lost) < known:
        assert followed.text == received
        assert server.lost - server.received_live <= set(followed.missing)
    assert followed.complete is not bool(followed.missing)
