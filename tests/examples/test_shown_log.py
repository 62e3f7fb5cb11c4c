"""A log as the web dashboard shows it: watched live, in any cuts, and after a reload."""

import random
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from aiotravis.testing import SAMPLE_LOGS
from examples.dashboard_web import shown_log
from examples.dashboard_web.shown_log import Cursor, ShownLog

CLEAR = "\r\x1b[0K"

CANCELED = "\n\nDone: Job Cancelled\n\n"


class Page:
    """What a page has received: the model of `static/lines.js`."""

    def __init__(self, log: ShownLog) -> None:
        self._log = log
        self._cursor = Cursor()
        self.lines: dict[int, list[Any]] = {}
        self.rest: Any = None

    def receive(self) -> None:
        """Receive one message."""
        news: Any = self._log.after(self._cursor)
        if news["reset"]:
            self.lines.clear()
        if news["standing"] is not None:
            self.lines = {number: line for number, line in self.lines.items() if number <= news["standing"]}
        self.lines.update((line[0], list(line)) for line in news["lines"])
        for number, duration in news["durations"]:
            if number in self.lines:
                self.lines[number][4] = duration
        self.rest = news["rest"]
        if news["more"]:
            self.receive()

    @property
    def durations(self) -> dict[int, float]:
        """Durations by the number of their line."""
        return {number: line[4] for number, line in self.lines.items() if line[4] is not None}


def cuts(text: str, rng: random.Random, largest: int) -> Iterator[str]:
    place = 0
    while place < len(text):
        size = rng.randint(1, largest)
        yield text[place : place + size]
        place += size


def watched_live(parts: Iterable[str], rng: random.Random) -> Page:
    """Return a page that has watched a log from its beginning."""
    log = ShownLog()
    page = Page(log)
    for part in parts:
        log.feed(part)
        if rng.random() < 0.6:
            page.receive()
    log.close()
    page.receive()
    return page


def reloaded(text: str) -> Page:
    return watched_live([text], random.Random(0))


def timed(identifier: str, body: str, seconds: int) -> str:
    times = f"start=0,finish={seconds}000000000,duration={seconds}000000000,event=script"
    return f"travis_time:start:{identifier}{CLEAR}{body}travis_time:end:{identifier}:{times}{CLEAR}"


LOGS = {
    **SAMPLE_LOGS,
    "a timer around a fold": timed(
        "1",
        f"travis_fold:start:system_info{CLEAR}\x1b[33;1mBuild system\x1b[0m\nruby\ntravis_fold:end:system_info{CLEAR}",
        3,
    ),
    "a coloured command": timed("1", "\x1b[36m$ make\x1b[0m\nmaking\n", 3),
    "ten timers at once": "".join(f"travis_time:start:{n}{CLEAR}$ sleep {n}\n" for n in range(10))
    + "".join(f"travis_time:end:{n}:start=0,finish={n},duration={n}000000000{CLEAR}\n" for n in range(10)),
    "two timers of one line": timed("1", timed("2", "$ make\nmaking\n", 2), 3),
    "an end that comes twice": timed("1", "$ make\n", 1)
    + f"$ cd x\ntravis_time:end:1:start=0,finish=9,duration=9000000000{CLEAR}$ ls\n",
    "an end without a start": f"$ a\ntravis_time:end:9:start=0,finish=1,duration=1{CLEAR}\n$ b\n",
    "canceled in nested folds": f"travis_fold:start:a{CLEAR}$ make\ntravis_fold:start:b{CLEAR}making\n{CANCELED}",
    "canceled in a fold without lines": f"$ make\ntravis_fold:start:a{CLEAR}{CANCELED}",
    "the last line unfinished": f"travis_time:start:1{CLEAR}$ make\nmaking",
}


@pytest.mark.parametrize("name", LOGS)
def test_a_log_watched_live_ends_as_a_reload_shows_it(name: str) -> None:
    text = LOGS[name]
    expected = reloaded(text)
    for seed in range(25):
        rng = random.Random(seed)
        live = watched_live(cuts(text, rng, len(text) // rng.choice((15, 150)) + 2), rng)
        assert live.lines == expected.lines
        assert live.rest == expected.rest


@pytest.mark.parametrize(
    ("name", "durations"),
    [
        ("a timer around a fold", {1: 3.0}),
        ("a coloured command", {1: 3.0}),
        ("ten timers at once", {n + 1: float(n) for n in range(10)}),
        ("two timers of one line", {1: 3.0}),
        ("an end without a start", {}),
    ],
)
def test_a_reload_shows_the_durations_of_all_timers(name: str, durations: dict[int, float]) -> None:
    assert reloaded(LOGS[name]).durations == durations


def test_more_patches_than_are_kept_reach_a_slow_viewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown_log, "MAX_LINES", 9)
    texts = ["".join(f"travis_time:start:{n}{CLEAR}$ sleep {n}\n" for n in range(9))]
    for seconds in (1, 2, 3):
        times = f"start=0,finish={seconds}000000000,duration={seconds}000000000"
        texts.append("".join(f"travis_time:end:{n}:{times}{CLEAR}\n" for n in range(9)))
    log = ShownLog()
    page = Page(log)
    for place, text in enumerate(texts):
        log.feed(text)
        if not place:
            page.receive()
    page.receive()
    assert page.durations == reloaded("".join(texts)).durations
    assert len(page.durations) == 9


def test_limits_hold_at_places_of_the_text_whatever_its_cuts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown_log, "MAX_PARSED_TEXT", 300)
    monkeypatch.setattr(shown_log, "MAX_UNFINISHED_LINE", 80)
    text = f"travis_fold:start:install{CLEAR}"
    for n in range(12):
        text += timed(f"{n}", f"$ command {n}\n{'x' * (n * 20)}\n", n) + "y" * n * 3 + "\n"
    expected = None
    for seed in range(60):
        rng = random.Random(seed)
        live = watched_live(cuts(text, rng, rng.choice((3, 40, 70))), rng)
        expected = expected or live
        assert live.lines == expected.lines
    assert expected is not None
    assert sorted(expected.lines) == list(range(1, len(expected.lines) + 1))
    assert {tuple(line[1]) for line in expected.lines.values()} == {("install",)}
    texts = "".join(span[0] for line in expected.lines.values() for span in line[2])
    assert texts.count("x") == sum(n * 20 for n in range(12))
