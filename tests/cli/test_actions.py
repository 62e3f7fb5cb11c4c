"""``trigger``, ``restart``, ``cancel``."""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from aiotravis.rate_limits import machine, memory
from aiotravis.rate_limits.rules import Rules
from aiotravis.testing import Build
from aiotravis.testing.rest.rate_rules import RateRules, WindowCounter
from tests.cli.conftest import MODES, SLUG, Run, Travis
from tests.cli.standard_input import piped

R = ("-r", SLUG)

CODES = {"passed": 0, "failed": 1, "canceled": 5, "errored": 6}

REQUESTS = "/v3/repo/travis-ci%2Ftravis.rb/requests"


def ended(travis: Travis, *, jobs: int = 1) -> Build:
    """Make a build that failed an hour ago."""

    def make() -> Build:
        build = travis.repository.build(jobs=jobs).start().finish("failed")
        build.started_at = build.finished_at = travis.server.world.clock() - 3600.0
        for job in build.jobs:
            job.started_at = job.finished_at = build.started_at
        return build

    return travis.run(make)


def posts(travis: Travis) -> list[str]:
    return [path for path in travis.paths if path.endswith(("/restart", "/cancel")) or path == REQUESTS]


def sent(travis: Travis) -> dict[str, Any]:
    (body,) = (
        json.loads(seen.body)
        for seen in travis.server.requests
        if seen.method == "POST" and seen.path.endswith(REQUESTS)
    )
    request: dict[str, Any] = body["request"]
    return request


def plays_the_next_build(travis: Travis, state: str) -> None:
    """Run the next build to its end, once somebody waits for it."""
    builds, before = travis.repository.builds, len(travis.repository.builds)

    def finish() -> None:
        for job in builds[-1].jobs:
            job.start()
            job.write("the log\n", final=True)
            job.finish(state)

    subscribed = f"repo-{travis.repository.id}"
    travis.once(lambda: len(builds) > before and travis.server.pusher.occupied(subscribed), finish)


# trigger --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("travis", MODES, indirect=True)
def test_trigger_prints_the_number_of_the_build_and_notes_its_request(travis: Travis, run: Run) -> None:
    made = run("trigger", "-b", "side", "-m", "Try it", "--sha", "1234567", "--tag", "v1", *R)
    assert (made.code, made.out) == (0, "1\n")
    assert made.err == f"aiotravis: request 6001 for a build of {SLUG} was made, 9 more are possible within the hour\n"
    assert sent(travis) == {"branch": "side", "message": "Try it", "sha": "1234567", "tag_name": "v1"}
    assert posts(travis) == [REQUESTS]


def test_trigger_prints_the_build_as_json(travis: Travis, run: Run) -> None:
    record = json.loads(run("trigger", "--json", "-q", *R).out)
    assert (record["id"], record["number"]) == (travis.repository.builds[0].id, "1")


@pytest.mark.parametrize(("state", "code"), CODES.items())
def test_trigger_with_wait_tells_the_outcome(travis: Travis, run: Run, state: str, code: int) -> None:
    plays_the_next_build(travis, state)
    made = run("trigger", "--wait", *R)
    assert (made.code, made.out) == (code, f"build #1 {state} after 0 sec\n")
    assert "aiotravis: build #1 was made of it\n" in made.err


def test_trigger_with_follow_prints_the_logs_and_tells_the_outcome(travis: Travis, run: Run) -> None:
    plays_the_next_build(travis, "errored")
    made = run("trigger", "--follow", *R)
    assert (made.code, made.out) == (6, "the log\n")
    assert made.err.endswith("aiotravis: build #1 errored after 0 sec\n")


CONFIGS = {
    '{"script": "make"}': '{"script": "make"}',
    "script: make": "script: make",
    "language: c\nscript:\n- make\n": "language: c\nscript:\n- make\n",
    "--- \nscript: make": "--- \nscript: make",
    "ci.yml": "os: osx\n",
    "odd: name": "os: linux\n",
    "-": "dist: focal\n",
}


@pytest.mark.parametrize(("option", "text"), CONFIGS.items())
def test_a_configuration_is_a_file_or_standard_input_or_the_text_itself(
    travis: Travis, run: Run, environment: Path, monkeypatch: pytest.MonkeyPatch, option: str, text: str
) -> None:
    (environment / "ci.yml").write_text("os: osx\n")
    (environment / "odd: name").write_text("os: linux\n")
    piped(monkeypatch, "dist: focal\n")
    assert run("trigger", "--config", option, "--merge-mode", "replace", *R).code == 0
    assert (sent(travis)["config"], sent(travis)["merge_mode"]) == (text, "replace")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--config", "missing.yml"), 74),
        (("--config", "."), 74),
        (("--config", "latin"), 2),
        (("--config", "[1]"), 2),
        (("--merge-mode", "replace"), 2),
        (("--config", "{}", "--merge-mode", "no"), 2),
        (("--sha", "no"), 2),
    ],
)
def test_what_cannot_be_requested_is_not_sent(
    travis: Travis, run: Run, environment: Path, options: tuple[str, ...], code: int
) -> None:
    (environment / "latin").write_bytes(b"script: caf\xe9\n")
    assert run("trigger", *options, *R).code == code
    assert travis.server.requests == []


def test_a_rejected_request_is_7_with_the_reason_of_travis(travis: Travis, run: Run) -> None:
    travis.server.switches.gatekeeper = "rejects"
    made = run("trigger", "--config", "lnguage: ruby", *R)
    assert (made.code, made.out) == (7, "")
    assert made.err.splitlines()[-1] == (
        f"aiotravis: Travis rejected request 6001 for a build of {SLUG}: Build skipped via commit message; "
        "warn: unknown_key at root (key: lnguage), api line 1."
    )


def test_a_lost_answer_is_69_with_the_requests_that_may_be_it(travis: Travis, run: Run) -> None:
    travis.server.lose_answer("POST", "/v3/repo/travis-ci/travis.rb/requests")
    made = run("trigger", *R)
    assert (made.code, made.out) == (69, "")
    assert "Since then, there are these requests: 6001. Check before you trigger again." in made.err
    assert posts(travis) == [REQUESTS]


def test_the_limit_of_the_hour_is_75(travis: Travis, run: Run) -> None:
    travis.repository.data.settings["api_builds_rate_limit"] = 1
    assert run("trigger", *R).code == 0
    assert run("trigger", *R).code == 75


def test_no_right_no_token_and_no_repository_are_told_apart(
    travis: Travis, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("trigger", "-r", "no/body").code == 4
    travis.run(lambda: travis.server.world.user("eve", token="another-token"))
    monkeypatch.setenv("TRAVIS_TOKEN", "another-token")
    assert run("trigger", *R).code == 3
    monkeypatch.setenv("TRAVIS_TOKEN", "unknown")
    assert run("trigger", *R).code == 3


def test_ctrl_c_says_which_request_stands(travis: Travis, run: Run) -> None:
    travis.server.switches.gatekeeper = "silent"
    travis.once(
        lambda: bool(travis.server.requests_to("/v3/repo/*/request/*")), lambda: os.kill(os.getpid(), signal.SIGINT)
    )
    made = run("trigger", *R)
    assert (made.code, made.out) == (130, "")
    stands = f"aiotravis: request 6001 stands, and may still be built: see 'aiotravis requests -r {SLUG}'\n"
    assert made.err.endswith(stands)


def test_a_timeout_says_which_build_goes_on(travis: Travis, run: Run) -> None:
    made = run("trigger", "--wait", "--timeout", "0.5", *R)
    assert (made.code, made.out) == (124, "")
    assert made.err.splitlines()[-2:] == [
        f"aiotravis: build #1 goes on: 'aiotravis cancel 1 -r {SLUG}' cancels it",
        "aiotravis: gave up after 0.5 s",
    ]


# restart, cancel ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("travis", MODES, indirect=True)
def test_restart_says_what_the_last_build_is_and_returns_at_once(travis: Travis, run: Run) -> None:
    build = ended(travis)
    assert run("restart", *R) == (
        0,
        "restarted\n",
        f"aiotravis: restarting the last build of {SLUG}, #1 (master: Stream logs)\n",
    )
    assert posts(travis) == [f"/builds/{build.id}/restart"]
    assert build.state == "created"


def test_restart_of_a_job_restarts_that_alone(travis: Travis, run: Run) -> None:
    build = ended(travis, jobs=2)
    assert run("restart", "1.2", *R) == (0, "restarted\n", "")
    assert posts(travis) == [f"/jobs/{build.jobs[1].id}/restart"]
    assert [job.state for job in build.jobs] == ["failed", "created"]


@pytest.mark.parametrize("target", ["1", "1.1"])
@pytest.mark.parametrize(("state", "code"), CODES.items())
def test_restart_with_wait_tells_the_outcome_of_the_new_run(
    travis: Travis, run: Run, target: str, state: str, code: int
) -> None:
    build = ended(travis)
    channel = f"repo-{travis.repository.id}"

    def finish() -> None:
        build.start().finish(state)

    travis.once(lambda: build.state == "created" and travis.server.pusher.occupied(channel), finish)
    done = run("restart", target, "--wait", *R)
    assert done.code == code
    assert done.out == f"{'job' if '.' in target else 'build'} #{target} {state} after 0 sec\n"


def test_what_runs_cannot_be_restarted_and_what_has_ended_not_canceled(travis: Travis, run: Run) -> None:
    travis.run(lambda: travis.repository.build().start())
    assert run("restart", "1", *R).code == 7
    ended(travis)
    assert run("cancel", "2", *R).code == 7


def test_cancel_says_what_the_last_build_is(travis: Travis, run: Run) -> None:
    build = travis.run(lambda: travis.repository.build(jobs=2).start())
    assert run("cancel", "1.2", "--json", *R).out == (
        f'{{"type":"job","id":{build.jobs[1].id},"number":"1.2","result":"canceled"}}\n'
    )
    done = run("cancel", *R)
    assert done == (0, "canceled\n", f"aiotravis: canceling the last build of {SLUG}, #1 (master: Stream logs)\n")
    assert posts(travis) == [f"/jobs/{build.jobs[1].id}/cancel", f"/builds/{build.id}/cancel"]
    assert build.state == "canceled"


@pytest.mark.parametrize("command", ["restart", "cancel"])
def test_without_builds_there_is_nothing_to_act_on(travis: Travis, run: Run, command: str) -> None:
    assert run(command, *R).code == 4
    assert run(command, "7", *R).code == 4
    assert posts(travis) == []


def test_a_process_in_a_pipe_restarts(travis: Travis, process: Run) -> None:
    ended(travis)
    assert process("restart", "1", *R) == (0, "restarted\n", "")


# limits ---------------------------------------------------------------------------------------------------------------


def test_a_loop_of_restarts_waits_for_the_limits_of_the_machine(
    travis: Travis, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rules = Rules(per_minute=2000, max_posts=3, post_window=1.2)
    monkeypatch.setattr(memory, "AUTHENTICATED", rules)
    monkeypatch.setattr(machine, "AUTHENTICATED", rules)
    monkeypatch.setattr("aiotravis.rate_limits.selection.rules_apply", bool)
    monkeypatch.setenv("TRAVIS_STATE_DIR", str(tmp_path / "state"))
    travis.server.rates = rates = RateRules(time.time)
    rates.posts = WindowCounter(1)
    for _ in range(7):
        ended(travis)
    started_at, waited = time.monotonic(), 0
    for number in range(1, 8):
        # As a process of its own: what was posted is known from the machine alone.
        for known in (memory._limiters, memory._kept, machine._machines):
            known.clear()
        done = run("restart", str(number), *R)
        assert (done.code, done.out) == (0, "restarted\n")
        waited += "waiting for the rate limits" in done.err
    assert time.monotonic() - started_at > 2.4
    assert rates.posts.highest <= 3
    assert rates.banned == {}
    assert waited >= 1
