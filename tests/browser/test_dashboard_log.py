"""A long log in the web dashboard in a browser: scrolled while it grows, cut at its beginning."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from aiotravis import Travis
from aiotravis.log_text import _state
from aiotravis.testing import SAMPLE_LOGS, Job, Repository
from examples.dashboard_web.app import dashboard
from tests.browser.pages import log_of, shows

MOST = 5000
"""Lines that the page keeps."""

PLACE = """number => {
    const line = document.querySelector(`#log-lines .line[data-number="${number}"]`);
    return line.getBoundingClientRect().top - document.getElementById('log-lines').getBoundingClientRect().top;
}"""


SHAPE = """box => {
    const shape = element => element.classList.contains("line")
        ? `${element.dataset.number} ${element.textContent}\\n`
        : `<${element.tagName}>${[...element.children].map(shape).join("")}</${element.tagName}>`;
    return shape(box).replaceAll("</DIV><DIV>", "");
}"""


@pytest.fixture
def job(repository: Repository) -> Job:
    build = repository.build()
    return build.jobs[0].start()


@pytest.fixture
async def log(page: Any, travis: Travis, repository: Repository, job: Job) -> AsyncGenerator[Any]:
    async with dashboard(travis, [repository.slug]) as url:
        await page.goto(url)
        await page.click(log_of(job))
        await shows(page, "#log-status", "Following")
        yield page


def lines(first: int, count: int) -> str:
    return "".join(f"line {number} is {'long ' * (number % 60)}\n" for number in range(first, first + count))


async def test_the_scroll_position_is_kept_while_the_log_grows_and_its_beginning_is_cut(log: Any, job: Job) -> None:
    job.write(lines(1, MOST))
    await shows(log, "#log-lines", f"line {MOST} is")
    await log.click("#log-follow")
    await log.evaluate("document.querySelector('#log-lines .line[data-number=\"3000\"]').scrollIntoView()")
    await log.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    before = await log.evaluate(PLACE, 3000)
    assert -50 < before < 400
    for first in range(MOST + 1, MOST + 1001, 250):
        job.write(lines(first, 250))
    await shows(log, "#log-note", "1,000 earlier lines are not shown")
    assert await log.evaluate(PLACE, 3000) == pytest.approx(before, abs=2)
    assert await log.locator("#log-follow").get_attribute("aria-pressed") == "false"
    await log.click("#log-follow")
    assert await log.evaluate(PLACE, MOST + 1000) < 900


async def test_the_number_of_folds_above_the_limit_is_shown(
    log: Any, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_state, "MAX_STRUCTURES", 20)
    job.write(
        "".join(f"travis_fold:start:f{n}\r\x1b[0Kin {n}\ntravis_fold:end:f{n}\r\x1b[0K" for n in range(15)) + "\n"
    )
    await shows(log, "#log-note", "10 folds, timers and commands are too many: their lines are plain.")
    assert await log.locator("#log-lines details").count() == 10
    assert await log.locator("#log-lines .line").count() == 15


FOLLOW = '#log-follow[aria-pressed="{}"]'

FINGER = """places => {
    const box = document.getElementById("log-lines");
    for (const [name, clientY] of places) {
        const touch = new Touch({ identifier: 1, target: box, clientX: 50, clientY });
        box.dispatchEvent(new TouchEvent(name, { touches: [touch], changedTouches: [touch], bubbles: true }));
    }
}"""

SCROLL_BAR = "x => document.getElementById('log-lines').dispatchEvent(new PointerEvent('pointerdown', { clientX: x }))"


async def scrolls_up_by(log: Any, way: str) -> None:
    """Scroll the log up as a user does."""
    box = await log.locator("#log-lines").bounding_box()
    await log.mouse.move(box["x"] + 50, box["y"] + 50)
    match way:
        case "wheel":
            await log.mouse.wheel(0, -300)
        case "finger":
            await log.evaluate(FINGER, [["touchstart", 100], ["touchmove", 180]])
        case "scroll bar":
            # Headless browsers have no scroll bars.
            await log.evaluate(SCROLL_BAR, box["x"] + box["width"] + 4)
        case "fold":
            await log.focus("#log-lines summary")
        case key:
            await log.focus("#log-lines")
            await log.keyboard.press(key)


async def test_scrolling_up_stops_following(log: Any, job: Job) -> None:
    clear = "\r\x1b[0K"
    job.write(f"travis_fold:start:a{clear}{lines(1, 3)}travis_fold:end:a{clear}{lines(4, 300)}")
    await shows(log, "#log-lines", "line 303 is")
    for way in ("wheel", "finger", "scroll bar", "fold", "ArrowUp", "PageUp", "Home", "Shift+Space"):
        assert await log.locator(FOLLOW.format("true")).count() == 1, way
        await scrolls_up_by(log, way)
        await log.wait_for_selector(FOLLOW.format("false"))
        await log.click("#log-follow")


async def test_nothing_but_scrolling_up_stops_following(log: Any, job: Job) -> None:
    for first in range(1, MOST, 500):
        job.write(lines(first, 500))
    await shows(log, "#log-lines", f"line {MOST} is")
    # The browser scrolls by itself when lines above change their height.
    for width in (300, 1400):
        await log.set_viewport_size({"width": width, "height": 600})
        await log.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    box = await log.locator("#log-lines").bounding_box()
    await log.mouse.move(box["x"] + 50, box["y"] + 50)
    await log.mouse.wheel(0, 300)
    await log.mouse.click(box["x"] + 50, box["y"] + 50)
    await log.evaluate(FINGER, [["touchstart", 180], ["touchmove", 100]])
    await log.focus("#log-lines")
    for key in ("ArrowDown", "PageDown", "End", "a"):
        await log.keyboard.press(key)
    job.write("the end\n")
    await shows(log, "#log-lines", "the end")
    assert await log.locator(FOLLOW.format("true")).count() == 1
    assert await log.evaluate(PLACE, MOST + 1) < box["height"]


async def test_following_shows_the_end(log: Any, job: Job) -> None:
    for first in range(1, 3001, 100):
        job.write(lines(first, 100))
    job.write("the end\n", final=True)
    job.finish()
    await shows(log, "#log-lines", "the end")
    box = await log.locator("#log-lines").bounding_box()
    assert 0 < await log.evaluate(PLACE, 3001) < box["height"]


async def test_following_shows_the_end_of_unfolded_lines(log: Any, job: Job) -> None:
    job.write(f"travis_fold:start:a\r\x1b[0K{lines(1, 300)}")
    await shows(log, "#log-lines", "line 300 is")
    await log.click("#log-unfold")
    box = await log.locator("#log-lines").bounding_box()
    assert 0 < await log.evaluate(PLACE, 300) < box["height"]


async def test_black_text_on_white_is_legible(log: Any, job: Job) -> None:
    job.write("\x1b[30;47mwhite\x1b[0m \x1b[30;42mgreen\x1b[0m \x1b[30mnone\x1b[0m\n")
    await shows(log, "#log-lines", "none")
    colours = await log.locator("#log-lines .text span").evaluate_all(
        "all => all.map(one => getComputedStyle(one)).map(one => [one.color, one.backgroundColor])"
    )
    assert colours == [
        ["rgb(20, 23, 29)", "rgb(184, 192, 206)"],
        ["rgb(255, 255, 255)", "rgb(28, 90, 53)"],
        ["rgb(138, 147, 165)", "rgba(0, 0, 0, 0)"],
    ]


async def test_folds_are_removed_with_their_lines(log: Any, job: Job) -> None:
    for first in range(0, MOST + 2000, 1000):
        names = [f"f{number}" for number in range(first, first + 1000)]
        job.write("".join(f"travis_fold:start:{n}\r\x1b[0Kx\ntravis_fold:end:{n}\r\x1b[0K" for n in names))
    job.write("the end\n", final=True)
    job.finish()
    await log.wait_for_selector(f'#log-lines .line[data-number="{MOST + 2001}"]', state="attached")
    assert await log.locator("#log-lines details").count() < MOST
    assert await log.locator("#log-lines .line").count() == MOST
    assert await log.locator("#log-lines .bundle").count() <= MOST / 50


@pytest.mark.parametrize("name", ["2019-canceled", "2021-stalled", "2017-setup-failed"])
async def test_a_log_watched_to_any_ending_looks_as_after_a_reload(log: Any, job: Job, name: str) -> None:
    text = SAMPLE_LOGS[name]
    for place in range(0, len(text), 500):
        job.write(text[place : place + 500])
    ending = text.split("\n")[-3].strip()
    await shows(log, "#log-lines", ending)
    job.write("", final=True)
    job.finish("canceled" if name.endswith("canceled") else "errored")
    await shows(log, "#log-status", "The end")
    live = await log.locator("#log-lines").evaluate(SHAPE)
    assert ending in live
    await log.reload()
    await log.click(log_of(job))
    await shows(log, "#log-status", "The end")
    assert await log.locator("#log-lines").evaluate(SHAPE) == live
