"""``status``, ``show``, ``history``, ``branches``, ``requests``."""

import json

import pytest

from aiotravis.testing import Build
from aiotravis.testing.world.repository_data import Request
from tests.cli.conftest import MODES, SLUG, Run, Travis

R = ("-r", SLUG)

CODES = {"passed": 0, "failed": 1, "canceled": 5, "errored": 6, "started": 8, "created": 8}

UNSAFE = "Evil\x1b]0;owned\x07 \x1b[31mred\u202e"


def in_state(
    travis: Travis, state: str, *, branch: str = "master", message: str = "Stream logs", event_type: str = "push"
) -> Build:
    def build() -> Build:
        made = travis.repository.build(branch=branch, message=message, event_type=event_type)
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


@pytest.mark.parametrize("travis", MODES, indirect=True)
def test_show_names_the_commit_the_times_and_the_jobs(travis: Travis, run: Run) -> None:
    build = in_state(travis, "passed")
    shown = run("show", "1", *R)
    assert shown.code == 0
    assert "Build #1: Stream logs\nState:         passed\nType:          push\nBranch:        master\n" in shown.out
    assert "\n\n#1.1 passed: 0 sec  rvm: 3.3\n" in shown.out
    job = run("show", "1.1", *R)
    assert job.out.startswith("Job #1.1: Stream logs\nState:         passed\nMatrix:        rvm: 3.3\n")
    assert json.loads(run("show", "1.1", "--json", *R).out)["id"] == build.jobs[0].id


def test_show_tells_pull_requests_and_times_that_are_not_there_yet(travis: Travis, run: Run) -> None:
    in_state(travis, "created", event_type="pull_request", message="Add it")
    shown = run("show", *R).out
    assert "Type:          pull request #1: Add it\n" in shown
    assert "Duration:      none\nStarted:       not yet\nFinished:      not yet\n" in shown


@pytest.mark.parametrize("travis", MODES, indirect=True)
def test_history_prints_one_line_for_each_build_newest_first(travis: Travis, run: Run) -> None:
    for state in ("passed", "failed"):
        in_state(travis, state)
    assert run("history", *R).out == "#2 failed:       master  Stream logs\n#1 passed:       master  Stream logs\n"
    records = [json.loads(line) for line in run("history", "--json", *R).out.splitlines()]
    assert [record["number"] for record in records] == ["2", "1"]
    assert travis.paths[0] == "/builds?slug=travis-ci%2Ftravis.rb&exclude_config=true"


FILTERS = {
    ("-l", "2"): "5 4",
    ("--all",): "5 4 3 2 1",
    ("-a", "3"): "2 1",
    ("-b", "side"): "4",
    ("-b", "master"): "5 1",
    ("-b", "master", "--type", "pull_request"): "3",
    ("-b", "master", "-l", "1"): "5",
    ("-p", "3"): "3",
    ("--type", "cron"): "2",
    ("--since", "2001-02-03"): "5 4 3 2 1",
    ("--since", "0001-01-01"): "5 4 3 2 1",
    ("--since", "9999-12-31"): "",
    ("--since", "2101-02-03 04:05:06"): "",
    ("-b", "none"): "",
}


@pytest.mark.parametrize(("options", "numbers"), FILTERS.items())
def test_history_filters_builds(travis: Travis, run: Run, options: tuple[str, ...], numbers: str) -> None:
    in_state(travis, "passed")
    in_state(travis, "passed", event_type="cron", branch="nightly")
    in_state(travis, "passed", event_type="pull_request")
    in_state(travis, "passed", branch="side")
    in_state(travis, "passed")
    ended = run("history", *options, *R)
    assert ended.code == 0
    assert " ".join(line.split()[0].removeprefix("#") for line in ended.out.splitlines()) == numbers
    assert ended.err == ("" if numbers else f"aiotravis: {SLUG} has no builds like that\n")


def test_history_prints_dates_and_authors_when_asked(travis: Travis, run: Run) -> None:
    build = in_state(travis, "passed")
    first, second = run("history", "-d", "-c", *R).out.split(" #1 passed:")
    assert len(first) == len("2026-01-02 03:04:05")
    assert second.split() == ["master", *(build.commit.author_name or "").split(), "Stream", "logs"]


def test_a_pull_request_of_another_type_is_wrong_usage(travis: Travis, run: Run) -> None:
    assert run("history", "-p", "3", "--type", "push", *R).code == 2
    assert travis.paths == []


def test_lists_are_safe_for_terminals_whatever_a_commit_says(travis: Travis, run: Run) -> None:
    in_state(travis, "passed", branch=UNSAFE, message=UNSAFE)
    for command in ("history", "branches", "show"):
        shown = run(command, *R).out
        assert "Evil red<U+202E>" in shown
        assert not {"\x1b", "\x07", "\u202e"} & set(shown)


@pytest.mark.parametrize("travis", MODES, indirect=True)
def test_branches_lists_the_last_build_of_each(travis: Travis, run: Run) -> None:
    for branch, state in (("master", "passed"), ("side/track", "failed"), ("master", "errored")):
        in_state(travis, state, branch=branch)
    assert sorted(run("branches", *R).out.splitlines()) == [
        "master:      #3    errored    Stream logs",
        "side/track:  #2    failed     Stream logs",
    ]
    records = [json.loads(line) for line in run("branches", "--json", *R).out.splitlines()]
    assert {record["number"] for record in records} == {"2", "3"}
    assert travis.paths == ["/repos/travis-ci/travis.rb/branches"] * 2


@pytest.mark.parametrize("command", ["history", "branches", "requests"])
def test_empty_and_unknown_repositories_are_told_apart(travis: Travis, run: Run, command: str) -> None:
    empty = run(command, *R)
    assert (empty.code, empty.out) == (0, "")
    assert empty.err.startswith(f"aiotravis: {SLUG} has no ")
    unknown = run(command, "-r", "no/body")
    assert (unknown.code, unknown.out) == (4, "")


def test_requests_tells_results_and_reasons_of_every_kind(travis: Travis, run: Run) -> None:
    build = in_state(travis, "passed")
    made = travis.repository.data.requests
    commit, created = build.commit.id, "Build created successfully"
    travis.run(lambda: made.extend((
        Request(1, "push", "approved", 0.0, message=created, build_id=build.id, commit_id=commit),
        Request(2, "pull_request", "rejected", 0.0, pull_request_number=7, message="Build skipped via commit message"),
        Request(3, "api", None, 0.0, branch="side"),
        Request(4, "cron", "rejected", 0.0, branch=None),
    )))  # fmt: skip
    shown = run("requests", *R).out
    cron, api, pull, push = shown.removesuffix("\n\n").split("\n\n")
    assert push.splitlines()[0] == "push to master accepted (Build created successfully)"
    assert push.splitlines()[1] == f"  {build.commit.sha[:7]} - Stream logs"
    assert push.splitlines()[3] == f"  request: 1, build: {build.id}"
    assert pull.startswith("pull request #7 rejected (Build skipped via commit message)\n  received at: ")
    assert api.startswith("API request for side received (not decided yet)\n")
    assert cron.startswith("cron for the default branch rejected (unknown reason)\n")
    assert [json.loads(line)["id"] for line in run("requests", "--json", "-l", "1", *R).out.splitlines()] == [4]
    # Some servers fail if there is a limit.
    assert travis.paths == ["/requests?slug=travis-ci%2Ftravis.rb"] * 2
