"""Reading a log in the web dashboard: what failed, earlier lines, links, search, copies, Back."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from aiotravis import Travis
from aiotravis.testing import SAMPLE_LOGS, Job, Repository, TravisServer
from examples.dashboard_web.app import dashboard
from tests.browser.pages import Complaints, expect, log_of, of, shows

CLEAR = "\r\x1b[0K"

VISIBLE = """line => {
    const box = document.getElementById("log-lines").getBoundingClientRect();
    const { top, bottom } = document.querySelector(`#log-lines .line[data-number="${line}"]`).getBoundingClientRect();
    return bottom > top && top >= box.top && bottom <= box.bottom;
}"""

STATES = {"passed": "passed", "failed": "failed", "canceled": "canceled"}

COPIED = """() => new Promise(done => {
    document.addEventListener("copy", event => done(event.clipboardData.getData("text/plain")), { once: true });
    document.execCommand("copy");
})"""


@pytest.fixture
async def url(travis: Travis, repository: Repository) -> AsyncGenerator[str]:
    async with dashboard(travis, [repository.slug]) as url:
        yield url


def finished(repository: Repository, text: str, state: str = "failed") -> Job:
    job = repository.build().jobs[0].start()
    job.write(text, final=True)
    job.finish(state)
    job.log.unavailable_reads = 0
    return job


def long_log(before: int, after: int) -> str:
    """Return a log with a failing command between other lines: its line is the one after those before."""
    return (
        "".join(f"before {n}\n" for n in range(before))
        + f"travis_fold:start:install{CLEAR}travis_time:start:1{CLEAR}$ npm ci\nnot found\n"
        + f"travis_time:end:1:start=0,finish=2,duration=2000000000{CLEAR}travis_fold:end:install{CLEAR}\n"
        + '\x1b[31;1mThe command "npm ci" exited with 3.\x1b[0m\n'
        + "".join(f"after {n}\n" for n in range(after))
        + "\nDone. Your build exited with 1.\n"
    )


@pytest.mark.parametrize(
    ("name", "kind", "status"),
    [
        ("2019-passed", "good", "The end · exit code 0"),
        ("2017-failed", "bad", "The end · exit code 1 · mvn test -B exited with 1"),
        ("2019-setup-failed", "bad", "The end · Set-up failed during install: npm ci exited with 1."),
        ("2021-stalled", "bad", "The end · Stopped: no output for 600 seconds."),
        ("2019-time-limit", "bad", "The end · Stopped: the job took too long."),
        ("2017-log-limit", "bad", "The end · Stopped: the log was too long."),
        ("2021-canceled", "gone", "The end · Canceled."),
        ("2019-not-generated", "bad", "The end · Travis could not make a script"),
        ("2013-unfinished", "bad", "The end · The log does not say how the job ended."),
    ],
)
async def test_a_log_opens_at_what_failed_and_says_how_the_job_ended(
    page: Any, url: str, repository: Repository, complaints: Complaints, name: str, kind: str, status: str
) -> None:
    job = finished(repository, SAMPLE_LOGS[name], STATES.get(name[5:], "errored"))
    await page.goto(url)
    await page.click(log_of(job))
    await shows(page, "#log-status", status)
    assert await page.get_attribute("#log-status", "data-state") == kind
    fails = name[5:] not in {"passed", "unfinished"}
    await expect(page.locator("#log-failure")).to_be_visible(visible=fails)
    if fails:
        line = await page.get_attribute("#log-lines .failed", "data-number")
        await page.wait_for_function(VISIBLE, arg=line)
        assert await page.locator("#log-lines .target").get_attribute("data-number") == line
        await page.click("#log-end")
        await page.click("#log-failure")
        assert await page.evaluate(VISIBLE, line)
    assert complaints == []


async def test_a_failure_before_the_lines_that_are_shown_is_loaded_and_opened(
    page: Any, url: str, repository: Repository
) -> None:
    job = finished(repository, long_log(before=4000, after=14_000))
    await page.goto(url)
    await page.click(log_of(job))
    await page.wait_for_selector('#log-lines .failed[data-number="4001"]')
    await page.wait_for_function(VISIBLE, arg=4001)
    assert await page.locator("#log-lines details[open]").count() == 1
    assert await page.locator('#log-lines .of-failed[data-number="4002"]').count() == 1
    await shows(page, "#log-note", "earlier lines are not shown")
    await page.click("#log-earlier")
    await expect(page.locator("#log-note")).to_be_hidden()
    await page.wait_for_selector('#log-lines .line[data-number="1"]', state="attached")
    await page.wait_for_selector('#log-lines .line[data-number="18005"]', state="attached")
    await page.click("#log-top")
    assert await page.evaluate(VISIBLE, 1)


async def test_a_failure_that_is_watched_is_marked_and_the_reader_is_left_at_the_end(
    page: Any, url: str, repository: Repository
) -> None:
    job = repository.build().jobs[0].start()
    await page.goto(url)
    await page.click(log_of(job))
    job.write(long_log(before=2, after=300), final=True)
    job.finish("failed")
    await shows(page, "#log-status", "The end · exit code 1 · npm ci exited with 3")
    await page.wait_for_selector('#log-lines .failed[data-number="3"]', state="attached")
    await page.wait_for_function(VISIBLE, arg=307)
    await page.click("#log-failure")
    await page.wait_for_function(VISIBLE, arg=3)


async def test_the_raw_log_has_every_character(page: Any, url: str, repository: Repository) -> None:
    text = SAMPLE_LOGS["2019-setup-failed"]
    job = finished(repository, text, "errored")
    await page.goto(url)
    await page.click(log_of(job))
    await shows(page, "#log-status", "The end")
    raw = await page.request.get(f"{url}{await page.get_attribute('#log-raw', 'href')}")
    assert await raw.text() == text
    assert raw.headers["content-type"] == "text/plain; charset=utf-8"
    assert "default-src 'none'" in raw.headers["content-security-policy"]


async def test_copied_text_is_that_of_the_log(page: Any, url: str, repository: Repository) -> None:
    timed = (
        f"travis_time:start:1{CLEAR}$ make\n\nmade  it\ntravis_time:end:1:start=0,finish=2,duration=2000000000{CLEAR}"
    )
    job = finished(repository, f"travis_fold:start:a{CLEAR}title\nfolded\ntravis_fold:end:a{CLEAR}{timed}\nlast one\n")
    await page.goto(url)
    await page.click(log_of(job))
    await shows(page, "#log-lines", "last one")
    assert await page.locator("#log-lines .duration").count() == 1
    await page.evaluate("getSelection().selectAllChildren(document.getElementById('log-lines'))")
    assert await page.evaluate(COPIED) == "title\nfolded\n$ make\n\nmade  it\nlast one"
    await page.evaluate("""() => {
        const text = number => document.querySelector(`.line[data-number="${number}"] .text`).firstChild;
        getSelection().setBaseAndExtent(text(3), 2, text(5), 4);
    }""")
    assert await page.evaluate(COPIED) == "make\n\nmade"


async def test_back_closes_the_log_and_stays_on_the_page(page: Any, url: str, repository: Repository) -> None:
    jobs = [finished(repository, "one\n"), finished(repository, "two\n")]
    await page.goto(url)
    for job in jobs:
        await page.click(log_of(job))
        await shows(page, "#log-status", "The end")
    await page.go_back()
    await expect(page.locator("#log")).to_be_hidden()
    await page.wait_for_url(url)
    await page.click(log_of(jobs[0]))
    await page.keyboard.press("Escape")
    await page.wait_for_url(url)
    # A link that was opened elsewhere, too.
    await page.goto(f"{url}#job-{jobs[0].id}")
    await page.reload()
    await shows(page, "#log-lines", "one")
    await page.go_back()
    await expect(page.locator("#log")).to_be_hidden()


@pytest.mark.parametrize("width", [390, 1400])
async def test_numbers_of_six_digits_do_not_run_into_the_text(
    page: Any, url: str, repository: Repository, width: int
) -> None:
    await page.set_viewport_size({"width": width, "height": 800})
    job = finished(repository, "x\n" * 99_999 + f"travis_fold:start:a{CLEAR}y\nz\ntravis_fold:end:a{CLEAR}\n")
    await page.goto(url)
    await page.click(log_of(job))
    await page.wait_for_selector('#log-lines .line[data-number="100000"]', state="attached")
    for number in (99_999, 100_000):
        width = await page.locator(f'#log-lines .line[data-number="{number}"]').evaluate(
            """line => {
                const probe = document.createElement("span");
                probe.textContent = line.dataset.number;
                line.append(probe);
                const needed = probe.getBoundingClientRect().width;
                probe.remove();
                return line.firstElementChild.offsetLeft - needed;
            }"""
        )
        assert width > 0


async def test_a_link_to_a_line_opens_it_and_a_click_on_its_number_makes_one(
    page: Any, url: str, repository: Repository
) -> None:
    job = finished(repository, long_log(before=300, after=300))
    await page.goto(f"{url}#job-{job.id}-L302")
    await page.wait_for_selector('#log-lines .target[data-number="302"]')
    await page.wait_for_function(VISIBLE, arg=302)
    await page.locator('#log-lines .line[data-number="304"]').click(position={"x": 5, "y": 5})
    await page.wait_for_url(f"{url}#job-{job.id}-L304")
    assert await page.locator("#log-lines .target").get_attribute("data-number") == "304"


async def test_a_link_to_an_unknown_job_says_so(page: Any, url: str, repository: Repository) -> None:
    repository.build()
    await page.goto(f"{url}#job-987654")
    await shows(page, ".toast", "Job 987654 is not among the newest builds on this page.")
    await page.wait_for_url(url)


async def test_search_goes_from_line_to_line_and_opens_folds(page: Any, url: str, repository: Repository) -> None:
    folded = f"travis_fold:start:a{CLEAR}title\nNeedle two\ntravis_fold:end:a{CLEAR}"
    job = finished(repository, "needle one\n" + "hay\n" * 300 + folded + "hay\n" * 300 + "a needle\n", "passed")
    await page.goto(url)
    await page.click(log_of(job))
    await shows(page, "#log-status", "The end")
    await page.fill("#log-search", "NEEDLE")
    await shows(page, "#log-found", "1 of 3")
    await page.press("#log-search", "Enter")
    await shows(page, "#log-found", "2 of 3")
    await page.wait_for_function(VISIBLE, arg=303)
    await page.press("#log-search", "Enter")
    await page.press("#log-search", "Enter")
    await page.press("#log-search", "Shift+Enter")
    await shows(page, "#log-found", "3 of 3")
    await page.wait_for_function(VISIBLE, arg=604)
    await page.fill("#log-search", "straw")
    await shows(page, "#log-found", "not found")
    await page.press("#log-search", "Escape")
    await expect(page.locator("#log")).to_be_visible()


async def test_search_loads_earlier_lines_and_waits_for_those_that_are_still_to_come(
    page: Any, url: str, repository: Repository
) -> None:
    job = finished(repository, "needle\n" + long_log(before=2000, after=4000))
    await page.goto(url)
    await page.click(log_of(job))
    await page.fill("#log-search", "needle")
    await shows(page, "#log-found", "1 of 1")
    await page.wait_for_function(VISIBLE, arg=1)
    await page.fill("#log-search", "straw")
    await shows(page, "#log-found", "not found")


async def test_a_link_to_a_line_that_is_not_there_says_so_and_opens_what_failed(
    page: Any, url: str, repository: Repository
) -> None:
    job = finished(repository, long_log(before=300, after=300))
    await page.goto(f"{url}#job-{job.id}-L9999")
    await shows(page, ".toast", "This log has no line 9999.")
    await page.wait_for_function(VISIBLE, arg=301)


async def test_the_failure_again_is_the_end_of_what_the_command_printed(
    page: Any, url: str, repository: Repository
) -> None:
    printed = "".join(f"printed {n}\n" for n in range(300))
    log = f'$ make\n{printed}\x1b[31;1mThe command "make" exited with 2.\x1b[0m\n' + "after\n" * 300
    job = finished(repository, log + "\nDone. Your build exited with 1.\n")
    await page.goto(url)
    await page.click(log_of(job))
    await shows(page, "#log-status", "The end")
    await page.wait_for_function(VISIBLE, arg=1)
    await page.click("#log-failure")
    await page.wait_for_function(VISIBLE, arg=301)
    await page.click("#log-failure")
    await page.wait_for_function(VISIBLE, arg=1)


async def test_web_addresses_are_links_that_tell_nothing_of_the_page(
    page: Any, url: str, repository: Repository
) -> None:
    text = "See https://example.com/a?b=c#d. \x1b[31mhttp://example.org/(x)\x1b[0m javascript:alert(1) https://[\n"
    job = finished(repository, text)
    await page.goto(url)
    await page.click(log_of(job))
    await shows(page, "#log-lines", "See")
    links = await page.locator("#log-lines a").evaluate_all("all => all.map(one => [one.href, one.rel, one.target])")
    safe = ["noopener noreferrer nofollow", "_blank"]
    assert links == [["https://example.com/a?b=c#d", *safe], ["http://example.org/(x", *safe]]
    assert await page.locator("#log-lines .text").first.text_content() == (
        "See https://example.com/a?b=c#d. http://example.org/(x) javascript:alert(1) https://["
    )


async def test_sixty_jobs_have_their_numbers_and_no_row_is_cut(
    page: Any, url: str, server: TravisServer, repository: Repository
) -> None:
    build = repository.build(jobs=60).start()
    await page.goto(url)
    await shows(page, of(build), "running")
    numbers = await page.locator(f"{of(build)} .job-number").all_inner_texts()
    assert numbers == [str(number) for number in range(1, 61)]
    fits = "all => all.every(one => one.scrollHeight <= one.clientHeight + 1 && one.scrollWidth <= one.clientWidth + 1)"
    assert await page.locator(f"{of(build)} .jobs").evaluate_all(fits)
    assert await page.locator(f"{of(build)} .job").evaluate_all(fits)


async def test_only_running_jobs_pulse(chromium: Any, url: str, repository: Repository) -> None:
    build = repository.build(jobs=2).start()
    build.jobs[0].finish("passed")
    page = await chromium.new_page(reduced_motion="no-preference")
    await page.goto(url)
    await page.wait_for_selector(f'{log_of(build.jobs[0])}[data-state="passed"]')
    pulses = [
        await page.locator(f"{selector} .icon").evaluate("one => getComputedStyle(one).animationName")
        for selector in (log_of(build.jobs[0]), log_of(build.jobs[1]), f"{of(build)} .state")
    ]
    assert pulses == ["none", "breathe", "breathe"]
    await page.close()


async def test_a_log_does_not_claim_to_follow_while_travis_is_down(
    page: Any, url: str, server: TravisServer, repository: Repository
) -> None:
    job = repository.build().jobs[0].start()
    job.write("before\n")
    await page.goto(url)
    await page.click(log_of(job))
    await shows(page, "#log-status", "Following")
    port = server.port
    await server.stop()
    await shows(page, "#log-status", "Travis does not answer")
    assert await page.get_attribute("#log-status", "data-state") == "lost"
    await server.start(port)
    await shows(page, "#log-status", "Following")


async def test_jobs_and_logs_are_named_and_titles_count(page: Any, url: str, repository: Repository) -> None:
    build = repository.build(jobs=2)
    for job in build.jobs:
        job.config = {**job.config, "env": "DB=mysql"}
    build.start()
    build.jobs[1].finish("failed")
    await page.goto(url)
    await page.wait_for_selector(f'{log_of(build.jobs[1])}[data-state="failed"]')
    name = "rvm 3.3 · DB=mysql"
    assert await page.get_attribute(log_of(build.jobs[1]), "title") == f"{build.number}.2, {name}, failed"
    await page.click(log_of(build.jobs[0]))
    assert await page.text_content("#log-title") == f"{repository.slug} {build.number}.1 · {name}"
    assert await page.title() == "1 running · Builds"
    build.jobs[0].finish("passed")
    await shows(page, of(build), "failed")
    assert await page.title() == "1 broken · Builds"


async def test_a_subject_cannot_turn_the_text_around_it(page: Any, url: str, repository: Repository) -> None:
    build = repository.build(message="\u202egnp.exe", branch="\u2066b")
    await page.goto(url)
    await shows(page, f"{of(build)} .subject", "<U+202E>gnp.exe")
    await shows(page, f"{of(build)} .branch", "<U+2066>b")


async def test_without_a_token_the_buttons_say_so(page: Any, server: TravisServer, repository: Repository) -> None:
    build = repository.build()
    async with Travis(endpoint=server.endpoint) as travis, dashboard(travis, [repository.slug]) as url:
        await page.goto(url)
        await page.click(f"{of(build)} .act")
        await shows(page, ".toast", "the dashboard was started without one")


async def test_a_repository_that_is_hidden_says_so_on_its_card(
    page: Any, travis: Travis, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aiotravis.flows.watcher.RECONCILE_INTERVAL", 0.5)
    build = repository.build()
    async with dashboard(travis, [repository.slug]) as url:
        await page.goto(url)
        await shows(page, of(build), "waiting")
        await expect(page.locator(".repository .error")).to_be_hidden()
        repository.private = True
        repository.users.clear()
        await shows(page, ".repository .error", "404")
        await expect(page.locator(of(build))).to_be_visible()


async def test_a_renamed_repository_has_its_new_name_everywhere(
    page: Any, url: str, server: TravisServer, repository: Repository
) -> None:
    await page.goto(url)
    await shows(page, ".repository .error", "No builds yet.")
    build = repository.build()
    await shows(page, of(build), "waiting")
    await expect(page.locator(".repository .error")).to_be_hidden()
    await server.pusher.wait_occupied(f"repo-{repository.id}")
    repository.slug = "moved/elsewhere"
    build.start()
    await shows(page, ".repository .slug", "moved/elsewhere")
    assert await page.locator(f"{of(build)} .act").get_attribute("aria-label") == "Cancel build 1 of moved/elsewhere"
    await page.click(log_of(build.jobs[0]))
    await shows(page, "#log-title", "moved/elsewhere 1.1")


async def test_a_button_says_that_the_dashboard_is_gone(page: Any, travis: Travis, repository: Repository) -> None:
    build = repository.build()
    async with dashboard(travis, [repository.slug]) as url:
        await page.goto(url)
        await shows(page, of(build), "waiting")
    await page.click(f"{of(build)} .act")
    await shows(page, ".toast", "the dashboard does not answer")
