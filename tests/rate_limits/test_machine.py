"""Limits shared by the processes of a machine."""

import asyncio
import logging
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import anyio
import pytest

from aiotravis import errors
from aiotravis._http import ApiRequest
from aiotravis.rate_limits import machine as module
from aiotravis.rate_limits.limiter import RateLimiter
from aiotravis.rate_limits.machine import Machine, MachineLimiter, machine_at
from aiotravis.rate_limits.rules import AUTHENTICATED, PROBE_INTERVAL
from aiotravis.rate_limits.state_file import StateFile
from aiotravis.rate_limits.windows import Permit
from tests.rate_limits.model import READ, SIGN_IN, WRITE, Clock

ME = "0123456789abcdef"


class Processes:
    """Limiters of one identity, each as in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "state"
        self.clock = Clock(6000.0)

    def start(self) -> MachineLimiter:
        file = StateFile(self.folder, AUTHENTICATED, seconds=self.clock, wall=self.clock, boot="boot")
        shared = RateLimiter(AUTHENTICATED, clock=self.clock, offset=0.0, wall=self.clock)
        return MachineLimiter(shared, Machine(file, self.clock), ME)


@pytest.fixture
def processes(tmp_path: Path) -> Processes:
    return Processes(tmp_path)


async def sent(limiter: MachineLimiter, request: ApiRequest = WRITE) -> None:
    limiter.release(await permit_of(limiter, request))


async def permit_of(limiter: MachineLimiter, request: ApiRequest) -> Permit:
    return limiter.try_acquire(request) or await limiter.acquire(request, max_wait=0)


async def idle(limiter: MachineLimiter) -> None:
    """Wait until everything is written that was recorded."""
    await asyncio.wrap_future(limiter._machine.start(lambda: None))


def banned() -> errors.BannedError:
    return errors.BannedError("banned", status=403, method="GET", path="/x", remedy="Wait.")


async def test_posts_of_all_processes_count_together(processes: Processes) -> None:
    limiters = [processes.start() for _ in range(4)]
    for number in range(AUTHENTICATED.max_posts):
        await sent(limiters[number % 4])
    for limiter in [*limiters, processes.start()]:
        with pytest.raises(errors.RateLimited):
            await sent(limiter)
        assert limiter.snapshot().room == 2000 - (10 if limiter in limiters else 0)
    processes.clock.now += AUTHENTICATED.post_window
    await sent(processes.start())


async def test_one_sign_in_is_allowed_on_the_machine(processes: Processes) -> None:
    one = processes.start()
    await sent(one, SIGN_IN)
    # What is in flight may be settled any moment: another would wait for a second only.
    await idle(one)
    with pytest.raises(errors.RateLimited) as info:
        await sent(processes.start(), SIGN_IN)
    assert info.value.retry_after == AUTHENTICATED.sign_in_window


async def test_reads_alone_leave_no_file_and_ask_no_thread(processes: Processes) -> None:
    limiter = processes.start()
    for _ in range(5):
        permit = limiter.try_acquire(READ)
        assert permit is not None
        limiter.release(permit)
        processes.clock.now += 1.5
    assert not processes.folder.exists()
    assert limiter._machine._pool is None
    assert limiter.snapshot().store == "machine"


async def test_the_first_read_of_a_process_knows_of_a_ban(processes: Processes) -> None:
    one, other = processes.start(), processes.start()
    one.ban(banned())
    await idle(one)
    with pytest.raises(errors.BannedError, match="GET /x was not sent"):
        await permit_of(other, READ)
    assert other.snapshot().banned_until == one.snapshot().banned_until


async def test_a_process_that_runs_knows_of_a_ban_and_a_pause_within_a_second(processes: Processes) -> None:
    one, other = processes.start(), processes.start()
    await sent(other, READ)
    one.pause(30.0)
    await idle(one)
    await sent(other, READ)
    processes.clock.now += 1.1
    with pytest.raises(errors.RateLimited) as info:
        await sent(other, READ)
    assert info.value.retry_after == pytest.approx(28.9)
    one.ban(banned())
    await idle(one)
    processes.clock.now += 1.1
    with pytest.raises(errors.BannedError):
        await sent(other, READ)


async def test_reads_are_answered_without_the_file_for_a_second(processes: Processes) -> None:
    limiter = processes.start()
    await sent(limiter)
    await idle(limiter)
    assert limiter.try_acquire(READ) is not None
    processes.clock.now += 1.1
    assert limiter.try_acquire(READ) is None
    await sent(limiter, READ)
    assert limiter.try_acquire(READ) is not None


async def test_a_ban_is_probed_by_one_process_and_lifted_for_all(processes: Processes) -> None:
    one, other = processes.start(), processes.start()
    one.ban(banned())
    await idle(one)
    processes.clock.now += PROBE_INTERVAL
    with pytest.raises(errors.BannedError):
        await permit_of(other, WRITE)
    permit = await permit_of(other, READ)
    assert permit.probe
    with pytest.raises(errors.BannedError):
        await permit_of(one, READ)
    other.release(permit, answered=True)
    await idle(other)
    processes.clock.now += 1.1
    await sent(one, READ)
    await sent(processes.start(), WRITE)


async def test_a_probe_that_meets_the_ban_again_leaves_it(processes: Processes) -> None:
    limiter = processes.start()
    limiter.ban(banned())
    await idle(limiter)
    processes.clock.now += PROBE_INTERVAL
    limiter.release(await permit_of(limiter, READ), answered=False)
    with pytest.raises(errors.BannedError):
        await permit_of(limiter, READ)


async def test_a_cancelled_post_is_withdrawn(processes: Processes) -> None:
    limiter, started, go_on = processes.start(), threading.Event(), threading.Event()

    def slow() -> None:
        started.set()
        go_on.wait(10)

    limiter._machine.start(slow)
    await anyio.to_thread.run_sync(started.wait)
    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(limiter.acquire, WRITE)
        for _ in range(5):
            await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()
    go_on.set()
    await idle(limiter)
    await idle(limiter)
    assert limiter.shared.windows.in_flight == limiter.waiting == 0
    for _ in range(AUTHENTICATED.max_posts):
        await sent(limiter)


async def test_a_post_entered_while_its_call_was_cancelled_is_withdrawn(processes: Processes) -> None:
    limiter = processes.start()
    entered, go_on = threading.Event(), threading.Event()
    post = limiter._machine.file.post

    def slow(*arguments: object, **options: object) -> object:
        state = post(*arguments, **options)  # type: ignore[arg-type]
        entered.set()
        go_on.wait(10)
        return state

    limiter._machine.file.post = slow  # type: ignore[assignment, method-assign]
    async with anyio.create_task_group() as group:
        group.start_soon(limiter.acquire, WRITE)
        await anyio.to_thread.run_sync(entered.wait)
        group.cancel_scope.cancel()
    go_on.set()
    await idle(limiter)
    await idle(limiter)
    limiter._machine.file.post = post  # type: ignore[method-assign]
    with sqlite3.connect(limiter._machine.file.path) as connection:
        assert connection.execute("SELECT count(*) FROM entries").fetchone() == (0,)
    connection.close()


async def test_a_file_that_cannot_be_used_means_a_small_share_and_one_log_line(
    processes: Processes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "aiotravis.limits")
    processes.folder.write_text("")
    limiter = processes.start()
    for _ in range(module.UNSHARED_POSTS):
        await sent(limiter)
    with pytest.raises(errors.RateLimited):
        await sent(limiter)
    for _ in range(100):
        await sent(limiter, READ)
    problem = limiter.snapshot().problem
    assert problem is not None
    assert "limits.sqlite3" in problem
    lines = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert [line for line in lines if "calls wait" not in line[1]] == [
        ("INFO", f"rate limits are not shared with other processes at present: {problem}")
    ]
    processes.folder.unlink()
    processes.clock.now += module.RETRY_AFTER
    for _ in range(AUTHENTICATED.max_posts):
        await sent(limiter)
    assert limiter.snapshot().problem is None


async def test_a_ban_that_cannot_be_written_holds_in_its_process(processes: Processes) -> None:
    processes.folder.write_text("")
    limiter = processes.start()
    limiter.ban(banned())
    await idle(limiter)
    processes.folder.unlink()
    processes.clock.now += module.RETRY_AFTER
    await sent_is_banned(limiter)


async def sent_is_banned(limiter: MachineLimiter) -> None:
    with pytest.raises(errors.BannedError):
        await sent(limiter, READ)


async def test_a_full_disk_bans_nobody(processes: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite reports a full disk once its pages are limited to those that there are."""
    limiter = processes.start()
    await sent(limiter)
    await idle(limiter)
    connect: Any = sqlite3.connect

    def full(*arguments: object, **options: object) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments, **options)
        connection.execute("PRAGMA max_page_count = 1")
        return connection

    def long_name(_: int) -> str:
        return os.urandom(2000).hex()

    monkeypatch.setattr("aiotravis.rate_limits.state_file.sqlite3.connect", full)
    monkeypatch.setattr("secrets.token_hex", long_name)
    for _ in range(module.UNSHARED_POSTS - 1):
        await sent(limiter)
    with pytest.raises(errors.RateLimited):
        await sent(limiter)
    assert "full" in (limiter.snapshot().problem or "")


async def test_posts_count_where_no_thread_can_be_started(
    processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    limiter, other = processes.start(), processes.start()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        for _ in range(AUTHENTICATED.max_posts):
            await sent(limiter)
    with pytest.raises(errors.RateLimited):
        await sent(other)


def test_clients_of_one_folder_share_its_file(tmp_path: Path) -> None:
    assert machine_at(tmp_path) is machine_at(tmp_path)
    assert machine_at(tmp_path) is not machine_at(tmp_path / "other")


PROCESS = """
import asyncio, os, sys
from pathlib import Path
from aiotravis._http import ApiRequest
from aiotravis import errors
from aiotravis._http import ApiRequest
from aiotravis.rate_limits.machine import MachineLimiter, machine_at
from aiotravis.rate_limits.memory import shared_limiter
endpoint, how = "https://api.travis-ci.com", sys.argv[2]
limiter = MachineLimiter(shared_limiter(endpoint, "t", limited=True), machine_at(Path(sys.argv[1])), "me")
async def main():
    count = 0
    try:
        while True:
            permit = await limiter.acquire(ApiRequest("POST", "/x"), max_wait=0)
            count += 1
            if how == "settle":
                limiter.release(permit)
    except errors.RateLimited:
        return count
if how == "fork":
    asyncio.run(limiter.acquire(ApiRequest("POST", "/x"), max_wait=0))
    print("acquired", flush=True)
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.write(writing, str(asyncio.run(main())).encode())
        os._exit(0)
    os.wait()
    print(1 + int(os.read(reading, 10)) + asyncio.run(main()))
else:
    print(asyncio.run(main()), flush=True)
    if how == "die":
        os.kill(os.getpid(), 9)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("ways", [["settle"] * 4, ["die", "settle", "settle"], ["fork", "settle"]], ids=str)
def test_real_processes_send_what_one_may(tmp_path: Path, ways: list[str]) -> None:
    command = [sys.executable, "-W", "ignore", "-c", PROCESS, str(tmp_path / "state")]
    running: list[subprocess.Popen[str]] = []
    for how in ways:
        process = subprocess.Popen([*command, how], stdout=subprocess.PIPE, text=True)
        running.append(process)
        if how == "fork":
            # Its first POST comes before those of the others: after forty it would find no room.
            assert process.stdout is not None
            assert process.stdout.readline() == "acquired\n"
    counts = [int(process.communicate(timeout=60)[0]) for process in running]
    assert sum(counts) == AUTHENTICATED.max_posts, counts
