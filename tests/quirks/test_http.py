"""Quirks of HTTP, errors and routes: numbers 1 to 9, 23, 24, 26, 27, 45 and 47 to 49."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import anyio
import pytest

from aiotravis import Travis, errors
from aiotravis.testing import Repository, TravisServer
from tests.conftest import TOKEN

JSON, TEXT, HTML = "application/json", "text/plain", "text/html;charset=utf-8"

PAGE = b"<html><head><title>Application Error</title></head><body>An error occurred</body></html>"


@pytest.fixture
async def stranger(server: TravisServer) -> AsyncGenerator[Travis]:
    """A client without a token."""
    async with Travis(endpoint=server.endpoint) as travis:
        yield travis


@pytest.mark.parametrize(
    ("status", "body", "kind", "told"),
    [
        (401, b"", errors.AuthenticationError, "Pass a token"),
        (401, b"no access token supplied", errors.AuthenticationError, "no access token supplied. Pass a token"),
        (403, b"", errors.AuthenticationError, "Pass a token"),
        (403, b"access denied", errors.AuthenticationError, "Pass a token"),
        (403, b"insufficient access", errors.PermissionDenied, "lacks the scope"),
        (404, b"", errors.NotFoundError, "no such thing, or hidden"),
        (406, b"", errors.RefusedError, "no representation of the kind asked for"),
    ],
)
async def test_quirk_1_what_calls_itself_json_may_be_empty_or_text(
    server: TravisServer, stranger: Travis, status: int, body: bytes, kind: type[errors.ResponseError], told: str
) -> None:
    server.respond("GET", "/repos/82", status=status, body=body, headers={"Content-Type": JSON})
    with pytest.raises(kind, match=told) as info:
        await stranger.repos.get(82)
    assert type(info.value) is kind
    assert (info.value.status, info.value.path, info.value.excerpt) == (status, "/repos/82", body.decode())


async def test_quirk_1_the_uptime_is_text_that_calls_itself_json(server: TravisServer, stranger: Travis) -> None:
    assert await stranger.config.uptime() == "OK"
    server.respond("GET", "/uptime", status=500, body=b"Error: PG::ConnectionBad", headers={"Content-Type": JSON})
    with pytest.raises(errors.ServerError, match="Error: PG::ConnectionBad"):
        await stranger.config.uptime()


MIGRATED = b"""{"error_type":"migrated_repository","error_message":"This repository has been migrated to travis-ci.com.
Modifications to repositories, builds, and jobs are disabled on travis-ci.org."}"""


@pytest.mark.parametrize(
    ("content_type", "body", "kind", "told"),
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
async def test_quirk_2_each_meaning_of_403_has_its_own_cause_and_remedy(
    server: TravisServer, travis: Travis, content_type: str, body: bytes, kind: type[errors.ResponseError], told: str
) -> None:
    server.respond("POST", "/builds/42/cancel", status=403, body=body, headers={"Content-Type": content_type})
    with pytest.raises(kind, match=told) as info:
        await travis.builds.cancel(42)
    assert type(info.value) is kind
    assert (info.value.status, info.value.method, info.value.path) == (403, "POST", "/builds/42/cancel")


@pytest.mark.parametrize(
    ("content_type", "body", "told"),
    [
        (JSON, b'{"file":"not found"}', "no such thing, or hidden from this token"),
        (TEXT, b"file not found", "no such thing, or hidden from this token"),
        (JSON, b"", "no such thing, or hidden from this token"),
        (JSON, b'{"error":{"message":"The job(42) couldn\'t be found"}}', r"The job\(42\) couldn't be found"),
        (JSON, b'{"error":"Repository could not be found"}', "Repository could not be found"),
        (JSON, b'{"@type":"error","error_type":"not_found","error_message":"log not found"}', "log not found"),
    ],
)
async def test_quirk_3_every_shape_of_404_is_not_found(
    server: TravisServer, travis: Travis, content_type: str, body: bytes, told: str
) -> None:
    server.respond("GET", "/jobs/42", status=404, body=body, headers={"Content-Type": content_type})
    with pytest.raises(errors.NotFoundError, match=f"GET /jobs/42 answered 404: {told}.*the token's user may see it"):
        await travis.jobs.get(42)


async def test_quirk_3_what_is_hidden_asks_for_a_token_or_for_rights(
    server: TravisServer, travis: Travis, stranger: Travis
) -> None:
    server.world.repository("sarah/secret", private=True)
    with pytest.raises(errors.NotFoundError, match="if it is private, pass a token"):
        await stranger.repos.get("sarah/secret")
    with pytest.raises(errors.NotFoundError, match="the token's user may see it"):
        await travis.repos.get("sarah/secret")
    # Without a token this path falls through to the route of owner and name.
    server.respond("GET", "/repos/82/settings", status=404, body=b'{"file":"not found"}')
    with pytest.raises(errors.NotFoundError, match="pass a token"):
        await stranger.settings.get(82)


async def test_quirk_4_an_unknown_repository_has_empty_lists(travis: Travis) -> None:
    assert [build async for build in travis.builds.list("no/such")] == []
    assert [build async for build in travis.builds.list(999)] == []
    assert list(await travis.branches.list("no/such")) == []
    assert list(await travis.repos.list(owner_name="no")) == []
    with pytest.raises(errors.NotFoundError, match="none of this number, or it is hidden"):
        await travis.builds.find("no/such", 1)
    with pytest.raises(errors.NotFoundError):
        await travis.repos.get("no/such")


async def test_quirk_5_too_many_requests_hold_the_whole_client_back_until_the_next_minute(
    server: TravisServer, travis: Travis
) -> None:
    server.respond("GET", "/users", status=429, body=b"Retry later\n", headers={"Content-Type": TEXT})
    with pytest.raises(errors.RateLimited, match="Wait for the next whole minute") as info:
        await travis.with_options(attempts=1).users.me()
    assert info.value.retry_after is None
    assert 0 < travis.limits.paused <= 60
    sent = len(server.requests)
    with anyio.move_on_after(min(0.05, travis.limits.paused / 2)) as scope:
        await travis.config.get()
    assert scope.cancelled_caught
    assert len(server.requests) == sent


async def test_quirk_5_a_second_sign_in_waits_where_the_rules_hold() -> None:
    async with TravisServer(rate_rules=True, clock=lambda: 1.5e9) as server:
        server.world.user("sarah", token=TOKEN)
        async with Travis(endpoint=server.endpoint, budgets=True) as travis:
            assert await travis.auth.github(f"github-{TOKEN}") == TOKEN
            with anyio.move_on_after(0.1) as scope:
                await travis.auth.github(f"github-{TOKEN}")
            assert scope.cancelled_caught
            assert [seen.path for seen in server.requests] == ["/auth/github"]
            assert server.rates is not None
            assert server.rates.banned == {}


async def test_quirk_5_a_ban_for_signing_in_lasts_five_hours_and_nothing_more_is_sent() -> None:
    async with TravisServer(rate_rules=True, clock=lambda: 1.5e9) as server:
        server.world.user("sarah", token=TOKEN)
        async with Travis(endpoint=server.endpoint, budgets=False) as travis:
            for _ in range(2):
                assert await travis.auth.github(f"github-{TOKEN}") == TOKEN
            with pytest.raises(errors.BannedError, match=r"ends after 5 h\. Signing in again makes it worse") as info:
                await travis.auth.github(f"github-{TOKEN}")
            assert info.value.lifted_at is not None
            assert timedelta(hours=4.9) < info.value.lifted_at - datetime.now(UTC) <= timedelta(hours=5)
            with pytest.raises(errors.BannedError, match="was not sent"):
                await travis.config.get()
            assert [seen.status for seen in server.requests] == [200, 200, 403]


async def test_quirk_6_a_token_is_announced_as_such_and_a_wrong_one_fails_public_reads_too(
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


READS: dict[str, Callable[[Travis], Awaitable[object]]] = {
    "repos": lambda t: t.repos.get("travis-ci/travis.rb"),
    "build": lambda t: t.builds.get(1001),
    "builds": lambda t: t.builds.recent(),
    "job": lambda t: t.jobs.get(1002),
    "branches": lambda t: t.branches.list(82),
    "log": lambda t: t.logs.get(1002),
    "user": lambda t: t.users.me(),
    "key": lambda t: t.repository_keys.get(82),
}


@pytest.mark.parametrize("name", READS)
async def test_quirk_7_every_call_asks_for_version_2_and_none_has_an_ending(
    server: TravisServer, travis: Travis, repository: Repository, name: str
) -> None:
    repository.build()
    await READS[name](travis)
    seen = server.requests[-1]
    assert "application/vnd.travis-ci.2+json" in seen.headers["accept"] or "version=2" in seen.headers["accept"]
    assert not seen.path.endswith((".json", ".xml", ".txt"))


async def test_quirk_7_a_body_of_version_1_is_told_as_an_unknown_shape(server: TravisServer, travis: Travis) -> None:
    server.respond("GET", "/builds/7", body=b'{"id":7,"repository_id":82,"number":"1","state":"finished","result":0}')
    with pytest.raises(errors.DecodeError, match=r"JSON in an unknown shape.*`build`") as info:
        await travis.builds.get(7)
    assert (info.value.status, info.value.path) == (200, "/builds/7")


@pytest.mark.parametrize("slash", ["", "/"])
async def test_quirk_8_everything_of_an_enterprise_is_below_its_base_path(slash: str) -> None:
    async with TravisServer(mode="enterprise") as server:
        user = server.world.user("sarah", token=TOKEN)
        build = server.world.repository("a/b", users=[user]).build()
        async with Travis(TOKEN, endpoint=server.endpoint + slash) as travis:
            assert travis.endpoint.endswith("/api")
            assert (await travis.repos.get("a/b")).slug == "a/b"
            assert [one.id async for one in travis.builds.list("a/b")] == [build.id]
            await travis.logs.parts(build.jobs[0].id)
            await travis.builds.cancel(build.id)
            await travis.config.get()
            assert travis.auth.handshake_url("http://localhost:8080/").startswith(f"{server.endpoint}/auth/handshake?")
    assert len(server.requests) == 5
    assert all(seen.path.startswith("/api/") for seen in server.requests)
    assert {seen.status for seen in server.requests} == {200, 204}


async def test_quirk_9_a_redirect_to_another_host_travels_without_the_token(
    server: TravisServer, travis: Travis
) -> None:
    async with TravisServer() as archive:
        archive.respond("GET", "/jobs/42/log.txt", body="größe\r\n".encode(), headers={"Content-Type": TEXT})
        location = f"{archive.endpoint}/jobs/42/log.txt?Signature=a%2Bb"
        server.respond("GET", "/jobs/42/log", status=307, headers={"Location": location})
        assert await travis.logs.text(42) == "größe\r\n"
        assert server.requests[-1].headers["authorization"] == f"token {TOKEN}"
        (seen,) = archive.requests
        assert seen.path == "/jobs/42/log.txt?Signature=a%2Bb"
        assert TOKEN not in str(seen)
        assert {"authorization", "cookie"}.isdisjoint(seen.headers)


async def test_quirk_9_a_redirect_within_the_api_keeps_the_token(server: TravisServer, travis: Travis) -> None:
    server.respond("GET", "/users", status=301, headers={"Location": f"{server.endpoint}/users/"})
    assert (await travis.users.me()).login == "sarah"


async def test_quirk_23_documented_routes_that_do_not_exist_are_never_asked(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    build = repository.build()
    assert [one.id async for one in travis.builds.list(repository.id)] == [build.id]
    assert (await travis.builds.find(repository.id, 1)).id == build.id
    await travis.logs.get(build.jobs[0].id)
    await travis.logs.text(build.jobs[0].id)
    await travis.env_vars.list(repository.id)
    assert [seen.path for seen in server.requests] == [
        "/builds?repository_id=82",
        "/builds?repository_id=82&number=1",
        f"/jobs/{build.jobs[0].id}/log",
        f"/jobs/{build.jobs[0].id}/log",
        "/settings/env_vars?repository_id=82",
    ]


async def test_quirk_24_the_address_to_sign_in_at_has_the_parameter_that_works(travis: Travis) -> None:
    url = travis.auth.handshake_url("http://localhost:8080/")
    assert "redirect_uri=http%3A%2F%2Flocalhost%3A8080%2F" in url


async def test_quirk_26_writes_answer_with_whatever_status_they_like(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    (old,) = repository.history(1)
    build = repository.build()
    made = await travis.env_vars.create(repository.id, "A", "b", public=True)
    assert (made.name, made.value) == ("A", "b")
    with pytest.raises(errors.RefusedError, match="currently can not be restarted") as info:
        await travis.builds.restart(build.id)
    assert info.value.flash == ("The build currently can not be restarted.",)
    await travis.builds.cancel(build.id)
    await travis.logs.remove(old.jobs[0].id)
    assert await travis.builds.restart(build.id) == "The build was successfully restarted."
    assert [seen.status for seen in server.requests] == [200, 400, 204, 200, 202]


async def test_quirk_26_a_refusal_with_a_good_status_is_a_refusal(server: TravisServer, travis: Travis) -> None:
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
async def test_quirk_27_a_validation_code_may_be_a_sentence(
    server: TravisServer, travis: Travis, field: str, code: str
) -> None:
    body = f'{{"message":"Validation failed","errors":[{{"field":"{field}","code":"{code}"}}]}}'.encode()
    server.respond("PATCH", "/repos/82/settings", status=422, body=body)
    with pytest.raises(errors.ValidationError) as info:
        await travis.settings.update(82, timeout_hard_limit=500)
    assert info.value.errors == ((field, code),)
    assert f"Validation failed ({field}: {code})" in str(info.value)


class Front:
    """A server that counts the requests of each connection, and ends the first connection when it likes.

    Args:
        ends: ``idle``: after the first answer; ``busy``: instead of the second; ``never``.
    """

    def __init__(self, ends: str) -> None:
        self.ends = ends
        self.counts: list[int] = []
        self.closed = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.counts.append(0)
        ends = self.ends if len(self.counts) == 1 else "never"
        while await reader.readline():
            while (await reader.readline()).strip():
                pass
            self.counts[-1] += 1
            if ends == "busy" and self.counts[-1] == 2:
                break
            writer.write(CONFIG)
            await writer.drain()
            if ends == "idle":
                break
        writer.close()
        self.closed.set()


CONFIG = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json;charset=utf-8\r\nContent-Length: 35\r\n\r\n"
    b'{"config":{"host":"travis-ci.org"}}'
)


@pytest.mark.parametrize("ends", ["idle", "busy"])
async def test_quirk_45_a_kept_connection_that_the_server_closed_costs_a_read_nothing(ends: str) -> None:
    front = Front(ends)
    async with (
        await asyncio.start_server(front.serve, "127.0.0.1", 0) as listening,
        Travis(TOKEN, endpoint=f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}") as travis,
    ):
        assert (await travis.config.get()).host == "travis-ci.org"
        if ends == "idle":
            await front.closed.wait()
        assert (await travis.config.get()).host == "travis-ci.org"
    assert front.counts == ([1, 1] if ends == "idle" else [2, 1])


async def test_quirk_45_an_idle_connection_is_given_up_before_the_server_does_so(travis: Travis) -> None:
    await travis.config.get()
    connector = travis._transport.session().connector
    assert connector is not None
    kept = connector._keepalive_timeout
    assert kept is not None
    assert 1 <= kept < 5


async def test_quirk_45_a_write_on_a_connection_that_dies_is_not_repeated(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    build = repository.history(1)[0]
    server.lose_answer("POST", f"/builds/{build.id}/restart")
    with pytest.raises(errors.RequestError, match="the connection was lost before an answer came"):
        await travis.builds.restart(build.id)
    assert [seen.path for seen in server.requests] == [f"/builds/{build.id}/restart"]


async def test_quirk_47_logging_out_sends_the_token_where_it_counts_and_shows_it_nowhere(
    server: TravisServer, travis: Travis
) -> None:
    await travis.auth.logout()
    assert server.requests[-1].path == f"/logout?access_token={TOKEN}"
    with pytest.raises(errors.AuthenticationError, match=r"GET /logout\?access_token=\.\.\. answered 403") as info:
        await travis.auth.logout()
    assert TOKEN not in f"{info.value} {info.value.path} {info.value.excerpt}"


@pytest.mark.parametrize("status", [302, 303])
async def test_quirk_48_a_sign_in_with_too_few_scopes_is_not_followed_to_its_web_page(
    server: TravisServer, travis: Travis, status: int
) -> None:
    location = f"{server.endpoint}/insufficient_access"
    server.respond("GET", "/insufficient_access", body=PAGE, headers={"Content-Type": HTML})
    server.respond("POST", "/auth/github", status=status, headers={"Location": location})
    with pytest.raises(errors.AuthenticationError, match=r"too few scopes\. config\.get\(\) names those that are"):
        await travis.auth.github("ghp_narrow")
    assert [seen.path for seen in server.requests] == ["/auth/github"]


async def test_quirk_48_a_web_page_with_a_good_status_is_no_token(server: TravisServer, travis: Travis) -> None:
    server.respond("POST", "/auth/github", body=PAGE, headers={"Content-Type": HTML})
    with pytest.raises(errors.DecodeError, match="a web page, not JSON"):
        await travis.auth.github("ghp_narrow")


@pytest.mark.parametrize(
    ("status", "content_type", "body", "told"),
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
async def test_quirk_49_html_and_text_from_proxies_are_errors_of_the_server(
    server: TravisServer, travis: Travis, status: int, content_type: str, body: bytes, told: str
) -> None:
    server.respond("GET", "/builds/7", status=status, body=body, headers={"Content-Type": content_type})
    with pytest.raises(errors.ServerError, match=rf"GET /builds/7 answered {status}: .*{told}.*") as info:
        await travis.with_options(attempts=1).builds.get(7)
    assert "Not your fault; try again later" in str(info.value)
    assert "\n" not in str(info.value)


async def test_quirk_49_what_passes_by_itself_is_asked_again(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    server.respond("GET", "/repos/82", status=502, body=PAGE, headers={"Content-Type": HTML}, times=1)
    assert (await travis.repos.get(82)).slug == repository.slug
    assert [seen.status for seen in server.requests] == [502, 200]
