"""The world of the embedded Travis: what follows from what."""

import pytest

from aiotravis.testing import Build, Job, Part, World


@pytest.fixture
def world() -> World:
    clock = iter(range(1_700_000_000, 1_800_000_000, 10))
    return World(clock=lambda: float(next(clock)))


@pytest.fixture
def seen(world: World) -> list[tuple[str, int]]:
    events: list[tuple[str, int]] = []

    def notify(event: str, about: Build | Job, part: Part | None) -> None:
        events.append((event, about.id))

    world.notify = notify
    return events


def test_builds_and_jobs_share_one_sequence_of_ids(world: World) -> None:
    first = world.repository("a/b").build(jobs=2)
    second = world.repository("a/b").build()
    ids = [first.id, *(job.id for job in first.jobs), second.id, second.jobs[0].id]
    assert ids == list(range(ids[0], ids[0] + 5))
    assert [job.number for job in first.jobs] == ["1.1", "1.2"]
    assert second.number == 2


def test_the_same_name_is_the_same_thing(world: World) -> None:
    assert world.user("sarah", token="t") is world.user("sarah", token="other")
    assert world.repository("A/b") is world.repository("a/B")
    assert world.user("josh", token="u").id != world.user("sarah", token="t").id
    assert world.by_token("t") is world.user("sarah", token="t")
    assert world.by_token("no") is None


def test_a_world_by_itself_tells_nobody() -> None:
    build = World().repository("a/b").build()
    build.start()
    assert build.state == "started"


def test_a_build_is_told_in_a_line(world: World) -> None:
    build = world.repository("a/b").build(jobs=3).start().write("$ rake\n").write("", final=True).finish("failed")
    assert (build.state, [job.state for job in build.jobs]) == ("failed", ["failed"] * 3)
    assert [job.log.text for job in build.jobs] == ["$ rake\n"] * 3
    assert build.write("too late").jobs[0].log.text == "$ rake\n"
    job = build.restart().jobs[0].enqueue().receive().start().finish().restart().cancel()
    assert (job.state, build.receive().cancel().state) == ("canceled", "canceled")


def test_a_job_that_its_worker_gives_back_begins_anew_and_nothing_is_told_of_the_build(
    world: World, seen: list[tuple[str, int]]
) -> None:
    build = world.repository("a/b").build().start().write("text")
    seen.clear()
    job = build.jobs[0].requeue()
    assert (job.state, job.started_at, job.log.parts, build.state, build.started_at) == (
        "created",
        None,
        [],
        "created",
        None,
    )
    assert [event for event, _ in seen] == ["job:created"]
    assert job.write("anew").number == 0


@pytest.mark.parametrize(
    ("times", "hours", "state"), [(50, 7, "created"), (51, 7, "errored"), (51, 5, "created"), (99, 1, "created")]
)
def test_a_job_that_is_given_back_too_often_for_too_long_is_errored(times: int, hours: int, state: str) -> None:
    now = 0.0
    world = World(clock=lambda: now)
    told: list[str] = []
    build = world.repository("a/b").build().start()
    for _ in range(times - 1):
        build.jobs[0].requeue().start()
    now = hours * 3600.0
    world.notify = lambda event, about, part: told.append(event)
    build.jobs[0].requeue()
    assert (build.jobs[0].state, build.state) == (state, state)
    assert told == (["job:finished", "build:finished"] if state == "errored" else ["job:created"])


def test_a_newer_build_cancels_with_a_notice_at_the_very_end_of_the_log(
    world: World, seen: list[tuple[str, int]]
) -> None:
    build = world.repository("a/b").build().start().write("text")
    seen.clear()
    job = build.jobs[0].auto_cancel("Superseded.")
    assert job.log.parts[-1] == Part(2_147_483_647, "Superseded.", True)
    assert (job.state, build.state, job.log.text) == ("canceled", "canceled", "textSuperseded.")
    assert [event for event, _ in seen] == ["job:log", "job:canceled", "build:canceled"]
    assert len(job.auto_cancel().log.parts) == 2


def test_a_build_in_a_hurry_ends_with_its_required_jobs(world: World, seen: list[tuple[str, int]]) -> None:
    for hurry in (False, True):
        build = world.repository("a/b").build(jobs=2)
        build.fast_finish, build.jobs[1].allow_failure = hurry, True
        build.start()
        build.jobs[0].finish()
        assert build.state == ("passed" if hurry else "started")
        seen.clear()
        build.jobs[1].finish("failed")
        assert build.state == "passed"
        assert [event for event, _ in seen] == ["job:finished"] + ["build:finished"] * (not hurry)


def test_an_owner_is_a_user_or_else_an_organization(world: World) -> None:
    sarah = world.user("sarah", token="t")
    assert world.owner("sarah/notes") is sarah
    first = world.owner("travis-ci/travis.rb")
    assert first is world.owner("travis-ci/other") is world.organization("travis-ci")
    # Their ids are no names: a user has the same.
    assert (sarah.id, first.id) == (201, 201)
    assert world.organization(None) is not world.organization(None)


def test_a_user_has_a_token_for_feeds_and_an_empty_one_is_nobodys(world: World) -> None:
    sarah = world.user("sarah", token="")
    assert world.by_rss_token(sarah.rss_token) is sarah
    assert (world.by_rss_token("t"), world.by_token("")) == (None, None)
