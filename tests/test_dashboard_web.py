"""The server of the web dashboard: raw HTTP requests to it, an embedded Travis behind it."""

import asyncio
import signal
import subprocess
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import anyio
import msgspec
import pytest
from yarl import URL

from aiotravis import LiveOptions, Travis, errors
from aiotravis.follow_log import poll_schedule
from aiotravis.log_text import _state
from aiotravis.testing import Build, Repository, TravisServer
from examples.dashboard_web.app import MAX_LAST, NO_TOKEN, dashboard
from examples.dashboard_web.logs import INTERVAL
from examples.dashboard_web.shown import MAX_LINE
from examples.dashboard_web.shown_log import MAX_LINES
from examples.dashboard_web.state import BUILDS_SHOWN
from tests.programs import python
from tests.waiting import until

PROGRAM = str(Path(__file__).parent.parent / "examples" / "dashboard_web")

STATIC = Path(PROGRAM, "static")

PARTS = ("", *sorted(path.name for path in STATIC.iterdir() if path.name != "index.html"))

OURS = {"X-Dashboard": "1"}

HOSTILE = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>"


@pytest.fixture
def history(repository: Repository) -> list[Build]:
    return list(repository.history(3, jobs=2))


@pytest.fixture
async def url(travis: Travis, repository: Repository, history: list[Build]) -> AsyncGenerator[str]:
    async with dashboard(travis, [repository.slug]) as url:
        yield url


@pytest.fixture
async def browser() -> AsyncGenerator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


class Events:
    """The events of a stream."""

    def __init__(self, content: aiohttp.StreamReader) -> None:
        self._content = content

    async def next(self) -> tuple[str, Any]:
        """Return name and data of the next event; an empty name at the end."""
        text = await self._content.readuntil(b"\n\n", max_size=1 << 27)
        name, _, data = text.partition(b"\ndata: ")
        return name.decode().removeprefix("event: "), msgspec.json.decode(data) if data else None

    async def until(self, condition: Callable[[Any], bool]) -> Any:
        """Wait for a state of the board that satisfies a condition, and return it."""
        with anyio.fail_after(10):
            while True:
                name, news = await self.next()
                assert name, "the stream has ended"
                if name == "board" and condition(news):
                    return news

    async def up_to_date(self, news: Any) -> Any:
        """Return a state that is up to date, this one or a later one: builds are sent as soon as they are read."""
        return news if news["behind"] is None else await self.until(lambda news: news["behind"] is None)


@asynccontextmanager
async def stream(browser: aiohttp.ClientSession, url: str) -> AsyncGenerator[Events]:
    async with browser.get(url) as response:
        assert response.status == 200
        assert response.content_type == "text/event-stream"
        yield Events(response.content)


async def whole_log(browser: aiohttp.ClientSession, url: str, job: int) -> tuple[list[list[Any]], Any, int]:
    """Return the lines of a log, its summary, and the number of lines that were left out."""
    lines: list[list[Any]] = []
    skipped = 0
    with anyio.fail_after(30):
        async with stream(browser, f"{url}jobs/{job}/log") as updates:
            while True:
                name, news = await updates.next()
                if name == "end":
                    return lines, news, skipped
                if news["reset"]:
                    lines.clear()
                skipped += news["skipped"]
                lines += news["lines"]


def text_of(line: list[Any]) -> str:
    return "".join(span[0] for span in line[2])


def shown_in(news: Any) -> list[int] | None:
    """Return the ids of the builds of the only repository, if it has changed."""
    return news["repositories"][0]["shown"] if news["repositories"] else None


def states_of(news: Any) -> dict[int, str]:
    return {build["id"]: build["state"] for build in news["builds"]}


# The page ---------------------------------------------------------------------------------------------------------


async def test_the_page_and_its_files_have_a_policy_that_blocks_inline_code(
    url: str, browser: aiohttp.ClientSession
) -> None:
    for path in PARTS:
        async with browser.get(url + path) as response:
            assert response.status == 200
            policy = response.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            text = await response.text()
    async with browser.get(url) as response:
        text = await response.text()
    assert text.count("<script") == text.count('<script type="module" src=') == 1
    assert "style=" not in text


def test_no_script_of_the_page_converts_text_to_markup() -> None:
    for script in STATIC.glob("*.js"):
        source = script.read_text("utf-8")
        for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
            assert way not in source


async def test_missing_paths_answer_404_with_json_and_the_same_policy(url: str, browser: aiohttp.ClientSession) -> None:
    for path in ("nothing", "static/index.html", "../app.py", "jobs/999999/log", "jobs/x/log"):
        async with browser.get(url + path) as response:
            assert response.status == 404
            assert "Content-Security-Policy" in response.headers
            assert "error" in await response.json()


# Builds -----------------------------------------------------------------------------------------------------------


async def test_a_page_receives_the_state_and_then_its_changes(
    url: str, browser: aiohttp.ClientSession, server: TravisServer, repository: Repository, history: list[Build]
) -> None:
    async with stream(browser, f"{url}events") as updates:
        name, first = await updates.next()
        unread: dict[str, Any] = {"id": 0, "slug": repository.slug, "error": None, "read": False, "shown": []}
        assert (name, first["whole"]) == ("board", True)
        news = first if first["builds"] else await updates.until(lambda news: len(news["builds"]) == 3)
        assert states_of(news) == {build.id: build.state for build in history}
        assert news["repositories"] == [{**unread, "read": True, "shown": [build.id for build in reversed(history)]}]
        news = await updates.up_to_date(news)
        assert (news["state"], news["complete"]) == ("connected", True)
        build = repository.build(jobs=2, message=f"{HOSTILE}\nmore")
        server.play(build, speed=50)
        news = await updates.until(lambda news: build.id in states_of(news))
        assert news["builds"][0]["subject"] == HOSTILE
        news = await updates.until(lambda news: states_of(news).get(build.id) == "passed")
        assert [job["state"] for job in news["builds"][0]["jobs"]] == ["passed", "passed"]


async def test_the_page_lists_the_newest_builds(
    url: str, browser: aiohttp.ClientSession, repository: Repository
) -> None:
    async with stream(browser, f"{url}events") as updates:
        await updates.until(lambda news: news["behind"] is None)
        made = [repository.build() for _ in range(BUILDS_SHOWN + 2)]
        newest = [build.id for build in reversed(made[-BUILDS_SHOWN:])]
        await updates.until(lambda news: shown_in(news) == newest)


async def test_after_a_gap_the_state_is_read_again_and_the_page_was_marked_behind(
    browser: aiohttp.ClientSession, server: TravisServer, repository: Repository
) -> None:
    build = repository.build()
    # A hastier client has no attempts left when the server is back.
    steady = LiveOptions(reconnect_delay=0.2, max_reconnect_delay=0.2)
    async with (
        Travis(endpoint=server.endpoint, live=steady) as travis,
        dashboard(travis, [repository.slug]) as url,
        stream(browser, f"{url}events") as updates,
    ):
        await updates.up_to_date(await updates.until(lambda news: build.id in states_of(news)))
        await server.pusher.wait_occupied(f"repo-{repository.id}")
        port = server.port
        await server.stop()
        await updates.until(lambda news: news["behind"] is not None)
        build.jobs[0].start()
        build.jobs[0].finish("failed")
        await server.start(port)
        news = await updates.until(lambda news: states_of(news).get(build.id) == "failed")
        news = await updates.up_to_date(news)
        assert news["gaps"] == 1


async def test_dropped_events_are_counted_and_the_state_is_read_again(
    travis: Travis, browser: aiohttp.ClientSession, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aiotravis.flows.watcher.BUFFER", 1)
    async with dashboard(travis, [repository.slug]) as url, stream(browser, f"{url}events") as updates:
        await updates.until(lambda news: news["behind"] is None)
        builds = [repository.build() for _ in range(20)]
        newest = [build.id for build in reversed(builds[-BUILDS_SHOWN:])]
        news = await updates.until(lambda news: shown_in(news) == newest)
        news = news if news["dropped"] else await updates.until(lambda news: news["dropped"])
        assert news["behind"] is None


async def test_pages_and_logs_above_the_limits_are_refused(
    url: str, browser: aiohttp.ClientSession, job_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("examples.dashboard_web.logs.MAX_FOLLOWED", 0)
    async with browser.get(f"{url}jobs/{job_id}/log") as response:
        assert response.status == 503
    monkeypatch.setattr("examples.dashboard_web.app.MAX_VIEWERS", 0)
    async with browser.get(f"{url}events") as response:
        assert response.status == 503


async def test_without_a_live_channel_the_page_says_so_and_polls(
    browser: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aiotravis.flows.watcher.POLL_INTERVAL", 0.5)
    async with TravisServer(pusher_key=None) as server:
        repository = server.world.repository("a/b")
        build = repository.build()
        async with (
            Travis(endpoint=server.endpoint) as travis,
            dashboard(travis, ["a/b"]) as url,
            stream(browser, f"{url}events") as updates,
        ):
            await updates.until(lambda news: "no live channel" in (news["behind"] or ""))
            build.finish("errored")
            await updates.until(lambda news: states_of(news).get(build.id) == "errored")


async def test_a_repository_that_does_not_exist_says_so_beside_the_others(
    travis: Travis, browser: aiohttp.ClientSession, repository: Repository
) -> None:
    build = repository.build()
    cards: dict[str, Any] = {}

    def complete(news: Any) -> bool:
        cards.update({one["slug"]: one for one in news["repositories"]})
        return bool(news["complete"])

    async with dashboard(travis, ["no/Such", repository.slug]) as url, stream(browser, f"{url}events") as updates:
        await updates.until(complete)
        assert "404" in cards["no/Such"]["error"]
        assert (cards[repository.slug]["error"], cards[repository.slug]["shown"]) == (None, [build.id])


async def test_what_is_no_slug_raises_at_once(travis: Travis) -> None:
    with pytest.raises(errors.UsageError):
        async with dashboard(travis, ["nonsense"]):
            pass


async def test_a_renamed_repository_has_its_new_name(
    url: str, browser: aiohttp.ClientSession, repository: Repository, server: TravisServer
) -> None:
    async with stream(browser, f"{url}events") as updates:
        await updates.until(lambda news: news["behind"] is None)
        await server.pusher.wait_occupied(f"repo-{repository.id}")
        repository.slug = "moved/elsewhere"
        repository.build()
        news = await updates.until(lambda news: any(one["slug"] == "moved/elsewhere" for one in news["repositories"]))
        assert [one["id"] for one in news["repositories"]] == [0]


# Buttons ----------------------------------------------------------------------------------------------------------


async def test_the_buttons_restart_and_cancel_builds(
    url: str, browser: aiohttp.ClientSession, history: list[Build]
) -> None:
    async with stream(browser, f"{url}events") as updates:
        build = history[-1]
        await updates.until(lambda news: build.id in states_of(news))
        async with browser.post(f"{url}builds/{build.id}/restart", headers=OURS) as response:
            assert response.status == 202
        await updates.until(lambda news: states_of(news).get(build.id) == "created")
        async with browser.post(f"{url}builds/{build.id}/restart", headers=OURS) as response:
            assert response.status == 409
            assert "can not be restarted" in (await response.json())["error"]
        async with browser.post(f"{url}builds/{build.id}/cancel", headers=OURS) as response:
            assert response.status == 202
        await updates.until(lambda news: states_of(news).get(build.id) == "canceled")


@pytest.mark.parametrize("verb", ["restart", "cancel"])
@pytest.mark.parametrize("token", [None, "a-token-that-was-revoked"])
async def test_a_button_without_a_valid_token_says_so(
    browser: aiohttp.ClientSession, server: TravisServer, repository: Repository, verb: str, token: str | None
) -> None:
    build = repository.history(1)[0] if verb == "restart" else repository.build()
    user = server.world.user("other", token=token or "t")
    repository.users.append(user)
    async with (
        Travis(token, endpoint=server.endpoint) as travis,
        dashboard(travis, [repository.slug]) as url,
        stream(browser, f"{url}events") as updates,
    ):
        await updates.until(lambda news: build.id in states_of(news))
        user.token = "another"
        async with browser.post(f"{url}builds/{build.id}/{verb}", headers=OURS) as response:
            assert (response.status, await response.json()) == (403, {"error": NO_TOKEN})


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {**OURS, "Origin": "https://evil.example"},
        {**OURS, "Origin": "null"},
        {**OURS, "Sec-Fetch-Site": "cross-site"},
        {**OURS, "Host": "evil.example"},
    ],
)
async def test_another_site_cannot_press_the_buttons(
    url: str, browser: aiohttp.ClientSession, history: list[Build], headers: dict[str, str]
) -> None:
    async with stream(browser, f"{url}events") as updates:
        await updates.until(lambda news: bool(news["builds"]))
        async with browser.post(f"{url}builds/{history[-1].id}/restart", headers=headers) as response:
            assert response.status == 403
        assert history[-1].state != "created"


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
async def test_another_site_cannot_read_either(
    url: str, browser: aiohttp.ClientSession, headers: dict[str, str]
) -> None:
    for path in ("", "events"):
        async with browser.get(url + path, headers=headers) as response:
            assert response.status == 403


MALFORMED = ["a:b:c", "localhost:x", "localhost:99999", "[", "[::1]:x", "127.0.0.1:80:80", ":", "", "a@localhost"]

ODD_HOSTS = [
    *MALFORMED,
    "localhost:-1", "::1", "[::1]x", ":80", "%", "\x80", "a b", "localhost/x", "localhost@evil.example",
    "evil.example#@localhost",
    "localhost.evil.example", "0x7f.1", "127.0.0.1.evil.example",
]  # fmt: skip


@pytest.mark.parametrize("method", ["GET /", "GET /events", "GET /jobs/1/log", "POST /builds/1/restart"])
async def test_an_odd_host_is_refused(url: str, method: str) -> None:
    """By hand: an HTTP client would not send it."""
    address = URL(url)
    for host in ODD_HOSTS:
        reader, writer = await asyncio.open_connection(address.host, address.port)
        head = f"{method} HTTP/1.1\r\nHost: {host}\r\nX-Dashboard: 1\r\nConnection: close\r\n\r\n"
        writer.write(head.encode("latin-1"))
        with anyio.fail_after(5):
            status = (await reader.readline()).split(b" ", 2)[1]
        writer.close()
        assert status in ({b"400"} if host in MALFORMED else {b"400", b"403"}), host


async def test_only_builds_of_the_page_have_buttons(
    url: str, browser: aiohttp.ClientSession, server: TravisServer
) -> None:
    other = server.world.repository("some/other").history(1)[0]
    async with browser.post(f"{url}builds/{other.id}/restart", headers=OURS) as response:
        assert response.status == 404
    assert other.state != "created"


# Logs -------------------------------------------------------------------------------------------------------------


@pytest.fixture
async def job_id(url: str, browser: aiohttp.ClientSession, repository: Repository) -> int:
    """A job on the page that has not started."""
    build = repository.build()
    async with stream(browser, f"{url}events") as updates:
        await updates.until(
            lambda news: any(one["id"] == build.id and one["jobs"] for one in news["builds"]),
        )
    return build.jobs[0].id


async def test_a_log_streams_to_its_end_with_folds_durations_and_colours(
    url: str, browser: aiohttp.ClientSession, server: TravisServer, job_id: int
) -> None:
    job = server.world.jobs[job_id]
    server.play(job.build, speed=40, state="failed")
    lines, verdict, skipped = await whole_log(browser, url, job_id)
    assert (verdict, skipped) == ({"exit_code": 1, "problem": None, "lines": len(lines)}, 0)
    assert [line[0] for line in lines] == list(range(1, len(lines) + 1))
    assert lines[0][1:3] == [["worker_info"], [["Worker information", 3, None, ["bold"]]]]
    assert text_of(lines[-1]) == "Done. Your build exited with 1."
    assert [1, None, []] in [span[1:] for line in lines for span in line[2]]


async def test_durations_follow_when_a_command_ends(
    url: str, browser: aiohttp.ClientSession, server: TravisServer, job_id: int
) -> None:
    job = server.world.jobs[job_id]
    job.enqueue()
    job.receive()
    job.start()
    job.write("travis_time:start:1\r\x1b[0K$ make\nmaking\n")
    async with stream(browser, f"{url}jobs/{job_id}/log") as updates:
        with anyio.fail_after(10):
            news: Any = {"lines": []}
            while not news["lines"]:
                _, news = await updates.next()
            assert news["lines"][0] == [1, [], [["$ make"]], 0, None]
            job.write("travis_time:end:1:start=1000000000,finish=3500000000,duration=2500000000\r\x1b[0K\n...")
            while not news["durations"]:
                _, news = await updates.next()
            assert news["durations"] == [[1, 2.5]]
            while news["rest"] is None:
                _, news = await updates.next()
            assert text_of(news["rest"]) == "..."


async def test_a_hostile_log_is_sent_as_data_and_cut(
    url: str, browser: aiohttp.ClientSession, server: TravisServer, job_id: int
) -> None:
    job = server.world.jobs[job_id]
    job.write(f"{HOSTILE}\n\x1b]0;title\x07\x1b[2J\x1b[31mred\x1b[0m\n")
    job.write("travis_fold:end:never\r\x1b[0Ktravis_fold:start:open\r\x1b[0Ktravis_fold:start:../../x\n")
    job.write("x" * 10_000_000 + "\nafter\n")
    job.write("\r".join(f"{n} %" for n in range(100_000)) + "\n\u202eturned \ud7ff\n", final=True)
    job.finish()
    lines, verdict, _ = await whole_log(browser, url, job_id)
    texts = [text_of(line) for line in lines]
    assert texts[0] == HOSTILE
    assert texts[1] == "red"
    assert "after" in texts
    assert "99999 %" in texts
    assert not any(set(text) & set("\x1b\x07\r\x9b\n") for text in texts)
    assert max(map(len, texts)) == MAX_LINE
    assert sum(line[3] for line in lines) + sum(map(len, texts)) >= 10_000_000
    assert verdict["problem"] is None


async def test_the_number_of_folds_above_the_limit_is_sent(
    url: str, browser: aiohttp.ClientSession, server: TravisServer, job_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_state, "MAX_STRUCTURES", 1000)
    job = server.world.jobs[job_id]
    starts = "".join(f"travis_fold:start:f\r\x1b[0Kx{n}\n" for n in range(3000))
    job.write(starts, final=True)
    job.finish()
    dropped = 0
    with anyio.fail_after(10):
        async with stream(browser, f"{url}jobs/{job_id}/log") as updates:
            while (news := await updates.next())[0] != "end":
                assert news[1]["dropped"] >= dropped
                dropped = news[1]["dropped"]
    assert dropped == 2000


async def test_the_newest_lines_of_a_long_log_are_sent_with_correct_numbers(
    url: str, browser: aiohttp.ClientSession, server: TravisServer, job_id: int
) -> None:
    job = server.world.jobs[job_id]
    job.write("travis_fold:start:install\r\x1b[0K")
    for first in range(1, 400_001, 100_000):
        job.write("".join(f"line {n} of the fold\n" for n in range(first, first + 100_000)))
    job.write("", final=True)
    job.finish()
    began = anyio.current_time()
    lines, verdict, skipped = await whole_log(browser, url, job_id)
    assert verdict["lines"] == 400_000
    assert len(lines) + skipped == 400_000
    assert text_of(lines[-1]) == "line 400000 of the fold"
    assert all(text_of(line) == f"line {line[0]} of the fold" for line in lines)
    assert {tuple(line[1]) for line in lines} == {("install",)}
    assert len(lines) <= MAX_LINES * (5 + (anyio.current_time() - began) / INTERVAL), "however long it took"


async def test_a_page_receives_as_many_of_the_last_lines_as_it_asks_for(
    url: str, browser: aiohttp.ClientSession, server: TravisServer, job_id: int
) -> None:
    job = server.world.jobs[job_id]
    job.write("".join(f"line {n}\n" for n in range(1, 60_001)), final=True)
    job.finish()
    for asked, shown in (
        ("10", 10),
        ("7000", 7000),
        ("99999999", MAX_LAST),
        ("0", 0),
        ("-1", MAX_LINES),
        ("x", MAX_LINES),
    ):
        with anyio.fail_after(20):
            async with stream(browser, f"{url}jobs/{job_id}/log?last={asked}") as updates:
                numbers: list[int] = []
                skipped = 0
                while (news := await updates.next())[0] != "end":
                    numbers += [line[0] for line in news[1]["lines"]]
                    skipped += news[1]["skipped"]
        # A page that opens the log while it is still read receives what comes, too.
        assert numbers[len(numbers) - shown :] == list(range(60_001 - shown, 60_001))
        assert len(numbers) + skipped == 60_000


@pytest.mark.parametrize("state", ["passed", "errored", "canceled"])
async def test_the_state_that_follows_the_log_tells_how_the_job_ended(
    url: str, browser: aiohttp.ClientSession, server: TravisServer, job_id: int, state: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    # The log ends when it has been checked, and not before the job.
    monkeypatch.setattr(poll_schedule, "POLL_DELAY", 0.2)
    job = server.world.jobs[job_id]
    job.start()
    kinds: list[str] = []
    async with stream(browser, f"{url}jobs/{job_id}/log") as updates:
        job.write("nothing of how it ends\n", final=True)
        with anyio.fail_after(20):
            while (news := await updates.next())[0] != "end":
                kinds.append(news[1]["outcome"]["kind"])
                if news[1]["total"] and not job.finished_at:
                    job.finish(state)
    assert kinds[0] == "open"
    assert kinds[-1] == {"passed": "good", "errored": "bad", "canceled": "gone"}[state]


async def test_the_raw_log_is_sent_as_text(
    url: str, browser: aiohttp.ClientSession, server: TravisServer, job_id: int
) -> None:
    job = server.world.jobs[job_id]
    async with browser.get(f"{url}jobs/{job_id}/log.txt") as response:
        assert response.status == 404
        assert "the log is not available" in (await response.json())["error"]
    text = f"{HOSTILE}\r\x1b[0K\x1b[31mred\n"
    job.write(text, final=True)
    job.finish()
    async with browser.get(f"{url}jobs/{job_id}/log.txt") as response:
        assert (response.status, response.content_type) == (200, "text/plain")
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert await response.read() == text.encode()
    async with browser.get(f"{url}jobs/999999/log.txt") as response:
        assert response.status == 404


async def test_viewers_share_one_stream_that_ends_with_the_last_of_them(
    url: str, browser: aiohttp.ClientSession, server: TravisServer, travis: Travis, job_id: int
) -> None:
    def listens() -> bool:
        return travis.live.statistics().feeds == 2

    server.world.jobs[job_id].start()
    path = f"{url}jobs/{job_id}/log"
    async with stream(browser, path) as one, stream(browser, path) as other:
        await one.next()
        await other.next()
        await until(listens)
        server.world.jobs[job_id].write("hello\n")
        for updates in (one, other):
            news: Any = {"lines": []}
            while not news["lines"]:
                _, news = await updates.next()
            assert text_of(news["lines"][0]) == "hello"
        assert listens()
    await until(lambda: travis.live.statistics().feeds == 1)


async def test_the_log_of_a_restarted_job_replaces_the_old_one(
    url: str, browser: aiohttp.ClientSession, server: TravisServer, job_id: int
) -> None:
    job = server.world.jobs[job_id]
    job.start()
    job.write("first run\n")
    async with stream(browser, f"{url}jobs/{job_id}/log") as updates:
        shown: list[str] = []
        with anyio.fail_after(20):
            while shown != ["first run"]:
                _, news = await updates.next()
                shown += map(text_of, news["lines"])
            job.restart()
            job.start()
            job.write("second run\n", final=True)
            job.finish()
            while True:
                name, news = await updates.next()
                if name == "end":
                    break
                shown = [] if news["reset"] else shown
                shown += map(text_of, news["lines"])
    assert shown == ["second run"]


# The program ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [[PROGRAM], ["-m", "examples.dashboard_web"]])
async def test_the_program_shows_an_embedded_travis_and_ends_on_ctrl_c(
    command: list[str], browser: aiohttp.ClientSession
) -> None:
    command = [*python(), *command, "--port", "0", "--speed", "20"]
    root = Path(PROGRAM).parent.parent
    async with await anyio.open_process(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        seen = b""
        while b"Ctrl-C" not in seen:
            seen += await process.stdout.receive()
        url = seen.decode().splitlines()[0].removeprefix("Dashboard on ")
        async with stream(browser, f"{url}events") as updates:
            _, first = await updates.next()
            assert len(first["repositories"]) == 5
            finished = ("passed", "failed", "errored", "canceled")
            news = await updates.until(lambda news: any(state in finished for state in states_of(news).values()))
            number = next(number for number, state in states_of(news).items() if state in finished)
            async with browser.post(f"{url}builds/{number}/restart", headers=OURS) as response:
                assert response.status == 202
            await updates.until(lambda news: states_of(news).get(number) == "started")
            process.send_signal(signal.SIGINT)
            assert await process.wait() == 0
        assert b"".join([chunk async for chunk in process.stderr]) == b""


async def test_the_program_prints_an_error_on_one_line() -> None:
    async with TravisServer() as server:
        command = [*python(), PROGRAM, "--endpoint", server.endpoint, "--repo", "nonsense", "--port", "0"]
        ended = await anyio.run_process(command, check=False)
        assert ended.returncode == 2
        assert ended.stderr.startswith(b"dashboard_web: repos must look like 'owner/name'")
        assert ended.stderr.count(b"\n") == 1
        server.world.repository("a/b")
        taken = ["--repo", "a/b", "--port", str(server.port)]
        ended = await anyio.run_process([*command[:-4], *taken], check=False)
        assert (ended.returncode, ended.stderr.count(b"\n")) == (2, 1)
    for arguments in (["--endpoint", "https://host"], ["--speed", "0"]):
        assert (await anyio.run_process([*python(), PROGRAM, *arguments], check=False)).returncode == 2
