"""The web dashboard in a real Chromium, driven by Playwright; skipped without them."""

import statistics
from collections.abc import AsyncGenerator
from typing import Any

import anyio
import pytest

from aiotravis import Travis
from aiotravis.testing import Repository, TravisServer
from examples.dashboard_web.app import dashboard
from tests.browser.pages import Complaints, expect, log_of, of, shows

HOSTILE = (
    "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'><svg onload='window.hacked = 3'>"
    '<a href="javascript:window.hacked = 4">a</a>'
)


LINES = "all => all.map(line => [line.dataset.number, line.textContent, line.parentElement.tagName])"


@pytest.fixture
async def url(travis: Travis, repository: Repository) -> AsyncGenerator[str]:
    repository.history(3, jobs=2)
    async with dashboard(travis, [repository.slug]) as url:
        yield url


async def test_builds_appear_and_change(
    page: Any, url: str, server: TravisServer, repository: Repository, complaints: Complaints
) -> None:
    await page.goto(url)
    await shows(page, "#status", "Live")
    assert await page.locator(".build").count() == 3
    build = repository.build(jobs=2, message=HOSTILE)
    await shows(page, of(build), "waiting")
    assert await page.locator(".build").first.get_attribute("data-id") == str(build.id)
    server.play(build, speed=8)
    await shows(page, of(build), "running")
    await shows(page, of(build), "passed")
    assert await page.locator(f"{of(build)} .subject").text_content() == HOSTILE
    assert await page.locator(f"{of(build)} .job").count() == 2
    assert await page.evaluate("window.hacked") is None
    await shows(page, "#announcement", f"build {build.number} passed")
    assert complaints == []


async def test_a_log_streams_to_its_end_and_its_folds_open_and_close(
    page: Any, url: str, server: TravisServer, repository: Repository, complaints: Complaints
) -> None:
    await page.goto(url)
    build = repository.build()
    await page.click(log_of(build.jobs[0]))
    await shows(page, "#log-status", "Following")
    server.play(build, speed=8)
    await shows(page, "#log-status", "The end · exit code 0")
    await shows(page, "#log-lines", "Done. Your build exited with 0.")
    assert await page.locator("#log-lines details").count() == 7
    # One of each phase that was timed: system_info, services, git.checkout, env, rvm, install, script, after_success.
    assert await page.locator("#log-lines .duration").count() == 8
    live = await page.locator("#log-lines .line").evaluate_all(LINES)
    await page.reload()
    await page.click(log_of(build.jobs[0]))
    await shows(page, "#log-status", "The end · exit code 0")
    assert await page.locator("#log-lines .line").evaluate_all(LINES) == live
    fold = page.locator("#log-lines details").nth(5)
    within = fold.locator(".line").nth(5)
    assert not await within.is_visible()
    await fold.locator("summary").click()
    assert await within.is_visible()
    await page.keyboard.press("Enter")
    assert not await within.is_visible()
    await page.click("#log-unfold")
    assert await page.locator("#log-lines details[open]").count() == 7
    numbers = await page.locator("#log-lines .line").evaluate_all("all => all.map(one => Number(one.dataset.number))")
    assert numbers == list(range(1, len(numbers) + 1))
    assert await page.locator("#log-lines .f-2").count() > 5
    assert complaints == []


async def test_the_keyboard_opens_and_closes_a_log_and_focus_comes_back(
    page: Any, url: str, server: TravisServer, repository: Repository
) -> None:
    await page.goto(url)
    job = repository.builds[-1].jobs[1]
    await page.focus(log_of(job))
    await page.keyboard.press("Enter")
    assert await page.evaluate("document.activeElement.id") == "log-title"
    await shows(page, "#log-lines", "rake")
    await page.keyboard.press("Escape")
    assert not await page.locator("#log").is_visible()
    assert await page.evaluate("document.activeElement.dataset.job") == str(job.id)
    # Focus stays when other builds appear and change.
    server.play(repository.build(jobs=2), speed=20)
    await shows(page, ".build >> nth=0", "passed")
    assert await page.evaluate("document.activeElement.dataset.job") == str(job.id)


async def test_the_buttons_restart_and_cancel_and_show_refusals(page: Any, url: str, repository: Repository) -> None:
    await page.goto(url)
    build = repository.builds[-1]
    act = page.locator(f"{of(build)} .act")
    await act.click()
    await shows(page, of(build), "waiting")
    assert build.state == "created"
    await expect(act).to_have_text("Cancel")
    await act.click()
    await shows(page, of(build), "canceled")
    assert await page.evaluate("document.activeElement.className") == "act"
    repository.users.clear()
    await act.click()
    await shows(page, ".toast", "permission")


async def test_a_hostile_log_stays_inert_and_the_page_responsive(
    page: Any, url: str, repository: Repository, complaints: Complaints
) -> None:
    await page.goto(url)
    build = repository.build()
    job = build.jobs[0]
    await page.click(log_of(job))
    await shows(page, "#log-status", "Following")
    job.start()
    job.write(f"{HOSTILE}\n\x1b]8;;javascript:window.hacked=5\x07link\x1b]8;;\x07\n")
    await shows(page, "#log-lines", HOSTILE)
    markup = await page.locator("#log-lines").locator("script, img, svg, a, iframe").count()
    assert markup == 0
    name = "travis_fold:start:x\r\x1b[0K"
    job.write(name * 200 + "deep\n" + "travis_fold:end:y\r\x1b[0K\n" * 200)
    job.write(f"{'x' * 10_000_000}\n")
    frames: list[float] = []
    for _ in range(20):
        job.write("".join(f"\x1b[{n % 110}m{HOSTILE}\x1b[0m\n" for n in range(2000)))
        began = anyio.current_time()
        await page.evaluate("new Promise(requestAnimationFrame)")
        frames.append(anyio.current_time() - began)
    # Browser, server and follower share the processor with other tests: one frame may be late, but not half of them.
    assert statistics.median(frames) < 2
    job.write("the very end\n", final=True)
    job.finish()
    await shows(page, "#log-status", "The end")
    await shows(page, "#log-lines", "the very end")
    await shows(page, "#log-note", "earlier lines are not shown")
    assert await page.locator("#log-lines .line").count() <= 5000
    assert await page.locator("#log-lines").locator("script, img, svg, a, iframe").count() == 0
    assert await page.evaluate("window.hacked") is None
    assert complaints == []


async def test_a_long_line_is_cut_with_a_note(page: Any, url: str, repository: Repository) -> None:
    await page.goto(url)
    job = repository.build().jobs[0]
    await page.click(log_of(job))
    job.start()
    job.write("x" * 700_000 + "\nafter\n", final=True)
    job.finish()
    await shows(page, "#log-lines", "after")
    await shows(page, "#log-lines .cut", "698,000 more characters are not shown")


@pytest.mark.parametrize(
    "attempt",
    [
        "document.body.innerHTML = '<img src=x onerror=\"window.hacked = 1\">'",
        "document.createElement('b').setAttribute('onclick', 'window.hacked = 1')",
        "document.body.append(Object.assign(document.createElement('script'), {text: 'window.hacked = 1'}))",
    ],
)
async def test_the_content_security_policy_blocks_inline_code(page: Any, url: str, attempt: str) -> None:
    await page.goto(url)
    assert (
        await page.evaluate(f"() => {{ try {{ {attempt}; return 'done' }} catch {{ return 'refused' }} }}") == "refused"
    )
    assert await page.evaluate("window.hacked") is None


async def test_the_page_recovers_when_the_travis_behind_it_restarts(
    page: Any, url: str, server: TravisServer, repository: Repository
) -> None:
    await page.goto(url)
    build = repository.build()
    await page.click(log_of(build.jobs[0]))
    build.jobs[0].start()
    build.jobs[0].write("before\n")
    await shows(page, "#log-lines", "before")
    await server.pusher.wait_occupied(f"repo-{repository.id}")
    port = server.port
    await server.stop()
    await shows(page, "#status", "Behind")
    build.jobs[0].write("meanwhile\n", final=True)
    build.jobs[0].finish("failed")
    await server.start(port)
    await shows(page, of(build), "failed")
    await shows(page, "#status", "Live · 1 gap")
    await shows(page, "#log-lines", "meanwhile")
    await shows(page, "#log-status", "The end")


async def test_the_page_recovers_when_the_dashboard_itself_restarts(
    page: Any, travis: Travis, repository: Repository
) -> None:
    build = repository.build()
    job = build.jobs[0]
    job.start()
    job.write("before\n")
    async with dashboard(travis, [repository.slug]) as url:
        port = int(url.rsplit(":", 1)[1].strip("/"))
        await page.goto(url)
        await page.click(log_of(job))
        await shows(page, "#log-lines", "before")
    await shows(page, "#status", "does not answer")
    job.write("meanwhile\n")
    later = repository.build()
    async with dashboard(travis, [repository.slug], port=port):
        await shows(page, "#status", "Live")
        await shows(page, of(later), "waiting")
        await shows(page, "#log-lines", "meanwhile")
        lines = await page.locator("#log-lines .line .text").all_text_contents()
        assert lines == ["before", "meanwhile"]
        job.write("after\n", final=True)
        job.finish()
        await shows(page, of(build), "passed")
        await shows(page, "#log-status", "The end")


async def test_the_log_of_a_restarted_job_replaces_the_old_one(page: Any, url: str, repository: Repository) -> None:
    await page.goto(url)
    build = repository.builds[-1]
    job = build.jobs[0]
    await page.click(log_of(job))
    await shows(page, "#log-status", "The end")
    await page.click(f"{of(build)} .act")
    await shows(page, "#log-status", "Following")
    job.start()
    job.write("a second run\n")
    await shows(page, "#log-lines", "a second run")
    assert await page.locator("#log-lines .line").count() == 1


@pytest.mark.parametrize(("width", "height", "scheme"), [(390, 844, "light"), (1920, 1080, "dark")])
async def test_nothing_overlaps_or_overflows_on_a_phone_or_a_wall(
    chromium: Any, travis: Travis, server: TravisServer, width: int, height: int, scheme: str
) -> None:
    repositories = [server.world.repository(f"an-owner-with-a-name/a-repository-{n}") for n in range(6)]
    for place, repository in enumerate(repositories):
        repository.history(8, jobs=1 + place * 3)
    page = await chromium.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    async with dashboard(travis, [repository.slug for repository in repositories]) as url:
        await page.goto(url)
        await shows(page, "#status", "Live")
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        boxes = await page.locator(".repository").evaluate_all(
            "all => all.map(one => one.getBoundingClientRect()).map(b => [b.left, b.top, b.right, b.bottom])"
        )
        for place, (left, top, right, bottom) in enumerate(boxes):
            assert right <= width
            for other in boxes[place + 1 :]:
                assert right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top
        cut = await page.locator(".repository").evaluate_all(
            "all => all.filter(b => b.scrollHeight > b.clientHeight + 1)"
        )
        assert cut == []
        await page.locator(".job").first.click()
        await shows(page, "#log-status", "The end")
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        box = await page.locator("#log").bounding_box()
        assert box["width"] == (width if width < 900 else pytest.approx(width * 0.46, abs=2))
        assert await page.locator("#log-close").is_visible()
    await page.close()
