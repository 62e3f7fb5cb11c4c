"""Finding the build, the job and the repository that are meant."""

import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import SLUG, TOKEN, Run, Travis

R = ("-r", SLUG)


@pytest.fixture
def ids(travis: Travis) -> dict[str, int]:
    """Make builds 1 (passed) and 2 (failed, on a branch, two jobs); returns the ids of the second and of its job."""

    def make() -> dict[str, int]:
        one, two = travis.repository.build(), travis.repository.build(jobs=2, branch="release/1.2")
        for build, state in ((one, "passed"), (two, "failed")):
            for job in build.jobs:
                job.start().finish(state)
        return {"build": two.id, "job": two.jobs[1].id}

    return travis.run(make)


def test_a_build_is_found_by_number_branch_id_and_page(run: Run, ids: dict[str, int]) -> None:
    page = f"https://app.travis-ci.com/github/{SLUG}/builds/{ids['build']}"
    for name in ("2", "#2", "release/1.2", str(ids["build"]), page):
        assert run("status", name, *R) == (1, "failed\n", ""), name
    assert run("status", "1", *R).code == 0
    assert run("status", page).code == 1


def test_a_job_is_found_by_number_and_id(run: Run, ids: dict[str, int]) -> None:
    for name in ("2.2", ".2", str(ids["job"]), f"https://app.travis-ci.com/{SLUG}/jobs/{ids['job']}"):
        assert "Job #2.2" in run("show", name, *R).out, name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("99", "GET /builds?slug=travis-ci/travis.rb&number=99 returned no build"),
        ("2.9", "Build #2 has no job .9: it has 2"),
        ("no-such-branch", "no-such-branch"),
    ],
)
def test_what_does_not_exist_ends_with_4(run: Run, ids: dict[str, int], name: str, message: str) -> None:
    ended = run("status", name, *R)
    assert (ended.code, ended.out) == (4, "")
    assert ended.err.count("\n") == 1
    assert message in ended.err.replace("%2F", "/")


def test_a_repository_without_builds_or_that_is_unknown_ends_with_4(travis: Travis, run: Run) -> None:
    assert run("status", *R) == (4, "", f"aiotravis: {SLUG} has no builds yet.\n")
    unknown = run("status", "-r", "no/such")
    assert (unknown.code, unknown.out) == (4, "")
    assert "no/such" in unknown.err


@pytest.mark.parametrize("slug", ["nonsense", "a/b/c", "a b/c", "/x", ""])
def test_a_repository_is_owner_and_name(travis: Travis, run: Run, slug: str) -> None:
    assert run("status", "-r", slug).code == 2
    assert not travis.server.requests


def test_the_guess_of_the_repository_is_told_once(run: Run, ids: dict[str, int], environment: Path) -> None:
    subprocess.run(["git", "init", "-q"], check=True)
    subprocess.run(["git", "remote", "add", "origin", f"git@github.com:{SLUG}.git"], check=True)
    notice = f"aiotravis: repository {SLUG}, from the git remote origin (choose another with -r)\n"
    assert run("status", "2") == (1, "failed\n", notice)
    assert run("status", "2", "-q").err == ""


def test_an_id_needs_no_repository(travis: Travis, run: Run, ids: dict[str, int]) -> None:
    assert run("status", str(ids["build"])) == (1, "failed\n", "")
    outside = run("status", "main")
    assert outside.code == 2
    assert "pass -r owner/name" in outside.err


def test_a_bad_token_ends_with_3_and_is_not_shown(run: Run, ids: dict[str, int]) -> None:
    ended = run("history", *R, "-t", "wr0ng-token")
    assert ended.code == 3
    assert "wr0ng-token" not in ended.out + ended.err
    assert TOKEN not in ended.out + ended.err
