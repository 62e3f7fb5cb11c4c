"""Repositories of the embedded Travis: new builds, past builds, the last build."""

import pytest

from aiotravis.testing import World
from aiotravis.testing.world.payloads import repository_json


def test_history_is_finished_and_publishes_nothing(world: World, events: list[tuple[str, int]]) -> None:
    builds = world.repository("a/b").history(5, jobs=2)
    assert [build.state for build in builds] == ["passed"] * 4 + ["failed"]
    assert builds[0].jobs[0].log.text == "$ rake\npassed\n"
    assert events == []


def test_history_was_last_updated_when_it_finished(world: World) -> None:
    for build in world.repository("a/b").history(3, jobs=2):
        assert {job.updated_at for job in build.jobs} == {build.updated_at} == {build.finished_at}


def test_pull_request_build_has_a_number_and_a_title(world: World) -> None:
    build = world.repository("a/b").build(event_type="pull_request", message="Fix it")
    assert (build.pull_request_number, build.pull_request_title) == (1, "Fix it")


def test_restarted_build_mixes_with_the_last_build_until_it_starts(world: World) -> None:
    repository = world.repository("a/b")
    first, second = repository.build(), repository.build()
    first.start().finish()
    second.start().finish("failed")

    def shown() -> tuple[object, object]:
        fields = repository_json(repository)
        return fields["last_build_number"], fields["last_build_state"]

    assert shown() == ("2", "failed")
    first.restart()
    assert shown() == ("2", "created")
    first.start()
    assert shown() == ("1", "started")
    third = repository.build()
    assert shown() == ("3", "created")
    repository.forget(third)
    assert shown() == ("2", "failed")


def test_build_number_is_not_reused_after_forget(world: World) -> None:
    repository = world.repository("a/b")
    first, second = repository.build(), repository.build()
    repository.forget(first)
    assert [build.number for build in (second, repository.build(), repository.build())] == [2, 3, 4]


def test_build_without_jobs_is_refused(world: World) -> None:
    with pytest.raises(ValueError, match="at least one job, not 0"):
        world.repository("a/b").build(jobs=0)
    assert world.builds == {}
    assert world.repository("a/b").build().number == 1


def test_readers_may_not_push(world: World) -> None:
    sarah, josh = world.user("sarah", token="a"), world.user("josh", token="b")
    repository = world.repository("a/b", users=[sarah, josh])
    repository.readers.append(josh)
    assert [repository.may_push(user) for user in (sarah, josh, None)] == [True, False, False]
