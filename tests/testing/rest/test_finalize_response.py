"""Headers and forms that every response gets, in raw bytes."""

import json
from urllib.parse import quote

import pytest
from aiohttp import web

from aiotravis.testing import Repository, TravisServer
from tests.conftest import TOKEN
from tests.raw import V2, ask

CORS = {
    "access-control-allow-origin": "*",
    "access-control-allow-credentials": "true",
    "access-control-expose-headers": "Content-Type, Cache-Control, Expires, Etag, Last-Modified, X-Request-ID",
}


@pytest.mark.parametrize("path", ["/config", "/builds/999", "/no/such/thing/at/all", "/users"])
async def test_every_response_has_cors_headers(server: TravisServer, path: str) -> None:
    answer = await ask(server, path)
    assert {name: answer.headers[name] for name in CORS} == CORS


@pytest.mark.parametrize("path", ["/config", "/builds/1", "/no/such"])
async def test_preflight_is_answered_on_any_path(server: TravisServer, path: str) -> None:
    answer = await ask(server, path, method="OPTIONS")
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["access-control-allow-methods"] == "HEAD, GET, POST, PATCH, PUT, DELETE"
    assert "Travis-API-Version" in answer.headers["access-control-allow-headers"]
    assert answer.headers["access-control-max-age"] == "86400"
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(("path", "status"), [("/config", 200), ("/builds/999", 404)])
async def test_callback_wraps_json_and_errors(server: TravisServer, path: str, status: int) -> None:
    bare = await ask(server, path)
    answer = await ask(server, f"{path}?callback=jQuery.handlers[3]")
    assert (answer.status, answer.content_type) == (status, "application/javascript;charset=utf-8")
    assert answer.body == b"/**/jQuery.handlers[3](" + bare.body + b")"


@pytest.mark.parametrize("name", ["", "a-b", "alert(1)//", "1a", "a;b"])
async def test_illegal_callback_is_a_400(server: TravisServer, name: str) -> None:
    answer = await ask(server, f"/config?callback={quote(name)}")
    assert (answer.status, answer.content_type.partition(";")[0], answer.body) == (400, "text/plain", b"Bad Request")


async def test_callback_does_not_wrap_text(server: TravisServer, repository: Repository) -> None:
    job = repository.build().jobs[0]
    job.write("text")
    answer = await ask(server, f"/jobs/{job.id}/log?callback=a", accept="text/plain")
    assert answer.body == b"text"


async def test_matching_etag_gets_304_until_the_build_changes(server: TravisServer, repository: Repository) -> None:
    build = repository.build()
    first = await ask(server, f"/builds/{build.id}")
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "no-cache"
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await ask(server, f"/builds/{build.id}", headers={"If-None-Match": known})
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
    assert (await ask(server, f"/builds/{build.id}", headers={"If-None-Match": '"other"'})).status == 200
    build.start()
    changed = await ask(server, f"/builds/{build.id}", headers={"If-None-Match": tag})
    assert (changed.status, changed.headers["etag"] != tag) == (200, True)
    assert "etag" not in (await ask(server, "/builds/999")).headers


@pytest.mark.parametrize("value", ["true", "1"])
async def test_pretty_indents_json(server: TravisServer, value: str) -> None:
    plain, pretty = await ask(server, "/config"), await ask(server, f"/config?pretty={value}")
    assert json.loads(plain.body) == json.loads(pretty.body)
    assert b'{\n  "config": {\n' in pretty.body
    assert (await ask(server, "/config?pretty=no")).body == plain.body


@pytest.mark.parametrize(
    ("encoding", "status"),
    [("gzip", 200), ("identity", 200), ("br", 200), ("br, identity;q=0", 406), ("*;q=0", 406), ("gzip, *;q=0", 200)],
)
async def test_unacceptable_encoding_is_a_406(server: TravisServer, encoding: str, status: int) -> None:
    answer = await ask(server, "/config", headers={"Accept-Encoding": encoding})
    assert (answer.status, answer.content_type.startswith("text/plain")) == (status, status == 406)


@pytest.mark.parametrize("path", ["/config", "/", "/uptime", "/builds", "/lint"])
async def test_unknown_token_is_refused_on_every_route(server: TravisServer, path: str) -> None:
    for headers in ({"Authorization": "token unknown"}, {"Authorization": 'TOKEN "unknown"'}):
        answer = await ask(server, path, headers=headers)
        assert (answer.status, answer.content_type, answer.body) == (403, "text/html;charset=utf-8", b"access denied")
    assert (await ask(server, f"{path}?access_token=unknown")).status == 403
    # Another scheme is passed over, as Travis does.
    assert (await ask(server, "/config", headers={"Authorization": "Bearer unknown"})).status == 200


async def test_unhandled_exception_is_a_500_with_the_request_id(
    server: TravisServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: object, **__: object) -> web.Response:
        raise LookupError("a fault of the server's own")

    monkeypatch.setattr("aiotravis.testing.rest.system.json_response", fail)
    answer = await ask(server, "/config", headers={"X-Request-ID": "mine"})
    assert (answer.status, answer.content_type.partition(";")[0]) == (500, "text/plain")
    assert answer.body == b"Sorry, we experienced an error.\n\nrequest_id:mine\n"
    assert "a fault of the server's own" in caplog.text


async def test_request_id_is_echoed_or_generated(server: TravisServer) -> None:
    assert (await ask(server, "/config", headers={"X-Request-ID": "mine"})).headers["x-request-id"] == "mine"
    assert (await ask(server, "/config", token=TOKEN, accept=V2)).headers["x-request-id"].startswith("request-")
