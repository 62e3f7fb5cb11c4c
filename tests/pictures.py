"""``python -m tests.pictures``: make the pictures of the README again, from running examples.

It needs a Chromium in the path, as the tests in ``tests/browser`` do.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

import anyio
from playwright.async_api import Browser, async_playwright

from tests.browser.conftest import CHROMIUM, FLAGS
from tests.terminal import started

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"

COLUMNS, ROWS = 110, 32

CELL = (8.4, 16.5)
"""Width and height of a character, in pixels."""

INK, PAPER = "#d7dbe3", "#14171d"

COLOURS = {
    "black": "#6f7889", "red": "#ff7b7b", "green": "#5fd38d", "brown": "#f0b64a", "blue": "#7aa8ff",
    "magenta": "#d59bf6", "cyan": "#5cc8d6", "white": INK,
}  # fmt: skip


def ink(cell: Any, name: str, default: str) -> str:
    """Return a colour of a cell as CSS."""
    value: str = getattr(cell, name)
    if value == "default":
        return default
    return COLOURS.get(value.removeprefix("bright"), f"#{value}" if re.fullmatch("[0-9a-f]{6}", value) else default)


def pieces(screen: Any) -> Iterator[tuple[int, int, str, tuple[str, bool]]]:
    """Yield column, row, text and style of everything on a screen."""
    for row in range(screen.lines):
        cells = [screen.buffer[row][column] for column in range(screen.columns)]
        column = 0
        for look, group in groupby(cells, key=lambda cell: (ink(cell, "fg", INK), bool(cell.bold))):
            text = "".join(cell.data for cell in group)
            if text.strip():
                yield column, row, text, look
            column += len(text)


def drawing(screen: Any, title: str) -> str:
    """Draw a screen as SVG."""
    width, height = screen.columns * CELL[0] + 24, screen.lines * CELL[1] + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="100%" height="100%" rx="8" fill="{PAPER}"/>',
        '<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,DejaVu Sans Mono,monospace" font-size="14">',
    ]
    for column, row, text, (colour, bold) in pieces(screen):
        # With a fixed length, no font shifts the text beside it.
        weight = ' font-weight="bold"' if bold else ""
        parts.append(
            f'<text x="{12 + column * CELL[0]:.1f}" y="{24 + row * CELL[1]:.1f}" fill="{colour}" xml:space="preserve"'
            f' textLength="{len(text) * CELL[0]:.1f}" lengthAdjust="spacingAndGlyphs"'
            f"{weight}>{escape(text)}</text>"
        )
    return "\n".join([*parts, "</g></svg>", ""])


async def terminal() -> None:
    """Draw the terminal dashboard while a build runs."""
    async with started([sys.executable, str(EXAMPLES / "dashboard_terminal.py")], COLUMNS, ROWS) as seen:
        before = [""]

        def is_whole(text: str) -> bool:
            # What is read may end within a drawing: only what was drawn again is whole.
            before.append(text)
            return "exited with" in text and "1 running" in text and len(set(before[-4:])) == 1

        await seen.shows(is_whole)
        title = "Builds of five repositories in a terminal, and the log of the one that runs"
        svg = drawing(seen.screen, title)
        seen.press("q")
        await seen.ends()
    await anyio.Path(EXAMPLES, "dashboard_terminal.svg").write_text(svg, "utf-8")


async def durations(browser: Browser) -> None:
    """Make a screenshot of the page with the charts."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "durations.html")
        await anyio.run_process([sys.executable, str(EXAMPLES / "durations.py"), "--out", str(out)])
        page = await browser.new_page(viewport={"width": 1060, "height": 820}, color_scheme="light")
        await page.goto(out.as_uri())
        await page.screenshot(path=EXAMPLES / "durations.png", full_page=True)


@asynccontextmanager
async def web() -> AsyncGenerator[str]:
    """Start the web dashboard; yield its URL."""
    command = [sys.executable, str(EXAMPLES / "dashboard_web"), "--port", "0", "--speed", "1"]
    async with await anyio.open_process(command, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        said = ""
        while (found := re.search(r"http://\S+", said)) is None:
            said += (await process.stdout.receive()).decode()
        try:
            yield found[0]
        finally:
            process.terminate()


async def wall_and_phone(browser: Browser) -> None:
    """Make screenshots of the web dashboard: with a growing log, and on a phone."""
    async with web() as url:
        wall = await browser.new_page(viewport={"width": 1520, "height": 860}, color_scheme="light")
        await wall.goto(url)
        running = wall.locator('.job[data-state="started"]')
        await running.first.click(timeout=60_000)
        await wall.wait_for_selector("#log-lines .f-2", state="attached", timeout=60_000)
        await wall.screenshot(path=EXAMPLES / "dashboard_web" / "wall.png")
        phone = await browser.new_page(
            viewport={"width": 390, "height": 760}, color_scheme="dark", has_touch=True, is_mobile=True
        )
        await phone.goto(url)
        await phone.wait_for_selector('#status[data-health="live"]')
        await phone.screenshot(path=EXAMPLES / "dashboard_web" / "phone.png")


async def main() -> None:
    """Make all pictures."""
    await terminal()
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        await durations(browser)
        await wall_and_phone(browser)
        await browser.close()


if __name__ == "__main__":
    anyio.run(main)
