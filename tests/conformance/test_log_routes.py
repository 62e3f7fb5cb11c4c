"""Routes of logs, what is in them, tokens that open one, removal, numbered parts: sections 5.1 and 5.3 to 5.5."""

from dataclasses import replace
from typing import Any, Unpack

import pytest

from tests.conformance.scene import NOW, READER, STRANGER, Scene, scene
from tests.conformance.tables import NOT_FOUND, NOTHING, Before, Check, More, Row, check, keys
from tests.conftest import TOKEN
from tests.raw import Raw, ask

CHUNKED = "application/json; chunked=true; version=2"
ANYTHING = f"{CHUNKED}, application/json; version=2, text/plain"
LOG, HIDDEN_LOG, OWN_LOG = "/jobs/{job}/log", "/jobs/{hidden_job}/log", "/jobs/{running_job}/log"
PARTS, V3_LOG, V3_TEXT = "/v3/job/{running_job}/log_parts", "/v3/job/{running_job}/log", "/v3/job/{running_job}/log.txt"
TEXT = "text/plain"


def parts_of(found: Scene) -> None:
    """Five parts in all, of which the last is empty and final."""
    job = found.running.jobs[0]
    for text in ("one ", "two ", "three\n"):
        job.write(text)
    job.write("", final=True)


def numbers(*expected: int, key: str = "log") -> Check:
    def right(body: Any) -> bool:
        parts = body["log"]["parts"] if key == "log" else body["log_parts"]
        return [one["number"] for one in parts] == list(expected)

    return right


def one_part(text: str) -> Check:
    return lambda body: body["log_parts"] == [{"content": text, "final": True, "number": 0}]


def set_log(**changes: object) -> Before:
    def change(found: Scene) -> None:
        for name, value in changes.items():
            setattr(found.running.jobs[0].log, name, value)

    return change


def limited(**settings: object) -> Before:
    return lambda found: found.repo.data.settings.update(settings)


def later(found: Scene) -> None:
    found.repo.data.settings.update(job_log_time_based_limit=True, job_log_access_older_than_days=3)
    found.clock.now += 4 * 86_400


def removed(found: Scene) -> None:
    found.passed.jobs[0].log.remove("Sarah", NOW)


def restarted(found: Scene) -> None:
    removed(found)
    found.passed.restart()


def begun_again(found: Scene) -> None:
    parts_of(found)
    found.running.jobs[0].restart().write("again")


def remove(status: int, body: bytes | Check, path: str = LOG, **more: Unpack[More]) -> Row:
    return replace(Row(status, path, body, method="PATCH", json={}), **more)


def message(text: str) -> Check:
    return lambda body: text in body["error"]["message"]


def v3_error(error_type: str) -> Check:
    return lambda body: body["@type"] == "error" and body["error_type"] == error_type and "error_message" in body


def in_2017(status: int, accept: str, body: Check, path: str = OWN_LOG) -> Row:
    return Row(status, path, body, accept=accept, old="2017", before=parts_of)


def notice(found: Scene) -> bool:
    return found.passed.jobs[0].log.text == "Log removed by Sarah at 2014-05-13 16:54:20 UTC"


def without_token(answer: Raw, _: Scene) -> bool:
    return "x-log-access-token" not in answer.headers


ROWS: dict[str, Row] = {
    "5.1 GET /jobs/{job.id}/log": Row(200, LOG, keys("log"), token=None),
    "5.1 GET /jobs/{id}/logs does not exist": Row(404, "/jobs/{job}/logs", NOT_FOUND),
    "5.1 GET /logs/{log.id}": Row(200, "/logs/{log}", lambda body: body["log"]["body"] == "$ rake\n", token=None),
    "5.1 GET /logs/{log.id}, unknown": Row(404, "/logs/9", NOT_FOUND),
    "5.1 GET /logs/{log.id}, no log record": Row(
        404, "/logs/{log}", NOT_FOUND, before=lambda found: setattr(found.passed.jobs[0].log, "missing", True),
    ),
    "5.1 GET /logs/{log.id}, no right": Row(404, "/logs/{hidden_log}", NOT_FOUND, mode="com"),
    "5.1 GET /logs/{log.id}, nobody, com": Row(401, "/logs/{log}", NOTHING, token=None, mode="com"),
    "5.1 GET /logs/{log.id}, hidden by the settings' age": Row(
        403, "/logs/{log}", message("not available"), before=later,
    ),
    "5.1 GET /logs/{log.id}, not that old": Row(
        200, "/logs/{log}", before=limited(job_log_time_based_limit=True, job_log_access_older_than_days=3),
    ),
    "5.1 GET /logs/{log.id}, hidden by the settings' rights": Row(
        403, "/logs/{log}", message("not available"), token=READER, before=limited(job_log_access_based_limit=True),
    ),
    "5.1 GET /logs/{log.id}, with those rights": Row(
        200, "/logs/{log}", before=limited(job_log_access_based_limit=True),
    ),
    "5.2 missing, 2014": Row(
        307, OWN_LOG, NOTHING, None, old="2014", before=set_log(missing=True),
        whole=lambda answer, _: answer.headers["location"].endswith("/log.txt"),
    ),
    "5.2 archived, and the archive has nothing": Row(
        200, OWN_LOG, lambda body: body["log"]["body"] == "", before=set_log(archived=True, parts=[]),
    ),
    "5.3 with body": Row(
        200, LOG, lambda body: set(body["log"]) == {"id", "job_id", "type", "body"} and body["log"]["type"] == "Log",
    ),
    "5.3 with parts": in_2017(
        200, CHUNKED, lambda body: set(body["log"]) == {"id", "job_id", "type", "parts"}
        and set(body["log"]["parts"][0]) == {"number", "content", "final"},
    ),
    "5.3 parts ascending": in_2017(200, CHUNKED, numbers(0, 1, 2, 3, 4)),
    "5.3 parts had ids in 2014": Row(
        200, OWN_LOG, lambda body: isinstance(body["log"]["parts"][0]["id"], int), accept=CHUNKED, old="2014",
    ),
    "5.3 today chunked is ignored": Row(200, OWN_LOG, lambda body: "parts" not in body["log"], accept=CHUNKED),
    "5.3 after in the query has no effect": in_2017(200, CHUNKED, numbers(0, 1, 2, 3, 4), OWN_LOG + "?after=3"),
    "5.3 part_numbers in the query has no effect": in_2017(
        200, CHUNKED, numbers(0, 1, 2, 3, 4), OWN_LOG + "?part_numbers=1,3",
    ),
    "5.3 after in Accept": in_2017(200, CHUNKED + "; after=2", numbers(3, 4)),
    "5.3 part_numbers in Accept": in_2017(200, CHUNKED + "; part_numbers=2", numbers(2)),
    "5.3 after in Accept today": Row(
        200, OWN_LOG, lambda body: body["log"]["body"] == "$ rake\none two three\n", accept=CHUNKED + "; after=2",
        before=parts_of,
    ),
    "5.3 a public job's log gives no token": Row(200, LOG, whole=without_token),
    "5.3 a private job's log gives a token": Row(
        200, HIDDEN_LOG, token=STRANGER, whole=lambda answer, _: len(answer.headers["x-log-access-token"]) > 10,
    ),
    "5.3 a restart clears the log": Row(
        200, LOG, lambda body: body["log"]["body"] is None and "removed_at" not in body["log"],
        before=restarted,
        whole=lambda answer, found: answer.json["log"]["id"] == found.names["log"],
    ),
    "5.3 and numbers start at 0 again": Row(
        200, OWN_LOG, numbers(0), accept=CHUNKED, old="2017",
        before=begun_again,
    ),
    "5.4 PATCH /jobs/{job.id}/log": remove(200, NOTHING, after=notice),
    "5.4 reason is accepted, and not stored": remove(200, NOTHING, json={"reason": "a password"}, after=notice),
    "5.4 1: not visible": remove(200, NOTHING, HIDDEN_LOG, mode="com"),
    "5.4 1: unknown": remove(200, NOTHING, "/jobs/42/log"),
    "5.4 2: already removed": remove(409, message("already been removed"), token=READER, before=removed),
    "5.4 3: no push right": remove(401, message("insufficient permission to remove logs"), OWN_LOG, token=READER),
    "5.4 4: not finished": remove(409, message("is not finished"), OWN_LOG),
    "5.4 no log at all": remove(500, message("Unexpected error occurred: "), OWN_LOG, before=set_log(missing=True)),
    "5.4 nobody": remove(401, b"no access token supplied", token=None),
    "5.5 GET /v3/job/{job.id}/log": Row(
        200, V3_LOG,
        keys("@type", "@href", "@representation", "@permissions", "id", "content", "log_parts", "@raw_log_href"),
        before=parts_of,
    ),
    "5.5 its values": Row(
        200, V3_LOG, lambda body: (body["@type"], body["@representation"], body["content"])
        == ("log", "standard", "$ rake\n")
        and body["log_parts"] == [{"content": "$ rake\n", "final": False, "number": 0}],
    ),
    "5.5 @raw_log_href": Row(200, V3_LOG, lambda body: body["@raw_log_href"].endswith("/log.txt")),
    "5.5 @raw_log_href of a private job": Row(
        200, "/v3/job/{hidden_job}/log", lambda body: "/log.txt?log.token=" in body["@raw_log_href"], token=STRANGER,
    ),
    "5.5 @raw_log_href on enterprise": Row(
        200, V3_LOG, lambda body: "/log.txt?log.token=" in body["@raw_log_href"], mode="enterprise",
    ),
    "5.5 nothing written": Row(
        200, V3_LOG, lambda body: body["content"] is None and body["log_parts"] == [], before=set_log(parts=[]),
    ),
    "5.5 /job/{id}/log with Travis-API-Version: 3": Row(
        200, "/job/{running_job}/log", lambda body: body["@type"] == "log", headers={"Travis-API-Version": "3"},
    ),
    "5.5 GET /v3/job/{job.id}/log.txt": Row(200, V3_TEXT, b"$ rake\n", TEXT),
    "5.5 GET /v3/job/{job.id}/log_parts": Row(200, PARTS, keys("@type", "@representation", "log_parts")),
    "5.5 after": Row(200, PARTS + "?after=2", numbers(3, 4, key="v3"), before=parts_of),
    "5.5 part_numbers": Row(200, PARTS + "?part_numbers=1,3", numbers(1, 3, key="v3"), before=parts_of),
    "5.5 content=false": Row(
        200, PARTS + "?content=false", lambda body: all(set(one) == {"number", "final"} for one in body["log_parts"]),
    ),
    "5.5 aggregated": Row(200, PARTS, one_part("$ rake\n"), before=set_log(aggregated=True)),
    "5.5 archived": Row(200, PARTS, one_part("$ rake\n"), before=set_log(archived=True)),
    "5.5 removed": Row(
        200, "/v3/job/{job}/log_parts", one_part("Log removed by Sarah at 2014-05-13 16:53:20 UTC"), before=removed,
    ),
    "5.5 unknown": Row(404, "/v3/job/42/log_parts", v3_error("not_found")),
    "5.5 no access": Row(404, "/v3/job/{hidden_job}/log_parts", v3_error("not_found")),
    "5.5 login required": Row(403, PARTS, v3_error("login_required"), token=None, mode="enterprise"),
    "5.5 an old server has no such route": Row(404, PARTS, None, old="2017"),
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
async def test_a_log_is_answered_as_by_travis(name: str) -> None:
    await check(ROWS[name])


# X-Log-Access-Token


async def given(found: Scene) -> str:
    """Read a private log, and give the token that comes with it."""
    path = f"/jobs/{found.names['hidden_job']}/log"
    return (await ask(found.server, path, token=STRANGER)).headers["x-log-access-token"]


async def test_5_3_a_log_token_opens_its_log_and_no_other() -> None:
    async with scene() as found:
        token = await given(found)
        own = await ask(found.server, f"/jobs/{found.names['hidden_job']}/log?access_token={token}")
        header = await ask(found.server, f"/jobs/{found.names['hidden_job']}/log", token=token)
        other = await ask(found.server, f"/jobs/{found.names['job']}/log?access_token={token}")
    assert own.json["log"]["body"] == header.json["log"]["body"] == "$ rake\npassed\n"
    assert (other.status, other.content_type, other.body) == (403, "application/json", b"insufficient access")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/jobs/{hidden_job}"), ("GET", "/logs/{hidden_log}"), ("GET", "/users"), ("GET", "/config"),
        ("GET", "/v3/job/{hidden_job}/log"), ("PATCH", "/jobs/{hidden_job}/log"),
    ],
)  # fmt: skip
async def test_5_3_a_log_token_is_insufficient_elsewhere(method: str, path: str) -> None:
    async with scene() as found:
        token = await given(found)
        answer = await ask(found.server, path.format_map(found.names), method=method, token=token)
    assert (answer.status, answer.body) == (403, b"insufficient access")


async def test_5_3_a_log_token_is_good_for_a_day() -> None:
    async with scene() as found:
        path = f"/jobs/{found.names['hidden_job']}/log?access_token={await given(found)}"
        found.clock.now += 86_399
        before = await ask(found.server, path)
        found.clock.now += 1
        after = await ask(found.server, path)
    assert before.status == 200
    assert (after.status, after.content_type.partition(";")[0], after.body) == (403, "text/html", b"access denied")


async def test_5_5_the_token_in_a_raw_logs_address_opens_it() -> None:
    async with scene() as found:
        path = f"/v3/job/{found.names['hidden_job']}/log"
        href = (await ask(found.server, path, token=STRANGER)).json["@raw_log_href"]
        opened, closed = await ask(found.server, href), await ask(found.server, href.partition("?")[0])
        elsewhere = await ask(found.server, href.replace(str(found.names["hidden_job"]), "42"))
    assert (opened.status, opened.body) == (200, b"$ rake\npassed\n")
    assert (closed.status, elsewhere.status) == (404, 404)


async def test_5_5_numbers_of_what_is_being_written_are_exact() -> None:
    async with scene() as found:
        parts_of(found)
        answer = await ask(found.server, PARTS.format_map(found.names), token=TOKEN)
    assert [one["final"] for one in answer.json["log_parts"]] == [False] * 4 + [True]
    assert "".join(one["content"] for one in answer.json["log_parts"]) == "$ rake\none two three\n"
