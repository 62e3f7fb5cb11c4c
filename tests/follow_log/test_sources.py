"""The sources of logs: their order, and which a server lacks."""

import pytest

from aiotravis import Travis, errors
from aiotravis.follow_log.prefix import LogPrefix
from aiotravis.follow_log.sources import NUMBERED, NUMBERS_FIRST, WHOLE_TEXT, LogSources, Snapshot, Wanted
from aiotravis.testing import Job, Repository, TravisServer

LARGE = b'{"log_parts":[{"number":0,"content":"%s"}]}' % (b"x" * 5000)
V3_MISSING = b'{"@type":"error","error_type":"not_found","error_message":"log not found"}'


@pytest.fixture
def job(repository: Repository) -> Job:
    job = repository.build().jobs[0]
    job.start()
    for piece in "abc":
        job.write(piece)
    return job


def requested(server: TravisServer) -> list[str]:
    return [seen.path.partition("?")[0] for seen in server.requests]


def wanted(job: Job, after: int = -1) -> Wanted:
    return Wanted(job.id, after, LogPrefix())


async def text_of(snapshot: Snapshot) -> str | None:
    if snapshot.text is None:
        return None
    return await snapshot.text.read()


async def test_numbered_parts_come_first(server: TravisServer, travis: Travis, job: Job) -> None:
    snapshot = await LogSources(travis.logs).read(wanted(job, after=0), NUMBERS_FIRST)
    assert [part.number for part in snapshot.parts or ()] == [1, 2]
    assert requested(server) == [f"/v3/job/{job.id}/log_parts"]
    assert not snapshot.whole


async def test_a_missing_v3_route_is_remembered(server: TravisServer, travis: Travis, job: Job) -> None:
    server.log_mode = "2017"
    sources = LogSources(travis.logs)
    for _ in range(2):
        snapshot = await sources.read(wanted(job, after=1), NUMBERS_FIRST)
        assert [part.number for part in snapshot.parts or ()] == [0, 1, 2]
    assert requested(server) == [f"/v3/job/{job.id}/log_parts", *[f"/jobs/{job.id}/log"] * 2]


async def test_a_missing_log_does_not_mean_a_missing_route(server: TravisServer, travis: Travis, job: Job) -> None:
    sources = LogSources(travis.logs)
    job.log.missing = True
    assert (await sources.read(wanted(job), NUMBERS_FIRST)).empty
    job.log.missing = False
    assert len((await sources.read(wanted(job), NUMBERS_FIRST)).parts or ()) == 3
    assert requested(server)[-1] == f"/v3/job/{job.id}/log_parts"


async def test_an_aggregated_log_is_whole(server: TravisServer, travis: Travis, job: Job) -> None:
    job.log.aggregated = True
    snapshot = await LogSources(travis.logs).read(wanted(job), NUMBERS_FIRST)
    assert snapshot.whole
    server.log_mode = "2017"
    snapshot = await LogSources(travis.logs).read(wanted(job), NUMBERS_FIRST)
    assert (snapshot.parts, await text_of(snapshot)) == (None, "abc")


@pytest.mark.parametrize("text", ["log aggregated", "Your log is temporarily unavailable"])
@pytest.mark.parametrize("content_type", ["application/json", "text/plain"])
async def test_a_placeholder_is_not_taken_for_the_log(
    server: TravisServer, travis: Travis, job: Job, text: str, content_type: str
) -> None:
    part = f'{{"number":0,"content":"{text}","final":true}}'
    body = text if content_type == "text/plain" else f'{{"log":{{"id":1,"body":"{text}"}}}}'
    server.respond("GET", f"/v3/job/{job.id}/log_parts", body=f'{{"log_parts":[{part}]}}'.encode())
    server.respond("GET", f"/v3/job/{job.id}/log.txt", body=text.encode(), headers={"Content-Type": "text/plain"})
    server.respond("GET", f"/jobs/{job.id}/log", body=body.encode(), headers={"Content-Type": content_type})
    sources = LogSources(travis.logs)
    assert (await sources.read(wanted(job), NUMBERS_FIRST)).empty
    assert (await sources.read(wanted(job), WHOLE_TEXT)).empty
    assert (await sources.read_ended(wanted(job), as_text=False)).text is None


async def test_an_unknown_job_is_an_error(travis: Travis) -> None:
    for sources in (NUMBERS_FIRST, WHOLE_TEXT):
        with pytest.raises(errors.NotFoundError):
            await LogSources(travis.logs).read(Wanted(9, -1, LogPrefix()), sources)


# Logs of jobs that have ended -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("aggregated", [False, True])
async def test_the_log_of_an_ended_job_is_read_as_text(
    server: TravisServer, travis: Travis, job: Job, aggregated: bool
) -> None:
    job.write("", final=True)
    job.log.aggregated = aggregated
    snapshot = await LogSources(travis.logs).read_ended(wanted(job), as_text=False)
    assert (await text_of(snapshot), snapshot.complete) == ("abc", True)
    assert [seen.path for seen in server.requests] == [
        f"/v3/job/{job.id}/log_parts?content=false", f"/jobs/{job.id}/log",
    ]  # fmt: skip
    assert server.requests[1].headers["accept"] == "text/plain"


async def test_without_numbers_it_is_unknown_whether_the_text_is_complete(
    server: TravisServer, travis: Travis, job: Job
) -> None:
    server.log_mode = "2017"
    sources = LogSources(travis.logs)
    for _ in range(2):
        snapshot = await sources.read_ended(wanted(job), as_text=False)
        assert (await text_of(snapshot), snapshot.complete) == ("abc", False)
    assert requested(server) == [f"/v3/job/{job.id}/log_parts", *[f"/jobs/{job.id}/log"] * 2]


async def test_a_text_does_not_hide_missing_parts(travis: Travis, job: Job) -> None:
    del job.log.parts[1]
    sources = LogSources(travis.logs)
    snapshot = await sources.read_ended(wanted(job), as_text=False)
    assert [part.content for part in snapshot.parts or ()] == ["a", "c"]
    snapshot = await sources.read_ended(wanted(job), as_text=True)
    assert (await text_of(snapshot), snapshot.complete) == ("ac", False)


@pytest.mark.parametrize(
    ("status", "content_type"), [(406, "text/plain"), (404, "text/plain"), (403, "application/xml"), (200, "text/html")]
)
async def test_v3_text_is_read_if_v2_has_none(
    server: TravisServer, travis: Travis, job: Job, status: int, content_type: str
) -> None:
    body = b"" if status == 406 else b"<html>"
    server.respond("GET", f"/jobs/{job.id}/log", status=status, body=body, headers={"Content-Type": content_type})
    assert await text_of(await LogSources(travis.logs).read_ended(wanted(job), as_text=True)) == "abc"
    assert requested(server)[-2:] == [f"/jobs/{job.id}/log", f"/v3/job/{job.id}/log.txt"]


async def test_parts_are_read_if_there_is_no_text(server: TravisServer, travis: Travis, job: Job) -> None:
    server.respond("GET", f"/v3/job/{job.id}/log.txt", status=404, body=V3_MISSING)
    server.respond("GET", f"/jobs/{job.id}/log", status=406)
    sources = LogSources(travis.logs)
    for _ in range(2):
        snapshot = await sources.read_ended(wanted(job), as_text=True)
        assert [part.content for part in snapshot.parts or ()] == ["a", "b", "c"]
        assert requested(server)[-2:] == [f"/v3/job/{job.id}/log.txt", f"/v3/job/{job.id}/log_parts"]


async def test_json_above_the_limit_is_replaced_by_text(server: TravisServer, travis: Travis, job: Job) -> None:
    server.respond("GET", f"/v3/job/{job.id}/log_parts", body=LARGE)
    sources = LogSources(travis.with_options(max_response=4000).logs)
    assert await text_of(await sources.read(wanted(job), NUMBERS_FIRST)) == "abc"
    with pytest.raises(errors.TooLargeError):
        await sources.read(wanted(job), NUMBERED)
    assert await text_of(await sources.read_ended(wanted(job), as_text=False)) == "abc"


V2, V3_PARTS, V3_TEXT = "/jobs/{}/log", "/v3/job/{}/log_parts", "/v3/job/{}/log.txt"

REFUSALS = [
    (401, "application/json", b'{"@type":"error","error_type":"login_required","error_message":"login required"}'),
    (403, "application/json", b'{"@type":"error","error_type":"insufficient_access","error_message":"no"}'),
    (403, "application/xml", b"<Error><Code>AccessDenied</Code></Error>"),
    (404, "application/json", V3_MISSING),
    (500, "text/plain", b"Sorry, we experienced an error."),
    (200, "text/html", b"<html>Maintenance</html>"),
    (200, "application/json", b'{"@type":"log_parts","log_parts":[]}'),
    (200, "application/json", b"null"),
    (200, "application/json", b"oops"),
    (406, "text/plain", b""),
]


def respond(server: TravisServer, job: Job, route: str, refusal: tuple[int, str, bytes]) -> None:
    status, content_type, body = refusal
    server.respond("GET", route.format(job.id), status=status, body=body, headers={"Content-Type": content_type})


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("ended", [True, False])
async def test_v2_is_read_if_v3_has_no_log(
    server: TravisServer, travis: Travis, job: Job, refusal: tuple[int, str, bytes], ended: bool
) -> None:
    respond(server, job, V3_PARTS, refusal)
    respond(server, job, V3_TEXT, refusal)
    sources = LogSources(travis.logs)
    for _ in range(2):
        if ended:
            snapshot = await sources.read_ended(wanted(job), as_text=False)
        else:
            snapshot = await sources.read(wanted(job), NUMBERS_FIRST)
        # While a job runs, an empty listing says that nothing is written yet: a look costs one request.
        is_listing = not ended and refusal[2].startswith(b'{"@type":"log_parts"')
        assert await text_of(snapshot) == (None if is_listing else "abc")


@pytest.mark.parametrize("refusal", [*REFUSALS, (200, "application/json", b'{"log":{"job_id":1,"parts":[]}}')])
async def test_v3_is_read_if_v2_has_no_log(
    server: TravisServer, travis: Travis, job: Job, refusal: tuple[int, str, bytes]
) -> None:
    respond(server, job, V2, refusal)
    assert await text_of(await LogSources(travis.logs).read_ended(wanted(job), as_text=True)) == "abc"
    respond(server, job, V3_TEXT, refusal)
    snapshot = await LogSources(travis.logs).read_ended(wanted(job), as_text=True)
    assert [part.content for part in snapshot.parts or ()] == ["a", "b", "c"]


NO_LOG = [(200, "text/html", b"<html>"), (200, "application/json", b"[]"), (204, "application/json", b""),
          (307, "text/plain", b""), (410, "text/plain", b"")]  # fmt: skip


@pytest.mark.parametrize("answer", NO_LOG)
@pytest.mark.parametrize("ended", [True, False])
async def test_an_answer_that_is_neither_a_log_nor_a_refusal_is_no_error(
    server: TravisServer, travis: Travis, job: Job, answer: tuple[int, str, bytes], ended: bool
) -> None:
    for route in (V2, V3_PARTS, V3_TEXT):
        respond(server, job, route, answer)
    sources = LogSources(travis.logs)
    if ended:
        assert (await sources.read_ended(wanted(job), as_text=False)).empty
    else:
        assert (await sources.read(wanted(job), NUMBERS_FIRST)).empty


async def test_a_look_at_a_missing_log_takes_two_requests(server: TravisServer, travis: Travis, job: Job) -> None:
    respond(server, job, V3_PARTS, (200, "application/json", b'{"@type":"log_parts","log_parts":[]}'))
    respond(server, job, V2, (200, "application/json", b'{"log":{"job_id":1,"parts":[]}}'))
    assert (await LogSources(travis.logs).read_ended(wanted(job), as_text=False)).empty
    assert requested(server) == [V3_PARTS.format(job.id), V2.format(job.id)]


async def test_transient_failures_of_every_source_are_raised(server: TravisServer, travis: Travis, job: Job) -> None:
    for route in (V2, V3_PARTS, V3_TEXT):
        server.respond("GET", route.format(job.id), status=500)
    with pytest.raises(errors.ServerError):
        await LogSources(travis.logs).read_ended(wanted(job), as_text=True)


async def test_a_log_that_an_interrupted_source_may_have_is_not_called_absent(
    server: TravisServer, travis: Travis, job: Job
) -> None:
    respond(server, job, V2, (406, "text/plain", b""))
    respond(server, job, V3_PARTS, (404, "application/json", V3_MISSING))
    server.respond("GET", V3_TEXT.format(job.id), status=503)
    with pytest.raises(errors.ServerError):
        await LogSources(travis.with_options(attempts=1).logs).read_ended(wanted(job), as_text=True)


async def test_a_ban_is_raised_before_other_sources_are_tried(server: TravisServer, travis: Travis, job: Job) -> None:
    server.respond("GET", V2.format(job.id), status=403, body=b"Forbidden", headers={"Content-Type": "text/plain"})
    with pytest.raises(errors.BannedError):
        await LogSources(travis.logs).read(wanted(job), WHOLE_TEXT)
    assert requested(server) == [V2.format(job.id)]


async def test_an_empty_archive_is_no_log(server: TravisServer, travis: Travis, job: Job) -> None:
    part = b'{"number":0,"content":"","final":true}'
    server.respond("GET", V3_PARTS.format(job.id), body=b'{"log_parts":[%s]}' % part)
    server.respond("GET", V3_TEXT.format(job.id), body=b"", headers={"Content-Type": "text/plain"})
    server.respond("GET", V2.format(job.id), body=b'{"log":{"id":1,"body":""}}')
    assert (await LogSources(travis.logs).read_ended(wanted(job), as_text=False)).empty


async def test_a_log_numbered_from_1_can_be_complete(server: TravisServer, travis: Travis, job: Job) -> None:
    parts = b'{"number":1,"content":"a"},{"number":2,"content":"b","final":true}'
    server.respond("GET", V3_PARTS.format(job.id), body=b'{"log_parts":[%s]}' % parts)
    snapshot = await LogSources(travis.logs).read_ended(wanted(job), as_text=False)
    assert (await text_of(snapshot), snapshot.complete) == ("abc", True)
