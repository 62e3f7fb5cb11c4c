"""Differences between installations."""

from email.utils import parsedate_to_datetime

import pytest

from aiotravis.testing import Switches, TravisServer
from tests.raw import ask


def test_each_server_has_its_own_switches() -> None:
    first, second = TravisServer(), TravisServer()
    first.switches.caching = False
    assert second.switches.caching is True


async def test_switch_can_be_changed_while_the_server_runs(server: TravisServer) -> None:
    server.world.repository("a/b")
    assert (await ask(server, "/requests?slug=a/b&limit=5")).status == 200
    server.switches.requests_fail = True
    assert (await ask(server, "/requests?slug=a/b&limit=5")).status == 500


@pytest.mark.parametrize("chance", [0, -0.1, 1.1, float("nan")])
def test_chance_is_refused_unless_above_0_and_at_most_1(chance: float) -> None:
    with pytest.raises(ValueError, match="chance must be above 0 and at most 1"):
        Switches(chance=chance)


@pytest.mark.parametrize(
    ("switches", "expected"),
    [
        (Switches(), list(range(1, 24))),
        (Switches(chance=0.5), list(range(1, 24))),
        (Switches(repeated_numbers=True), [*range(1, 11), *range(10, 21), 20, 21]),
        (Switches(repeated_numbers=True, chance=1.0), [1] * 23),
    ],
)
def test_every_tenth_number_is_given_twice_where_switched_on(switches: Switches, expected: list[int]) -> None:
    repository = TravisServer(switches=switches).world.repository("a/b")
    builds = [repository.build() for _ in range(23)]
    assert [build.number for build in builds] == expected
    assert [build.jobs[0].number for build in builds] == [f"{number}.1" for number in expected]
    assert len({build.id for build in builds}) == 23


def test_chance_repeats_numbers_reproducibly() -> None:
    def numbers(seed: int) -> list[int]:
        server = TravisServer(switches=Switches(repeated_numbers=True, chance=0.3, seed=seed))
        return [build.number for build in server.world.repository("a/b").history(200)]

    first, second, other = numbers(1), numbers(1), numbers(2)
    assert first == second != other
    assert first == sorted(first)
    assert 100 < len(set(first)) < 170


async def test_switches_can_be_passed_to_the_server() -> None:
    async with TravisServer(switches=Switches(uptime_error="database")) as server:
        assert (await ask(server, "/uptime")).body == b"Error: database"


async def test_the_date_of_responses_can_be_ahead_or_behind(server: TravisServer) -> None:
    for offset in (-18000.0, 18000.0):
        server.switches.date_offset = offset
        date = parsedate_to_datetime((await ask(server, "/config")).headers["date"])
        assert abs(date.timestamp() - server.world.clock() - offset) < 60
