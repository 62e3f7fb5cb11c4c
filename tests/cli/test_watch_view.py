"""How watched builds look: lines for changes, and a table."""

import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from rich.console import Console

from aiotravis import Build, Commit, Job, Repository, RepositoryUpdate, State
from aiotravis.cli._output import Output
from aiotravis.cli._watch_view import ChangeLog, build_table
from aiotravis.errors import NotFoundError

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

GONE = NotFoundError("gone", status=404, method="GET", path="/", remedy="")


def build(number: int, state: str, *jobs: str, message: str = "Add it") -> Build:
    started_at = None if state == "created" else NOW - timedelta(minutes=2)
    return Build(
        id=100 * number,
        number=str(number),
        state=State(state),
        started_at=started_at,
        finished_at=NOW if State(state).finished else None,
        commit=Commit(id=number, sha="1234567", branch="main", message=message),
        jobs=tuple(
            Job(id=100 * number + at, number=f"{number}.{at}", state=State(one)) for at, one in enumerate(jobs, 1)
        ),
    )


def update(*builds: Build, slug: str = "a/b", error: NotFoundError | None = None) -> RepositoryUpdate:
    return RepositoryUpdate(repo=slug, repository=Repository(id=1, slug=slug), builds=builds, error=error)


def told(log: ChangeLog, one: RepositoryUpdate) -> list[str]:
    output = Output(color="never")
    return [output.joined(*change.line).split(" ", 2)[2] for change in log.changes(one)]


def drawn(updates: Sequence[RepositoryUpdate], *, height: int = 24, width: int = 100) -> str:
    file = io.StringIO()
    console = Console(file=file, width=width, color_system=None, markup=False, emoji=False)
    console.print(build_table(updates, status="live", height=height, now=NOW))
    return file.getvalue()


def test_first_the_builds_are_told_then_what_changes_the_oldest_first() -> None:
    log = ChangeLog(jobs=True)
    assert told(log, update(build(2, "started", "started", "created"), build(1, "passed", "passed"))) == [
        "a/b#1 passed  main  Add it",
        "a/b#2 started  main  Add it",
    ]
    assert told(log, update(build(2, "started", "passed", "created"), build(1, "passed", "passed"))) == [
        "a/b#2.1 passed"
    ]
    assert told(log, update(build(3, "created", "created"), build(2, "failed", "passed", "failed"))) == [
        "a/b#2 failed  main  Add it",
        "a/b#2.2 failed",
        "a/b#3 created  main  Add it",
    ]
    assert told(log, update(build(3, "created", "created"), build(2, "failed", "passed", "failed"))) == []


def test_a_restart_is_told_with_the_state_before() -> None:
    log = ChangeLog(jobs=False)
    assert [change.before for change in log.changes(update(build(1, "passed", "passed")))] == [None]
    (change,) = log.changes(update(build(1, "created", "created")))
    record = change.record
    assert (record["repository"], record["number"], record["type"]) == ("a/b", "1", "build")
    assert (record["previous_state"], record["state"]) == ("passed", "created")


def test_jobs_are_not_told_of_when_only_builds_are_wanted() -> None:
    log = ChangeLog(jobs=False)
    told(log, update(build(1, "started", "started")))
    assert told(log, update(build(1, "started", "failed"))) == []


def test_a_failure_forgets_nothing_and_repeats_nothing() -> None:
    log = ChangeLog(jobs=True)
    assert told(log, update(error=GONE)) == []
    assert told(log, update(build(1, "passed"))) == ["a/b#1 passed  main  Add it"]
    assert told(log, update(build(1, "passed"), error=GONE)) == []
    assert told(log, update(build(1, "passed"))) == []


def test_the_table_has_a_row_for_each_build_with_jobs_and_times() -> None:
    lines = drawn([update(build(2, "started", "passed", "started"), build(1, "created"))]).splitlines()
    assert lines[0].split() == ["Repository", "Build", "State", "Branch", "Subject", "Jobs", "Time"]
    assert lines[1].split() == ["a/b", "#2", "started", "main", "Add", "it", "1/2", "2", "min"]
    assert lines[2].split() == ["a/b", "#1", "created", "main", "Add", "it"]
    assert lines[3].split() == ["live"]


def test_what_commits_contain_does_not_control_the_terminal() -> None:
    text = drawn([update(build(1, "passed", message="[red]evil[/] :smile: \x1b[2J\x07 \u202e"))])
    assert "[red]evil[/] :smile:" in text
    assert not {"\x1b", "\x07", "\u202e"} & set(text)


def test_a_low_terminal_shows_what_runs_first() -> None:
    states = ["passed", "started", "passed", "created", "passed", "passed"]
    updates = [update(build(number, state), slug=f"a/{number}") for number, state in enumerate(states, 1)]
    lines = drawn(updates, height=7).splitlines()
    assert [line.split()[0] for line in lines[1:4]] == ["a/2", "a/4", "a/6"]
    assert lines[4].strip() == "live, 3 more builds"


def test_a_narrow_terminal_cuts_what_is_long() -> None:
    lines = drawn([update(build(1, "passed", "passed", message="x" * 500))], width=60).splitlines()
    assert len(lines) == 3
    assert max(map(len, lines)) <= 60
