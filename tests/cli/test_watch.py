"""``watch``."""

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from aiotravis.testing import Build
from tests.cli.conftest import MODES, SLUG, Run, Travis
from tests.programs import python

R = ("-r", SLUG)


def ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def printed(text: str, *, stream: str = "stdout") -> Callable[[], bool]:
    """Return whether the command has printed a text."""
    return lambda: text in getattr(sys, stream).getvalue()


def made(travis: Travis, state: str | None) -> Build:
    def make() -> Build:
        build = travis.repository.build().start()
        return build if state is None else build.finish(state)

    return travis.run(make)


def names(out: str) -> list[str]:
    return [" ".join(line.split()[2:4]) for line in out.splitlines()]


@pytest.mark.parametrize("travis", MODES, indirect=True)
def test_a_pipe_has_a_line_for_each_build_and_each_change(travis: Travis, run: Run) -> None:
    made(travis, "passed")
    build = made(travis, None)
    travis.once(
        printed("#2 started"),
        lambda: build.finish("failed"),
        printed("#2.1 failed"),
        lambda: travis.repository.build(branch="side"),
        printed("#3 created"),
        ctrl_c,
    )
    ended = run("watch", *R)
    assert ended.code == 130
    changes = [f"{SLUG}#1 passed", f"{SLUG}#2 started", f"{SLUG}#2 failed", f"{SLUG}#2.1 failed", f"{SLUG}#3 created"]
    assert sorted(names(ended.out)) == sorted(changes)
    assert ended.out.splitlines()[0].endswith(f" {SLUG}#1 passed  master  Stream logs")
    assert ended.err.strip() == ""


def test_json_has_a_record_for_each_change(travis: Travis, run: Run) -> None:
    build = made(travis, None)
    travis.once(printed('"started"'), build.finish, printed('"passed"'), ctrl_c)
    records = [json.loads(line) for line in run("watch", "-b", "--json", *R).out.splitlines()]
    assert [(one["type"], one["previous_state"], one["state"]) for one in records] == [
        ("build", None, "started"),
        ("build", "started", "passed"),
    ]
    assert records[1]["id"] == build.id


def test_several_repositories_are_watched_and_an_unknown_one_is_told(travis: Travis, run: Run) -> None:
    made(travis, "passed")
    other = travis.run(lambda: travis.server.world.repository("acme/app"))
    travis.run(lambda: other.build().start())
    travis.once(
        lambda: printed("acme/app#1 started")() and printed("no/body cannot", stream="stderr")(),
        lambda: other.builds[0].finish("errored"),
        printed("acme/app#1 errored"),
        ctrl_c,
    )
    ended = run("watch", SLUG, "acme/app", "no/body")
    assert ended.code == 130
    assert set(names(ended.out)) >= {f"{SLUG}#1 passed", "acme/app#1 started", "acme/app#1 errored"}
    assert "aiotravis: no/body cannot be read at present: " in ended.err


def test_mine_are_all_repositories_with_a_right(travis: Travis, run: Run) -> None:
    made(travis, "passed")
    travis.once(printed("#1 passed"), ctrl_c)
    assert run("watch", "--mine").code == 130


def test_a_lost_live_channel_is_told_and_heals(travis: Travis, run: Run) -> None:
    build = made(travis, None)

    def lose() -> None:
        travis.server.pusher.disconnect()
        build.finish("failed")

    occupied = f"repo-{travis.repository.id}"
    travis.once(
        lambda: printed("#1 started")() and travis.server.pusher.occupied(occupied),
        lose,
        lambda: printed("#1 failed")() and printed("channel is back", stream="stderr")(),
        ctrl_c,
    )
    ended = run("watch", *R)
    assert ended.code == 130
    assert "aiotravis: the live channel is lost: until it is back, builds are read every few seconds\n" in ended.err


@pytest.mark.parametrize(("name", "code"), [("no/body", 4), ("nobody", 2)])
def test_what_does_not_exist_is_not_watched(travis: Travis, run: Run, name: str, code: int) -> None:
    ended = run("watch", name)
    assert (ended.code, ended.out) == (code, "")


def test_a_bad_token_ends_it(travis: Travis, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAVIS_TOKEN", "unknown")
    assert run("watch", *R).code == 3
    monkeypatch.delenv("TRAVIS_TOKEN")
    assert run("watch", "--mine", "-r", SLUG).code == 2
    assert run("watch", "--mine").code == 2


@pytest.mark.skipif(sys.platform == "win32", reason="it has no pseudo-terminals")
async def test_a_terminal_has_a_table_that_is_live_and_follows_its_size(travis: Travis, environment: Path) -> None:
    from tests import terminal

    made(travis, "passed")
    build = made(travis, None)
    command = [*python(), "-m", "aiotravis", "watch", "--mine", "-l", "2"]
    async with terminal.started(command, 100, 20) as screen:
        await screen.shows(lambda text: "started" in text and "0/1" in text and "live" in text)
        travis.run(lambda: build.finish("failed"))
        await screen.shows(lambda text: "failed" in text and "1/1" in text and "started" not in text)
        screen.resize(60, 20)
        await screen.shows(lambda text: len(text.splitlines()[0].rstrip()) <= 60 and "Reposi" in text)
        screen.process.send_signal(signal.SIGINT)
        assert await screen.ends() == 130
        assert screen.text.count("Reposi") == 1
        # The cursor is there again.
        assert screen.written.rindex(b"\x1b[?25h") > screen.written.rindex(b"\x1b[?25l")
