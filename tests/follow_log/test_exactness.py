"""Whatever the network and the server do, a follower delivers the stored log. Runs in virtual time."""

import asyncio
import contextlib
import os
import random
from collections.abc import Callable, Iterable, Sequence
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
FOR_EVER = 1e9
"""Seconds."""

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
    finished_at: datetime | None = None
    texts_read: int = 0
    clock: Callable[[], float] = lambda: 0.0
    run: int = 0
    ended_at: float | None = None
    mixed: bool = False
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
        # fact 7.9: servers of 2013 to 2015 numbered parts from 1.
        self.first = draw.choice([0, 0, 0, 1])
        # fact 10.2: for a while after the end, or for ever, the log is not there; before it, now and then.
        self.absence = draw.choice([0.0, 0.0, 0.3])
        self.hidden_for = draw.choice([0.0, 0.0, 5.0, 50.0, FOR_EVER])
        self.loses_end = draw.random() < 0.1

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
                asyncio.get_running_loop().call_later(delay, self._arrive, event, self.run)
            if draw.random() >= self.repeats:
                return

    def _arrive(self, event: events.Event, run: int) -> None:
        if isinstance(event, events.JobLog) and run != self.run and self.subscribed:
            self.mixed = True
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

    def announce_created(self) -> None:
        """Repeat the event, some seconds or a minute late."""
        event = events.JobCreated(job=self.job())
        for _ in range(self.draw.randrange(3)):
            asyncio.get_running_loop().call_later(self.draw.random() * 60, self._arrive, event, self.run)

    def job(self) -> Job:
        now = datetime.fromtimestamp(self.clock(), UTC)
        return Job(id=JOB, state=self.state, started_at=self.started_at, finished_at=self.finished_at, updated_at=now)

    # The job ----------------------------------------------------------------------------------------------------------

    async def live(self, runs: Sequence[Sequence[str]]) -> None:
        draw = self.draw
        for place, contents in enumerate(runs):
            last = place == len(runs) - 1
            self.announce_created()
            # Start times have no fractions of seconds, those of events do.
            await anyio.sleep(1.0 + draw.random() * 5)
            self.state, self.started_at = State.STARTED, datetime.fromtimestamp(int(self.clock()), UTC)
            self.announce(events.JobStarted)
            await self._write(contents if last or draw.random() < 0.5 else contents[: len(contents) // 2])
            if last or draw.random() < 0.5:
                self.state = draw.choice([State.PASSED, State.FAILED, State.CANCELED])
                self.ended_at = self.clock()
                if not self.loses_end:
                    self.announce(events.JobFinished)
            if not last:
                await anyio.sleep(2.0 + draw.random() * 5)
                if self.state.finished or any(part.final for part in self.stored):
                    self.earlier_texts.add(self.text)
                self.stored, self.aggregated, self.state, self.started_at = [], False, State.CREATED, None
                self.sent, self.lost, self.received_live = {}, set(), set()
                self.run, self.ended_at = self.run + 1, None
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
        for number, content in enumerate(contents, self.first):
            await anyio.sleep(draw.choice([0.0, 0.05, 0.5, 3.0]))
            self._keep(LogPart(number=number, content=content, final=False))
            if draw.random() < 0.03:
                self._cut(draw.random() * 8)
        if ends:
            self._keep(LogPart(number=self.first + len(contents), content="", final=True))
        elif draw.random() < 0.3:
            self._keep(LogPart(number=LAST, content="Canceled.\n", final=True))

    def _keep(self, part: LogPart) -> None:
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

    def refusal(self, path: str, *, v3: bool) -> errors.TravisError | None:
        """Return what a route raises that does not have the log; None if it answers a log without any text."""
        unavailable = errors.LogUnavailable("not there", job_id=JOB, reason="not there")
        if not v3:
            return self.draw.choice([unavailable, None])
        return self.draw.choice(
            [
                unavailable,
                errors.AuthenticationError("a token", status=401, method="GET", path=path),
                errors.PermissionDenied("no", status=403, method="GET", path=path),
                errors.ServerError("no", status=500, method="GET", path=path),
                errors.NotFoundError("no", status=404, method="GET", path=path, excerpt='{"@type":"error"}'),
                errors.DecodeError("a web page", status=200, method="GET", path=path, excerpt="<html>"),
                None,
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
        if server.is_hidden():
            if (refusal := server.refusal("/v3/log_parts", v3=True)) is not None:
                raise refusal
            return ()
        parts = [LogPart(number=0, content=server.text, final=True)] if server.aggregated else server.stored
        return tuple(
            part if content else LogPart(number=part.number, final=part.final)
            for part in parts
            if after is None or int(part.number) > after
        )

    async def get(self, job: int | Job) -> Log:
        server = self._server
        await server.answer("/jobs/log")
        if server.is_hidden():
            if (refusal := server.refusal("/jobs/log", v3=False)) is not None:
                raise refusal
            return Log(job_id=JOB, parts=())
        if server.has_parts and not server.aggregated:
            return Log(id=1, job_id=JOB, parts=tuple(server.stored))
        return Log(id=1, job_id=JOB, body=server.text if server.stored else None)

    async def _stream_text(self, job: int | Job, sink: LogSink, *, v3: bool = False) -> Log | None:
        server = self._server
        await server.answer("/v3/log.txt" if v3 else "/jobs/log")
        if v3 and not server.has_v3:
            raise errors.NotFoundError("no", status=404, method="GET", path="/", excerpt='{"file":"not found"}')
        if server.is_hidden():
            if (refusal := server.refusal("/log.txt", v3=v3)) is not None:
                raise refusal
            return Log(job_id=JOB, parts=())
        if not (v3 or server.has_text) or not server.stored:
            return Log()
        server.texts_read += 1
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
    unavailable: bool
    complete: bool
    before_resets: list[str]


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


async def read_all(log: LogStream, draw: random.Random) -> Followed:
    """Read a log to its end; after a failure that lasted, continue."""
    pieces: list[str] = []
    before_resets: list[str] = []
    missing: tuple[int, ...] = ()
    unavailable = False
    while True:
        try:
            part = await anext(log)
        except StopAsyncIteration:
            return Followed("".join(pieces), missing, unavailable, log.complete, before_resets)
        except errors.LogGap as gap:
            missing = gap.missing
            continue
        except errors.LogUnavailable:
            unavailable = True
            continue
        except FAILURES:
            continue
        if isinstance(part, LogReset):
            before_resets.append("".join(pieces))
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
        followed = await asyncio.wait_for(read_all(log, draw), MAX_DURATION)
        await log.aclose()
        # A follower that has seen the end of a run does not wait for another: what was stored then counts.
        living.cancel()
        await asyncio.wait([living])
        return server, followed

    with pytest.MonkeyPatch.context() as patch:
        # Deliver even these short texts in many pieces.
        patch.setattr(spooled_text, "PIECE", 10)
        return run(main, start=1.7e9, settling=0)


logs = st.lists(st.lists(st.sampled_from(TEXTS), max_size=25), min_size=1, max_size=3)


def numbered(runs: Sequence[Sequence[str]]) -> list[list[str]]:
    """Number every part of every run, so that no mix-up goes unnoticed."""
    return [[f"{text}{run}.{number};" for number, text in enumerate(texts)] for run, texts in enumerate(runs)]


@settings(max_examples=CASES, deadline=None, derandomize=DETERMINISTIC, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**64), logs)
def test_the_delivered_text_equals_the_stored_log(seed: int, texts: list[list[str]]) -> None:
    server, followed = follow(seed, numbered(texts), loses=False)
    texts_of_runs = {server.text, *server.earlier_texts}
    if followed.unavailable:
        # Only a log that is nowhere, and did not come whole live.
        assert server.gone or "" in texts_of_runs
        assert not followed.complete
        assert server.earlier_texts or is_part_of(followed.text, server.sent.values())
        return
    # A run that had ended counts, even if another one followed while its last parts were being read.
    assert followed.text in texts_of_runs
    assert followed.missing == ()
    assert followed.complete


def is_part_of(text: str, parts: Iterable[LogPart]) -> bool:
    """Return whether a text consists of some of the parts, in order."""
    place = 0
    for part in sorted(parts, key=lambda part: int(part.number)):
        if text.startswith(part.content or "", place):
            place += len(part.content or "")
    return place == len(text)


@settings(max_examples=CASES, deadline=None, derandomize=DETERMINISTIC, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**64), logs)
def test_parts_that_the_server_lost_are_reported_exactly(seed: int, texts: list[list[str]]) -> None:
    server, followed = follow(seed, numbered(texts[:1]), loses=True)
    for before in followed.before_resets:
        for part in server.sent.values():
            content = part.content or ""
            assert content not in before or content in followed.text, "what was delivered is not taken back"
    assert is_part_of(followed.text, server.sent.values())
    numbered_always = (server.has_v3 or server.has_parts) and not (server.aggregated or server.absence)
    if not numbered_always or followed.unavailable:
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
