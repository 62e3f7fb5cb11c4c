"""Copies of events, and events that come after newer ones."""

import tracemalloc

import pytest

from aiotravis import Build, events
from aiotravis.live import recent_events
from aiotravis.live.decoding import read_event
from aiotravis.live.protocol import Message
from aiotravis.live.recent_events import COPY_WINDOW, MAX_AGE, Arrival, RecentEvents


def arrival(
    recent: RecentEvents, channel: str, data: str, now: float = 0.0, event: str = "job:started"
) -> Arrival | None:
    message = Message(event=event, channel=channel, data=data)
    found = read_event(message)
    updated_at = found.updated_at if isinstance(found, events.JobEvent | events.BuildEvent) else None
    return recent.arrival(message, found, None if updated_at is None else updated_at.timestamp(), now)


def dated(number: int, updated_at: str = "2026-11-27T12:00:00.123Z", **fields: int) -> str:
    more = "".join(f',"{name}":{value}' for name, value in fields.items())
    return f'{{"id":{number},"updated_at":"{updated_at}"{more}}}'


@pytest.mark.parametrize("seconds", [0.0, 1.0, COPY_WINDOW, 20 * 60.0])
def test_the_same_event_again_on_its_channel_is_a_copy_for_an_hour(seconds: float) -> None:
    # fact 10.4: the server's queues repeat events, minutes later if a worker was stuck.
    recent = RecentEvents()
    assert arrival(recent, "a", dated(1)) == Arrival()
    assert arrival(recent, "a", dated(1), seconds) is None
    assert arrival(recent, "b", dated(1), seconds) == Arrival(1, {"a": 1})


@pytest.mark.parametrize(
    "second",
    [
        dated(2),
        dated(1, "2026-11-27T12:00:00.124Z"),
        dated(1, "2026-11-27T12:00:01Z"),
        '{"id":1}',
    ],
)
def test_another_id_or_time_makes_another_event(second: str) -> None:
    recent = RecentEvents()
    arrival(recent, "a", dated(1))
    assert arrival(recent, "a", second) == Arrival()


def test_another_name_makes_another_event_and_another_payload_does_not() -> None:
    recent = RecentEvents()
    arrival(recent, "a", dated(1))
    assert arrival(recent, "a", dated(1), event="job:finished") == Arrival()
    assert arrival(recent, "a", dated(1, build_id=7)) is None
    # The same moment, written in another way.
    assert arrival(recent, "a", dated(1, "2026-11-27T13:00:00.123000+01:00")) is None
    builds = '{"build":{"id":1,"updated_at":"2026-11-27T12:00:00.123Z"}}'
    assert arrival(recent, "a", builds, event="build:started") == Arrival()
    assert arrival(recent, "a", builds, event="build:started") is None


@pytest.mark.parametrize(
    ("event", "data"),
    [
        ("job:created", '{"id":1,"build_id":2,"_no_full_payload":true}'),
        ("job:created", '{"id":1,"updated_at":"0001-01-01T00:00:00Z"}'),
        ("build:created", '{"build":{"id":1},"_no_full_payload":true}'),
        ("branch:created", '{"repository_id":1,"branch":"x"}'),
        ("user:logout", "{}"),
    ],
)
def test_events_without_a_time_are_all_events_of_their_own_on_one_channel(event: str, data: str) -> None:
    # fact 10.4. On the next channel, the first is a copy of the first, and so on.
    recent = RecentEvents()
    assert [arrival(recent, "a", data, event=event) for _ in range(3)] == [Arrival(1), Arrival(2), Arrival(3)]
    assert arrival(recent, "b", data, event=event) == Arrival(1, {"a": 3})
    assert arrival(recent, "b", data, event=event) == Arrival(2, {"a": 3})
    assert arrival(recent, "a", data, COPY_WINDOW, event=event) == Arrival()


def test_an_event_older_than_the_latest_of_its_build_or_job_is_late() -> None:
    recent = RecentEvents()

    def is_late(number: int, timestamp: float, event: str = "job:started") -> bool:
        data = dated(number) if event.startswith("job") else f'{{"build":{dated(number)}}}'
        found = read_event(Message(event=event, channel="a", data=data))
        assert isinstance(found, events.JobEvent | events.BuildEvent)
        return recent.is_late(found, timestamp, 0.0)

    assert [is_late(1, 5.0), is_late(1, 4.0), is_late(1, 5.0), is_late(1, 6.0)] == [False, True, False, False]
    assert not is_late(1, 1.0, event="build:started")
    assert not is_late(2, 1.0)


def test_memory_ages_and_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    recent = RecentEvents()
    for number in range(1, 50):
        arrival(recent, "a", dated(number), float(number))
        arrival(recent, "a", f'{{"id":{number}}}', float(number))
    assert len(recent) == 98
    arrival(recent, "a", "{}", 50.0 + COPY_WINDOW)
    assert len(recent) == 50
    arrival(recent, "a", "{}", 50.0 + MAX_AGE)
    assert len(recent) == 1
    monkeypatch.setattr(recent_events, "MAX_REMEMBERED", 5)
    for number in range(1, 50):
        arrival(recent, "a", dated(number), 5000.0)
        arrival(recent, "a", f'{{"id":{number}}}', 5000.0)
    assert len(recent) <= 12


def test_an_event_that_comes_once_takes_some_hundred_bytes() -> None:
    recent, count = RecentEvents(), 5000
    message = Message(event="build:started", channel="common", data=None)
    told = [events.BuildStarted(channel="common", build=Build(id=100_000 + number // 3)) for number in range(count)]
    tracemalloc.start()
    try:
        for number, event in enumerate(told):
            recent.arrival(message, event, 1.7e9 + number, 0.0)
            recent.is_late(event, 1.7e9 + number, 0.0)
        assert tracemalloc.get_traced_memory()[0] < 450 * count
    finally:
        tracemalloc.stop()
