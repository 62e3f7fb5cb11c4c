"""Headers and forms that every response gets, in raw bytes."""

import json
from urllib.parse import quote

import pytest
from aiohttp import web

from aiotravis.testing import Repository, TravisServer
from aiotravis.testing.world.repository_data import Request
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
    server.world.clock = lambda: build.updated_at + 1.0
    build.start()
    changed = await ask(server, f"/builds/{build.id}", headers={"If-None-Match": tag})
    assert (changed.status, changed.headers["etag"] != tag) == (200, True)
    assert "etag" not in (await ask(server, "/builds/999")).headers


@pytest.mark.instant
async def test_only_single_builds_jobs_branches_repositories_and_requests_have_etags(
    server: TravisServer, repository: Repository
) -> None:
    build = repository.history(1)[0]
    request = Request(31, "push", "approved", 1_400_000_000.0, build_id=build.id)
    repository.data.requests.append(request)
    with_etag = (
        f"/builds/{build.id}", f"/jobs/{build.jobs[0].id}", f"/repos/{repository.id}", f"/repos/{repository.slug}",
        f"/repos/{repository.slug}/branches/master", "/requests/31",
    )  # fmt: skip
    without = (
        f"/builds?ids={build.id}", f"/jobs?ids[]={build.jobs[0].id}", f"/repos?ids={repository.id}", "/config",
        f"/repos/{repository.slug}/branches", f"/jobs/{build.jobs[0].id}/log", "/users",
        f"/repos/{repository.slug}/key", f"/repos/{repository.slug}/builds", f"/requests?repository_id={repository.id}",
    )  # fmt: skip
    for path in (*with_etag, *without):
        answer = await ask(server, path, token=TOKEN)
        assert (path, answer.status, "etag" in answer.headers) == (path, 200, path in with_etag)
        etag = answer.headers.get("etag", '"another"')
        again = await ask(server, path, token=TOKEN, headers={"If-None-Match": etag})
        assert again.status == (304 if path in with_etag else 200)
        assert again.headers["cache-control"] == ("public, max-age=31536000" if "/requests/" in path else "no-cache")


async def test_an_etag_is_that_of_a_second_whatever_the_format_and_the_identity(
    server: TravisServer, repository: Repository
) -> None:
    now = 1_400_000_000.1
    server.world.clock = lambda: now
    build = repository.build()
    path = f"/builds/{build.id}"
    first = await ask(server, path)
    build.start()
    now += 0.8
    assert (await ask(server, path, headers={"If-None-Match": first.headers["etag"]})).status == 304
    for token, accept in ((TOKEN, V2), (None, "application/json")):
        answer = await ask(server, path, token=token, accept=accept)
        assert (answer.headers["etag"], answer.body != first.body) == (first.headers["etag"], True)
    now += 0.2
    build.jobs[0].finish("passed")
    assert (await ask(server, path)).headers["etag"] != first.headers["etag"]


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
