"""Playback of builds, and their sample logs."""

import itertools
import math
import re

import pytest

from aiotravis.testing import Build, Job, Part, TravisServer, World, play, sample_log
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


def test_sample_log_has_folds_timers_colours_and_an_exit_code() -> None:
    text = sample_log(World().repository("a/b").build().jobs[0], seed=1)
    assert text == sample_log(World().repository("a/b").build().jobs[0], seed=1)
    for name in ("worker_info", "git.checkout", "install"):
        assert f"travis_fold:start:{name}\r\x1b[0K" in text
        assert f"travis_fold:end:{name}\r\x1b[0K" in text
    assert re.search(r"travis_time:end:[0-9a-f]{8}:start=\d+,finish=\d+,duration=\d+,event=script\r\x1b\[0K", text)
    assert '\x1b[32;1mThe command "bundle exec rake spec" exited with 0.\x1b[0m\n' in text
    assert "%" in text
    assert text.endswith("\nDone. Your build exited with 0.\n")


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


@pytest.mark.parametrize("state", ["passed", "failed"])
def test_sample_log_looks_like_one_of_2021(state: str) -> None:
    clear = "\r\x1b[0K"
    for seed in range(20):
        text = sample_log(World().repository("a/b").build().jobs[0], state, seed=seed)
        started = re.findall(r"travis_time:start:([0-9a-f]{8})\r", text)
        ended = re.findall(r"travis_time:end:([0-9a-f]{8}):start=(\d+),finish=(\d+),duration=(\d+),event=(\w+)\r", text)
        # fact 10.3: one timer never ends, right before the checkout.
        (unended,) = set(started) - {end[0] for end in ended}
        assert f"travis_time:start:{unended}{clear}\ntravis_fold:start:git.checkout{clear}" in text
        # fact 10.3: a timer surrounds a fold.
        (around,) = (end[0] for end in ended if end[4] == "show_system_info")
        assert f"travis_time:start:{around}{clear}travis_fold:start:system_info{clear}" in text
        assert f"travis_fold:end:system_info{clear}travis_time:end:{around}:" in text
        assert [end[4] for end in ended] == ["show_system_info", "checkout", "setup", "install", "script"]
        assert all(int(end[2]) - int(end[1]) == int(end[3]) > 0 for end in ended)
        assert len(started) == len(set(started)) == 6


def test_sample_log_of_an_instant_server_ends_every_timer() -> None:
    job = TravisServer(instant=True).world.repository("a/b").build().jobs[0]
    text = sample_log(job)
    started = re.findall(r"travis_time:start:([0-9a-f]{8})\r", text)
    assert started == re.findall(r"travis_time:end:([0-9a-f]{8}):", text)
    assert len(started) == 5
