"""The scripted build and its logs."""

import itertools
import math
import re

import pytest

from aiotravis.testing import Build, Job, Part, World, play, sample_log
from aiotravis.testing.world.playback import split_log


async def test_a_played_build_passes_through_every_state() -> None:
    world = World()
    seen: list[str] = []

    def notify(event: str, about: Build | Job, part: Part | None) -> None:
        if event != "job:log" or (part is not None and part.final):
            seen.append(event)

    build = world.repository("a/b").build(jobs=2)
    world.notify = notify
    await play(build, speed=math.inf)
    assert (build.state, seen[-1]) == ("passed", "build:finished")
    for event in ("job:queued", "job:received", "job:started", "job:log", "job:finished"):
        assert seen.count(event) == 2
    for job in build.jobs:
        assert [part.number for part in job.log.parts] == list(range(len(job.log.parts)))
        assert job.log.parts[-1] == Part(len(job.log.parts) - 1, "", True)
        assert job.log.text == sample_log(job)


async def test_a_failing_build_fails() -> None:
    build = World().repository("a/b").build()
    await play(build, speed=math.inf, state="failed")
    assert build.state == "failed"
    assert "exited with 1" in build.jobs[0].log.text


@pytest.mark.parametrize("moment", ["before", "job:started", "job:log"])
async def test_a_build_that_is_canceled_meanwhile_stays_so(moment: str) -> None:
    world = World()
    build = world.repository("a/b").build()
    if moment == "before":
        build.cancel()

    def notify(event: str, about: Build | Job, part: Part | None) -> None:
        if event == moment:
            build.cancel()

    world.notify = notify
    await play(build, speed=math.inf)
    assert build.state == "canceled"


async def test_a_build_canceled_after_its_last_part_stays_so() -> None:
    world = World()
    build = world.repository("a/b").build()

    def notify(event: str, about: Build | Job, part: Part | None) -> None:
        if part is not None and part.final:
            build.cancel()

    world.notify = notify
    await play(build, speed=1000)
    assert build.state == "canceled"


async def test_speed_must_be_positive() -> None:
    with pytest.raises(ValueError, match="speed"):
        await play(World().repository("a/b").build(), speed=0)


def test_a_sample_log_has_what_logs_have() -> None:
    text = sample_log(World().repository("a/b").build().jobs[0], seed=1)
    assert text == sample_log(World().repository("a/b").build().jobs[0], seed=1)
    for name in ("worker_info", "git.checkout", "install"):
        assert f"travis_fold:start:{name}\r\x1b[0K" in text
        assert f"travis_fold:end:{name}\r\x1b[0K" in text
    assert re.search(r"travis_time:end:[0-9a-f]{8}:start=\d+,finish=\d+,duration=\d+,event=script\r\x1b\[0K", text)
    assert '\x1b[32;1mThe command "bundle exec rake spec" exited with 0.\x1b[0m\n' in text
    assert "%" in text
    assert text.endswith("\nDone. Your build exited with 0.\n")


def test_cutting_loses_nothing_and_cuts_markers() -> None:
    text = sample_log(World().repository("a/b").build().jobs[0], seed=1)
    pieces = list(split_log(text, seed=3))
    assert "".join(pieces) == text
    assert len(pieces) > 10
    markers = re.finditer(r"travis_(?:fold|time):\w+:[^\r]*\r\x1b\[0K", text)
    inside = [range(marker.start() + 1, marker.end()) for marker in markers]
    cuts = list(itertools.accumulate(map(len, pieces)))
    assert any(place in marker for place in cuts for marker in inside)


async def test_a_log_that_was_closed_by_something_else_is_left_alone() -> None:
    build = World().repository("a/b").build()
    (job,) = build.jobs
    whole = sample_log(job)
    last = len(list(split_log(whole, seed=job.id)))

    def end(event: str, about: Build | Job, part: Part | None) -> None:
        if part is not None and not part.final and len(job.log.parts) == last:
            job.auto_cancel("Superseded.")

    build.world.notify = end
    await play(build, speed=math.inf)
    assert job.state == "canceled"
    assert [part.number for part in job.log.parts if part.final] == [job.log.parts[-1].number]
