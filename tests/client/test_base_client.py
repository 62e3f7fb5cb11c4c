"""The client itself over REST: its headers, settings, limits, any other route."""

from typing import Any
from urllib.parse import quote_plus

import anyio
import pytest

from aiotravis import ORG, RedisLimits, Travis, errors
from aiotravis.rate_limits.memory import shared_limiter
from aiotravis.testing import Repository, TravisServer
from tests.conftest import TOKEN


async def test_the_callers_user_agent_comes_first(server: TravisServer) -> None:
    async with Travis(endpoint=server.endpoint, user_agent="dashboard/1.0") as travis:
        await travis.config.get()
    assert server.requests[-1].headers["user-agent"].startswith("dashboard/1.0 aiotravis/")


def test_anonymous_requests_to_travis_ci_com_ask_for_version_2_1() -> None:
    assert Travis()._transport.identity.accept == "application/vnd.travis-ci.2.1+json"
    assert Travis(TOKEN)._transport.identity.accept == "application/vnd.travis-ci.2+json"
    assert Travis(endpoint=ORG)._transport.identity.accept == "application/vnd.travis-ci.2+json"


def test_rate_limits_are_on_for_travis_and_off_for_enterprise() -> None:
    assert Travis().limits.room == 500
    assert Travis(TOKEN).limits.room == 2000
    assert Travis(TOKEN, endpoint="https://travis.example.org/api").limits.room is None
    assert Travis(endpoint="http://127.0.0.1:80").limits.room is None
    assert Travis(endpoint="http://127.0.0.1:80", rate_limits=True).limits.room == 500


def test_the_store_of_the_limits_is_shown_as_json() -> None:
    limits = Travis(TOKEN).limits
    assert (limits.store, limits.to_dict()["store"]) == ("machine", "machine")
    assert Travis(TOKEN, rate_limits="memory").limits.store == "memory"
    assert Travis(TOKEN, rate_limits=RedisLimits("redis://cache", processes=2)).limits.store == "redis"
    assert Travis(TOKEN, rate_limits=False).limits.store == "none"
    with pytest.raises(errors.UsageError):
        Travis(TOKEN, rate_limits="everywhere")  # type: ignore[arg-type]


async def test_a_call_would_rather_fail_than_wait_for_the_limits(server: TravisServer) -> None:
    async with Travis(TOKEN, endpoint=server.endpoint, rate_limits="memory") as travis:
        await travis.config.get()
        shared = shared_limiter(server.endpoint, TOKEN, limited=True)
        shared.windows.per_minute = 1
        with pytest.raises(errors.RateLimited, match=r"max_wait=0\.5"), anyio.fail_after(5):
            await travis.with_options(max_wait=0.5).config.get()
        assert len(server.requests) == 1


async def test_calls_with_low_priority_go_after_all_others(server: TravisServer) -> None:
    server.world.user("paul", token="another-token")
    async with Travis("another-token", endpoint=server.endpoint, rate_limits="memory") as travis:
        shared = shared_limiter(server.endpoint, "another-token", limited=True)
        shared.windows.per_minute = 0
        low = travis.with_options(priority="low")
        async with anyio.create_task_group() as group:
            for client, path in ((low, "/accounts"), (low, "/hooks"), (travis, "/users"), (travis, "/broadcasts")):
                group.start_soon(client.request, "GET", path)
            while travis.limits.waiting < 4:
                await anyio.lowlevel.checkpoint()
            assert travis.limits.waiting_low == 2
            shared.windows.per_minute = 2
            shared.wake_all()
            while travis.limits.waiting > 2:
                await anyio.lowlevel.checkpoint()
            shared.windows.per_minute = 2000
            shared.wake_all()
    assert {seen.path for seen in server.requests[:2]} == {"/users", "/broadcasts"}
    assert len(server.requests) == 4


async def test_a_token_is_verified(travis: Travis) -> None:
    assert (await travis.verify()).login == "sarah"


async def test_any_route_can_be_requested(server: TravisServer, travis: Travis, repository: Repository) -> None:
    job = repository.build().jobs[0]
    job.write("text")
    reply = await travis.request("get", f"/v3/job/{job.id}/log.txt", accept="text/plain")
    assert (reply.status, reply.text) == (200, "text")
    listed = await travis.request("GET", "/builds", query={"repository_id": "82"}, headers={"X-Mine": "1"})
    assert len(listed.json["builds"]) == 1
    assert server.requests[-1].headers["x-mine"] == "1"
    body = {"socket_id": "1.1", "channels": ["repo-1"]}
    assert "repo-1" in (await travis.request("POST", "/pusher/auth", json=body)).json["channels"]
    with pytest.raises(errors.NotFoundError):
        await travis.request("GET", "/nothing", query=[("a", "b")])
    sent = len(server.requests)
    for method, path in (
        ("G T", "/x"), ("GET", "x"), ("GET", "//host/x"), ("GET", "/x?y"), ("GET", "/x y"), ("GET", "/\n"),
    ):  # fmt: skip
        with pytest.raises(errors.UsageError):
            await travis.request(method, path)
    assert len(server.requests) == sent


async def test_with_options_changes_settings_over_the_same_connections(server: TravisServer, travis: Travis) -> None:
    server.respond("GET", "/config", status=503)
    for attempts in (1, 2):
        before = len(server.requests)
        with pytest.raises(errors.ServerError):
            await travis.with_options(attempts=attempts).config.get()
        assert len(server.requests) == before + attempts
    with pytest.raises(errors.TooLargeError):
        await travis.with_options(max_response=5).users.me()
    both = travis.with_options(attempts=1).with_options(max_response=5)
    before = len(server.requests)
    with pytest.raises(errors.TooLargeError):
        await both.request("GET", "/users")
    with pytest.raises(errors.TooLargeError):
        await both.accounts.list()
    assert len(server.requests) == before + 2
    server.latency = 5
    with pytest.raises(errors.RequestTimeout):
        await travis.with_options(read_timeout=0.01).users.me()
    server.latency = 0
    wrong: list[dict[str, Any]] = [
        {"attempts": 0},
        {"read_timeout": -1.0},
        {"max_response": True},
        {"attempts": 1.5},
        {"priority": "high"},
        {"max_wait": -1},
        {"max_wait": float("inf")},
    ]
    for settings in wrong:
        with pytest.raises(errors.UsageError):
            travis.with_options(**settings)
    await travis.with_options().aclose()
    with pytest.raises(errors.UsageError, match="closed"):
        await travis.users.me()


async def test_a_client_has_one_verifier_of_webhooks_and_needs_no_token(server: TravisServer, stranger: Travis) -> None:
    verifier = stranger.webhook_verifier()
    assert stranger.webhook_verifier() is verifier
    payload = '{"id":7,"state":"passed"}'
    body = f"payload={quote_plus(payload)}".encode()
    assert (await verifier.verify(body, server.webhooks.sign(payload))).build.id == 7
    assert stranger.with_options(attempts=1).webhook_verifier() is not verifier
