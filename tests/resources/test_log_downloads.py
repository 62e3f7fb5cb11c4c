"""Logs into files: complete or not there at all, and not downloaded twice."""

import os
import random
import resource
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest

from aiotravis import Job, LogFile, Progress, State, Travis, errors
from aiotravis._http import ApiRequest, ApiResponse, Sink
from aiotravis.resources import _log_sinks
from aiotravis.resources._log_downloads import FileSink, download
from aiotravis.resources._log_sinks import DiskError
from aiotravis.resources.logs import Logs
from aiotravis.testing import FaultProxy, Repository, TravisServer
from tests.conftest import TOKEN
from tests.samples import Scripted
from tests.waiting import until

ENDED = datetime(2014, 4, 8, 0, 17, 34, tzinfo=UTC)
NAIVE_ZERO = datetime(1, 1, 1)  # noqa: DTZ001 - what a value made by hand may hold
PASSED = Job(id=7, state=State.PASSED, finished_at=ENDED)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def ended(repository: Repository, *texts: str) -> list[int]:
    """Create jobs that have ended, with their logs, and return their ids."""
    build = repository.build(jobs=len(texts), quiet=True)
    build.start()
    for job, text in zip(build.jobs, texts, strict=True):
        job.write(text, final=True)
    build.finish("passed")
    for job in build.jobs:
        # fact 10.2: a log is not there at first; these were stored long ago.
        job.log.unavailable_reads = 0
    return [job.id for job in build.jobs]


def writes(*pieces: bytes) -> Callable[[FileSink], object]:
    async def fetch(sink: FileSink) -> None:
        await sink.begin()
        for piece in pieces:
            await sink.take(piece)

    return fetch


# One file -------------------------------------------------------------------------------------------------------------


async def test_a_log_file_has_the_time_of_its_jobs_end(tmp_path: Path) -> None:
    file = await download(PASSED, tmp_path, writes(b"one\n", b"two\n"), overwrite=False)  # type: ignore[arg-type]
    path = tmp_path / "7.txt"
    assert file == LogFile(job_id=7, path=path, size=8, fresh=True)
    assert path.read_bytes() == b"one\ntwo\n"
    assert path.stat().st_mtime == ENDED.timestamp()
    assert names(tmp_path) == ["7.txt"]


@pytest.mark.parametrize("ended_at", [NAIVE_ZERO, NAIVE_ZERO.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
async def test_a_date_that_no_file_can_have_leaves_the_log_whole(tmp_path: Path, ended_at: datetime) -> None:
    job = Job(id=7, state=State.PASSED, finished_at=ended_at)
    file = await download(job, tmp_path, writes(b"one\n"), overwrite=False)  # type: ignore[arg-type]
    assert (file.error, file.size, file.fresh) == (None, 4, True)
    again = await download(job, tmp_path, writes(b"two\n"), overwrite=False)  # type: ignore[arg-type]
    assert (again.size, again.fresh) == (4, False)


@pytest.mark.parametrize("odd", ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00", "", "soon", "2014-04-08T00:27:12"])
async def test_one_odd_date_takes_no_other_download_with_it(
    server: TravisServer, travis: Travis, repository: Repository, tmp_path: Path, odd: str
) -> None:
    ids = ended(repository, "one\n", "two\n", "three\n")
    jobs = [f'{{"id":{number},"state":"passed","finished_at":"2014-04-08T00:27:12Z"}}' for number in ids]
    jobs[1] = f'{{"id":{ids[1]},"state":"passed","finished_at":"{odd}"}}'
    server.respond("GET", "/jobs", body=f'{{"jobs":[{",".join(jobs)}]}}'.encode())
    for fresh in (True, False):
        files = await travis.logs.download(ids, tmp_path)
        assert [(file.error, file.size, file.fresh) for file in files] == [(None, size, fresh) for size in (4, 4, 6)]


async def test_a_new_attempt_overwrites_the_one_before(tmp_path: Path) -> None:
    async def fetch(sink: FileSink) -> None:
        await sink.begin()
        await sink.take(b"this was cut off, and is longer")
        await sink.begin()
        await sink.take(b"whole\n")

    file = await download(PASSED, tmp_path, fetch, overwrite=False)
    assert (file.size, (tmp_path / "7.txt").read_bytes()) == (6, b"whole\n")


async def test_temporary_files_of_killed_processes_are_removed_after_an_hour(travis: Travis, tmp_path: Path) -> None:
    abandoned, others = f".7.txt.{'0' * 32}.part", [".notes.part", "7.txt.part", "9.txt"]
    for name in (abandoned, *others):
        (tmp_path / name).write_text("a")
        os.utime(tmp_path / name, (0, 0))
    in_use = f".8.txt.{'1' * 32}.part"
    (tmp_path / in_use).write_text("a")
    assert await travis.logs.download([], tmp_path) == ()
    assert names(tmp_path) == sorted([in_use, *others])


async def test_a_disk_that_is_full_leaves_no_part_of_a_log(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Like a full disk, it lets a part of a write through, and fails only the next one.
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        file = await download(PASSED, tmp_path, writes(b"12345678", b"12345678"), overwrite=False)  # type: ignore[arg-type]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert isinstance(file.error, OSError)
    assert (file.path, names(tmp_path)) == (None, [])


async def test_a_failed_or_cancelled_download_leaves_no_file(tmp_path: Path) -> None:
    (tmp_path / "7.txt").write_text("an older one")

    async def fail(sink: FileSink) -> None:
        await sink.take(b"half")
        raise errors.TruncatedError("cut", method="GET", path="/jobs/7/log")

    file = await download(PASSED, tmp_path, fail, overwrite=True)
    assert isinstance(file.error, errors.TruncatedError)
    assert file.path is None
    halfway = anyio.Event()

    async def hang(sink: FileSink) -> None:
        await sink.take(b"half")
        halfway.set()
        await anyio.sleep_forever()

    async with anyio.create_task_group() as group:

        async def run() -> None:
            await download(PASSED, tmp_path, hang, overwrite=True)

        group.start_soon(run)
        await halfway.wait()
        assert len(names(tmp_path)) == 2
        group.cancel_scope.cancel()
    assert names(tmp_path) == ["7.txt"]
    assert (tmp_path / "7.txt").read_text() == "an older one"


@pytest.mark.parametrize(
    ("modified", "job", "fetched"),
    [
        (ENDED.timestamp(), PASSED, False),
        (ENDED.timestamp() + 1, PASSED, False),
        (ENDED.timestamp() - 3600, PASSED, True),
        (1.0, Job(id=7, state=State.CANCELED), False),
    ],
)
async def test_a_file_of_the_same_run_is_not_downloaded_again(
    tmp_path: Path, modified: float, job: Job, fetched: bool
) -> None:
    path = tmp_path / "7.txt"
    path.write_bytes(b"there")
    os.utime(path, (modified, modified))
    file = await download(job, tmp_path, writes(b"anew"), overwrite=False)  # type: ignore[arg-type]
    assert (file.fresh, file.size, path.read_bytes()) == (fetched, 4 + (not fetched), b"anew" if fetched else b"there")


async def test_a_running_job_is_an_error(tmp_path: Path) -> None:
    file = await download(Job(id=7, state=State.STARTED), tmp_path, writes(b""), overwrite=False)  # type: ignore[arg-type]
    assert isinstance(file.error, errors.UsageError)
    assert "Job 7 has not ended" in str(file.error)
    assert names(tmp_path) == []


async def test_a_disk_error_is_reported_as_such(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    file = await download(PASSED, gone, writes(b"text"), overwrite=False)  # type: ignore[arg-type]
    assert isinstance(file.error, FileNotFoundError)
    sink = FileSink(gone / "7.txt")
    with pytest.raises(DiskError):
        await sink.begin()
    await sink.aclose()


# Many, over REST ------------------------------------------------------------------------------------------------------


async def test_many_logs_are_returned_in_the_order_given(
    server: TravisServer, travis: Travis, repository: Repository, tmp_path: Path
) -> None:
    large = "größe " * 200_000
    first, second, third = ended(repository, "one\n", "two", large)
    reports: list[Progress] = []
    jobs: list[int | Job] = [third, await travis.jobs.get(first), second, 999, first]
    files = await travis.logs.download(jobs, tmp_path / "a" / "b", progress=reports.append)
    assert [(file.job_id, file.fresh) for file in files] == [
        (third, True), (first, True), (second, True), (999, False), (first, True),
    ]  # fmt: skip
    assert [file.path.read_text() if file.path else None for file in files] == [large, "one\n", "two", None, "one\n"]
    assert isinstance(files[3].error, errors.NotFoundError)
    assert files[3].error.missing == (999,)
    assert reports[-1] == Progress(done=4, failed=1, total=4, waiting=0)
    assert names(tmp_path / "a" / "b") == sorted(f"{number}.txt" for number in (first, second, third))

    before = len(server.requests)
    again = await travis.logs.download([first, second, third], tmp_path / "a" / "b")
    assert [file.fresh for file in again] == [False, False, False]
    assert len(server.requests) == before + 1
    assert all(file.fresh for file in await travis.logs.download([first], tmp_path / "a" / "b", overwrite=True))


async def test_the_log_of_the_run_before_is_not_kept_for_the_new_run(tmp_path: Path) -> None:
    old = Job(id=7, state=State.PASSED, started_at=ENDED, finished_at=ENDED)
    now = datetime.now(UTC)
    new = Job(id=7, state=State.PASSED, started_at=now, finished_at=now)
    assert (await download(old, tmp_path, writes(b"old"), overwrite=False)).fresh  # type: ignore[arg-type]
    # fact 10.1: for some seconds the server serves the old log.
    file = await download(new, tmp_path, writes(b"old"), overwrite=False)  # type: ignore[arg-type]
    assert isinstance(file.error, errors.LogUnavailable)
    assert file.error.reason == "it is still that of the run before"
    for content in (b"new", b"new and more"):
        file = await download(new, tmp_path, writes(content), overwrite=True)  # type: ignore[arg-type]
        assert (file.error, file.size) == (None, len(content))
    assert names(tmp_path) == ["7.txt"]


async def test_a_restarted_job_is_downloaded_again(
    server: TravisServer, travis: Travis, repository: Repository, tmp_path: Path
) -> None:
    (number,) = ended(repository, "first run\n")
    await travis.logs.download([number], tmp_path)
    job = server.world.jobs[number]
    job.restart()
    (running,) = await travis.logs.download([number], tmp_path)
    assert "has not ended" in str(running.error)
    now = server.world.clock()
    server.world.clock = lambda: now + 3600
    job.start()
    job.write("second run\n", final=True)
    job.finish()
    job.log.unavailable_reads = 0
    (file,) = await travis.logs.download([number], tmp_path)
    assert (file.fresh, (tmp_path / f"{number}.txt").read_text()) == (True, "second run\n")


@pytest.mark.parametrize("text", ["log aggregated", "Your log is temporarily unavailable"])
async def test_a_placeholder_is_not_saved(travis: Travis, repository: Repository, tmp_path: Path, text: str) -> None:
    (number,) = ended(repository, text)
    (file,) = await travis.logs.download([number], tmp_path)
    assert isinstance(file.error, errors.LogUnavailable)
    assert names(tmp_path) == []


RAN = Job(id=7, state=State.PASSED, started_at=ENDED, finished_at=ENDED)

NO_LOG = ApiResponse(200, {"content-type": "application/json"}, b'{"log":{"job_id":7,"parts":[],"@type":"Log"}}')


@pytest.mark.parametrize(
    "response",
    [
        NO_LOG,
        ApiResponse(406, {}, b""),
        ApiResponse(200, {"content-type": "text/plain"}, b""),
        ApiResponse(
            200, {"content-type": "application/xml"}, b"<Error><Code>NoSuchKey</Code></Error>", redirected=True
        ),
        ApiResponse(404, {"content-type": "text/html"}, b"<html>", redirected=True),
    ],
)
async def test_a_log_that_is_not_there_is_an_error_and_fetched_at_the_next_call(
    tmp_path: Path, response: ApiResponse
) -> None:
    (file,) = await Logs(Scripted(response)).download([RAN], tmp_path)
    assert isinstance(file.error, errors.LogUnavailable)
    assert file.error.job_id == 7
    assert (file.path, names(tmp_path)) == (None, [])
    there = Scripted(ApiResponse(200, {"content-type": "text/plain"}, b"there"))
    (file,) = await Logs(there).download([RAN], tmp_path)
    assert (file.fresh, file.size) == (True, 5)


@pytest.mark.parametrize("state", [State.CANCELED, State.ERRORED])
async def test_the_log_of_a_job_that_never_started_is_an_empty_file(tmp_path: Path, state: State) -> None:
    job = Job(id=7, state=state, finished_at=ENDED)
    (file,) = await Logs(Scripted(NO_LOG)).download([job], tmp_path)
    assert (file.error, file.fresh, file.size, file.path and file.path.read_bytes()) == (None, True, 0, b"")


async def test_v3_text_is_saved_if_v2_has_no_log(tmp_path: Path) -> None:
    def answer(request: ApiRequest) -> ApiResponse:
        v3 = request.path == "/v3/job/7/log.txt"
        return ApiResponse(200, {"content-type": "text/plain"}, b"there") if v3 else NO_LOG

    (file,) = await Logs(Scripted(answer)).download([RAN], tmp_path)
    assert (file.error, file.size) == (None, 5)


async def test_a_truncated_log_is_not_saved_and_can_be_repeated(
    server: TravisServer, repository: Repository, tmp_path: Path
) -> None:
    # Text that cannot be compressed below what the proxy lets through.
    text = random.Random(1).randbytes(2_000_000).hex()
    (number,) = ended(repository, text)
    async with (
        FaultProxy(server.port) as proxy,
        Travis(TOKEN, endpoint=f"http://127.0.0.1:{proxy.port}", rate_limits=False) as travis,
    ):
        job = await travis.jobs.get(number)
        proxy.cut_after(1_000_000)
        (file,) = await travis.logs.download([job], tmp_path)
        assert isinstance(file.error, errors.TruncatedError)
        assert (file.error.attempts, names(tmp_path)) == (3, [])
        await proxy.heal()
        (file,) = await travis.logs.download([job], tmp_path)
    assert file.fresh
    assert (tmp_path / f"{number}.txt").read_text() == text


async def test_a_log_above_the_limit_is_an_error(
    travis: Travis, repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_log_sinks, "MAX_LOG", 100_000)
    small, large = ended(repository, "x" * 1000, "x" * 1_000_000)
    files = await travis.logs.download([small, large], tmp_path)
    assert files[0].error is None
    assert isinstance(files[1].error, errors.TooLargeError)
    assert names(tmp_path) == [f"{small}.txt"]
    assert len(await travis.logs.text(small)) == 1000
    with pytest.raises(errors.TooLargeError):
        await travis.logs.text(large)


async def test_cancellation_leaves_no_file(
    server: TravisServer, travis: Travis, repository: Repository, tmp_path: Path
) -> None:
    numbers = ended(repository, *["text\n"] * 5)
    server.latency = 30.0
    async with anyio.create_task_group() as group:
        group.start_soon(travis.logs.download, [Job(id=number, state=State.PASSED) for number in numbers], tmp_path)
        await until(lambda: tmp_path.exists())
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
    assert names(tmp_path) == []


async def test_invalid_arguments_raise_before_anything_is_done(travis: Travis, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    with pytest.raises(errors.UsageError, match="jobs must be several ids"):
        await travis.logs.download("12", folder)  # type: ignore[arg-type]
    with pytest.raises(errors.UsageError):
        await travis.logs.download([-1], folder)
    with pytest.raises(errors.UsageError, match="at_once"):
        await travis.logs.download([1], folder, at_once=0)
    assert not folder.exists()


async def test_a_refusal_after_a_truncated_attempt_is_not_saved(tmp_path: Path) -> None:
    class Truncating(Scripted):
        async def send(self, request: ApiRequest, sink: Sink | None = None) -> ApiResponse:
            assert sink is not None
            await sink.begin()
            await sink.take(b"half of a l")
            return ApiResponse(404, {"content-type": "application/json"}, b"")

    (file,) = await Logs(Truncating(b"")).download([PASSED], tmp_path)
    assert isinstance(file.error, errors.NotFoundError)
    assert names(tmp_path) == []


async def test_a_web_page_is_not_saved(server: TravisServer, travis: Travis, tmp_path: Path) -> None:
    server.respond("GET", "/jobs/7/log", body=b"<html>", headers={"Content-Type": "text/html"})
    (file,) = await travis.logs.download([PASSED], tmp_path)
    assert isinstance(file.error, errors.DecodeError)
    assert "a web page" in str(file.error)
    assert names(tmp_path) == []


async def test_json_above_the_limit_is_replaced_by_v3_text(
    server: TravisServer, travis: Travis, tmp_path: Path
) -> None:
    server.respond("GET", "/jobs/7/log", body=b'{"log":{"body":"%s"}}' % (b"x" * 5000))
    server.respond("GET", "/v3/job/7/log.txt", body=b"all", headers={"Content-Type": "text/plain"})
    logs = travis.with_options(max_response=4000).logs
    (file,) = await logs.download([PASSED], tmp_path)
    assert file.path is not None
    assert (file.path.read_text(), await logs.text(7)) == ("all", "all")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, b"file not found"),
        (401, b'{"@type":"error","error_type":"login_required","error_message":"login required"}'),
        (403, b'{"@type":"error","error_type":"insufficient_access","error_message":"no"}'),
        (500, b"Sorry, we experienced an error."),
        (406, b""),
        (200, b"<html>"),
    ],
)
async def test_json_above_the_limit_is_reported_where_there_is_no_text(
    server: TravisServer, travis: Travis, tmp_path: Path, status: int, body: bytes
) -> None:
    server.respond("GET", "/jobs/7/log", body=b'{"log":{"body":"%s"}}' % (b"x" * 5000))
    server.respond("GET", "/v3/job/7/log.txt", status=status, body=body, headers={"Content-Type": "text/html"})
    job = b'{"job":{"id":7,"state":"passed","started_at":"2014-04-08T00:17:34Z","finished_at":"2014-04-08T00:27:12Z"}}'
    server.respond("GET", "/jobs/7", body=job)
    small = travis.with_options(max_response=4000)
    limit = "larger than 4000 bytes. Raise max_response="
    (file,) = await small.logs.download([PASSED], tmp_path)
    with pytest.raises(errors.TooLargeError, match=limit):
        raise file.error or AssertionError
    with pytest.raises(errors.TooLargeError, match=limit):
        await small.logs.text(7)
    with pytest.raises(errors.TooLargeError, match=limit):
        await small.follow_log(7).text()
    assert await travis.follow_log(7).text() == "x" * 5000


async def test_a_job_that_cannot_be_read_fails_only_its_own_download(tmp_path: Path) -> None:
    def answer(request: ApiRequest) -> ApiResponse:
        if request.path != "/jobs":
            return ApiResponse(200, {"content-type": "text/plain"}, b"text")
        ids = [value for name, value in request.query if name.startswith("ids")]
        if "2" in ids:
            raise errors.TooLargeError("too large", method="GET", path="/jobs", limit=1)
        jobs = ",".join(f'{{"id":{number},"state":"passed","started_at":"2014-04-08T00:17:34Z"}}' for number in ids)
        return ApiResponse(200, {"content-type": "application/json"}, f'{{"jobs":[{jobs}]}}'.encode())

    files = await Logs(Scripted(answer)).download([1, 2, 3], tmp_path)
    assert [type(file.error) for file in files] == [type(None), errors.TooLargeError, type(None)]
    assert names(tmp_path) == ["1.txt", "3.txt"]


async def test_jobs_may_come_from_an_async_iterable(travis: Travis, repository: Repository, tmp_path: Path) -> None:
    ids = ended(repository, "one\n", "two\n")
    files = await travis.logs.download(travis.jobs.many(ids), tmp_path)
    assert [(file.job_id, file.size) for file in files] == [(number, 4) for number in ids]
    again = await travis.logs.download((number async for number in travis.jobs.many(ids)), tmp_path)
    assert [file.fresh for file in again] == [False, False]
    with pytest.raises(errors.UsageError, match=f"jobs must be several ids, not {ids[0]}"):
        await travis.logs.download(ids[0], tmp_path)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
