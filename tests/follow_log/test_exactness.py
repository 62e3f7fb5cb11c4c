"""Whatever the network and the server do, a follower delivers the stored log. Runs in virtual time."""

import asyncio
import contextlib
import os
import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiotravis import LogPart, LogReset, LogStream, State, errors
from aiotravis.follow_log import log_timeout, spooled_text
from aiotravis.resources._runs import Restarts
from aiotravis.resources.logs import LAST
from tests.autojump import run
from tests.follow_log.simulation import Server, restart_now, stream

MAX_DURATION = 3 * 3600.0
"""Virtual seconds after which a case has failed."""

CASES = int(os.environ.get("AIOTRAVIS_LOG_CASES", "250"))
"""Cases of each test. Run many more by hand: ``AIOTRAVIS_LOG_CASES=17000``."""

DETERMINISTIC = "AIOTRAVIS_LOG_CASES" not in os.environ
"""Whether to run the same cases each time."""

TEXTS = ("line\n", "\r\x1b[0K", "größe ", "travis_fold:start:x\r", "", "log aggregate", "💎")

LARGE = 20_000_000
"""Characters of a large log."""

LARGE_PARTS = 200

many_cases = settings(
    max_examples=CASES,
    deadline=None,
    derandomize=DETERMINISTIC,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

logs = st.lists(st.lists(st.sampled_from(TEXTS), max_size=25), min_size=1, max_size=3)

seeds = st.integers(0, 2**64)


@dataclass(frozen=True)
class Followed:
    """The outcome of following a log."""

    text: str = field(repr=False)
    missing: tuple[int, ...]
    unavailable: bool
    dropped: bool
    complete: bool
    before_resets: list[str] = field(repr=False)


FAILURES = (errors.RequestError, errors.ServerError, errors.RateLimited)


async def opened(server: Server, restarts: Restarts | None) -> LogStream:
    """Open a stream, again if the server fails for minutes."""
    while True:
        with contextlib.suppress(*FAILURES):
            return await stream(server, restarts).__aenter__()


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
            return Followed("".join(pieces), missing, unavailable, False, log.complete, before_resets)
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


def simulate(
    seed: int, program: Callable[[Server], Awaitable[Followed]], *, loses: bool = False
) -> tuple[Server, Followed]:
    """Run a program in virtual time."""
    draw = random.Random(seed)
    # The follower draws its jitter from this.
    random.seed(seed)

    async def main(clock: Callable[[], float]) -> tuple[Server, Followed]:
        patch.setattr(log_timeout, "time", SimpleNamespace(time=clock))
        server = Server(draw, loses, clock)
        if is_large(seed):
            # Neither threads, whose time is real, nor JSON, which is of limited size.
            patch.setattr(spooled_text, "MAX_IN_MEMORY", 2 * LARGE)
            server.has_text = True
        else:
            # Deliver even these short texts in many pieces.
            patch.setattr(spooled_text, "PIECE", 10)
        return server, await program(server)

    with pytest.MonkeyPatch.context() as patch:
        return run(main, start=1.7e9, settling=0)


async def follow(server: Server, job: Awaitable[None], restarts: Restarts | None = None) -> Followed:
    """Follow the log while the job does something."""
    living = asyncio.ensure_future(job)
    try:
        await anyio.sleep(server.draw.choice([0.0, 1.0, 5.0, 400.0, 7200.0] if restarts is None else [0.0, 0.0, 2.0]))
        async with asyncio.timeout(MAX_DURATION):
            log = await opened(server, restarts)
            followed = await read_all(log, server.draw)
            await log.aclose()
            return followed
    except errors.RestartDropped:
        return Followed("", (), unavailable=False, dropped=True, complete=False, before_resets=[])
    finally:
        # A follower that has seen the end of a run does not wait for another: what was stored then counts.
        living.cancel()
        await asyncio.wait([living])


def is_large(seed: int) -> bool:
    return random.Random(seed + 1).random() < 0.01


def numbered(seed: int, runs: Sequence[Sequence[str]]) -> list[list[str]]:
    """Number every part of every run, so that no mix-up goes unnoticed; make some of them large."""
    texts = [[f"{text}{run}.{number};" for number, text in enumerate(texts)] for run, texts in enumerate(runs)]
    if is_large(seed):
        count = len(texts[-1])
        parts = [f"{texts[-1][number % count] if count else ''}{number};" for number in range(LARGE_PARTS)]
        texts[-1] = [part * (LARGE // LARGE_PARTS // len(part) + 1) for part in parts]
    return texts


def is_part_of(text: str, parts: Iterable[LogPart]) -> bool:
    """Return whether a text consists of some of the parts, in order."""
    place = 0
    for part in sorted(parts, key=lambda part: int(part.number)):
        if text.startswith(part.content or "", place):
            place += len(part.content or "")
    return place == len(text)


def is_exact(server: Server, followed: Followed) -> bool:
    """Return whether the outcome is the log of a run, all of it, or that it is nowhere."""
    texts_of_runs = {server.text, *server.earlier_texts}
    if server.hidden_for and LAST in server.sent and followed.text.endswith(server.sent[LAST].content or ""):
        # fact 7.9: the server's notice ends a log that is not stored, and does not show how many parts were before it.
        return is_part_of(followed.text, server.sent.values())
    if not server.text and any(text.startswith(followed.text) for text in server.earlier_texts):
        # fact 10.2: an answer without text shows nothing, so that it cannot show a restart that went unnoticed.
        return True
    if followed.unavailable or followed.missing:
        # Only a log that is nowhere, and did not come whole live.
        is_rest = server.earlier_texts or is_part_of(followed.text, server.sent.values())
        return bool((server.gone or "" in texts_of_runs) and is_rest and not followed.complete)
    # A run that had ended counts, even if another one followed while its last parts were being read.
    return followed.text in texts_of_runs and followed.missing == () and followed.complete


@many_cases
@given(seeds, logs)
def test_the_delivered_text_equals_the_stored_log(seed: int, texts: list[list[str]]) -> None:
    server, followed = simulate(seed, lambda server: follow(server, server.live(numbered(seed, texts))))
    assert is_exact(server, followed)


@many_cases
@given(seeds, st.lists(st.sampled_from(TEXTS), max_size=9), st.lists(st.sampled_from(TEXTS), max_size=25))
def test_after_a_restart_the_log_is_that_of_the_new_run(seed: int, old: list[str], new: list[str]) -> None:
    before, after = numbered(seed, [old, new])

    async def program(server: Server) -> Followed:
        draw = server.draw
        await server.begin_run()
        if draw.random() < 0.2:
            # A job that never started can be restarted, too.
            server.end(State.CANCELED)
        else:
            server.start()
            await server.write(before)
            server.end(draw.choice([State.PASSED, State.CANCELED]))
        await anyio.sleep(draw.choice([1.0, 30.0, 7200.0]))
        server.aggregated = draw.random() < 0.5
        return await follow(server, restarted(server, after), restart_now(server))

    server, followed = simulate(seed, program)
    if followed.dropped:
        assert server.run == 0
    else:
        assert is_exact(server, followed)
        # Only for a call made after the minute for which the new run is waited for, the old one counts.
        assert followed.unavailable or followed.missing or followed.text not in server.earlier_texts - {server.text}


async def restarted(server: Server, contents: Sequence[str]) -> None:
    """Begin a new run, some seconds after a restart was accepted, or never."""
    # fact 10.1
    if server.draw.random() < 0.15:
        return
    await anyio.sleep(server.draw.random() * 5)
    server.restart()
    await server.live([contents])


@many_cases
@given(seeds, logs)
def test_parts_that_the_server_lost_are_reported_exactly(seed: int, texts: list[list[str]]) -> None:
    written = numbered(seed, texts[:1])
    server, followed = simulate(seed, lambda server: follow(server, server.live(written)), loses=True)
    for before in followed.before_resets:
        for part in server.sent.values():
            assert not (part.content and part.content in before and part.content not in followed.text), (
                "what was delivered is not taken back"
            )
    if (
        server.received_live >= set(server.sent)
        and server.subscribed_at_start
        and server.first == 0
        and (server.has_v3 or server.has_parts)
        and not (server.state_loss or server.delay)
        and any(part.final and part.number != LAST for part in server.sent.values())
    ):
        # What came whole live, after the start of the run, is the log, whatever is stored. Only a listing shows that
        # numbers begin at 1, and how many parts a text has.
        assert followed.text == "".join(part.content or "" for _, part in sorted(server.sent.items()))
        assert followed.complete
        return
    if server.damage is not None:
        return
    assert is_part_of(followed.text, server.sent.values())
    numbered_always = (server.has_v3 or server.has_parts) and not (
        server.aggregated or server.absence or server.lacking
    )
    if not numbered_always or followed.unavailable or server.gone or is_large(seed):
        # Without numbers, nothing shows that the stored text lacks parts.
        return
    # Of a log without any text, nothing shows that its numbers begin at 1.
    assert set(followed.missing) <= server.lost | set(range(server.first))
    if followed.complete and (followed.text == server.text or (server.failing and not followed.missing)):
        # The text was read while the numbers could not be.
        assert all((part.content or "") in followed.text for part in server.stored)
        return
    received = "".join(
        part.content or "" for number, part in sorted(server.sent.items()) if number not in followed.missing
    )
    known = max((int(part.number) for part in server.stored if part.number != LAST), default=-1)
    if not server.lost - server.received_live or max(server.lost) < known:
        assert followed.text == received
        assert server.lost - server.received_live <= set(followed.missing)
    assert followed.complete is not bool(followed.missing)
