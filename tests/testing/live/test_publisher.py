"""On which channels the embedded Travis publishes which events."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from aiotravis.testing import LiveMode, World
from aiotravis.testing.live.publisher import OCCUPIED_SECONDS, Publisher

USERS = ["private-user-201", "private-user-202"]


@dataclass
class PublishedEvents:
    """Records channels, name and payload of each published event."""

    events: list[tuple[list[str], str, str]] = field(default_factory=list[tuple[list[str], str, str]])

    def publish(self, channels: Sequence[str], event: str, data: str) -> None:
        self.events.append((list(channels), event, data))

    @property
    def channels(self) -> dict[str, list[str]]:
        return {event: channels for channels, event, _ in self.events}

    @property
    def payloads(self) -> list[Any]:
        return [json.loads(data) for _, _, data in self.events]


def channels_of(*, private: bool, private_channels: bool, mode: LiveMode = "head") -> dict[str, list[str]]:
    world, published = World(), PublishedEvents()
    Publisher(world, published.publish, private_channels=private_channels, mode=mode)
    users = [world.user("sarah", token="a"), world.user("josh", token="b")]
    job = world.repository("a/b", private=private, users=users).build().jobs[0]
    job.enqueue()
    job.write("x")
    return {event: [name.replace(str(job.id), "JOB") for name in names] for event, names in published.channels.items()}


@pytest.mark.parametrize(
    ("mode", "private", "secure", "channels"),
    [
        ("head", False, False, [*USERS, "repo-82"]),
        ("head", True, False, USERS),
        ("head", False, True, USERS),
        ("head", True, True, USERS),
        ("2017", False, False, ["user-201", "user-202", "repo-82"]),
        ("2017", True, False, ["user-201", "user-202", "private-repo-82"]),
        ("2017", False, True, ["private-repo-82"]),
        ("2016", False, False, ["common", "repo-82"]),
        ("2016", True, False, ["private-repo-82"]),
        ("2016", False, True, ["private-repo-82"]),
        ("2014", False, False, ["common"]),
        ("2014", True, False, ["private-repo-82"]),
        ("2014", True, True, ["private-repo-82"]),
        ("2013", False, False, ["common"]),
        ("2013", True, False, ["common"]),
        ("2013", False, True, []),
    ],
)
def test_builds_and_jobs_are_published_on_the_channels_of_their_age(
    mode: LiveMode, private: bool, secure: bool, channels: list[str]
) -> None:
    channels_by_event = channels_of(private=private, private_channels=secure, mode=mode)
    assert channels_by_event["build:created"] == channels_by_event["job:queued"] == channels
    assert channels_by_event["job:log"] == (["private-job-JOB"] if secure else ["job-JOB"])


@pytest.mark.parametrize(
    ("mode", "stages", "old", "core"),
    [
        ("head", True, False, False),
        ("2017", True, True, False),
        ("2016", False, True, False),
        ("2014", False, True, True),
        ("2013", False, True, True),
    ],
)
def test_payloads_have_the_keys_of_their_age(mode: LiveMode, stages: bool, old: bool, core: bool) -> None:
    world, published = World(), PublishedEvents()
    Publisher(world, published.publish, private_channels=False, mode=mode)
    world.repository("a/b").build().jobs[0].write("x")
    build, job, log = published.payloads
    assert ("stages" in build, "log_id" in job, "annotation_ids" in job) == (stages, old, old)
    assert {"build_id", "repository_id", "repository_private"}.issubset(log) == core


@pytest.mark.parametrize("mode", ["2013", "2014"])
def test_old_servers_split_large_parts_and_number_pieces_with_a_dot(mode: LiveMode) -> None:
    world, published = World(), PublishedEvents()
    job = world.repository("a/b").build().jobs[0]
    Publisher(world, published.publish, private_channels=False, mode=mode)
    job.write("x" * 9000)
    job.write("a" * 9000 + "b" * 9000 + "c", final=True)
    assert [(one["number"], one["_log"][0], len(one["_log"]), one["final"]) for one in published.payloads] == [
        (0, "x", 9000, False),
        (1, "a", 9000, False),
        ("1.1", "b", 9000, False),
        ("1.2", "c", 1, True),
    ]


def test_current_servers_do_not_split_parts() -> None:
    world, published = World(), PublishedEvents()
    job = world.repository("a/b").build().jobs[0]
    Publisher(world, published.publish, private_channels=False)
    job.write("x" * 20_000)
    assert [(one["number"], len(one["_log"])) for one in published.payloads] == [(0, 20_000)]


@pytest.mark.parametrize(("mode", "shortened"), [("head", True), ("2017", False), ("2014", False)])
def test_only_current_servers_shorten_large_events(mode: LiveMode, shortened: bool) -> None:
    world, published = World(), PublishedEvents()
    Publisher(world, published.publish, private_channels=False, mode=mode)
    world.repository("a/b").build(message="x" * 11_000)
    assert ["_no_full_payload" in one for one in published.payloads] == [shortened, shortened]


@pytest.mark.parametrize("mode", ["head", "2017"])
def test_events_above_10_kb_are_lost_on_pusher_and_not_on_slanger(mode: LiveMode) -> None:
    counts: list[int] = []
    for limited in (True, False):
        world, published = World(), PublishedEvents()
        Publisher(world, published.publish, private_channels=False, mode=mode, limited=limited)
        # Below 10,000 characters in both events, and above 10,240 bytes in the build's, which holds it twice.
        world.repository("a/b").build(message="☃" * 3000)
        counts.append(len(published.events))
    assert counts == [1, 2]


def test_log_parts_stop_six_hours_after_the_first_subscription() -> None:
    now = 1_400_000_000.0
    since: dict[str, float] = {}
    world, published = World(clock=lambda: now), PublishedEvents()
    Publisher(world, published.publish, private_channels=False, occupied_since=since.get)
    job = world.repository("a/b").build(quiet=True).jobs[0]
    job.write("nobody listens")
    since[f"job-{job.id}"] = now
    now += OCCUPIED_SECONDS
    job.write("still published")
    now += 1
    job.write("not heard any more")
    job.start()
    assert [one.get("_log") for one in published.payloads if "_log" in one] == ["nobody listens", "still published"]
    assert "job:started" in published.channels
    since[f"job-{job.id}"] = now
    job.write("heard again")
    assert published.payloads[-1]["_log"] == "heard again"


def test_old_servers_publish_log_parts_without_an_end() -> None:
    now = 1_400_000_000.0
    world, published = World(clock=lambda: now), PublishedEvents()
    Publisher(world, published.publish, private_channels=False, mode="2014", occupied_since=lambda _: 0.0)
    world.repository("a/b").build(quiet=True).jobs[0].write("published")
    assert len(published.events) == 1
