"""A real Chromium, driven by Playwright. Without them these tests are skipped."""

import shutil
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from tests.browser.pages import TIMEOUT, Complaints

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

VIEWPORT = {"width": 1400, "height": 900}


# One browser per file: starting it takes longer than most of the tests.
@pytest.fixture(scope="module")
async def chromium() -> AsyncGenerator[Any]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    playwright: Any = pytest.importorskip("playwright.async_api", reason="the package playwright is not installed")
    async with playwright.async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield browser
        finally:
            await browser.close()


@pytest.fixture
def complaints() -> Complaints:
    return Complaints()


# One page per file, too: closing a page ends a process. Each test has an empty one in an origin of its own, since its
# server has a port of its own.
@pytest.fixture(scope="module")
async def tab(chromium: Any) -> Any:
    tab = await chromium.new_page(viewport=VIEWPORT, reduced_motion="reduce")
    tab.set_default_timeout(TIMEOUT)
    return tab


@pytest.fixture
async def page(tab: Any, complaints: Complaints) -> AsyncGenerator[Any]:
    def on_error(error: Any) -> None:
        complaints.append(str(error))

    def on_message(message: Any) -> None:
        if message.type in {"error", "warning"}:
            complaints.append(message.text)

    await tab.set_viewport_size(VIEWPORT)
    tab.on("pageerror", on_error)
    tab.on("console", on_message)
    try:
        yield tab
    finally:
        tab.remove_listener("pageerror", on_error)
        tab.remove_listener("console", on_message)
        await tab.goto("about:blank")
        await tab.context.clear_cookies()
