"""``status``, ``show``, ``history``, ``branches``, ``requests``."""

import json

import pytest

from aiotravis.testing import Build
from tests.cli.conftest import SLUG, Run, Travis

R = ("-r", SLUG)

CODES = {"passed": 0, "failed": 1, "canceled": 5, "errored": 6, "started": 8, "created": 8}


def in_state(travis: Travis, state: str) -> Build:
    def build() -> Build:
        made = travis.repository.build()
        for job in made.jobs if state != "created" else ():
            job.start()
            if state != "started":
                job.finish(state)
        return made

    return travis.run(build)


@pytest.mark.parametrize(("state", "code"), CODES.items())
def test_status_prints_the_state_and_tells_it_by_exit_code(travis: Travis, run: Run, state: str, code: int) -> None:
    in_state(travis, state)
    assert run("status", *R) == (code, f"{state}\n", "")


def test_history_prints_one_line_for_each_build_newest_first(travis: Travis, run: Run) -> None:
    for state in ("passed", "failed"):
        in_state(travis, state)
    assert run("history", *R).out == "#2 failed:    master  Stream logs\n#1 passed:    master  Stream logs\n"
    records = [json.loads(line) for line in run("history", "--json", *R).out.splitlines()]
    assert [record["number"] for record in records] == ["2", "1"]


def test_show_names_the_commit_the_times_and_the_jobs(travis: Travis, run: Run) -> None:
    in_state(travis, "passed")
    shown = run("show", "1", *R)
    assert shown.code == 0
    assert "Build #1: Stream logs\nState:         passed\n" in shown.out
    assert "#1.1 passed" in shown.out


def test_wait_tells_how_a_build_ended(travis: Travis, run: Run) -> None:
    in_state(travis, "errored")
    waited = run("wait", "1", *R)
    assert waited.code == 6
    assert waited.out.startswith("build #1 errored after ")
