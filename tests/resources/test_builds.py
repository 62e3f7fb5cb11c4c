"""Builds: requests and decoded responses."""

from typing import Any

import pytest

from aiotravis import errors
from aiotravis._http import ApiRequest, ApiResponse
from aiotravis.resources.builds import Builds
from tests.samples import BUILD, COMMIT, JOB, JSON, Scripted


async def test_a_build_has_its_commit_and_jobs() -> None:
    transport = Scripted(b'{"build":' + BUILD + b',"commit":' + COMMIT + b',"jobs":[' + JOB + b"]}")
    build = await Builds(transport).get(1)
    assert transport.calls[0].target == "/builds/1"
    assert build.commit is not None
    assert build.commit == build.jobs[0].commit
    assert (build.duration, build.job_ids, build.event_type) == (1231, (2, 3), "push")


async def test_jobs_and_commit_can_be_missing_and_numbers_can_be_strings() -> None:
    build = await Builds(Scripted(b'{"build":{"id":1,"pull_request_number":"7","future":[]}}')).get(1)
    assert (build.commit, build.jobs, build.pull_request_number) == (None, (), 7)


async def test_a_list_is_requested_by_id_or_slug_with_filters() -> None:
    transport = Scripted(b'{"builds":[]}')
    assert [b async for b in Builds(transport).list("a/b", event_type="cron", after_number="9")] == []
    assert transport.calls[0].query == (("slug", "a/b"), ("event_type", "cron"), ("after_number", "9"))
    assert [b async for b in Builds(transport).list(82)] == []
    assert transport.calls[1].query == (("repository_id", "82"),)


async def test_many_sends_ids_separated_by_commas() -> None:
    transport = Scripted(b'{"builds":[' + BUILD + b'],"commits":[' + COMMIT + b"]}")
    builds = [build async for build in Builds(transport).many([1])]
    assert transport.calls[0].query == (("ids", "1"),)
    assert builds[0].commit is not None


async def test_many_omits_the_configurations_on_request() -> None:
    transport = Scripted(b'{"builds":[' + BUILD + b"]}")
    assert await Builds(transport).many([1], exclude_config=True).to_list()
    assert transport.calls[0].query == (("ids", "1"), ("exclude_config", "true"))
    with pytest.raises(errors.UsageError, match="exclude_config"):
        Builds(transport).many([1], exclude_config=1)  # type: ignore[arg-type]


@pytest.mark.parametrize("number", [0, -1, True, "x", "", "1.5"])
def test_after_number_must_be_a_positive_whole_number(number: int | str) -> None:
    with pytest.raises(errors.UsageError, match="after_number"):
        Builds(Scripted(b"")).list(82, after_number=number)


@pytest.mark.parametrize(
    ("wrong", "argument"),
    [
        ({"repo": "a"}, "repo"),
        ({"repo": 0}, "repo"),
        ({"repo": None}, "repo"),
        ({"repo": 82, "event_type": "pushed"}, "event_type"),
        ({"repo": 82, "after_number": 1.5}, "after_number"),
    ],
)
def test_a_list_refuses_invalid_arguments_immediately(wrong: dict[str, Any], argument: str) -> None:
    transport = Scripted(b"")
    with pytest.raises(errors.UsageError) as info:
        Builds(transport).list(**wrong)
    assert info.value.argument == argument
    assert transport.calls == []


@pytest.mark.parametrize("wrong", [0, "1", None, True, 1.0])
async def test_an_invalid_build_is_refused_before_sending(wrong: Any) -> None:
    transport = Scripted(b"")
    with pytest.raises(errors.UsageError) as one:
        await Builds(transport).get(wrong)
    with pytest.raises(errors.UsageError) as several:
        Builds(transport).many([1, wrong])
    assert (one.value.argument, several.value.argument) == ("build", "builds")
    assert transport.calls == []


async def test_a_list_fetches_pages_and_attaches_their_commits() -> None:
    def respond(call: ApiRequest) -> bytes:
        if any(name == "after_number" for name, _ in call.query):
            return b'{"builds":[],"commits":[]}'
        return b'{"builds":[' + BUILD + b'],"commits":[' + COMMIT + b"," + COMMIT + b"]}"

    transport = Scripted(respond)
    builds = [build async for build in Builds(transport).list("a/b")]
    assert [(build.number, build.commit and build.commit.id) for build in builds] == [("784", 5)]
    assert transport.calls[0].target == "/builds?slug=a%2Fb"
    assert transport.calls[1].query == (("slug", "a/b"), ("after_number", "784"))


async def test_a_list_overlaps_pages_and_requests_crowded_numbers_with_its_filters() -> None:
    # fact 10.1: numbers are not unique.
    def build(build_id: int, number: int) -> bytes:
        return b'{"id":%d,"number":"%d"}' % (build_id, number)

    pages = {
        (): [build(build_id, 9) for build_id in range(125, 100, -1)],
        ("number", "9"): [build(build_id, 9) for build_id in range(100, 131)],
        ("after_number", "9"): [build(99, 8), build(97, 7), build(98, 7)],
    }

    def respond(call: ApiRequest) -> bytes:
        assert call.query[:3] == (("slug", "a/b"), ("event_type", "push"), ("exclude_config", "true"))
        (last,) = call.query[3:] or ((),)
        return b'{"builds":[' + b",".join(pages.get(last, [])) + b"]}"

    transport = Scripted(respond)
    builds = [build async for build in Builds(transport).list("a/b", event_type="push", exclude_config=True)]
    assert [build.id for build in builds] == [*range(130, 99, -1), 99, 98, 97]


async def test_a_list_can_be_limited_collected_or_reduced_to_its_newest_build() -> None:
    transport = Scripted(b'{"builds":[{"id":2,"number":"2"},{"id":1,"number":"1"}]}')
    builds = Builds(transport)
    newest = await builds.list("a/b").first()
    assert newest is not None
    assert [build.id for build in await builds.list("a/b").to_list()] == [2, 1]
    assert [build.id async for build in builds.list("a/b", limit=1)] == [newest.id] == [2]
    assert await Builds(Scripted(b'{"builds":[]}')).list("a/b").first() is None
    assert len(transport.calls) == 3


@pytest.mark.parametrize("limit", [0, -1, True, "3", 1.5])
def test_a_limit_must_be_a_positive_whole_number(limit: Any) -> None:
    with pytest.raises(errors.UsageError, match="limit must be a whole number of at least 1"):
        Builds(Scripted(b"")).list(82, limit=limit)


async def test_awaiting_a_list_names_the_ways_to_iterate() -> None:
    transport = Scripted(b"")
    for iterator in (Builds(transport).list("a/b"), Builds(transport).many([1])):
        with pytest.raises(errors.UsageError, match=r"cannot be awaited: .*`async for .*to_list\(\)"):
            await iterator  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]
    assert transport.calls == []


SHARED = b'{"builds":[{"id":3,"number":"7"},{"id":9,"number":"7"},{"id":10,"number":"70"},{"id":5,"number":"7"}]}'


async def test_find_returns_the_newest_of_the_builds_that_share_a_number() -> None:
    transport = Scripted(SHARED)
    assert (await Builds(transport).find("a/b", 7)).id == 9
    assert transport.calls[0].query == (("slug", "a/b"), ("number", "7"))


async def test_find_all_returns_all_builds_of_a_number_newest_first() -> None:
    builds = Builds(Scripted(SHARED))
    assert [build.id for build in await builds.find_all("a/b", "7")] == [9, 5, 3]
    assert [build.id for build in await Builds(Scripted(b'{"builds":[]}')).find_all("a/b", 8)] == []
    with_commit = Scripted(b'{"builds":[' + BUILD + b'],"commits":[' + COMMIT + b"]}")
    assert [build.commit and build.commit.id for build in await Builds(with_commit).find_all(82, 784)] == [5]


async def test_find_raises_not_found_when_no_build_comes() -> None:
    with pytest.raises(errors.NotFoundError, match=r"^GET /builds\?slug=a/b&number=8 returned no build"):
        await Builds(Scripted(b'{"builds":[]}')).find("a/b", 8)


async def test_a_server_that_ignores_number_raises_instead_of_hiding_a_build() -> None:
    for call in (Builds(Scripted(SHARED)).find, Builds(Scripted(SHARED)).find_all):
        with pytest.raises(errors.DecodeError, match=r"^GET /builds\?slug=a/b&number=8 .* ignored number=8\.$"):
            await call("a/b", 8)


async def test_find_all_compares_numbers_as_integers_and_returns_each_id_once() -> None:
    # fact 9.10: numbers are strings.
    body = b'{"builds":[{"id":3,"number":" 7"},{"id":9,"number":"07"},{"id":3,"number":"7"},{"id":4,"number":"7.1"}]}'
    assert [build.id for build in await Builds(Scripted(body)).find_all("a/b", 7)] == [9, 3]


@pytest.mark.parametrize("number", [0, -1, True, "x", "", "1.5", None])
async def test_find_all_refuses_what_is_no_number(number: Any) -> None:
    transport = Scripted(SHARED)
    with pytest.raises(errors.UsageError, match="number must be"):
        await Builds(transport).find_all("a/b", number)
    assert transport.calls == []


async def test_many_sends_100_ids_per_request() -> None:
    transport = Scripted(b'{"builds":[]}')
    builds = Builds(transport).many(range(1, 251), missing_ok=True)
    assert [build async for build in builds] == []
    assert builds.missing == tuple(range(1, 251))
    assert [call.query for call in transport.calls] == [
        (("ids", ",".join(map(str, numbers))),) for numbers in (range(1, 101), range(101, 201), range(201, 251))
    ]


async def test_a_build_can_be_passed_in_place_of_its_id() -> None:
    transport = Scripted(b'{"build":' + BUILD + b"}")
    builds = Builds(transport)
    await builds.get(await builds.get(1))
    assert [call.target for call in transport.calls] == ["/builds/1", "/builds/1"]


async def test_an_unknown_build_raises_not_found() -> None:
    with pytest.raises(errors.NotFoundError, match=r"^GET /builds/7 answered 404: "):
        await Builds(Scripted(ApiResponse(404, JSON, b'{"file":"not found"}'))).get(7)
