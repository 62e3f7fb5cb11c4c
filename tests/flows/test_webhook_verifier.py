"""The key of a site: fetched at the first webhook, and again when it may have changed."""

from collections.abc import Callable

import anyio
import msgspec
import pytest

from aiotravis._http import ApiRequest, ApiResponse, Sink
from aiotravis.errors import RequestError, ServerError, WebhookRejected
from aiotravis.flows.webhook_verifier import KEY_INTERVAL, WebhookVerifier
from aiotravis.resources.config import ConfigResource
from tests import autojump
from tests.samples import JSON
from tests.webhook_requests import PAYLOAD, form, pem, sign

BODY = form(PAYLOAD)


class Site:
    """A transport that answers ``GET /config`` with a key, once it is released."""

    def __init__(self, key: str | None) -> None:
        self.key = key
        self.asked = 0
        self.down: Exception | None = None
        self.released = anyio.Event()
        self.released.set()
        self.waiting = 0

    async def send(self, request: ApiRequest, sink: Sink | None = None) -> ApiResponse:
        assert request.path == "/config"
        self.asked += 1
        await self.released.wait()
        if self.down is not None:
            raise self.down
        config = {"config": {"notifications": {"webhook": {"public_key": self.key}}}}
        return ApiResponse(200, JSON, msgspec.json.encode(config))

    def verifier(self) -> WebhookVerifier:
        return WebhookVerifier(ConfigResource(self))


async def check(verifier: WebhookVerifier, signature: str | None, body: bytes = BODY) -> str:
    """Return the check that failed, or ``passed``."""
    try:
        await verifier.verify(body, signature)
    except WebhookRejected as exc:
        return exc.check
    return "passed"


async def test_the_key_is_fetched_once() -> None:
    site = Site(pem())
    verifier = site.verifier()
    assert site.asked == 0
    assert (await verifier.verify(BODY, sign(PAYLOAD))).build.id == 277713381
    assert [await check(verifier, sign(PAYLOAD)) for _ in range(3)] == ["passed"] * 3
    assert site.asked == 1


async def test_what_is_malformed_asks_for_no_key() -> None:
    site = Site(pem())
    verifier = site.verifier()
    assert [await check(verifier, one) for one in (None, "", "AAA")] == ["signature"] * 3
    assert await check(verifier, sign(PAYLOAD), b"{}") == "body"
    assert site.asked == 0


def test_a_new_key_is_found_and_forgers_cause_one_look_in_five_minutes() -> None:
    async def main(_: Callable[[], float]) -> None:
        site = Site(pem())
        verifier = site.verifier()
        assert await check(verifier, sign(PAYLOAD)) == "passed"
        forged = [await check(verifier, sign(PAYLOAD, 2)) for _ in range(50)]
        assert (set(forged), site.asked) == ({"mismatch"}, 1)
        await anyio.sleep(KEY_INTERVAL + 1)
        site.key = pem(1)
        assert await check(verifier, sign(PAYLOAD, 1)) == "passed"
        assert [await check(verifier, sign(PAYLOAD, one)) for one in (0, 2)] == ["mismatch"] * 2
        assert site.asked == 2
        await anyio.sleep(KEY_INTERVAL + 1)
        assert [await check(verifier, sign(PAYLOAD, 2)) for _ in range(50)] == ["mismatch"] * 50
        assert site.asked == 3
        assert await check(verifier, sign(PAYLOAD, 1)) == "passed"

    autojump.run(main, settling=0)


def test_a_site_without_a_key_is_asked_again_after_five_minutes() -> None:
    async def main(_: Callable[[], float]) -> None:
        site = Site(None)
        verifier = site.verifier()
        assert [await check(verifier, sign(PAYLOAD)) for _ in range(9)] == ["key"] * 9
        assert site.asked == 1
        site.key = pem()
        await anyio.sleep(KEY_INTERVAL + 1)
        assert await check(verifier, sign(PAYLOAD)) == "passed"

    autojump.run(main, settling=0)


@pytest.mark.parametrize("lost", [None, ""])
def test_an_answer_without_a_key_does_not_take_the_key_back(lost: str | None) -> None:
    async def main(_: Callable[[], float]) -> None:
        site = Site(pem())
        verifier = site.verifier()
        assert await check(verifier, sign(PAYLOAD)) == "passed"
        await anyio.sleep(KEY_INTERVAL + 1)
        site.key = lost
        assert await check(verifier, sign(PAYLOAD, 1)) == "mismatch"
        assert await check(verifier, sign(PAYLOAD)) == "passed"

    autojump.run(main, settling=0)


DOWN = ServerError("down", status=500, method="GET", path="/config")


def test_a_site_that_is_down_does_not_take_the_key_back(caplog: pytest.LogCaptureFixture) -> None:
    async def main(_: Callable[[], float]) -> None:
        site = Site(pem())
        verifier = site.verifier()
        assert await check(verifier, sign(PAYLOAD)) == "passed"
        await anyio.sleep(KEY_INTERVAL + 1)
        site.down = DOWN
        assert [await check(verifier, sign(PAYLOAD, 1)) for _ in range(9)] == ["mismatch"] * 9
        assert site.asked == 2
        assert await check(verifier, sign(PAYLOAD)) == "passed"

    autojump.run(main, settling=0)
    assert caplog.text.count("cannot be read: down") == 1


async def test_without_a_key_an_error_is_raised_and_the_next_webhook_asks_again() -> None:
    site = Site(pem())
    verifier = site.verifier()
    site.down = DOWN
    with pytest.raises(ServerError):
        await verifier.verify(BODY, sign(PAYLOAD))
    site.down = RequestError("lost", method="GET", path="/config")
    with pytest.raises(RequestError):
        await verifier.verify(BODY, sign(PAYLOAD))
    site.down = None
    assert await check(verifier, sign(PAYLOAD)) == "passed"


async def test_those_who_wait_share_one_look_and_its_failure() -> None:
    site = Site(pem())
    verifier = site.verifier()
    outcomes: list[str] = []

    async def one() -> None:
        try:
            outcomes.append(await check(verifier, sign(PAYLOAD)))
        except ServerError:
            outcomes.append("down")

    for expected in ("down", "passed"):
        site.released = anyio.Event()
        site.asked = 0
        site.down = DOWN if expected == "down" else None
        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(one)
            await anyio.wait_all_tasks_blocked()
            site.released.set()
        assert (outcomes, site.asked) == ([expected] * 20, 1)
        outcomes.clear()


async def test_a_look_that_is_cancelled_is_made_by_the_next_that_waits() -> None:
    site = Site(pem())
    site.released = anyio.Event()
    verifier = site.verifier()
    outcomes: list[str] = []

    async def one() -> None:
        outcomes.append(await check(verifier, sign(PAYLOAD)))

    async with anyio.create_task_group() as group:
        scope = anyio.CancelScope()

        async def cancelled() -> None:
            with scope:
                await one()

        group.start_soon(cancelled)
        await anyio.wait_all_tasks_blocked()
        group.start_soon(one)
        await anyio.wait_all_tasks_blocked()
        scope.cancel()
        await anyio.wait_all_tasks_blocked()
        assert site.asked == 2
        site.released.set()
    assert outcomes == ["passed"]
