"""Playback of builds, and their sample logs."""

import itertools
import math
import re

import pytest

from aiotravis.testing import Build, Job, Part, World, play, sample_log
from aiotravis.testing.world.playback import split_log


async def test_played_build_publishes_every_state_and_the_sample_log() -> None:
    world = World()
    published: list[str] = []

    def notify(event: str, about: Build | Job, part: Part | None) -> None:
        if event != "job:log" or (part is not None and part.final):
            published.append(event)

    build = world.repository("a/b").build(jobs=2)
    world.notify = notify
    await play(build, speed=math.inf)
    assert (build.state, published[-1]) == ("passed", "build:finished")
    for event in ("job:queued", "job:received", "job:started", "job:log", "job:finished"):
        assert published.count(event) == 2
    for job in build.jobs:
        assert [part.number for part in job.log.parts] == list(range(len(job.log.parts)))
        assert job.log.parts[-1] == Part(len(job.log.parts) - 1, "", True)
        assert job.log.text == sample_log(job)


async def test_build_played_as_failed_fails() -> None:
    build = World().repository("a/b").build()
    await play(build, speed=math.inf, state="failed")
    assert build.state == "failed"
    assert "exited with 1" in build.jobs[0].log.text


@pytest.mark.parametrize("trigger", ["before", "job:started", "job:log"])
async def test_build_canceled_while_played_stays_canceled(trigger: str) -> None:
    world = World()
    build = world.repository("a/b").build()
    if trigger == "before":
        build.cancel()

    def notify(event: str, about: Build | Job, part: Part | None) -> None:
        if event == trigger:
            build.cancel()

    world.notify = notify
    await play(build, speed=math.inf)
    assert build.state == "canceled"


async def test_build_canceled_after_its_final_part_stays_canceled() -> None:
    world = World()
    build = world.repository("a/b").build()

    def notify(event: str, about: Build | Job, part: Part | None) -> None:
        if part is not None and part.final:
            build.cancel()

    world.notify = notify
    await play(build, speed=1000)
    assert build.state == "canceled"


async def test_play_refuses_a_speed_of_zero() -> None:
    with pytest.raises(ValueError, match="speed"):
        await play(World().repository("a/b").build(), speed=0)


def test_split_log_keeps_the_text_and_splits_markers() -> None:
    text = sample_log(World().repository("a/b").build().jobs[0], seed=1)
    pieces = list(split_log(text, seed=3))
    assert "".join(pieces) == text
    assert len(pieces) > 10
    markers = re.finditer(r"travis_(?:fold|time):\w+:[^\r]*\r\x1b\[0K", text)
    marker_ranges = [range(marker.start() + 1, marker.end()) for marker in markers]
    cuts = list(itertools.accumulate(map(len, pieces)))
    assert any(place in marker for place in cuts for marker in marker_ranges)


async def test_log_closed_by_auto_cancel_gets_no_further_part() -> None:
    build = World().repository("a/b").build()
    (job,) = build.jobs
    text = sample_log(job)
    last = len(list(split_log(text, seed=job.id)))

    def end(event: str, about: Build | Job, part: Part | None) -> None:
        if part is not None and not part.final and len(job.log.parts) == last:
            job.auto_cancel("Superseded.")

    build.world.notify = end
    await play(build, speed=math.inf)
    assert job.state == "canceled"
    assert [part.number for part in job.log.parts if part.final] == [job.log.parts[-1].number]


@pytest.mark.parametrize(
    ("state", "final", "says"),
    [
        ("errored", "errored", "Your build has been stopped."),
        ("canceled", "canceled", "Done: Job Cancelled"),
        ("stalled", "errored", "No output has been received in the last 10m0s"),
        ("unfinished", "errored", "in the middle of a li"),
    ],
)
async def test_a_build_is_played_to_any_ending(state: str, final: str, says: str) -> None:
    build = World().repository("a/b").build()
    await play(build, speed=math.inf, state=state)
    assert build.state == final
    assert says in build.jobs[0].log.text[-600:]


async def test_play_refuses_an_ending_that_does_not_exist() -> None:
    with pytest.raises(ValueError, match="no such ending: 'over'"):
        await play(World().repository("a/b").build(), state="over")
