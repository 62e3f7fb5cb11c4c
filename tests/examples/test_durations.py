"""The charts of the example that draws durations."""

import pytest

from aiotravis import Build
from examples.durations import GROUPS, MeasuredBuild, duration, few_groups, marks, page


@pytest.mark.parametrize(
    ("longest", "expected"),
    [
        (0.0, ["0 s", "0.5 s", "1 s"]),
        (0.3, ["0 s", "0.1 s", "0.2 s", "0.3 s"]),
        (55.0, ["0 s", "15 s", "30 s", "45 s", "1 min"]),
        (400.0, ["0 s", "2 min", "4 min", "6 min", "8 min"]),
        (4000.0, ["0 s", "30 min", "1 h", "1 h 30 min"]),
        (90_000.0, ["0 s", "10 h", "20 h", "30 h"]),
        (900_000.0, ["0 s", "72 h", "144 h", "216 h", "288 h"]),
    ],
)
def test_marks_of_an_axis_are_round_and_reach_the_longest_bar(longest: float, expected: list[str]) -> None:
    found = marks(longest)
    assert [duration(mark) for mark in found] == expected
    assert found[-1] >= longest


def measured(build: int, **groups: float) -> MeasuredBuild:
    return MeasuredBuild(Build(id=build, number=str(build), duration=400), groups)


def test_groups_that_take_hardly_any_time_are_other() -> None:
    builds = [measured(1, script=90.0, install=8.0, cache=0.5, deploy=0.1), measured(2, script=70.0, unheard_of=20.0)]
    assert [dict(groups) for _, groups in few_groups(builds)] == [
        {"install": 8.0, "script": 90.0, "other": 0.6},
        {"script": 70.0, "other": 20.0},
    ]
    assert few_groups([]) == []


def test_a_legend_has_the_groups_that_are_drawn() -> None:
    text = page("a/b", [measured(1, script=90.0, install=8.0), measured(2)])
    assert [name for name in GROUPS if f"</i>{name}</span>" in text] == ["install", "script"]
    assert "half of them took at most 6 min 40 s of work." in text
    assert "0 builds, 0 passed." in page("a/b", [])
