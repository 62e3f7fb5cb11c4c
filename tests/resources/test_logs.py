"""Logs in every form that servers send."""

from typing import Any

import msgspec
import pytest

from aiotravis import LogPart, errors
from aiotravis._http import ApiResponse
from aiotravis.resources.jobs import Job
from aiotravis.resources.logs import Logs
from tests.samples import HTML, JSON, TEXT, Scripted

PARTS = b"""{"log":{"id":1,"job_id":42,"type":"Log","parts":[{"id":7,"number":0,"content":"a","final":false},
{"number":"1.1","content":"b","final":false},{"number":2,"content":"","final":true}]}}"""


@pytest.mark.parametrize(
    ("response", "text"),
    [
        (ApiResponse(200, JSON, b'{"log":{"id":1,"job_id":42,"type":"Log","body":"all"}}'), "all"),
        (ApiResponse(200, JSON, PARTS), "ab"),
        (ApiResponse(200, TEXT, "größe".encode()), "größe"),
        (
            ApiResponse(200, {"content-type": "binary/octet-stream"}, b"archived\xff"),
            "archived\N{REPLACEMENT CHARACTER}",
        ),
    ],
)
async def test_every_form_of_a_log_has_the_same_text(response: ApiResponse, text: str) -> None:
    transport = Scripted(response)
    log = await Logs(transport).get(42)
    assert (log.text, log.job_id) == (text, 42)
    assert await Logs(transport).text(42) == text
    assert transport.calls[0].target == "/jobs/42/log"
    assert "chunked=true" in (transport.calls[0].accept or "")
    assert transport.calls[1].accept == "text/plain"


async def test_parts_keep_their_numbers() -> None:
    log = await Logs(Scripted(PARTS)).get(42)
    assert log.parts is not None
    assert [part.number for part in log.parts] == [0, "1.1", 2]
    assert log.parts[2] == LogPart(number=2, content="", final=True)


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (ApiResponse(404, JSON, b""), errors.NotFoundError),
        (ApiResponse(404, TEXT, b"file not found"), errors.NotFoundError),
        (ApiResponse(500, TEXT, b"Sorry"), errors.ServerError),
        (ApiResponse(200, HTML, b"<html>"), errors.DecodeError),
        (ApiResponse(200, JSON, b"[]"), errors.DecodeError),
    ],
)
async def test_an_answer_that_is_no_log_raises(response: ApiResponse, kind: type[errors.TravisError]) -> None:
    for call in (Logs(Scripted(response)).get(42), Logs(Scripted(response)).text(42)):
        with pytest.raises(kind):
            await call


NOTICES = ("log aggregated", "Your log is temporarily unavailable", "Your log is temporarily unavailable\n")

XML = {"content-type": "application/xml"}

S3_ERROR = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.'
    b"</Message><Key>jobs/42/log.txt</Key></Error>"
)

ABSENT = [
    # fact 10.2
    ApiResponse(200, JSON, b'{"log":{"job_id":42,"parts":[],"@type":"Log"}}'),
    ApiResponse(200, JSON, b'{"log":{"id":1,"job_id":42,"type":"Log","body":null}}'),
    ApiResponse(200, JSON, b'{"log":{"id":1,"job_id":42,"body":""}}'),
    ApiResponse(200, JSON, b'{"log":{"id":1,"parts":null}}'),
    ApiResponse(200, JSON, b'{"log":{"id":1,"parts":[{"number":0,"content":"","final":true}]}}'),
    ApiResponse(200, JSON, b'{"log":{}}'),
    ApiResponse(200, JSON, b'{"log":null}'),
    ApiResponse(200, JSON, b"{}"),
    ApiResponse(200, JSON, b"null"),
    ApiResponse(200, JSON, b""),
    ApiResponse(200, TEXT, b""),
    ApiResponse(406, TEXT, b""),
    ApiResponse(406, JSON, b"{}"),
    *(ApiResponse(200, TEXT, notice.encode()) for notice in NOTICES),
    *(ApiResponse(200, JSON, notice.encode()) for notice in NOTICES),
    *(ApiResponse(200, JSON, msgspec.json.encode({"log": {"body": notice}})) for notice in NOTICES),
    *(
        ApiResponse(200, JSON, msgspec.json.encode({"log": {"parts": [{"number": 0, "content": notice}]}}))
        for notice in NOTICES
    ),
    ApiResponse(404, TEXT, b"not found", redirected=True),
    ApiResponse(404, HTML, b"<html>", redirected=True),
    ApiResponse(410, TEXT, b"", redirected=True),
    ApiResponse(403, XML, S3_ERROR, redirected=True),
    ApiResponse(403, XML, S3_ERROR),
    ApiResponse(200, XML, S3_ERROR, redirected=True),
    ApiResponse(200, {"content-type": "binary/octet-stream"}, S3_ERROR),
    ApiResponse(200, TEXT, b"<Error><Code>AccessDenied</Code></Error>"),
    ApiResponse(200, HTML, b"<html>", redirected=True),
    ApiResponse(200, {}, b"<!DOCTYPE html><html>", redirected=True),
]


@pytest.mark.parametrize("response", ABSENT)
async def test_an_answer_without_a_log_raises_log_unavailable(response: ApiResponse) -> None:
    for call in (Logs.text, Logs.get, Logs.get_by_id):
        with pytest.raises(errors.LogUnavailable, match="the log is not available") as info:
            await call(Logs(Scripted(response)), 42)
        assert info.value.job_id in {42, None}
        assert info.value.reason
        assert info.value.retry_after == 60.0


@pytest.mark.parametrize("notice", NOTICES)
async def test_a_notice_in_the_place_of_a_part_raises_log_unavailable(notice: str) -> None:
    parts = [{"number": 0, "content": notice, "final": False}, {"number": 1, "content": "b", "final": True}]
    with pytest.raises(errors.LogUnavailable) as info:
        await Logs(Scripted(msgspec.json.encode({"log_parts": parts}))).parts(42)
    assert info.value.job_id == 42


PAGES = [
    "<html><title>Sign in</title>",
    "<!DOCTYPE html>\n",
    "<?xml version='1.0'?>\n<Error><Code>NoSuchKey</Code></Error>",
]


@pytest.mark.parametrize("page", [*PAGES, " Your log is temporarily unavailable.\r\n"])
async def test_an_error_page_in_the_place_of_the_log_raises_log_unavailable(page: str) -> None:
    # fact 10.2: today's server puts what the archive sends into its own answer.
    for answer in ({"body": page}, {"parts": [{"number": 0, "content": page, "final": True}]}):
        logs = Logs(Scripted(msgspec.json.encode({"log": {"id": 1, "job_id": 42, **answer}})))
        for call in (logs.get, logs.text):
            with pytest.raises(errors.LogUnavailable):
                await call(42)
    with pytest.raises(errors.LogUnavailable):
        await Logs(Scripted(ApiResponse(200, TEXT, page.encode()))).text(42)
    parts = [{"number": 0, "content": page, "final": True}]
    with pytest.raises(errors.LogUnavailable):
        await Logs(Scripted(msgspec.json.encode({"log_parts": parts}))).parts(42)


async def test_a_web_page_that_a_job_printed_is_part_of_its_log() -> None:
    parts = [{"number": number, "content": content} for number, content in enumerate(["$ cat\n", PAGES[0]])]
    assert len(await Logs(Scripted(msgspec.json.encode({"log_parts": parts}))).parts(42)) == 2


async def test_no_parts_are_no_error() -> None:
    assert await Logs(Scripted(b'{"@type":"log_parts","log_parts":[]}')).parts(42) == ()


@pytest.mark.parametrize("text", ["log aggregated\n$ make", "<?xml version='1.0'?><a/>", "$ cat\n<html>", "<Errors>"])
async def test_a_log_that_resembles_another_answer_is_a_log(text: str) -> None:
    response = ApiResponse(200, TEXT, text.encode())
    assert await Logs(Scripted(response)).text(42) == text
    assert (await Logs(Scripted(response)).get(42)).text == text


def in_turn(*bodies: bytes) -> Scripted:
    """Return texts that end with their connections, one after the other."""
    given = iter(bodies)
    return Scripted(lambda _: ApiResponse(200, TEXT, next(given), delimited=False))


@pytest.mark.parametrize("bodies", [["whole"] * 2, ["wh", "whole", "whole"], ["w", "who", "whol", "whole", "whole"]])
async def test_a_text_that_ends_with_its_connection_is_read_until_two_agree(bodies: list[str]) -> None:
    transport = in_turn(*[body.encode() for body in bodies])
    assert (await Logs(transport).text(42), len(transport.calls)) == ("whole", len(bodies))
    transport = in_turn(*[body.encode() for body in bodies])
    assert ((await Logs(transport).get(42)).text, len(transport.calls)) == ("whole", len(bodies))


async def test_a_text_that_ends_elsewhere_each_time_is_truncated() -> None:
    for call in (Logs.text, Logs.get):
        with pytest.raises(errors.TruncatedError, match="ends with its connection"):
            await call(Logs(in_turn(*(b"x" * size for size in range(1, 20)))), 42)


async def test_v3_parts_are_selected_by_query() -> None:
    transport = Scripted(b'{"@type":"log_parts","log_parts":[{"number":3,"final":false}]}')
    logs = Logs(transport)
    assert await logs.parts(42, after=2, numbers=[3, 5], content=False) == (LogPart(number=3),)
    assert transport.calls[0].target == "/v3/job/42/log_parts?after=2&part_numbers=3,5&content=false"
    assert await logs.parts(42, numbers=[]) == ()
    assert len(transport.calls) == 1
    for after, numbers in ((-1, None), (None, [True])):
        with pytest.raises(errors.UsageError, match="part numbers"):
            await logs.parts(42, after=after, numbers=numbers)


async def test_a_hidden_log_raises_log_access_denied() -> None:
    response = ApiResponse(
        403, JSON, b'{"error":{"message":"We are sorry, but this log is not available."}}', authenticated=True
    )
    for call in (
        Logs(Scripted(response)).get(42),
        Logs(Scripted(response)).text(42),
        Logs(Scripted(response)).get_by_id(1),
    ):
        with pytest.raises(errors.LogAccessDenied, match="log settings"):
            await call


async def test_get_by_id_reads_a_log_by_its_own_id() -> None:
    transport = Scripted(b'{"log":{"id":9,"job_id":42,"type":"Log","body":"all"}}')
    log = await Logs(transport).get_by_id(9)
    assert (log.id, log.job_id, log.text, log.parts) == (9, 42, "all", None)
    assert await Logs(transport).get_by_id(log) == await Logs(transport).get_by_id(Job(id=42, log_id=9)) == log
    assert {call.target for call in transport.calls} == {"/logs/9"}
    with pytest.raises(errors.UsageError, match="log_id must be a positive id"):
        await Logs(transport).get_by_id(Job(id=42))


async def test_a_removed_log_in_parts_names_who_removed_it() -> None:
    body = b"""{"log":{"id":1,"job_id":42,"type":"Log","removed_at":"2014-04-08 00:17:34 UTC",
    "removed_by":"Sven Fuchs","parts":[{"number":0,"content":"Log removed by Sven Fuchs","final":true}]}}"""
    log = await Logs(Scripted(body)).get(42)
    assert (log.removed_by, log.text) == ("Sven Fuchs", "Log removed by Sven Fuchs")
    assert log.removed is not None


async def test_all_parts_are_requested_without_a_query() -> None:
    transport = Scripted(b'{"log_parts":[{"number":0,"content":"a","final":true}]}')
    assert await Logs(transport).parts(42) == (LogPart(number=0, content="a", final=True),)
    assert transport.calls[0].target == "/v3/job/42/log_parts"
    await Logs(transport).parts(42, after=0)
    assert transport.calls[1].query == (("after", "0"),)


@pytest.mark.parametrize("wrong", [0, "42", None])
async def test_an_invalid_job_raises_before_any_request(wrong: Any) -> None:
    transport = Scripted(b"")
    logs = Logs(transport)
    for call in (logs.get(wrong), logs.text(wrong), logs.parts(wrong)):
        with pytest.raises(errors.UsageError) as info:
            await call
        assert info.value.argument == "job"
    with pytest.raises(errors.UsageError) as info:
        await logs.get_by_id(wrong)
    assert info.value.argument == "log_id"
    assert transport.calls == []


async def test_an_id_of_zero_is_none() -> None:
    log = await Logs(Scripted(b'{"log":{"id":0,"job_id":0,"body":"all"}}')).get(42)
    assert (log.id, log.job_id, log.text) == (None, 42, "all")
