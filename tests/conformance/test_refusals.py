"""How Travis refuses a request, row by row: section 1.4 of the facts."""

import json

from tests.conformance.scene import READER
from tests.conformance.tables import JSON, NOT_FOUND, NOTHING, Check, Row, calls


def says(text: str) -> Check:
    return lambda body: text in json.dumps(body)


ROWS: dict[str, Row] = {
    "1.4 400 restart refused": Row(
        400, "/builds/{running}/restart", lambda body: body["result"] is False and "error" in body["flash"][0],
        method="POST",
    ),
    "1.4 400 a body that is no JSON": Row(
        400, "/lint", lambda body: body == {"error": "Failed to parse body as JSON"}, method="POST",
        headers={"Content-Type": JSON}, data=b"{",
    ),
    "1.4 400 a JSONP name that is none": Row(400, "/config?callback=a-b", b"Bad Request", "text/plain"),
    "1.4 401 guarded, no token": Row(401, "/builds/{build}", NOTHING, token=None, mode="com"),
    "1.4 401 private scope, no token": Row(401, "/users", b"no access token supplied", token=None),
    "1.4 401 removing a log without push right": Row(
        401, "/jobs/{job}/log", says("insufficient permission to remove logs"), method="PATCH", token=READER, json={},
    ),
    "1.4 403 unknown token": Row(403, "/builds/{build}", b"access denied", "text/html", token="unknown"),
    "1.4 403 caches without push right": Row(403, "/repos/{repo}/caches", b"{}", token=READER),
    "1.4 403 GET /repos, nobody, org": Row(403, "/repos", NOTHING, token=None),
    "1.4 401 GET /repos, nobody, com": Row(401, "/repos", NOTHING, token=None, mode="com"),
    "1.4 403 a GitHub token of nobody": Row(
        403, "/auth/github", b"not a Travis user", method="POST", token=None, json={"github_token": "nobody"},
    ),
    "1.4 403 logout of nobody, org": Row(403, "/logout", b"access denied", token=None),
    "1.4 404 no route": Row(404, "/no/such/route/at/all", NOT_FOUND),
    "1.4 404 no build": Row(404, "/builds/99999", NOT_FOUND),
    "1.4 404 restart of an unknown build": Row(404, "/builds/99999/restart", NOTHING, method="POST"),
    "1.4 404 cancel of an unknown job": Row(404, "/jobs/99999/cancel", NOTHING, method="POST"),
    "1.4 404 log of an unknown job": Row(404, "/jobs/99999/log", NOTHING),
    "1.4 404 unknown job": Row(404, "/jobs/99999", says("The job(99999) couldn't be found")),
    "1.4 404 requests of an unknown repository": Row(
        404, "/requests?slug=no/such", lambda body: body == {"error": "Repository could not be found"},
    ),
    "1.4 404 settings of an unknown repository": Row(404, "/repos/99999/settings", says("Couldn't find repository")),
    "1.4 406 nothing acceptable": Row(406, "/builds/{build}", NOTHING, accept="image/png"),
    "1.4 406 text where there is none": Row(406, "/builds/{build}", NOTHING, accept="text/plain"),
    "1.4 409 a log of an unfinished job": Row(
        409, "/jobs/{running_job}/log", lambda body: "is not finished" in body["error"]["message"], method="PATCH",
        json={},
    ),
    "1.4 422 cancel of what has ended": Row(
        422, "/builds/{build}/cancel",
        lambda body: body["error"]["code"] == "cant_cancel" and "can't be canceled" in body["error"]["message"],
        method="POST",
    ),
    "1.4 422 settings without settings": Row(
        422, "/repos/{repo}/settings", lambda body: body == {"error": "Settings must be passed with a request"},
        method="PATCH", json={},
    ),
    "1.4 422 no GitHub token": Row(
        422, "/auth/github", lambda body: body == {"error": "Must pass 'github_token' parameter"}, method="POST",
        token=None, json={},
    ),
    "1.4 422 an environment variable without a name": Row(
        422, "/settings/env_vars?repository_id={repo}",
        lambda body: body["message"] == "Validation failed"
        and {"field": "name", "code": "missing_field"} in body["errors"],
        method="POST", json={"env_var": {"value": "x"}},
    ),
    "1.4 429 throttled": Row(
        429, "/config", b"Retry later\n", "text/plain", before=lambda found: found.server.faults.rest().too_many(),
    ),
    "1.4 403 banned": Row(
        403, "/config", b"Forbidden\n", "text/plain", before=lambda found: found.server.faults.rest().ban(),
    ),
}  # fmt: skip

test_a_request_has_the_answer_of_travis = calls(ROWS)
