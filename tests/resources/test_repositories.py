"""Repositories: requests and decoded responses."""

from typing import Any

import pytest

from aiotravis import State, errors
from aiotravis._http import ApiRequest, ApiResponse
from aiotravis.resources.repositories import Repositories
from tests.samples import JSON, Scripted

REPO = b"""{"id":82,"slug":"sinatra/sinatra","description":null,"active":true,"last_build_id":null,
"last_build_number":null,"last_build_state":"","last_build_duration":null,"last_build_language":null,
"last_build_started_at":null,"last_build_finished_at":null,"github_language":"Ruby"}"""


async def test_a_repository_is_requested_by_id_or_slug() -> None:
    transport = Scripted(b'{"repo":' + REPO + b"}")
    repos = Repositories(transport)
    repo = await repos.get("sinatra/sinatra")
    assert (repo.owner_name, repo.name, repo.last_build_state) == ("sinatra", "sinatra", State.NEVER_BUILT)
    await repos.get(repo)
    assert [call.target for call in transport.calls] == ["/repos/sinatra/sinatra", "/repos/82"]


@pytest.mark.parametrize(
    ("active", "read"), [(b"true", True), (b'"true"', True), (b'"false"', False), (b"false", False), (b"null", None)]
)
async def test_active_can_be_a_string_null_or_missing(active: bytes, read: bool | None) -> None:
    transport = Scripted(b'{"repo":{"id":1,"active":' + active + b"}}")
    assert (await Repositories(transport).get(1)).active is read
    assert (await Repositories(Scripted(b'{"repo":{"id":1}}')).get(1)).active is None


async def test_a_list_is_requested_with_filters() -> None:
    transport = Scripted(b'{"repos":[' + REPO + b"]}")
    repos = Repositories(transport)
    assert len(await repos.list(owner_name="sinatra", member="rkh", search="sin", limit=50)) == 1
    assert transport.calls[0].query == (
        ("limit", "50"), ("owner_name", "sinatra"), ("member", "rkh"), ("search", "sin"),
    )  # fmt: skip
    assert [repo.id async for repo in repos.many([82])] == [82]
    assert transport.calls[1].query == (("ids", "82"),)


@pytest.mark.parametrize(
    ("wrong", "argument"), [({"limit": 0}, "limit"), ({"limit": True}, "limit"), ({"member": ""}, "member")]
)
async def test_a_list_refuses_invalid_arguments_before_sending(wrong: dict[str, Any], argument: str) -> None:
    transport = Scripted(b"")
    with pytest.raises(errors.UsageError) as info:
        await Repositories(transport).list(**wrong)
    assert info.value.argument == argument
    assert transport.calls == []


@pytest.mark.parametrize("slug", ["a/b.json", "a/b.SVG"])
async def test_a_name_with_a_file_ending_is_requested_by_query(slug: str) -> None:
    transport = Scripted(b'{"repos":[{"id":1,"slug":"a/other"},{"id":2,"slug":"A/%b"}]}' % slug[2:].encode())
    assert (await Repositories(transport).get(slug)).id == 2
    assert transport.calls[0].target == f"/repos?slug={slug.replace('/', '%2F')}"
    with pytest.raises(errors.NotFoundError):
        await Repositories(Scripted(b'{"repos":[]}')).get(slug)


@pytest.mark.parametrize("wrong", ["a", "a/b/c", "", 0, None, True])
async def test_an_invalid_repository_is_refused_before_sending(wrong: Any) -> None:
    transport = Scripted(b"")
    with pytest.raises(errors.UsageError) as info:
        await Repositories(transport).get(wrong)
    assert info.value.argument == "repo"
    assert transport.calls == []


async def test_many_sends_100_ids_per_request_and_keeps_their_order() -> None:
    def respond(call: ApiRequest) -> bytes:
        ids = dict(call.query)["ids"].split(",")
        return b'{"repos":[' + ",".join(f'{{"id":{number}}}' for number in sorted(ids)).encode() + b"]}"

    transport = Scripted(respond)
    numbers = [*range(250, 0, -1), 250]
    assert [repo.id async for repo in Repositories(transport).many(numbers)] == numbers
    assert [len(dict(call.query)["ids"].split(",")) for call in transport.calls] == [100, 100, 51]


async def test_a_list_without_arguments_requests_25() -> None:
    transport = Scripted(b'{"repos":[]}')
    assert await Repositories(transport).list() == ()
    assert transport.calls[0].target == "/repos?limit=25"


@pytest.mark.parametrize("status", [401, 403])  # fact 3.13: which of the two depends on the site.
async def test_a_name_with_a_file_ending_is_found_by_its_builds_without_a_token(status: int) -> None:
    found = b'{"builds":[{"id":9,"repository_id":82}]}'

    def respond(call: ApiRequest) -> bytes | ApiResponse:
        if call.path == "/repos":
            return ApiResponse(status, JSON, b"")
        return found if call.path == "/builds" else b'{"repo":{"id":82,"slug":"a/b.json"}}'

    transport = Scripted(respond)
    assert (await Repositories(transport).get("a/B.json")).slug == "a/b.json"
    targets = [call.target for call in transport.calls[1:]]
    assert targets == ["/builds?slug=a%2FB.json&exclude_config=true", "/repos/82"]
    found = b'{"builds":[]}'
    with pytest.raises(errors.NotFoundError, match="Without a token, a repository of such a name"):
        await Repositories(transport).get("a/b.json")


async def test_activate_and_deactivate_are_posts_of_v3() -> None:
    transport = Scripted(b'{"@type":"repository","@representation":"standard","id":82,"slug":"a/b","active":true}')
    await Repositories(transport).activate("a/b.json")
    await Repositories(transport).deactivate(82)
    calls = [(call.method, call.target) for call in transport.calls]
    assert calls == [("POST", "/v3/repo/a%2Fb.json/activate"), ("POST", "/v3/repo/82/deactivate")]


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{", b"{}"])
async def test_a_repository_is_activated_whatever_the_body(body: bytes) -> None:
    await Repositories(Scripted(body)).activate(82)
