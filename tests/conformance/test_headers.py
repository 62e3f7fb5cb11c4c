"""Request headers, endings of paths, and media types: sections 1.2 and 1.3 of the facts."""

import base64
import re
from typing import cast

from aiotravis.testing import Switches
from tests.conformance.scene import Scene
from tests.conformance.tables import NOT_FOUND, NOTHING, V21, AnswerCheck, Check, Row, calls, equals, keys
from tests.conftest import TOKEN
from tests.raw import V2, Raw

DENIED, INSUFFICIENT = b"access denied", b"insufficient access"
UNPARSABLE = b'{"error":"Failed to parse body as JSON"}'
HTML = "text/html"
ME = b'"login": "sarah"'
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PARAMETER = "application/json; version=2"
V3 = "application/vnd.travis-ci.3+json"


def me(answer: Raw, _: Scene) -> bool:
    return ME in answer.body


def bare(*present: str) -> Check:
    """Return a check that an answer is of version 1: the object without an envelope."""
    return lambda body: set(present) <= set(body) and not {"build", "job", "repo", "commit", "jobs"} & set(body)


def bare_list(count: int) -> Check:
    return lambda body: isinstance(body, list) and len(cast("list[object]", body)) == count


def basic(token: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{token}:".encode()).decode()}


def scheme(value: str, status: int, body: bytes | None = None) -> Row:
    answer_is: AnswerCheck = me if status == 200 else lambda _, __: True
    return Row(status, "/users", body, None, token=None, headers={"Authorization": value}, answer_is=answer_is)


def typed(expected: str) -> AnswerCheck:
    return lambda answer, _: answer.content_type == expected


def renamed(found: Scene) -> None:
    found.repo.slug = "travis-ci/data.json"


LOG, BUILD = "/jobs/{job}/log", "/builds/{build}"
NO_AGENT = {"User-Agent": ""}

ROWS: dict[str, Row] = {
    "1.2 Accept: version 2": Row(200, BUILD, keys("build", "commit", "jobs")),
    "1.2 Accept: version 2 as a parameter": Row(200, BUILD, keys("build", "commit", "jobs"), accept=PARAMETER),
    "1.2 Accept: no version": Row(
        200, BUILD, bare("id", "repository_id", "number", "state"), accept="application/json",
    ),
    "1.2 Accept: anything": Row(200, BUILD, bare("id", "repository_id"), accept="*/*"),
    "1.2 Accept: no version, a list": Row(200, "/repos/{slug}/builds", bare_list(4), accept="application/json"),
    "1.2 Accept: no version, a job": Row(200, "/jobs/{job}", bare("id", "build_id"), accept="application/json"),
    "1.2 Accept: no version, a repository": Row(200, "/repos/{repo}", bare("id", "slug"), accept="application/json"),
    "1.2 Accept: no version, what is bare anyway": Row(
        200, "/repos/{repo}/key", keys("key", "fingerprint"), accept="application/json",
    ),
    "1.2 Accept: 2.1": Row(200, BUILD, keys("build", "commit", "jobs"), accept=V21),
    "1.2 Accept: 2.1, disabled": Row(406, BUILD, NOTHING, accept=V21, switches=Switches(version_2_1=False)),
    "1.2 Accept: 2, where 2.1 is disabled": Row(200, BUILD, switches=Switches(version_2_1=False)),
    "1.2 Accept: text/plain of a log": Row(200, LOG, b"$ rake\n", "text/plain", accept="text/plain"),
    "1.2 Accept: text of version 2 of a log": Row(
        200, LOG, b"$ rake\n", "text/plain", accept="text/vnd.travis-ci.2+plain",
    ),
    "1.2 Accept: text/plain of anything else": Row(406, BUILD, NOTHING, accept="text/plain"),
    "1.2 Accept: text/plain of a list": Row(406, "/requests?slug={slug}", NOTHING, accept="text/plain"),
    "1.2 Accept: chunked of anything but a log": Row(
        200, BUILD, keys("build", "commit", "jobs"), accept="application/json; chunked=true; version=2",
    ),
    "1.2 Accept: version 3": Row(404, BUILD, lambda body: body["@type"] == "error", accept=V3),
    "1.2 Accept: version 3 of a log": Row(
        200, "/job/{job}/log", lambda body: body["@type"] == "log", accept=V3,
    ),
    "1.2 Travis-API-Version: 3": Row(
        200, "/job/{job}/log_parts", lambda body: body["@type"] == "log_parts", headers={"Travis-API-Version": "3"},
    ),
    "1.2 /v3/…": Row(200, "/v3/job/{job}/log", lambda body: body["@type"] == "log"),
    "1.2 /v3/… that is none": Row(404, "/v3/nothing", lambda body: body["error_type"] == "not_found"),
    "1.2 Accept: sorted by q": Row(200, LOG, b"$ rake\n", "text/plain", accept=f"{V2}; q=0.5, text/plain"),
    "1.2 Accept: fewer * first": Row(200, LOG, keys("log"), accept=f"*/*, {V2}"),
    "1.2 Accept: more parameters first": Row(200, LOG, keys("log"), accept=f"text/plain, {PARAMETER}"),
    "1.2 Accept: spaces are removed": Row(
        200, BUILD, keys("build", "commit", "jobs"), accept="application/json ;  version = 2",
    ),
    "1.2 Accept: the version of the first that has one": Row(
        401, "/repos", NOTHING, token=None, accept=f"application/json; a=1; b=2, {V21}, {V2}; q=0.9",
    ),
    "1.2 Accept: q=0 is not accepted": Row(406, BUILD, NOTHING, accept="application/json; q=0"),
    "1.2 Authorization: token VALUE": scheme(f"token {TOKEN}", 200),
    '1.2 Authorization: token "VALUE"': scheme(f'token "{TOKEN}"', 200),
    "1.2 Authorization: TOKEN VALUE": scheme(f"TOKEN {TOKEN}", 200),
    "1.2 Authorization: Bearer VALUE is nobody": scheme(f"Bearer {TOKEN}", 401, b"no access token supplied"),
    "1.2 Authorization: Basic": Row(200, "/users", token=None, headers=basic(TOKEN), answer_is=me),
    "1.2 Authorization: Basic, unknown": Row(403, "/users", DENIED, HTML, token=None, headers=basic("unknown")),
    "1.2 Authorization: Basic that is none": scheme("Basic ???", 401, b"no access token supplied"),
    "1.2 Authorization: token of nobody": scheme("token unknown", 403, DENIED),
    "1.2 an invalid token is refused even for what is public": Row(403, "/config", DENIED, HTML, token="unknown"),
    "1.2 access_token=VALUE": Row(200, "/users?access_token={token}", token=None, answer_is=me),
    "1.2 token=VALUE elsewhere": Row(403, "/builds/{build}?token={rss}", INSUFFICIENT, token=None),
    "1.2 token=VALUE elsewhere, private": Row(403, "/users?token={rss}", INSUFFICIENT, token=None),
    "1.2 token=VALUE of a badge": Row(200, "/{slug}.svg?token={rss}", None, "image/svg+xml", token=None),
    "1.2 token=VALUE of cc.xml": Row(200, "/repos/{repo}/cc.xml?token={rss}", None, "application/xml", token=None),
    "1.2 token=VALUE of a feed": Row(
        200, "/repos/{slug}/builds.atom?token={rss}", None, "application/atom+xml", token=None,
    ),
    "1.2 User-Agent: none": Row(200, "/config", headers=NO_AGENT),
    "1.2 User-Agent: none, where it is wanted": Row(
        400, "/config", b'{"error":"missing User-Agent header"}', HTML, headers=NO_AGENT,
        switches=Switches(user_agent_required=True),
    ),
    "1.2 User-Agent: any": Row(
        200, "/config", headers={"User-Agent": "x"}, switches=Switches(user_agent_required=True),
    ),
    "1.2 Content-Type: JSON": Row(
        200, "/hooks/{repo}", method="PUT", json={"hook": {"active": False}}, after=lambda found: not found.repo.active,
    ),
    "1.2 Content-Type: form": Row(
        200, "/hooks/{repo}", method="PUT", headers=FORM, data=b"hook[active]=false",
        after=lambda found: not found.repo.active,
    ),
    "1.2 Content-Type: JSON that is none": Row(
        400, "/hooks/{repo}", UNPARSABLE, method="PUT", headers={"Content-Type": "application/json"}, data=b"{",
    ),
    "1.2 Content-Type: JSON that is none, anywhere": Row(
        400, "/users/sync", UNPARSABLE, method="POST", headers={"Content-Type": "application/json"}, data=b"{",
    ),
    "1.2 Content-Type: another, settings": Row(
        400, "/repos/{repo}/settings", b"Invalid JSON in request body", method="PATCH", data=b"{",
        headers={"Content-Type": "text/plain"},
    ),
    "1.2 Content-Type: another that is JSON, settings": Row(
        200, "/repos/{repo}/settings", method="PATCH", data=b'{"settings":{"build_pushes":false}}',
        headers={"Content-Type": "text/plain"}, after=lambda found: not found.repo.data.settings["build_pushes"],
    ),
    "1.2 an ending: .json": Row(200, BUILD + ".json", bare("id", "number"), accept=V2),
    "1.2 an ending: .json overrides Accept": Row(200, BUILD + ".json", bare("id", "number"), accept="text/plain"),
    "1.2 an ending: .json of a list": Row(200, "/repos/{slug}/builds.json", bare_list(4)),
    "1.2 an ending: .json with a query": Row(200, "/builds.json?slug={slug}&number=2", bare_list(1)),
    **{
        f"1.2 an ending: {ending} is of no kind that there is": Row(406, BUILD + ending, NOTHING)
        for ending in (".xml", ".png", ".txt", ".atom", ".svg")
    },
    "1.2 an ending: another is none": Row(404, BUILD + ".yml", NOT_FOUND),
    "1.2 an ending: /jobs/1/log.txt with a JSON Accept": Row(406, LOG + ".txt", NOTHING),
    "1.2 an ending: /jobs/1/log.txt with any Accept": Row(200, LOG + ".txt", b"$ rake\n", "text/plain", accept="*/*"),
    "1.2 an ending: /jobs/1/log.json": Row(200, LOG + ".json", bare("id", "body"), accept="text/plain"),
    "1.2 an ending: a repository that is named so": Row(404, "/repos/travis-ci/data.json", NOT_FOUND, before=renamed),
    "1.2 an ending: that repository by slug": Row(
        200, "/repos?slug=travis-ci/data.json", lambda body: [one["id"] for one in body["repos"]] == [82],
        before=renamed,
    ),
    "1.3 serializer output": Row(200, BUILD, answer_is=typed("application/json;charset=utf-8")),
    "1.3 hand-made hashes": Row(200, "/config", answer_is=typed("application/json")),
    "1.3 most errors": Row(404, "/jobs/42", answer_is=typed("application/json")),
    "1.3 plain logs": Row(200, LOG, None, None, accept="text/plain", answer_is=typed("text/plain;charset=utf-8")),
    "1.3 a slash on a collection": Row(200, "/builds/?slug={slug}", keys("builds", "commits")),
    "1.3 a slash after an id": Row(404, "/builds/{build}/", NOT_FOUND),
    "1.3 headers alone": Row(200, BUILD, NOTHING, method="HEAD", token=None),
    "1.3 an ETag of a build": Row(
        200, BUILD, answer_is=lambda answer, _: re.fullmatch('"[0-9a-f]{32}"', answer.headers["etag"]) is not None
    ),
    "1.3 an ETag that is known": Row(
        304, BUILD, NOTHING, "", headers={"If-None-Match": '"other", *'},
        answer_is=lambda answer, _: {"etag", "cache-control", "vary"} <= set(answer.headers),
    ),
    **{
        f"1.3 no ETag: {path}": Row(
            200, path, None, None, headers={"If-None-Match": "*"},
            answer_is=lambda answer, _: "etag" not in answer.headers,
        )
        for path in ("/builds?slug={slug}", "/repos/{slug}/branches", LOG, "/users", "/config")
    },
    "1.3 a request id is echoed": Row(
        200, "/", equals({"hello": "world"}), headers={"X-Request-ID": "mine"},
        answer_is=lambda answer, _: answer.headers["x-request-id"] == "mine",
    ),
}  # fmt: skip


test_a_request_has_the_answer_of_travis = calls(ROWS)
