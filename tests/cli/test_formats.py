"""How builds and jobs look in lines and blocks."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from aiotravis import Build, Commit, Job, State
from aiotravis.cli._formats import branch_text, build_line, describe, duration_text, matrix_text, state_piece, time_text
from aiotravis.cli._output import Output

DURATIONS = {
    None: "none",
    0: "0 sec",
    -5: "0 sec",
    59.9: "59 sec",
    60: "1 min",
    123: "2 min 3 sec",
    3723: "1 hrs 2 min 3 sec",
    7200: "2 hrs",
}


@pytest.mark.parametrize(("seconds", "text"), DURATIONS.items())
def test_durations_are_those_of_the_official_client(seconds: float | None, text: str) -> None:
    assert duration_text(seconds) == text
    if seconds is not None:
        assert duration_text(timedelta(seconds=seconds)) == text


def test_times_are_local_and_may_be_missing() -> None:
    when = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert time_text(when) == when.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    assert time_text(None) == "not yet"


def test_a_line_of_a_build_is_aligned_whatever_its_number_and_state() -> None:
    commit = Commit(id=1, branch="main", message="Add it\n\nbody", author_name="Sarah")
    lines = {
        (number, state): Output(color="never").joined(
            *build_line(Build(id=1, number=number, state=state, commit=commit))
        )
        for number in ("7", "12345")
        for state in (State.PASSED, State.CANCELED)
    }
    assert lines["7", State.PASSED] == "#7 passed:       main  Add it"
    assert {line.index("main") for line in lines.values()} == {17}
    with_author = build_line(Build(id=1, number="7", state=State.PASSED, commit=commit), committer=True)
    assert Output(color="never").joined(*with_author) == f"#7 passed:       main  {'Sarah':25}  Add it"


def test_what_is_missing_leaves_no_traces() -> None:
    build = Build(id=9, state=State(""))
    assert Output(color="never").joined(*build_line(build)) == "# no build:"
    assert (describe(build), describe(Job(id=8, number="7.1"))) == ("build #9", "job #7.1")
    assert branch_text(Build(id=1, pull_request=True, pull_request_number=5)) == " (pull request #5)"
    assert state_piece(State("odd\x1b[2J")).text == "odd"


def test_a_job_is_told_from_others_by_what_differs_in_a_matrix() -> None:
    config = {
        "rvm": "3.3",
        "os": "linux",
        "env": "A=1 B=\x1b[31m2",
        "script": ["make"],
        "jdk": [],
        "gemfile": "",
        "dist": None,
    }
    job = Job(id=1, config_json=msgspec.Raw(msgspec.json.encode(config)))
    assert matrix_text(job) == "os: linux, rvm: 3.3, env: A=1 B=2"
    assert matrix_text(Job(id=1)) == ""
