"""Base of the groups of routes, and JSON responses."""

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from aiotravis.testing import Build, Job, Switches, TravisServer
from aiotravis.testing.rest.access import ErrorResponse
from aiotravis.testing.rest.routes import Handler, Routes, SerializedResponse, error_response, json_response
from tests.conftest import TOKEN
from tests.raw import ask


async def ping(request: web.Request) -> web.StreamResponse:
    return SerializedResponse({"pong": True}, status=202)


class PingRoutes(Routes):
    def table(self) -> tuple[tuple[str, str, Handler], ...]:
        return (("GET", "/ping", ping), ("POST", "/ping", ping))


def test_group_adds_its_table_below_a_prefix() -> None:
    app = web.Application()
    PingRoutes(TravisServer()).add_routes(app.router, "/api")
    served = {(route.method, route.resource.canonical) for route in app.router.routes() if route.resource is not None}
    assert {("GET", "/api/ping"), ("POST", "/api/ping")} <= served


def test_group_without_a_table_is_refused() -> None:
    with pytest.raises(NotImplementedError):
        Routes(TravisServer()).table()


def test_serialized_response_has_a_charset() -> None:
    response = SerializedResponse({"a": 1}, status=202)
    assert (response.status, response.headers["Content-Type"]) == (202, "application/json;charset=utf-8")


def accepting(accept: str) -> web.Request:
    return make_mocked_request("GET", "/", {"Accept": accept})


def test_version_1_removes_the_envelope_if_there_is_one() -> None:
    answers: tuple[tuple[dict[str, object], bytes], ...] = (
        ({"build": {"id": 1}, "jobs": []}, b'{"id": 1}'), ({"builds": [], "commits": [1]}, b"[]"),
        ({"permissions": [1], "admin": []}, b'{"permissions": [1], "admin": []}'),
    )  # fmt: skip
    for value, body in answers:
        assert SerializedResponse(value).for_request(accepting("application/json")).body == body
    assert SerializedResponse({"a": {}}).for_request(accepting("application/json;version=2")).body == b'{"a": {}}'


def test_serialized_response_is_an_empty_406_unless_json_is_accepted() -> None:
    with pytest.raises(ErrorResponse) as info:
        SerializedResponse({"a": {}}).for_request(accepting("image/png"))
    assert (info.value.status, info.value.body) == (406, b"")


def test_json_response_has_no_charset() -> None:
    assert json_response({"a": 1}).headers["Content-Type"] == "application/json"
    assert error_response(404, "gone", code="x").body == b'{"error": {"message": "gone", "code": "x"}}'


# Queued restarts


async def post_restart(server: TravisServer, target: Build | Job) -> None:
    kind = "builds" if isinstance(target, Build) else "jobs"
    assert (await ask(server, f"/{kind}/{target.id}/restart", method="POST", token=TOKEN)).status == 202


@pytest.mark.parametrize("kind", ["build", "job"])
@pytest.mark.parametrize(
    "path",
    [
        "/builds/{build}", "/repos/a/b/builds/{build}", "/builds?ids={build}", "/builds?slug=a/b", "/repos/a/b/builds",
        "/builds?slug=a/b&number=1", "/builds?slug=a/b&branches", "/jobs/{job}", "/jobs?ids[]={job}",
        "/jobs?queue=builds.gce", "/jobs?state[]=passed", "/branches?ids[]={build}", "/repos/a/b/branches",
        "/repos/a/b/branches/master", "/repos/a/b", "/repos?slug=a/b", "/repos/a", "/repos/a/b/cc.xml", "/repos/a.xml",
        "/repos/a/b/builds.atom", "/repos/a/b.svg", "/builds", "/jobs/{job}?include_log_id=true", "/jobs/{job}.json",
    ],
)  # fmt: skip
async def test_restart_takes_effect_at_the_second_answer_that_shows_the_state(path: str, kind: str) -> None:
    async with TravisServer() as server:
        repository = server.world.repository("a/b", users=[server.world.user("sarah", token=TOKEN)])
        build = repository.build().start().write("old").finish()
        published: list[str] = []
        server.world.notify = lambda event, about, part: published.append(event)
        await post_restart(server, build if kind == "build" else build.jobs[0])
        path = path.format(build=build.id, job=build.jobs[0].id)
        first = await ask(server, path, token=TOKEN)
        assert (first.status, build.state, published) == (200, "passed", [])
        # Neither the log nor anything else counts.
        for other in (f"/jobs/{build.jobs[0].id}/log", f"/v3/job/{build.jobs[0].id}/log_parts", "/users", "/hooks"):
            await ask(server, other, token=TOKEN)
        assert (build.state, build.jobs[0].log.text) == ("passed", "old")
        second = await ask(server, path, token=TOKEN)
        assert (build.state, build.jobs[0].state, build.jobs[0].log.text) == ("created", "created", "")
        assert published == ["build:created", "job:created"]
        assert b"passed" not in second.body
        await ask(server, path, token=TOKEN)
        assert len(published) == 2


async def test_lists_of_a_state_leave_out_what_is_restarted_by_the_read() -> None:
    async with TravisServer() as server:
        repository = server.world.repository("a/b", users=[server.world.user("sarah", token=TOKEN)])
        build = repository.build().start().finish()
        for path, key in (("/jobs?state[]=passed", "jobs"), ("/builds", "builds")):
            await post_restart(server, build)
            shown = [len((await ask(server, path, token=TOKEN)).json[key]) for _ in range(2)]
            assert shown == [1, 0]
            build.start().finish()


async def test_reads_of_other_builds_and_answers_without_the_state_do_not_count() -> None:
    async with TravisServer() as server:
        repository = server.world.repository("a/b", users=[server.world.user("sarah", token=TOKEN)])
        build, other = (repository.build().start().finish() for _ in range(2))
        await post_restart(server, build)
        for _ in range(3):
            await ask(server, f"/builds/{other.id}", token=TOKEN)
            await ask(server, f"/builds/{build.id}", token="unknown")
        assert (build.state, build.reads_since_restart) == ("passed", 0)


async def test_several_restarts_of_one_build_take_effect_together() -> None:
    async with TravisServer() as server:
        repository = server.world.repository("a/b", users=[server.world.user("sarah", token=TOKEN)])
        build = repository.build(jobs=3).start().finish()
        for job in (build.jobs[0], build.jobs[2], build.jobs[0]):
            await post_restart(server, job)
        states = [(await ask(server, f"/builds/{build.id}")).json["jobs"] for _ in range(2)]
        assert [[job["state"] for job in jobs] for jobs in states] == [["passed"] * 3, ["created", "passed", "created"]]


async def test_restart_by_the_world_takes_effect_at_once_and_replaces_a_queued_one() -> None:
    async with TravisServer() as server:
        repository = server.world.repository("a/b", users=[server.world.user("sarah", token=TOKEN)])
        build = repository.build().start().finish()
        await post_restart(server, build)
        build.restart()
        assert build.state == "created"
        build.start().finish("failed")
        states = [(await ask(server, f"/builds/{build.id}")).json["build"]["state"] for _ in range(3)]
        assert states == ["failed"] * 3


async def test_instant_server_restarts_at_once() -> None:
    async with TravisServer(instant=True) as server:
        repository = server.world.repository("a/b", users=[server.world.user("sarah", token=TOKEN)])
        build = repository.build().start().finish()
        await post_restart(server, build)
        assert build.state == "created"


async def test_chance_decides_when_a_restart_takes_effect_and_which_are_dropped() -> None:
    async def reads(seed: int, *, dropped: bool) -> list[int]:
        switches = Switches(chance=0.4, seed=seed, dropped_restarts=dropped)
        async with TravisServer(switches=switches) as server:
            repository = server.world.repository("a/b", users=[server.world.user("sarah", token=TOKEN)])
            counts: list[int] = []
            for build in [repository.build().start().finish() for _ in range(12)]:
                await post_restart(server, build)
                count = 0
                while build.queued_restarts:
                    await ask(server, f"/builds/{build.id}")
                    count += 1
                assert build.state == ("created" if count else "passed")
                counts.append(count)
            return counts

    first, second, other = [await reads(seed, dropped=False) for seed in (1, 1, 2)]
    assert first == second != other
    assert min(first) == 1 < max(first)
    assert 0 < (await reads(1, dropped=True)).count(0) < 12
