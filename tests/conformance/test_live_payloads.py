"""The payloads of events, field by field: section 7.8 of the facts."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from aiotravis.testing import Build, Dialect, Job, LiveMode
from tests.conformance.live import EACH, Scene, connect, covers, rows, travis

NOW = 1_396_916_254.25

Kind = Callable[[Any], bool]


def an_int(value: Any) -> bool:
    return type(value) is int


def a_string(value: Any) -> bool:
    return isinstance(value, str)


def a_bool(value: Any) -> bool:
    return isinstance(value, bool)


def a_time(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value) is not None


def a_time_with_milliseconds(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", value) is not None


def null(value: Any) -> bool:
    return value is None


def ints(value: Any) -> bool:
    return isinstance(value, list) and all(map(an_int, value))  # pyright: ignore[reportUnknownArgumentType]


def either(*kinds: Kind) -> Kind:
    return lambda value: any(kind(value) for kind in kinds)


def one_of(*fields: str) -> Kind:
    """Return a check that an object has these fields and no others."""
    return lambda value: isinstance(value, dict) and set(value) == set(fields)  # pyright: ignore[reportUnknownArgumentType]


COMMIT: dict[str, Kind] = {
    "id": an_int, "sha": a_string, "branch": a_string, "message": either(a_string, null), "committed_at": a_time,
    "author_name": either(a_string, null), "author_email": either(a_string, null),
    "committer_name": either(a_string, null), "committer_email": either(a_string, null),
    "compare_url": either(a_string, null),
}  # fmt: skip

STAGE: dict[str, Kind] = {
    "id": an_int, "build_id": an_int, "number": an_int, "name": a_string, "state": a_string,
    "started_at": either(a_time, null), "finished_at": either(a_time, null),
}  # fmt: skip

QUEUED: dict[str, Kind] = {
    "id": an_int, "repository_id": an_int, "build_id": an_int, "commit_id": an_int, "repository_slug": a_string,
    "number": a_string, "repository_private": a_bool, "state": a_string, "queue": either(a_string, null),
    "allow_failure": a_bool, "updated_at": a_time_with_milliseconds, "commit": one_of(*COMMIT),
}  # fmt: skip

JOB: dict[str, Kind] = {
    **QUEUED, "started_at": either(a_time, null), "finished_at": either(a_time, null),
    "stage": either(null, one_of(*STAGE)),
}  # fmt: skip

BUILD: dict[str, Kind] = {
    "id": an_int, "repository_id": an_int, "commit_id": an_int, "number": a_string, "pull_request": a_bool,
    "pull_request_title": either(a_string, null), "pull_request_number": either(an_int, null), "state": a_string,
    "started_at": either(a_time, null), "finished_at": either(a_time, null), "duration": either(an_int, null),
    "job_ids": ints, "event_type": a_string, "updated_at": a_time_with_milliseconds,
    "created_by": either(null, one_of("id", "name", "login", "avatar_url")), "commit": a_string,
    **{name: kind for name, kind in COMMIT.items() if name not in {"id", "sha"}},
}  # fmt: skip

REPOSITORY: dict[str, Kind] = {
    "id": an_int, "slug": a_string, "description": either(a_string, null), "private": a_bool, "last_build_id": an_int,
    "last_build_number": a_string, "last_build_state": a_string, "last_build_duration": either(an_int, null),
    "last_build_language": null, "last_build_started_at": either(a_time, null),
    "last_build_finished_at": either(a_time, null), "github_language": either(a_string, null), "active": a_bool,
    "current_build_id": an_int, "default_branch": one_of("name", "last_build_id"),
}  # fmt: skip

LOG: dict[str, Kind] = {"id": an_int, "_log": a_string, "number": an_int, "final": a_bool}


def run_build(build: Build) -> None:
    """Cause every event."""
    job = build.jobs[0].enqueue().receive().start()
    job.write("text")
    job.write("", final=True)
    job.finish()
    build.restart()
    build.cancel()


def with_stages(scene: Scene) -> Build:
    build = scene.build()
    build.stage("Test", build.jobs)
    build.created_by = scene.sarah
    return build


def of_a_pull_request(scene: Scene) -> Build:
    return scene.build(event_type="pull_request")


BUILDS: dict[str, Callable[[Scene], Build]] = {
    "plain": Scene.build, "with stages": with_stages, "of a pull request": of_a_pull_request,
}  # fmt: skip

# Events, the place of the part in their payload, and its fields.
PARTS: dict[str, tuple[str, Callable[[Any], list[Any]], Mapping[str, Kind]]] = {
    "job payload": ("job:(?!queued|log)", lambda data: [data], JOB),
    "job payload of job:queued": ("job:queued", lambda data: [data], QUEUED),
    "commit of a job": ("job:(?!log)", lambda data: [data["commit"]], COMMIT),
    "stage of a job": ("job:(?!queued|log)", lambda data: [data["stage"]] if data["stage"] else [], STAGE),
    "build payload": ("build:", lambda data: [data["build"]], BUILD),
    "commit of a build": ("build:", lambda data: [data["commit"]], COMMIT),
    "repository of a build": ("build:", lambda data: [data["repository"]], REPOSITORY),
    "stages of a build": ("build:", lambda data: data["stages"], STAGE),
    "log payload": ("job:log", lambda data: [data], LOG),
}


@pytest.mark.parametrize("kind", BUILDS)
@rows("7.8", PARTS)
async def test_a_payload_has_exactly_its_fields(row: Any, kind: str) -> None:
    pattern, parts_of, fields = row
    async with travis(clock=lambda: NOW) as scene, connect(scene.server) as socket:
        build = BUILDS[kind](scene)
        await socket.subscribe_all(f"repo-{scene.public.id}", f"job-{build.jobs[0].id}")
        run_build(build)
        received = await socket.received()
    found = [frame for frame in received if re.match(pattern, frame["event"])]
    assert found
    for frame in found:
        for part in parts_of(json.loads(frame["data"])):
            assert set(part) == set(fields), frame["event"]
            wrong = {name: part[name] for name, right in fields.items() if not right(part[name])}
            assert not wrong, (frame["event"], wrong)


@covers("7.8", "build payload is nested", "updated_at with milliseconds", "commit is the sha")
async def test_the_payload_of_a_build_is_nested_and_that_of_a_job_flat() -> None:
    async with travis(clock=lambda: NOW) as scene, connect(scene.server) as socket:
        await socket.subscribe_all("repo-82")
        build = scene.public.build()
        nested, flat = await socket.payloads()
    assert (list(nested), "job" in flat) == (["repository", "commit", "build", "stages"], False)
    assert nested["build"]["commit"] == nested["commit"]["sha"] == build.commit.sha
    assert nested["build"]["updated_at"] == flat["updated_at"] == "2014-04-08T00:17:34.250Z"


OLD: dict[str, tuple[LiveMode, set[str], set[str], set[str]]] = {
    # Fields missing in a build's payload, additional ones in a job's, and in a log part's.
    "today": ("head", set(), set(), set()),
    "before 2018": ("2017", set(), {"log_id", "annotation_ids"}, set()),
    "before stages": ("2016", {"stages"}, {"log_id", "annotation_ids"}, set()),
    "old core": (
        "2014", {"stages"}, {"log_id", "annotation_ids"}, {"build_id", "repository_id", "repository_private"},
    ),
}  # fmt: skip


@rows("7.8", {f"payloads, {name}": row for name, row in OLD.items()})
async def test_payloads_of_old_servers_have_other_keys(row: tuple[LiveMode, set[str], set[str], set[str]]) -> None:
    mode, less, job_more, log_more = row
    async with travis(live_mode=mode) as scene, connect(scene.server) as socket:
        build = scene.build()
        await socket.subscribe_all("common" if mode == "2014" else "repo-82", f"job-{build.jobs[0].id}")
        build.start().write("text")
        payloads = {frame["event"]: set(json.loads(frame["data"])) for frame in await socket.received()}
    assert payloads["build:started"] == {"repository", "commit", "build", "stages"} - less
    assert payloads["job:started"] == set(JOB) | job_more
    assert payloads["job:log"] == set(LOG) | log_more


def short_of(about: Build | Job) -> dict[str, Any]:
    if isinstance(about, Build):
        return {"build": {"id": about.id}, "_no_full_payload": True}
    return {"id": about.id, "build_id": about.build.id, "_no_full_payload": True}


@pytest.mark.parametrize("dialect", EACH)
@pytest.mark.parametrize("kind", ["build", "job"])
@covers("7.8", "size rule, build", "size rule, job")
async def test_an_event_above_10000_characters_has_only_ids(kind: str, dialect: Dialect) -> None:
    async with travis(dialect=dialect, clock=lambda: NOW) as scene, connect(scene.server) as socket:
        build = scene.build(message="").start()
        await socket.subscribe_all("repo-82")

        def publish() -> None:
            build.emit("build:started") if kind == "build" else build.jobs[0].enqueue()

        publish()
        (frame,) = await socket.received()
        # Compare URLs are long where many files have changed; a build's event has its two times.
        times = 2 if kind == "build" else 1
        more, rest = divmod(10_000 - len(frame["data"]), times)
        build.commit.compare_url = f"{build.commit.compare_url}{'x' * more}"
        publish()
        (frame,) = await socket.received()
        assert len(frame["data"]) == 10_000 - rest
        assert "_no_full_payload" not in json.loads(frame["data"])
        build.commit.compare_url += "x" * (rest + 1)
        publish()
        (frame,) = await socket.received()
    assert json.loads(frame["data"]) == short_of(build if kind == "build" else build.jobs[0])


@pytest.mark.parametrize(("dialect", "payloads"), [("pusher", []), ("slanger", ["build:started"])])
@covers("7.8", "multi-byte payloads vanish")
async def test_pusher_loses_events_above_10_kb(dialect: Dialect, payloads: list[str]) -> None:
    async with travis(dialect=dialect) as scene, connect(scene.server) as socket:
        await socket.subscribe_all("repo-82")
        scene.build(message="☃" * 3000).emit("build:started")
        assert [event for _, event in await socket.events()] == payloads


@pytest.mark.parametrize("mode", ["2013", "2014", "2016"])
@covers("7.8", "dotted numbers")
async def test_large_log_parts_were_split_until_2015(mode: LiveMode) -> None:
    async with travis(live_mode=mode) as scene, connect(scene.server) as socket:
        job = scene.job()
        await socket.subscribe_all(f"job-{job.id}")
        for number in range(7):
            job.write(str(number))
        job.write("x" * 20_000, final=True)
        parts = [(part["number"], part["final"], len(part["_log"])) for part in (await socket.payloads())[7:]]
    if mode == "2016":
        assert parts == [(7, True, 20_000)]
    else:
        assert [(number, final) for number, final, _ in parts] == [(7, False), ("7.1", False), ("7.2", True)]
        assert sum(length for *_, length in parts) == 20_000
