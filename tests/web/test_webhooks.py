"""Webhooks over HTTP: an embedded Travis sends them to a real aiohttp.web."""

import asyncio
import io
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from aiotravis import Travis
from aiotravis.errors import UsageError
from aiotravis.testing import Repository, TravisServer
from aiotravis.web import _webhooks, webhook_handler
from aiotravis.webhooks import Notification
from tests.waiting import until
from tests.webhook_requests import PAYLOAD, form, sign

HEADERS = {"Content-Type": "application/x-www-form-urlencoded"}


class Receiver:
    """An application with a webhook."""

    def __init__(self, travis: Travis) -> None:
        self.received: list[Notification] = []
        self.fails = False
        self.app = web.Application()
        self.app.router.add_post("/travis", webhook_handler(travis.webhook_verifier(), self.receive))
        self.url = ""

    async def receive(self, notification: Notification) -> None:
        if self.fails:
            raise RuntimeError("a bug of the application")
        self.received.append(notification)

    @asynccontextmanager
    async def serving(self) -> AsyncGenerator["Receiver"]:
        runner = web.AppRunner(self.app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/travis"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def post(self, body: bytes, signature: str | None) -> tuple[int, str]:
        headers = HEADERS if signature is None else {**HEADERS, "Signature": signature}
        async with (
            aiohttp.ClientSession() as session,
            session.post(self.url, data=io.BytesIO(body), headers=headers) as response,
        ):
            return response.status, await response.text()


@pytest.fixture
async def receiver(travis: Travis) -> AsyncGenerator[Receiver]:
    async with Receiver(travis).serving() as receiver:
        yield receiver


async def test_what_the_embedded_travis_sends_is_received(
    server: TravisServer, receiver: Receiver, repository: Repository
) -> None:
    server.webhooks.urls.append(receiver.url)
    build = repository.build(jobs=2, message="100% of 1+1 <é> & more").start()
    await until(lambda: len(server.webhooks.deliveries) == 1)
    build.finish("failed")
    await until(lambda: len(server.webhooks.deliveries) == 2)
    assert [sent.status for sent in server.webhooks.deliveries] == [204, 204]
    assert [one.state for one in receiver.received] == ["started", "failed"]
    first = receiver.received[0]
    assert (first.build.id, first.build.job_ids) == (build.id, tuple(job.id for job in build.jobs))
    assert first.repository is not None
    assert (first.repository.id, first.repository.slug) == (repository.id, repository.slug)
    assert first.build.commit is not None
    assert first.build.commit.message == "100% of 1+1 <é> & more"
    assert len(server.requests_to("/config")) == 1


async def test_the_build_of_a_notification_can_be_waited_for(
    server: TravisServer, travis: Travis, receiver: Receiver, repository: Repository
) -> None:
    build = repository.build().start()
    await server.webhooks.send(build, receiver.url)
    waiting = asyncio.ensure_future(travis.wait_for_build(receiver.received[0].build))
    await until(lambda: bool(server.requests_to("/builds*")))
    build.finish("passed")
    assert (await waiting).passed


async def test_what_is_not_signed_by_travis_is_refused_and_nothing_is_told(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    assert await receiver.post(form(PAYLOAD), sign(PAYLOAD)) == (403, "Refused: mismatch.\n")
    assert await receiver.post(form(PAYLOAD), None) == (403, "Refused: signature.\n")
    assert await receiver.post(PAYLOAD, sign(PAYLOAD)) == (403, "Refused: body.\n")
    assert receiver.received == []
    assert "277713381" not in caplog.text
    assert "secret" not in caplog.text


async def test_a_body_without_signature_is_not_read(receiver: Receiver) -> None:
    async def endless() -> AsyncGenerator[bytes]:
        yield b"payload="
        await asyncio.Event().wait()

    async with aiohttp.ClientSession() as session, session.post(receiver.url, data=endless()) as response:
        assert response.status == 403


async def test_a_body_that_is_large_or_slow_is_refused(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _webhooks.MAX_BODY_BYTES > 1 << 20, "more than the client_max_size of aiohttp"
    assert (await receiver.post(b"payload=" + b"a" * (3 << 20), sign(PAYLOAD)))[0] == 403
    assert (await receiver.post(b"payload=" + b"a" * (5 << 20), sign(PAYLOAD)))[0] == 413
    monkeypatch.setattr(_webhooks, "BODY_SECONDS", 0.05)

    async def slow() -> AsyncGenerator[bytes]:
        yield b"payload="
        await asyncio.Event().wait()

    headers = {**HEADERS, "Signature": sign(PAYLOAD)}
    async with (
        aiohttp.ClientSession() as session,
        session.post(receiver.url, data=slow(), headers=headers) as response,
    ):
        assert response.status == 408


async def test_without_a_key_everything_is_refused(server: TravisServer, receiver: Receiver) -> None:
    server.webhooks.signed = False
    assert await receiver.post(form(PAYLOAD), sign(PAYLOAD)) == (503, "Refused: key.\n")
    assert await receiver.post(form(PAYLOAD), None) == (403, "Refused: signature.\n")


async def test_a_site_that_is_down_is_told_apart_from_a_forgery(server: TravisServer, receiver: Receiver) -> None:
    server.respond("GET", "/config", status=404, body=b'{"file":"not found"}')
    assert await receiver.post(form(PAYLOAD), sign(PAYLOAD)) == (503, "Refused: key.\n")


async def test_a_new_key_of_the_site_is_found(
    server: TravisServer, receiver: Receiver, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aiotravis.flows.webhook_verifier.KEY_INTERVAL", 0.0)
    build = repository.build()
    assert (await server.webhooks.send(build, receiver.url)).status == 204
    server.webhooks.renew_key()
    assert (await server.webhooks.send(build, receiver.url)).status == 204


async def test_an_error_of_the_application_is_a_500(
    server: TravisServer, receiver: Receiver, repository: Repository
) -> None:
    receiver.fails = True
    assert (await server.webhooks.send(repository.build(), receiver.url)).status == 500


async def test_a_doubled_delivery_is_received_twice_with_the_same_key(
    server: TravisServer, receiver: Receiver, repository: Repository
) -> None:
    build = repository.build().start()
    for _ in range(2):
        await server.webhooks.send(build, receiver.url)
    assert len({one.key for one in receiver.received}) == 1


@pytest.mark.parametrize(("verifier", "receive", "argument"), [(None, print, "verifier"), (True, 1, "verifier")])
def test_arguments_are_checked(verifier: Any, receive: Any, argument: str) -> None:
    with pytest.raises(UsageError, match=argument):
        webhook_handler(verifier, receive)


async def test_a_receiver_has_to_be_a_function(travis: Travis) -> None:
    receive: Any = 1
    with pytest.raises(UsageError, match="receive"):
        webhook_handler(travis.webhook_verifier(), receive)
