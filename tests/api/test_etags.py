"""Reads that Travis confirms with 304: over HTTP, in virtual time."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio
import pytest

from aiotravis import Travis, errors
from aiotravis.testing import Repository, TravisServer
from tests import autojump
from tests.conftest import TOKEN
from tests.transport.answers import client, whole, wire

EPOCH = 1_400_000_000.0


@dataclass
class Scene:
    """A server in virtual time, with a client and a repository."""

    server: TravisServer
    travis: Travis
    repository: Repository

    @property
    def statuses(self) -> list[int]:
        return [request.status for request in self.server.requests]


@asynccontextmanager
async def scene(clock: Callable[[], float], **options: Any) -> AsyncGenerator[Scene]:
    async with TravisServer(clock=lambda: EPOCH + clock()) as server:
        user = server.world.user("sarah", token=TOKEN)
        repository = server.world.repository("travis-ci/travis.rb", users=[user])
        async with Travis(TOKEN, endpoint=server.endpoint, rate_limits=False, **options) as travis:
            yield Scene(server, travis, repository)


def story(check: Callable[[Scene], Awaitable[None]], **options: Any) -> None:
    async def main(clock: Callable[[], float]) -> None:
        async with scene(clock, **options) as here:
            await check(here)

    autojump.run(main)


async def poll(read: Callable[[], Awaitable[object]], *, every: float = 3.0, times: int = 5) -> None:
    for _ in range(times):
        await read()
        await anyio.sleep(every)


def test_what_did_not_change_is_confirmed_and_what_did_is_read() -> None:
    async def check(here: Scene) -> None:
        build = here.repository.build()
        for state in ("created", "started"):
            here.server.requests.clear()
            for _ in range(6):
                found = await here.travis.builds.get(build.id)
                assert (found.state, [job.state for job in found.jobs]) == (state, [state])
                await anyio.sleep(3.0)
            assert here.statuses == [200, 200, 200, 304, 304, 304]
            build.start()
        statistics = here.travis.statistics()
        assert (statistics.requests, statistics.not_modified) == (12, 6)
        assert statistics.bytes_saved > 6 * 1000

    story(check)


def test_a_change_in_the_second_of_the_change_before_is_never_missed() -> None:
    """Both have the same ETag: fact 1.3."""

    async def check(here: Scene) -> None:
        build = here.repository.build()
        await here.travis.builds.get(build.id)
        build.start()
        build.jobs[0].finish("passed")
        for _ in range(6):
            assert (await here.travis.builds.get(build.id)).state == "passed"
            await anyio.sleep(3.0)
        assert here.statuses[-2:] == [304, 304]

    story(check)


def test_a_change_that_leaves_updated_at_alone_is_seen_after_minutes() -> None:
    async def check(here: Scene) -> None:
        build = here.repository.build()

        async def message() -> str | None:
            commit = (await here.travis.builds.get(build.id)).commit
            return None if commit is None else commit.message

        await poll(message, every=10.0, times=3)
        build.commit.message = "Changed"
        assert await message() != "Changed"
        await anyio.sleep(300.0)
        assert await message() == "Changed"

    story(check)


def test_text_and_json_are_not_mixed_up() -> None:
    async def check(here: Scene) -> None:
        path = f"/builds/{here.repository.build().id}"
        bodies: dict[str, set[bytes]] = {}
        for _ in range(4):
            for accept in ("application/vnd.travis-ci.2+json", "application/vnd.travis-ci.1+json"):
                answer = await here.travis.request("GET", path, accept=accept)
                bodies.setdefault(accept, set()).add(answer.body)
            await anyio.sleep(6.0)
        assert here.statuses == [200] * 4 + [304] * 4
        assert [len(several) for several in bodies.values()] == [1, 1]
        assert len({body for several in bodies.values() for body in several}) == 2

    story(check)


@pytest.mark.parametrize("derived", [False, True])
def test_without_cache_nothing_is_asked_about(derived: bool) -> None:
    async def check(here: Scene) -> None:
        build = here.repository.build()
        travis = here.travis.with_options(cache=False) if derived else here.travis
        await poll(lambda: travis.builds.get(build.id))
        assert here.statuses == [200] * 5
        assert not any("if-none-match" in request.headers for request in here.server.requests)
        await poll(lambda: travis.with_options(cache=True).builds.get(build.id))
        assert here.statuses[5:] == [200] * 3 + [304] * 2

    story(check, cache=derived)
    with pytest.raises(errors.UsageError, match="cache"):
        Travis(cache=1)  # type: ignore[arg-type]


def test_a_client_with_other_settings_reads_by_its_own() -> None:
    async def check(here: Scene) -> None:
        build = here.repository.build()
        build.commit.committer_name = 7  # type: ignore[assignment]
        await poll(lambda: here.travis.builds.get(build.id))
        with pytest.raises(errors.DecodeError):
            await here.travis.with_options(strict=True).builds.get(build.id)
        assert here.statuses[-1] == 304
        with pytest.raises(errors.TooLargeError):
            await here.travis.with_options(max_response=100).builds.get(build.id)
        assert here.statuses[-1] == 200

    story(check)


def test_what_is_known_is_not_told_when_the_server_refuses() -> None:
    async def check(here: Scene) -> None:
        build = here.repository.build()
        await poll(lambda: here.travis.builds.get(build.id))
        here.server.respond("GET", f"/builds/{build.id}", status=503, times=1)
        assert (await here.travis.builds.get(build.id)).id == build.id
        assert here.statuses[-2:] == [503, 304]
        here.server.world.users[201].token = "revoked"
        with pytest.raises(errors.AuthenticationError):
            await here.travis.builds.get(build.id)

    story(check)


def test_a_callers_own_condition_is_left_alone() -> None:
    async def check(here: Scene) -> None:
        path = f"/builds/{here.repository.build().id}"
        etag = (await here.travis.request("GET", path)).headers["etag"]
        with pytest.raises(errors.ResponseError) as info:
            await here.travis.request("GET", path, headers={"If-None-Match": etag})
        assert info.value.status == 304

    story(check)


def test_a_closed_client_keeps_nothing() -> None:
    async def check(here: Scene) -> None:
        build = here.repository.build()
        other = here.travis.with_options(token=None)
        for one in (here.travis, other):
            await one.builds.get(build.id)
        memory = here.travis._transport.pool.memory
        assert len(other._transport.identity.cache) == 1
        before = memory.size
        await other.aclose()
        assert memory.size == before / 2
        await here.travis.aclose()
        assert memory.size == 0

    story(check)


# Other servers and proxies --------------------------------------------------------------------------------------------

ETAG = '"d0c4f1a3b1a94e6f9c3b2e1d0a8f7e6c"'


def confirmed(*headers: str) -> bytes:
    return "\r\n".join(["HTTP/1.1 304 Not Modified", *headers, "", ""]).encode()


def config(host: str, *headers: str) -> bytes:
    return whole(b'{"config":{"host":"%s"}}' % host.encode(), *headers)


def asked(head: bytes) -> str | None:
    lines = head.decode().split("\r\n")
    return next((line.partition(": ")[2] for line in lines if line.lower().startswith("if-none-match:")), None)


def ask_often(answer: Callable[[bytes], bytes], *, times: int = 5) -> tuple[list[str], list[str | None]]:
    """Return what a client reads from a server, and what it asked about."""
    conditions: list[str | None] = []

    def recorded(head: bytes) -> bytes:
        conditions.append(asked(head))
        return answer(head)

    async def main(clock: Callable[[], float]) -> list[str]:
        async with wire(recorded) as endpoint, client(endpoint, attempts=3) as travis:
            found: list[str] = []
            for _ in range(times):
                found.append((await travis.config.get()).host or "")
                await asyncio.sleep(6.0)
            return found

    return autojump.run(main), conditions


@pytest.mark.parametrize(
    "headers", [(f"ETag: {ETAG}",), (f"ETag: W/{ETAG}",), (), (f"ETag: {ETAG}", "Content-Encoding: gzip")]
)
@pytest.mark.parametrize("etag", [ETAG, f"W/{ETAG}"])
def test_a_304_may_have_a_weak_etag_or_none(etag: str, headers: tuple[str, ...]) -> None:
    found, conditions = ask_often(lambda head: confirmed(*headers) if asked(head) else config("a", f"ETag: {etag}"))
    assert (found, conditions) == (["a"] * 5, [None, None, etag, etag, etag])


def test_a_304_for_another_etag_is_not_believed_and_etags_are_not_used_any_more() -> None:
    bodies = iter("abcdefg")

    def answer(head: bytes) -> bytes:
        return confirmed('ETag: "another"') if asked(head) else config(next(bodies), f"ETag: {ETAG}")

    found, conditions = ask_often(answer)
    assert (found, conditions) == (list("abcde"), [None, None, ETAG, None, None, None])


def test_a_304_that_was_not_asked_for_is_an_error() -> None:
    with pytest.raises(errors.ResponseError, match="304"):
        ask_often(lambda _: confirmed(f"ETag: {ETAG}"))


def test_a_proxy_that_removes_etags_is_asked_about_none() -> None:
    assert ask_often(lambda _: config("a")) == (["a"] * 5, [None] * 5)


def test_a_proxy_that_has_another_etag_each_time_is_asked_about_none() -> None:
    numbers = iter(range(9))
    found, conditions = ask_often(lambda _: config("a", f'ETag: "{next(numbers)}"'))
    assert (found, conditions) == (["a"] * 5, [None] * 5)


def test_a_server_that_ignores_conditions_is_read_whole() -> None:
    bodies = iter("abcdefg")
    found, conditions = ask_often(lambda _: config(next(bodies), f"ETag: {ETAG}"))
    assert (found, conditions) == (list("abcde"), [None, None, ETAG, ETAG, ETAG])


def test_a_body_that_ends_with_its_connection_is_not_kept() -> None:
    body = b'{"config":{"host":"a"}}'
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nETag: {ETAG}\r\n\r\n".encode()
    assert ask_often(lambda _: head + body) == (["a"] * 5, [None] * 5)


def test_a_304_with_a_body_leaves_the_next_request_in_order() -> None:
    def answer(head: bytes) -> bytes:
        body = b'{"config":{"host":"wrong"}}'
        if asked(head):
            return confirmed(f"ETag: {ETAG}", f"Content-Length: {len(body)}") + body
        return config("a", f"ETag: {ETAG}")

    found, conditions = ask_often(answer, times=6)
    assert found == ["a"] * 6
    assert conditions == [None, None, ETAG, None, None, ETAG, None, None]


def test_a_redirect_to_a_304_is_read_again() -> None:
    def answer(head: bytes) -> bytes:
        if head.startswith(b"GET /config "):
            if asked(head):
                return b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            return config("a", f"ETag: {ETAG}")
        return confirmed(f"ETag: {ETAG}")

    found, conditions = ask_often(answer, times=3)
    assert (found, conditions) == (["a"] * 3, [None, None, ETAG, ETAG, None])
