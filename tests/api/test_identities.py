"""Two identities, and nobody, over one pool: no story lets one see an answer, ETag, event or limit of another."""

import os
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import anyio
import msgspec
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from aiotravis import Travis, errors, events
from aiotravis.live.feed import Feed
from aiotravis.rate_limits.memory import MemoryLimiter
from aiotravis.testing import Build, TravisServer
from tests import autojump
from tests.conftest import HASTY
from tests.waiting import until

CASES = int(os.environ.get("AIOTRAVIS_IDENTITY_CASES", "40"))

TOKENS = ("token-of-sarah", "token-of-anja", None)
PATHS = ("/builds/7", "/jobs/8")
FORMATS = ("application/vnd.travis-ci.2+json", "application/vnd.travis-ci.1+json")

Read = tuple[int, int, int]
"""Numbers of the identity, the path and the format."""


@dataclass
class EchoServer:
    """A server whose answers tell for whom they are, and whose ETags are those of Travis: the same for everybody."""

    clock: Callable[[], float]
    versions: Counter[str] = field(default_factory=Counter[str])
    changed_at: dict[str, int] = field(default_factory=dict[str, int])
    throttled: set[str | None] = field(default_factory=set[str | None])
    sent: set[tuple[str | None, str, str, str | None]] = field(
        default_factory=set[tuple[str | None, str, str, str | None]]
    )
    counts: Counter[str | None] = field(default_factory=Counter[str | None])
    confirmed: int = 0

    def change(self, path: str) -> None:
        self.versions[path] += 1
        # fact 1.3: an ETag stands for a whole second.
        self.changed_at[path] = int(self.clock())

    async def handle(self, request: web.Request) -> web.StreamResponse:
        authorization = request.headers.get("Authorization")
        token = None if authorization is None else authorization.removeprefix("token ")
        accept, known = request.headers["Accept"], request.headers.get("If-None-Match")
        assert token in TOKENS
        assert known is None or (token, request.path, accept, known) in self.sent
        self.counts[token] += 1
        if token in self.throttled:
            return web.Response(status=429, body=b"Retry later\n", content_type="text/plain")
        etag = f'"{self.changed_at.get(request.path, 0)}"'
        headers = {"ETag": etag, "Cache-Control": "no-cache"}
        if known == etag:
            self.confirmed += 1
            return web.Response(status=304, headers=headers)
        self.sent.add((token, request.path, accept, etag))
        body = [token, request.path, accept, self.versions[request.path]]
        return web.json_response(body, headers=headers)


async def read(server: EchoServer, clients: list[Travis], step: Read) -> None:
    who, path, accept = TOKENS[step[0]], PATHS[step[1]], FORMATS[step[2]]
    before = server.versions[path]
    answer = await clients[step[0]].request("GET", path, accept=accept)
    *told, version = msgspec.json.decode(answer.body, type=list[Any])
    assert told == [who, path, accept]
    assert before <= version <= server.versions[path]


async def check_throttling(server: EchoServer, clients: list[Travis], who: int) -> None:
    """Throttle one identity: it waits, and nobody else."""
    server.throttled = {TOKENS[who]}
    for _ in range(2):
        try:
            await clients[who].with_options(attempts=1, max_wait=0.0).request("GET", "/config")
        except errors.RateLimited:
            pass
        else:
            raise AssertionError
    for number, client in enumerate(clients):
        assert (client.limits.paused > 0) == (number == who)
        if number != who:
            await read(server, clients, (number, 0, 0))
    server.throttled = set()
    limiter = clients[who]._transport.limiter
    assert isinstance(limiter, MemoryLimiter)
    limiter.shared._paused_until = 0.0


reads = st.tuples(st.integers(0, 2), st.integers(0, 1), st.integers(0, 1))
steps = st.one_of(
    reads.map(lambda one: [one]),
    st.lists(reads, min_size=2, max_size=6),
    st.sampled_from(PATHS),
    st.sampled_from([0.3, 1.0, 6.0, 6.5, 30.0, 400.0]),
    st.integers(0, 2),
)


@settings(max_examples=CASES)
@given(st.lists(steps, max_size=40))
def test_no_identity_sees_the_answer_etag_or_limit_of_another(story: list[list[Read] | str | float | int]) -> None:
    async def main(clock: Callable[[], float]) -> None:
        server = EchoServer(clock)
        app = web.Application()
        app.router.add_get("/{path:.*}", server.handle)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        endpoint = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with Travis(TOKENS[0], endpoint=endpoint) as first:
            clients = [first, *(first.with_options(token=token) for token in TOKENS[1:])]
            for step in story:
                match step:
                    case str():
                        server.change(step)
                    case float():
                        await anyio.sleep(step)
                    case int():
                        await check_throttling(server, clients, step)
                    case list():
                        async with anyio.create_task_group() as group:
                            for one in step:
                                group.start_soon(read, server, clients, one)
            for token, client in zip(TOKENS, clients, strict=True):
                assert client.statistics().requests == server.counts[token]
            assert sum(client.statistics().not_modified for client in clients) == server.confirmed
        await runner.cleanup()

    autojump.run(main)


async def receive(feed: Feed, build: Build) -> None:
    """Receive the events of one's own repository until a job of a build was created."""
    with anyio.fail_after(5):
        async for event in feed:
            # What was published before the feed was opened again may still arrive.
            assert isinstance(event, events.BuildCreated | events.JobCreated)
            about = event.build if isinstance(event, events.BuildCreated) else event.job
            assert about.repository_id == build.repository.id
            if about.id == build.jobs[0].id:
                return


@settings(max_examples=max(5, CASES // 4))
@given(st.lists(st.tuples(st.integers(0, 1), st.sampled_from(["listen", "leave", "build"])), max_size=25))
def test_no_identity_sees_an_event_of_another(story: list[tuple[int, str]]) -> None:
    async def main() -> None:
        async with TravisServer() as server, AsyncExitStack() as stack:
            world = server.world
            users = [world.user(f"user-{number}", token=f"token-{number}") for number in range(2)]
            repositories = [world.repository(f"a/{user.login}", private=True, users=[user]) for user in users]
            first = await stack.enter_async_context(Travis("token-0", endpoint=server.endpoint, live=HASTY))
            clients = [first, first.with_options(token="token-1")]
            feeds: list[Feed | None] = [None, None]
            for who, what in story:
                feed = feeds[who]
                if what == "listen" and feed is None:
                    feeds[who] = await clients[who].events().__aenter__()
                elif what == "leave" and feed is not None:
                    await feed.aclose()
                    feeds[who] = None
                elif what == "build":
                    build = repositories[who].build()
                    if feed is not None:
                        await receive(feed, build)
            await until(lambda: len(server.pusher.connections) <= 2)
            for feed in feeds:
                if feed is not None:
                    await feed.aclose()

    anyio.run(main)
