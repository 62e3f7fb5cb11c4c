"""Quirks of error responses: numbers 1 to 4, 6, 26, 27, 48 and 49."""

import pytest

from aiotravis import Travis, errors
from aiotravis.testing import Repository, TravisServer
from tests.conftest import TOKEN
from tests.quirks.served import HTML, JSON, PAGE, TEXT


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (401, b"", errors.AuthenticationError, "Pass a token"),
        (401, b"no access token supplied", errors.AuthenticationError, "no access token supplied. Pass a token"),
        (403, b"", errors.AuthenticationError, "Pass a token"),
        (403, b"access denied", errors.AuthenticationError, "Pass a token"),
        (403, b"insufficient access", errors.PermissionDenied, "lacks the scope"),
        (404, b"", errors.NotFoundError, "not found, or hidden"),
        (406, b"", errors.RefusedError, "not available in the requested format"),
    ],
)
async def test_quirk_1_a_body_typed_as_json_can_be_empty_or_text(
    server: TravisServer, stranger: Travis, status: int, body: bytes, kind: type[errors.ResponseError], message: str
) -> None:
    server.respond("GET", "/repos/82", status=status, body=body, headers={"Content-Type": JSON})
    with pytest.raises(kind, match=message) as info:
        await stranger.repos.get(82)
    assert type(info.value) is kind
    assert (info.value.status, info.value.path, info.value.excerpt) == (status, "/repos/82", body.decode())


async def test_quirk_1_the_uptime_is_text_typed_as_json(server: TravisServer, stranger: Travis) -> None:
    assert await stranger.config.uptime() == "OK"
    server.respond("GET", "/uptime", status=500, body=b"Error: PG::ConnectionBad", headers={"Content-Type": JSON})
    with pytest.raises(errors.ServerError, match="Error: PG::ConnectionBad"):
        await stranger.config.uptime()


MIGRATED = b"""{"error_type":"migrated_repository","error_message":"This repository has been migrated to travis-ci.com.
Modifications to repositories, builds, and jobs are disabled on travis-ci.org."}"""


@pytest.mark.parametrize(
    ("content_type", "body", "kind", "message"),
    [
        (HTML, b"access denied", errors.AuthenticationError, "does not know this token"),
        (JSON, b"{}", errors.PermissionDenied, "rights on the repository"),
        (
            JSON,
            b'{"error":{"message":"You don\'t have access to cancel build(42)"}}',
            errors.PermissionDenied,
            "access to cancel build",
        ),
        (JSON, b"insufficient access", errors.PermissionDenied, "lacks the scope"),
        (JSON, MIGRATED, errors.RepositoryMigrated, "Use the site that it moved to"),
        (TEXT, b"This repository has been migrated to travis-ci.com.", errors.RepositoryMigrated, "endpoint=COM"),
        (TEXT, b"Forbidden\n", errors.BannedError, "Stop all requests and wait"),
    ],
)
async def test_quirk_2_each_meaning_of_403_has_its_own_error_and_remedy(
    server: TravisServer, travis: Travis, content_type: str, body: bytes, kind: type[errors.ResponseError], message: str
) -> None:
    server.respond("POST", "/builds/42/cancel", status=403, body=body, headers={"Content-Type": content_type})
    with pytest.raises(kind, match=message) as info:
        await travis.builds.cancel(42)
    assert type(info.value) is kind
    assert (info.value.status, info.value.method, info.value.path) == (403, "POST", "/builds/42/cancel")


@pytest.mark.parametrize(
    ("content_type", "body", "message"),
    [
        (JSON, b'{"file":"not found"}', "not found, or hidden from this token"),
        (TEXT, b"file not found", "not found, or hidden from this token"),
        (JSON, b"", "not found, or hidden from this token"),
        (JSON, b'{"error":{"message":"The job(42) couldn\'t be found"}}', r"The job\(42\) couldn't be found"),
        (JSON, b'{"error":"Repository could not be found"}', "Repository could not be found"),
        (JSON, b'{"@type":"error","error_type":"not_found","error_message":"log not found"}', "log not found"),
    ],
)
async def test_quirk_3_every_shape_of_404_raises_not_found(
    server: TravisServer, travis: Travis, content_type: str, body: bytes, message: str
) -> None:
    server.respond("GET", "/jobs/42", status=404, body=body, headers={"Content-Type": content_type})
    pattern = f"GET /jobs/42 answered 404: {message}.*the token's user may see it"
    with pytest.raises(errors.NotFoundError, match=pattern):
        await travis.jobs.get(42)


async def test_quirk_3_hidden_things_ask_for_a_token_or_for_rights(
    server: TravisServer, travis: Travis, stranger: Travis
) -> None:
    server.world.repository("sarah/secret", private=True)
    with pytest.raises(errors.NotFoundError, match="if it is private, pass a token"):
        await stranger.repos.get("sarah/secret")
    with pytest.raises(errors.NotFoundError, match="the token's user may see it"):
        await travis.repos.get("sarah/secret")
    # Without a token, this path falls through to the route of owner and name.
    server.respond("GET", "/repos/82/settings", status=404, body=b'{"file":"not found"}')
    with pytest.raises(errors.NotFoundError, match="pass a token"):
        await stranger.settings.get(82)


async def test_quirk_4_lists_of_an_unknown_repository_are_empty(travis: Travis) -> None:
    assert [build async for build in travis.builds.list("no/such")] == []
    assert [build async for build in travis.builds.list(999)] == []
    assert list(await travis.branches.list("no/such")) == []
    assert list(await travis.repos.list(owner_name="no")) == []
    with pytest.raises(errors.NotFoundError, match="none of this number, or it is hidden"):
        await travis.builds.find("no/such", 1)
    with pytest.raises(errors.NotFoundError):
        await travis.repos.get("no/such")


async def test_quirk_6_the_scheme_is_token_and_a_wrong_token_fails_public_reads(
    server: TravisServer, travis: Travis, stranger: Travis, repository: Repository
) -> None:
    await travis.repos.get(repository.id)
    assert server.requests[-1].headers["authorization"] == f"token {TOKEN}"
    await stranger.repos.get(repository.id)
    assert "authorization" not in server.requests[-1].headers
    async with Travis("an-expired-token", endpoint=server.endpoint) as expired:
        with pytest.raises(errors.AuthenticationError, match=r"does not know this token.*not expired") as info:
            await expired.repos.get(repository.id)
    assert "an-expired-token" not in str(info.value) + info.value.excerpt


async def test_quirk_26_every_success_status_of_writes_is_accepted(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    (old,) = repository.history(1)
    build = repository.build()
    created = await travis.env_vars.create(repository.id, "A", "b", public=True)
    assert (created.name, created.value) == ("A", "b")
    with pytest.raises(errors.RefusedError, match="currently can not be restarted") as info:
        await travis.builds.restart(build.id)
    assert info.value.flash == ("The build currently can not be restarted.",)
    await travis.builds.cancel(build.id)
    await travis.logs.remove(old.jobs[0].id)
    assert await travis.builds.restart(build.id) == "The build was successfully restarted."
    assert [seen.status for seen in server.requests] == [200, 400, 204, 200, 202]


async def test_quirk_26_a_refusal_with_a_success_status_raises(server: TravisServer, travis: Travis) -> None:
    body = b'{"result":true,"flash":[{"error":"You don\'t seem to have sufficient permissions."}]}'
    server.respond("POST", "/jobs/7/restart", status=200, body=body)
    with pytest.raises(errors.RefusedError, match="sufficient permissions") as info:
        await travis.jobs.restart(7)
    assert info.value.flash == ("You don't seem to have sufficient permissions.",)


@pytest.mark.parametrize(
    ("field", "code"),
    [
        ("name", "missing_field"),
        ("timeout_hard_limit", "not_a_number"),
        ("timeout_hard_limit", "Invalid hard_limit timeout value (allowed: 0 - 180)"),
        ("api_builds_rate_limit", "can't be more than 200"),
    ],
)
async def test_quirk_27_a_validation_code_can_be_a_sentence(
    server: TravisServer, travis: Travis, field: str, code: str
) -> None:
    body = f'{{"message":"Validation failed","errors":[{{"field":"{field}","code":"{code}"}}]}}'.encode()
    server.respond("PATCH", "/repos/82/settings", status=422, body=body)
    with pytest.raises(errors.ValidationError) as info:
        await travis.settings.update(82, timeout_hard_limit=500)
    assert info.value.errors == ((field, code),)
    assert f"Validation failed ({field}: {code})" in str(info.value)


@pytest.mark.parametrize("status", [302, 303])
async def test_quirk_48_a_redirect_for_too_few_scopes_is_not_followed(
    server: TravisServer, travis: Travis, status: int
) -> None:
    location = f"{server.endpoint}/insufficient_access"
    server.respond("GET", "/insufficient_access", body=PAGE, headers={"Content-Type": HTML})
    server.respond("POST", "/auth/github", status=status, headers={"Location": location})
    with pytest.raises(errors.AuthenticationError, match=r"too few scopes\. Add the scopes that config\.get\(\) lists"):
        await travis.auth.github("ghp_narrow")
    assert [seen.path for seen in server.requests] == ["/auth/github"]


async def test_quirk_48_a_web_page_with_a_success_status_is_not_a_token(server: TravisServer, travis: Travis) -> None:
    server.respond("POST", "/auth/github", body=PAGE, headers={"Content-Type": HTML})
    with pytest.raises(errors.DecodeError, match="a web page, not JSON"):
        await travis.auth.github("ghp_narrow")


@pytest.mark.parametrize(
    ("status", "content_type", "body", "message"),
    [
        (500, TEXT, b"Sorry, we experienced an error.\n\nrequest_id:abc-1\n", "experienced an error.*request id"),
        (500, JSON, b'{"error":"Travis encountered an error, sorry :("}', "Travis encountered an error"),
        (502, HTML, PAGE, "a web page from a proxy"),
        (503, HTML, PAGE, "a web page from a proxy"),
        (504, TEXT, b"upstream request timeout", "upstream request timeout"),
        (503, JSON, b"", "no reason given"),
        (503, JSON, PAGE, "Application Error"),
    ],
)
async def test_quirk_49_html_and_text_from_proxies_raise_server_errors(
    server: TravisServer, travis: Travis, status: int, content_type: str, body: bytes, message: str
) -> None:
    server.respond("GET", "/builds/7", status=status, body=body, headers={"Content-Type": content_type})
    with pytest.raises(errors.ServerError, match=rf"GET /builds/7 answered {status}: .*{message}.*") as info:
        await travis.with_options(attempts=1).builds.get(7)
    assert "Try again later" in str(info.value)
    assert "\n" not in str(info.value)


async def test_quirk_49_a_temporary_failure_is_retried(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    server.respond("GET", "/repos/82", status=502, body=PAGE, headers={"Content-Type": HTML}, times=1)
    assert (await travis.repos.get(82)).slug == repository.slug
    assert [seen.status for seen in server.requests] == [502, 200]
