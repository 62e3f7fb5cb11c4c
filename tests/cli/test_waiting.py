"""``wait``."""

import json

import pytest

from aiotravis.flows import waiting
from aiotravis.testing import Build
from tests.cli.conftest import SLUG, Run, Travis

R = ("-r", SLUG)

CODES = {"passed": 0, "failed": 1, "canceled": 5, "errored": 6}


def started(travis: Travis) -> Build:
    return travis.run(lambda: travis.repository.build().start())


def ends_once_awaited(travis: Travis, build: Build, state: str) -> None:
    """End a build once somebody listens to it."""
    channel = f"repo-{travis.repository.id}"
    travis.once(lambda: travis.server.pusher.occupied(channel), lambda: build.finish(state))


@pytest.mark.parametrize(("state", "code"), CODES.items())
def test_wait_ends_with_the_build_and_tells_the_outcome(travis: Travis, run: Run, state: str, code: int) -> None:
    ends_once_awaited(travis, started(travis), state)
    waited = run("wait", "1", *R)
    assert waited.code == code
    assert waited.out == f"build #1 {state} after 0 sec\n"
    # A line for each state keeps services from ending a job that prints nothing.
    assert waited.err.splitlines() == ["aiotravis: build #1 started", f"aiotravis: build #1 {state}"]


def test_wait_for_a_job_ends_with_the_job(travis: Travis, run: Run) -> None:
    build = started(travis)
    ends_once_awaited(travis, build, "failed")
    assert run("wait", "1.1", "-q", *R) == (1, "job #1.1 failed after 0 sec\n", "")


def test_wait_for_what_has_ended_sends_no_request_but_those_that_find_it(travis: Travis, run: Run) -> None:
    travis.run(lambda: travis.repository.build().start().finish("errored"))
    waited = run("wait", "1", "--json", *R)
    assert waited.code == 6
    assert json.loads(waited.out)["state"] == "errored"
    assert [seen.path.partition("?")[0] for seen in travis.server.requests] == [
        "/builds",
        f"/builds/{json.loads(waited.out)['id']}",
    ]


def test_wait_for_a_commit_finds_its_build(travis: Travis, run: Run) -> None:
    build = travis.run(lambda: travis.repository.build().start().finish())
    waited = run("wait", "--commit", build.commit.sha, *R)
    assert (waited.code, waited.out) == (0, "build #1 passed after 0 sec\n")
    assert waited.err == f"aiotravis: waiting for the build of {build.commit.sha[:7]}\naiotravis: build #1 passed\n"


def test_a_commit_without_a_build_is_not_found(travis: Travis, run: Run) -> None:
    assert run("wait", "--commit", "1234567", "--appear-within", "0", *R).code == 4


def test_wait_gives_up_at_its_timeout(travis: Travis, run: Run) -> None:
    started(travis)
    waited = run("wait", "1", "--timeout", "0.2", *R)
    assert (waited.code, waited.out) == (124, "")
    assert waited.err.endswith("aiotravis: gave up after 0.2 s\n")


@pytest.mark.parametrize(
    "options", [("1", "--commit", "1234567"), ("--commit", "no"), ("--appear-within", "-1"), ("--timeout", "0")]
)
def test_wrong_usage_sends_nothing(travis: Travis, run: Run, options: tuple[str, ...]) -> None:
    ended = run("wait", *options, *R)
    assert (ended.code, ended.out) == (2, "")
    assert "waiting for" not in ended.err
    assert travis.server.requests == []


def test_a_build_that_disappears_ends_the_wait_with_4(
    travis: Travis, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "RECONCILE_INTERVAL", 0.02)
    monkeypatch.setattr(waiting, "REFUSAL_PATIENCE", 0.0)
    build, channel = started(travis), f"repo-{travis.repository.id}"
    travis.once(lambda: travis.server.pusher.occupied(channel), lambda: travis.repository.forget(build))
    waited = run("wait", "1", *R)
    assert (waited.code, waited.out) == (4, "")
    assert "no such build" in waited.err
