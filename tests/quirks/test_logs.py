"""Quirks of logs: numbers 30 to 36."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from aiotravis import LogReset, Travis, errors
from aiotravis.follow_log import log_timeout, poll_schedule, state
from aiotravis.testing import Job, Part, Repository, TravisServer
from tests.waiting import ignored

JSON, TEXT = "application/json;charset=utf-8", "text/plain;charset=utf-8"

LAST = 2147483647


@pytest.fixture(autouse=True)
def short_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poll_schedule, "POLL_DELAY", 0.02)
    monkeypatch.setattr(state, "MAX_OLD_LOG", 0.05)


@pytest.fixture
def job(repository: Repository) -> Job:
    return repository.build().jobs[0]


def publish(server: TravisServer, job: Job, number: int | str, content: str, *, final: bool = False) -> None:
    """Publish a live part that is not in the stored log."""
    data = json.dumps({"id": job.id, "_log": content, "number": number, "final": final})
    server.pusher.publish([f"job-{job.id}"], "job:log", data)


async def follow_live_parts(
    server: TravisServer, travis: Travis, job: Job, sent: Sequence[tuple[int | str, str, bool]]
) -> str:
    """Follow a log whose parts arrive only live, in this order, until the job ends."""
    job.start()
    async with travis.follow_log(job.id) as log:
        for number, content, final in sent:
            publish(server, job, number, content, final=final)
        job.finish()
        return "".join([part.content or "" async for part in log])


PARTS = b"""{"log":{"id":9,"job_id":42,"type":"Log","parts":[
{"number":0,"content":"a\\r"},{"id":4,"number":1,"content":"b\\n","final":true}]}}"""

BODIES = {
    "parts": (JSON, PARTS, "a\rb\n"),
    "body": (JSON, b'{"log":{"id":9,"job_id":42,"type":"Log","body":"a\\rb\\n"}}', "a\rb\n"),
    "neither": (JSON, b'{"log":{"job_id":42,"parts":[],"@type":"Log"}}', ""),
    "nothing at all": (JSON, b'{"log":{"id":9,"job_id":42,"type":"Log"}}', ""),
    "null body": (JSON, b'{"log":{"id":9,"job_id":42,"type":"Log","body":null}}', ""),
    "text": (TEXT, b"a\rb\n", "a\rb\n"),
    "text that looks like JSON": (TEXT, b'{"log":', '{"log":'),
}  # fmt: skip


@pytest.mark.parametrize("form", BODIES)
async def test_quirk_30_a_log_is_read_in_any_form(server: TravisServer, travis: Travis, form: str) -> None:
    content_type, body, text = BODIES[form]
    server.respond("GET", "/jobs/42/log", body=body, headers={"Content-Type": content_type})
    if text:
        log = await travis.logs.get(42)
        assert (log.text, log.job_id) == (text, 42)
        assert await travis.logs.text(42) == text
    else:
        for call in (travis.logs.get, travis.logs.text):
            with pytest.raises(errors.LogUnavailable):
                await call(42)
    accept = [seen.headers["accept"] for seen in server.requests]
    assert accept == [
        "application/json; chunked=true; version=2, application/json; version=2, text/plain",
        "text/plain",
    ]


@pytest.mark.parametrize("content_type", [TEXT, "application/json"])
async def test_quirk_30_406_means_that_nothing_is_written(
    server: TravisServer, travis: Travis, content_type: str
) -> None:
    server.respond("GET", "/jobs/42/log", status=406, headers={"Content-Type": content_type})
    for call in (travis.logs.text, travis.logs.get):
        with pytest.raises(errors.LogUnavailable) as info:
            await call(42)
        assert info.value.job_id == 42


@pytest.mark.parametrize("content_type", [TEXT, "binary/octet-stream", ""])
async def test_quirk_30_an_archived_log_is_read_from_the_archive(
    server: TravisServer, travis: Travis, content_type: str
) -> None:
    async with TravisServer() as archive:
        archive.respond("GET", "/jobs/42/log.txt", body=b"a\rb\n", headers={"Content-Type": content_type})
        location = f"{archive.endpoint}/jobs/42/log.txt"
        server.respond("GET", "/jobs/42/log", status=307, headers={"Location": location})
        assert await travis.logs.text(42) == "a\rb\n"
        log = await travis.logs.get(42)
        assert (log.text, log.job_id) == ("a\rb\n", 42)
        assert all("authorization" not in seen.headers for seen in archive.requests)


async def test_quirk_30_a_log_that_changes_its_form_is_delivered_once(
    server: TravisServer, travis: Travis, job: Job
) -> None:
    """The server has numbered parts, then an aggregated log, then an archived one."""
    job.start()
    job.write("a\n")
    async with travis.follow_log(job.id) as log:
        assert (await anext(log)).content == "a\n"
        job.log.parts[0] = Part(0, "a\nb\n", final=False)
        job.log.aggregated = True
        server.respond("GET", f"/jobs/{job.id}/log", body=b"a\nb\n", headers={"Content-Type": TEXT})
        job.finish()
        assert [part.content async for part in log] == ["b\n"]
        assert log.complete


ALL = b'{"@type":"log_parts","log_parts":[%s]}' % b",".join(
    b'{"number":%d,"content":"%d","final":%s}' % (number, number, b"true" if number == 3 else b"false")
    for number in range(4)
)


async def test_quirk_31_a_body_instead_of_parts_is_read(server: TravisServer, travis: Travis, job: Job) -> None:
    job.write("a")
    job.write("b")
    assert ((await travis.logs.get(job.id)).parts, (await travis.logs.get(job.id)).body) == (None, "ab")
    server.log_mode = "2017"
    assert [part.content for part in (await travis.logs.get(job.id)).parts or ()] == ["a", "b"]


async def test_quirk_31_parts_that_were_not_requested_are_ignored(server: TravisServer, travis: Travis) -> None:
    server.respond("GET", "/v3/job/42/log_parts", body=ALL)
    found = [[part.number for part in await travis.logs.parts(42, after=1)]]
    found.append([part.number for part in await travis.logs.parts(42, numbers=[0, 2])])
    assert found == [[2, 3], [0, 2]]


async def test_quirk_31_a_follower_delivers_unrequested_parts_once(
    server: TravisServer, travis: Travis, job: Job
) -> None:
    job.start()
    publish_all = ALL.replace(b'"final":true', b'"final":false')
    server.respond("GET", f"/v3/job/{job.id}/log_parts", body=publish_all)
    async with travis.follow_log(job.id) as log:
        for number in (1, 3, 4):
            publish(server, job, number, str(number), final=number == 4)
        job.finish()
        assert [part.content async for part in log] == list("01234")


@pytest.mark.parametrize(
    ("sent", "removed"),
    [
        (b'"2014-04-08 00:17:34 UTC"', datetime(2014, 4, 8, 0, 17, 34, tzinfo=UTC)),
        (b'"2014-04-08T00:17:34Z"', datetime(2014, 4, 8, 0, 17, 34, tzinfo=UTC)),
        (b'"last Tuesday"', None),
        (b"null", None),
    ],
)
async def test_quirk_32_the_removal_date_has_its_own_format(
    server: TravisServer, travis: Travis, sent: bytes, removed: datetime | None
) -> None:
    body = b'{"log":{"id":9,"job_id":42,"body":"Log removed","removed_by":"Sarah","removed_at":' + sent + b"}}"
    server.respond("GET", "/jobs/42/log", body=body)
    log = await travis.logs.get(42)
    assert (log.removed, log.removed_at, log.removed_by) == (removed, json.loads(sent), "Sarah")
    assert log.text == "Log removed"


@pytest.mark.parametrize("placeholder", ["log aggregated", "Your log is temporarily unavailable"])
@pytest.mark.parametrize("mode", ["head", "2017"])
async def test_quirk_33_a_placeholder_is_not_taken_for_the_log(
    server: TravisServer, travis: Travis, job: Job, mode: str, placeholder: str
) -> None:
    server.log_mode = mode
    part = f'{{"number":0,"content":"{placeholder}","final":true}}'
    if mode == "head":
        server.respond("GET", f"/v3/job/{job.id}/log_parts", body=f'{{"log_parts":[{part}]}}'.encode(), times=1)
    else:
        server.respond("GET", f"/jobs/{job.id}/log", body=f'{{"log":{{"parts":[{part}]}}}}'.encode(), times=1)
    job.start()
    job.write("the log\n")
    job.write("", final=True)
    async with travis.follow_log(job.id) as log:
        job.finish()
        assert "".join([part.content or "" async for part in log]) == "the log\n"


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ([(0, "a", False), (1, "b", True)], "ab"),
        ([(0, "a", False), (LAST, "Canceled.", True), (1, "b", False)], "abCanceled."),
        ([(LAST, "Canceled.", True)], "Canceled."),
        ([(0, "a", False), ("1", "b", False), ("1.1", "c", False), ("1.2", "d", True)], "abcd"),
        ([(0, "a", False), ("1.2", "d", True), ("1.1", "c", False), (1, "b", False)], "abcd"),
        ([(0, "a", False), ("1.1", "c", False), (2, "d", True), (1, "b", False)], "abcd"),
    ],
)
async def test_quirk_34_numbers_begin_at_0_may_be_huge_or_have_a_dot(
    server: TravisServer, travis: Travis, job: Job, sent: Sequence[tuple[int | str, str, bool]], text: str
) -> None:
    server.respond("GET", f"/v3/job/{job.id}/log_parts", body=b'{"log_parts":[]}')
    server.respond("GET", f"/jobs/{job.id}/log", body=b'{"log":{"id":9,"body":null}}')
    assert await follow_live_parts(server, travis, job, sent) == text


@pytest.mark.parametrize(
    "sent",
    [
        [(2, "", True), (0, "a", False), (1, "b", False)],
        [(0, "a", False), (2, "", True), (2, "", True), (1, "b", False), (2, "", True)],
        [(0, "a", False), (1, "b", True), (1, "b", True)],
        [(0, "a", False), (1, "b", False)],
    ],
)
async def test_quirk_35_the_final_part_may_come_early_twice_or_never(
    server: TravisServer,
    travis: Travis,
    job: Job,
    sent: Sequence[tuple[int, str, bool]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    publishing, job.world.notify = job.world.notify, ignored
    for number, content, final in sorted(set(sent)):
        assert job.write(content, final=final).number == number
    job.world.notify = publishing
    server.respond("GET", f"/v3/job/{job.id}/log_parts", body=b'{"log_parts":[]}', times=1)
    # Without a final part, nothing but time shows that no other follows.
    monkeypatch.setattr(log_timeout, "LATE_PARTS", 1.0)
    assert await follow_live_parts(server, travis, job, sent) == "ab"


async def test_quirk_35_a_job_that_never_started_has_no_final_part(travis: Travis, job: Job) -> None:
    async with travis.follow_log(job.id) as log:
        job.cancel()
        assert [part async for part in log] == []
        assert log.complete


async def test_quirk_35_a_part_after_the_restart_is_the_new_logs(travis: Travis, job: Job) -> None:
    job.start()
    job.write("old", final=False)
    async with travis.follow_log(job.id) as log:
        assert (await anext(log)).content == "old"
        job.restart()
        job.start()
        job.write("new", final=True)
        parts = [part async for part in log]
    assert [(isinstance(part, LogReset), part.content) for part in parts] == [(True, ""), (False, "new")]


CLEAR = "\r\x1b[0K"

MARKED = [
    f"travis_fold:start:git.checkout{CLEAR}travis_time:start:0a1b2c3d{CLEAR}$ git clone\n",
    "}travis_fold:end:git.checkout" + CLEAR,
    f"travis_time:end:0a1b2c3d:start=1,finish=3,duration=2,event={CLEAR}travis_fold:start:package cache{CLEAR}",
    "\x1b[33;1mgröße ✓\x1b[0m 10%\r 20%\r100%\r\n",
    "travis_fold:start:never closed",
]


@pytest.mark.parametrize("mode", ["head", "2017"])
async def test_quirk_36_markers_are_delivered_unchanged_wherever_cut(
    server: TravisServer, travis: Travis, job: Job, mode: str
) -> None:
    server.log_mode = mode
    text = "".join(MARKED)
    job.start()
    async with travis.follow_log(job.id) as log:
        for place in range(0, len(text), 7):
            job.write(text[place : place + 7])
        job.write("", final=True)
        job.finish()
        assert "".join([part.content or "" async for part in log]) == text
        assert log.complete
    job.log.unavailable_reads = 0
    assert await travis.logs.text(job.id) == text
    assert (await travis.logs.get(job.id)).text == text


async def test_quirk_36_a_gap_in_the_numbers_is_reported(travis: Travis, job: Job) -> None:
    for content in ("travis_fold:start:a", CLEAR, "b"):
        job.write(content)
    job.write("", final=True)
    del job.log.parts[1]
    job.start()
    job.finish()
    job.log.unavailable_reads = 0
    log = travis.follow_log(job.id)
    assert [(await anext(log)).content for _ in range(3)] == ["travis_fold:start:a", "b", ""]
    with pytest.raises(errors.LogGap, match="parts 1") as info:
        await anext(log)
    assert info.value.missing == (1,)
