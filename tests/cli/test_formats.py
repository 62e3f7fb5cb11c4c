"""How builds and jobs look."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from aiotravis import Build, Commit, Job, State
from aiotravis.cli._formats import build_line, describe, duration_text, fields, matrix_text, state_piece, time_text
from aiotravis.cli._output import Styled


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "none"),
        (0, "0 sec"),
        (59.9, "59 sec"),
        (60, "1 min"),
        (123, "2 min 3 sec"),
        (3600, "1 hrs"),
        (3723, "1 hrs 2 min 3 sec"),
        (-5, "0 sec"),
        (timedelta(days=2), "48 hrs"),
    ],
)
def test_durations_are_in_hours_minutes_and_seconds(seconds: timedelta | float | None, text: str) -> None:
    assert duration_text(seconds) == text


def test_times_are_local_and_not_yet_if_missing() -> None:
    when = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
    assert time_text(None) == "not yet"
    assert time_text(when) == when.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def test_the_line_of_a_build_tells_its_branch_or_pull_request() -> None:
    commit = Commit(id=1, branch="main", message="Fix it\n\nReally")
    assert "".join(map(plain, build_line(Build(id=1, number="4", state=State.PASSED, commit=commit)))) == (
        "#4 passed:       main  Fix it"
    )
    pull = Build(id=1, number="5", state=State("unheard-of-state"), pull_request=True, pull_request_number=7)
    assert "".join(map(plain, build_line(pull))) == "#5 unheard-of-state:  (pull request #7)"


def test_lines_of_builds_are_aligned_and_may_name_the_author() -> None:
    commit = Commit(id=1, branch="main", message="Add it", author_name="Sarah")
    for number, state in (("7", State.PASSED), ("12345", State.CANCELED)):
        build = Build(id=1, number=number, state=state, commit=commit)
        assert "".join(map(plain, build_line(build))).index("main") == 17
        assert "".join(map(plain, build_line(build, committer=True))).endswith(f"main  {'Sarah':25}  Add it")


def test_a_job_is_told_from_others_by_what_differs_in_a_matrix() -> None:
    chosen = {"rvm": "3.3", "os": "linux", "env": "A=1 B=\x1b[31m2"}
    config: dict[str, object] = {**chosen, "script": ["make"], "jdk": [], "gemfile": "", "dist": None}
    job = Job(id=1, config_json=msgspec.Raw(msgspec.json.encode(config)))
    assert matrix_text(job) == "os: linux, rvm: 3.3, env: A=1 B=2"
    assert matrix_text(Job(id=1)) == ""


def test_a_build_without_a_number_is_called_by_its_id() -> None:
    assert describe(Build(id=7)) == "build #7"
    assert describe(Job(id=7, number="4.1")) == "job #4.1"
    assert state_piece(State.NEVER_BUILT).text == "no build"


def test_fields_align_and_hold_one_line_each() -> None:
    assert ["".join(map(plain, line)) for line in fields([("State", Styled("passed")), ("Author", "A\nB")])] == [
        "State:         passed",
        "Author:        A B",
    ]


def plain(piece: str | Styled) -> str:
    return piece.text if isinstance(piece, Styled) else piece
