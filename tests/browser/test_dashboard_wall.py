"""The web dashboard with many repositories in a browser, on a phone and on a wall."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from aiotravis import Travis
from aiotravis.testing import Repository, TravisServer
from examples.dashboard_web.app import dashboard
from tests.browser.pages import expect, log_of, of, shows

SIZES = [(390, 844), (2560, 1440)]

OVERFLOWING = """all => all.flatMap(card => {
    const right = card.getBoundingClientRect().right;
    return [...card.querySelectorAll('*')].filter(one => one.getBoundingClientRect().right > right + 1);
}).map(one => one.className)"""


@pytest.fixture
def repositories(server: TravisServer) -> list[Repository]:
    users = list(server.world.users.values())
    slugs = [f"an-owner-with-a-name/a-repository-whose-name-is-longer-than-its-card-{n}" for n in range(15)]
    wall = [server.world.repository(slug, users=users) for slug in (*slugs, *(f"a/b{n}" for n in range(15)))]
    for place, repository in enumerate(wall):
        repository.history(8, jobs=40 if place % 10 == 0 else 3)
    return wall


@pytest.fixture
async def url(travis: Travis, repositories: list[Repository]) -> AsyncGenerator[str]:
    async with dashboard(travis, [repository.slug for repository in repositories]) as url:
        yield url


@pytest.mark.parametrize(("width", "height"), SIZES)
async def test_thirty_repositories_are_shown_and_updated_and_nothing_overflows(
    page: Any, url: str, server: TravisServer, repositories: list[Repository], width: int, height: int
) -> None:
    await page.set_viewport_size({"width": width, "height": height})
    await page.goto(url)
    await shows(page, "#status", "Live")
    assert await page.locator(".repository").count() == 30
    assert await page.locator(".build").count() == 240
    assert await page.locator(".build:visible").count() == 30, "the newest of each repository"
    builds = [repository.build(jobs=3, message="x" * 500) for repository in repositories[::3]]
    await shows(page, "#counts", "0 running · 10 waiting")
    for build in builds:
        build.start()
    await shows(page, "#counts", "10 running · 0 waiting")
    for build in builds:
        assert await page.locator(of(build)).is_visible()
    tops = await page.locator(".repository").evaluate_all("all => all.map(one => one.getBoundingClientRect().top)")
    assert width < 1000 or max(tops) < height, "all are on the wall"
    assert await page.locator(".repository").evaluate_all(OVERFLOWING) == []
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    for build in builds:
        build.finish("failed")
    await shows(page, "#counts", "0 running · 0 waiting · 10 of 30 broken")
    for build in builds:
        await shows(page, of(build), "failed")
    assert await page.locator(".build:visible").count() == 30


async def test_earlier_builds_are_counted_and_a_button_shows_them(
    page: Any, url: str, repositories: list[Repository]
) -> None:
    await page.goto(url)
    await shows(page, "#status", "Live")
    card = page.locator(".repository").nth(20)
    earlier = card.locator(".earlier")
    assert await earlier.get_attribute("aria-expanded") == "false"
    assert f"7 earlier builds of {repositories[20].slug}: " in await earlier.get_attribute("aria-label")
    assert await card.locator(".build:visible").count() == 1
    await earlier.focus()
    await page.keyboard.press("Enter")
    assert await earlier.get_attribute("aria-expanded") == "true"
    assert await card.locator(".build:visible").count() == 8
    assert await page.evaluate("document.activeElement.className") == "earlier"
    await page.keyboard.press("Enter")
    assert await card.locator(".build:visible").count() == 1
    # The state of the button is kept when a build is added.
    await page.keyboard.press("Enter")
    build = repositories[20].build()
    await shows(page, of(build), "waiting")
    assert await card.locator(".build:visible").count() == 8


async def test_focused_and_opened_builds_stay_visible_when_newer_builds_come(
    page: Any, url: str, repositories: list[Repository]
) -> None:
    await page.goto(url)
    await shows(page, "#status", "Live")
    repository = repositories[20]
    focused, read = repository.builds[-1], repositories[21].builds[-1]
    await page.focus(log_of(focused.jobs[1]))
    newest = [repository.build(), repositories[21].build()]
    await shows(page, of(newest[0]), "waiting")
    assert await page.evaluate("document.activeElement.dataset.job") == str(focused.jobs[1].id)
    assert await page.locator(of(focused)).is_visible()
    await expect(page.locator(of(read))).to_be_hidden()
    await page.locator(log_of(newest[1].jobs[0])).click()
    later = repositories[21].build()
    newest[1].start().finish("passed")
    await shows(page, of(later), "waiting")
    await shows(page, of(newest[1]), "passed")
    assert await page.locator(of(newest[1])).is_visible(), "its log is open"
