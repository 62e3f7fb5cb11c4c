"""Requests: requests sent and decoded responses."""

import pytest

from aiotravis import PendingRequest, Repository, Request, RequestStatus, errors
from aiotravis._http import ApiRequest, ApiResponse
from aiotravis.resources.requests import Requests
from tests.resources.test_odd_values import WILD, changed
from tests.samples import COMMIT, HTML, JSON, Scripted

ONE = b"""{"id":7,"commit_id":5,"repository_id":82,"created_at":"2014-04-08T00:17:34Z","owner_id":1,
"owner_type":"Organization","event_type":"push","base_commit":null,"head_commit":null,"result":"rejected",
"message":"branch not included","pull_request":false,"pull_request_number":null,"pull_request_title":null,
"branch":"master","tag":null}"""


async def test_a_request_is_fetched_past_caches() -> None:
    transport = Scripted(b'{"request":' + ONE + b',"commit":' + COMMIT + b"}")
    request = await Requests(transport).get(7)
    assert (request.rejected, request.accepted, request.message) == (True, False, "branch not included")
    assert request.commit is not None
    assert (request.build_id, transport.calls[0].headers) == (None, (("Cache-Control", "no-cache"),))


async def test_a_list_is_requested_with_limit_and_older_than() -> None:
    transport = Scripted(b'{"requests":[' + ONE + b"]}")
    page = await Requests(transport).list("a/b", limit=100, older_than=9)
    assert page[0].commit is None
    assert transport.calls[0].query == (("slug", "a/b"), ("limit", "100"), ("older_than", "9"))


# The bytes of Travis: today's, pretty-printed; and those of before 2017.
ACCEPTED = b"""{
  "@type": "pending",
  "remaining_requests": 10,
  "repository": {
    "@type": "repository", "@href": "/repo/39521", "@representation": "minimal", "id": 39521, "name": "minimal",
    "slug": "svenfuchs/minimal"
  },
  "request": {
    "repository": {"id": 44258138, "vcs_type": "GithubRepository", "owner_name": "svenfuchs", "name": "minimal"},
    "user": {"id": 3664},
    "id": 205729,
    "message": "it",
    "branch": "master"
  },
  "resource_type": "request"
}"""

WITHOUT_ID = b"""{"@type":"pending","remaining_requests":48,"repository":{"@type":"repository","@href":"/repo/1",
"@representation":"minimal","id":1,"name":"b","slug":"a/b"},"request":{"repository":{"id":2,"owner_name":"a","name":"b"},
"user":{"id":3},"message":null,"branch":"develop","config":{}},"resource_type":"request"}"""


def accepted(body: bytes) -> Scripted:
    return Scripted(ApiResponse(202, JSON, body))


@pytest.mark.parametrize(
    ("result", "build_id", "accepted", "rejected"),
    [
        (b'"approved"', b"null", True, False),
        (b'"accepted"', b"null", True, False),
        (b"null", b"7", True, False),
        (b'"rejected"', b"null", False, True),
        (b"null", b"null", False, False),
    ],
)
async def test_approved_accepted_or_a_build_mean_accepted(
    result: bytes, build_id: bytes, accepted: bool, rejected: bool
) -> None:
    body = b'{"request":%s}' % changed(changed(ONE, "result", result), "build_id", build_id)
    request = await Requests(Scripted(body)).get(7)
    assert (request.accepted, request.rejected) == (accepted, rejected)


async def test_create_sends_the_nested_form_and_returns_the_pending_request() -> None:
    transport = accepted(ACCEPTED)
    pending = await Requests(transport).create("svenfuchs/minimal", branch="master", message="it")
    assert pending == PendingRequest(id=205729, repository_id=39521, branch="master", remaining_requests=10)
    (sent,) = transport.calls
    assert (sent.method, sent.target) == ("POST", "/v3/repo/svenfuchs%2Fminimal/requests")
    assert sent.body == b'{"request":{"branch":"master","message":"it"}}'
    assert not sent.reads


async def test_an_id_needs_no_slug_and_old_servers_tell_no_id() -> None:
    transport = accepted(WITHOUT_ID)
    pending = await Requests(transport).create(Repository(id=1, slug="a/b"))
    assert pending == PendingRequest(id=None, repository_id=1, branch="develop", remaining_requests=48)
    assert transport.calls[0].target == "/v3/repo/1/requests"
    assert transport.calls[0].body == b'{"request":{}}'


@pytest.mark.parametrize("body", [*WILD, b"", b"<html>", b'{"request":5}', b'{"request":{"id":0}}', b"[1]", b"{"])
async def test_a_202_is_done_whatever_its_body(body: bytes) -> None:
    assert (await Requests(accepted(body)).create(82)).id is None


async def test_a_web_page_of_a_proxy_is_no_request() -> None:
    with pytest.raises(errors.DecodeError):
        await Requests(Scripted(ApiResponse(200, HTML, b"<html>login</html>"))).create(82)


async def test_a_202_whose_rest_is_lost_is_done() -> None:
    def cut(request: ApiRequest) -> ApiResponse:
        error = errors.TruncatedError("cut", method=request.method, path=request.path)
        error.status = 202
        raise error

    assert await Requests(Scripted(cut)).create(82) == PendingRequest()


async def test_errors_of_create_repeat_no_variable() -> None:
    echo = Scripted(lambda sent: ApiResponse(400, JSON, sent.body or b"", secrets=sent.secrets))
    with pytest.raises(errors.RefusedError) as info:
        await Requests(echo).create(82, config={"env": ["PASSWORD=hunter2hunter2"], "script": "true"})
    assert "hunter2hunter2" not in str(info.value) + info.value.excerpt


async def test_status_is_read_by_id_or_value() -> None:
    transport = Scripted(b'{"@type":"request","id":7,"state":"pending"}')
    found = await Requests(transport).status("a/b", PendingRequest(id=7))
    await Requests(transport).status(82, found)
    await Requests(transport).status(82, Request(id=7))
    paths = [call.target for call in transport.calls]
    assert paths == ["/v3/repo/a%2Fb/request/7", "/v3/repo/82/request/7", "/v3/repo/82/request/7"]
    assert isinstance(found, RequestStatus)
    for wrong in (PendingRequest(), 0, "7", None):
        with pytest.raises(errors.UsageError, match="request must be"):
            await Requests(transport).status(82, wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("repo", ["a", "a/b/c", "a/..", 0, None, True])
async def test_a_wrong_repository_is_refused_before_anything_is_sent(repo: object) -> None:
    transport = Scripted(ACCEPTED)
    with pytest.raises(errors.UsageError, match="repo must"):
        await Requests(transport).create(repo)  # type: ignore[arg-type]
    assert transport.calls == []
