"""Webhooks of the embedded Travis: what is sent, when, and what openssl says about its signatures."""

import base64
import shutil
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from aiohttp import web

from aiotravis.testing import Repository, TravisServer, World
from aiotravis.testing.rest.webhooks import Webhooks
from aiotravis.webhooks import verify
from tests.waiting import until


class Target:
    """A web server that records what is posted to it."""

    def __init__(self) -> None:
        self.status = 200
        self.headers: dict[str, str] = {}
        self.received: list[tuple[str, bytes, dict[str, str]]] = []

    async def handle(self, request: web.Request) -> web.Response:
        self.received.append((request.method, await request.read(), dict(request.headers)))
        if request.path == "/away":
            return web.Response(status=self.status, headers={"Location": "/"})
        if request.path == "/forever":
            return web.Response(status=307, headers={"Location": "/forever"})
        return web.Response(status=self.status)


@asynccontextmanager
async def serving(target: Target) -> AsyncGenerator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", target.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_starts_and_ends_are_sent_signed_to_every_url(server: TravisServer, repository: Repository) -> None:
    target = Target()
    async with serving(target) as url:
        server.webhooks.urls += [f"{url}/one", f"{url}/two"]
        build = repository.build(jobs=2)
        for change in (build.start, lambda: build.finish("passed"), lambda: repository.build().cancel()):
            change()
            await server.webhooks.wait_sent()
    assert [sent.url.rpartition("/")[2] for sent in server.webhooks.deliveries] == ["one", "two"] * 3
    assert {sent.status for sent in server.webhooks.deliveries} == {200}
    found = [verify(body, headers["Signature"], server.webhooks.public_key) for _, body, headers in target.received]
    assert [one.state for one in found] == ["started", "started", "passed", "passed", "canceled", "canceled"]
    assert {one.build.id for one in found[:4]} == {build.id}
    assert [job.id for job in found[0].build.jobs] == [job.id for job in build.jobs]
    headers = target.received[0][2]
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert (headers["User-Agent"], headers["Travis-Repo-Slug"]) == ("Travis CI Notifications", "travis-ci/travis.rb")


async def test_nothing_is_sent_without_urls_or_for_other_events(server: TravisServer, repository: Repository) -> None:
    build = repository.build()
    server.webhooks.urls.append("http://127.0.0.1:9")
    build.receive()
    assert server.webhooks._tasks == set()
    server.webhooks.urls.clear()
    build.start().finish()
    assert (server.webhooks._tasks, server.webhooks.deliveries) == (set(), [])


async def test_configurations_choose_who_hears_on_this_machine_only(
    server: TravisServer, repository: Repository
) -> None:
    target, real = Target(), "https://hooks.example.org/secret"
    async with serving(target) as url:
        server.webhooks.urls.append(f"{url}/all")
        build = repository.build()
        build.config["notifications"] = {
            "webhooks": [{"urls": f"{url}/start", "on_start": "always", "on_success": "never"}, f"{url}/all", real]
        }
        build.start().finish("passed")
        repository.build().start().finish("passed")
        await server.webhooks.wait_sent()
    found = sorted((sent.url.replace(url, ""), sent.status) for sent in server.webhooks.deliveries if sent.url != real)
    assert found == [("/all", 200)] * 4 + [("/start", 200)]
    assert [sent.status for sent in server.webhooks.deliveries if sent.url == real] == [None], "recorded, not sent"


def test_what_happens_outside_an_event_loop_is_recorded() -> None:
    world = World()
    webhooks = Webhooks(world)
    webhooks.watch()
    build = world.repository("a/b").build()
    build.config["notifications"] = {"webhooks": "http://127.0.0.1:9/x"}
    build.start().finish("passed")
    assert [(sent.url, sent.status) for sent in webhooks.deliveries] == [("http://127.0.0.1:9/x", None)]


async def test_a_target_that_fails_is_tried_once_and_does_not_stop_the_others(
    server: TravisServer, repository: Repository
) -> None:
    target = Target()
    target.status = 500
    async with serving(target) as url:
        server.webhooks.urls += ["http://127.0.0.1:9", "no URL", url]
        repository.build().start()
        await until(lambda: len(server.webhooks.deliveries) == 3)
    assert [sent.status for sent in server.webhooks.deliveries] == [None, None, 500]
    assert len(target.received) == 1


@pytest.mark.parametrize(("status", "method"), [(301, "GET"), (302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")])
async def test_redirects_are_followed_as_travis_does(
    server: TravisServer, repository: Repository, status: int, method: str
) -> None:
    target = Target()
    target.status = status
    async with serving(target) as url:
        await server.webhooks.send(repository.build(), f"{url}/away")
        assert [one[0] for one in target.received] == ["POST", method]
        assert bool(target.received[1][1]) == (method == "POST")
        target.received.clear()
        assert (await server.webhooks.send(repository.build(), f"{url}/forever")).status is None
        assert len(target.received) == 4


async def test_a_site_without_a_key_signs_nothing(server: TravisServer, repository: Repository) -> None:
    server.webhooks.signed = False
    prepared = server.webhooks.prepare(repository.build())
    assert "Signature" not in prepared.headers
    assert server.webhooks.public_key is None
    with pytest.raises(RuntimeError, match="no key"):
        server.webhooks.sign("{}")


def test_without_cryptography_the_site_has_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    webhooks = Webhooks(World())
    monkeypatch.setattr("aiotravis.testing.rest.webhooks._first_key", _raise_import_error)
    assert webhooks.public_key is None
    assert "Signature" not in webhooks.prepare(World().repository("a/b").build()).headers


def _raise_import_error() -> None:
    raise ImportError


def test_the_key_is_kept_until_it_is_renewed() -> None:
    webhooks = Webhooks(World())
    first = webhooks.public_key
    assert first == webhooks.public_key == Webhooks(World()).public_key
    webhooks.renew_key()
    assert webhooks.public_key != first
    assert "cryptography" in sys.modules


async def test_records_are_bounded(repository: Repository) -> None:
    webhooks = Webhooks(World(), max_records=2)
    for _ in range(3):
        await webhooks.send(repository.build(), "http://127.0.0.1:9")
    assert len(webhooks.deliveries) == 2


async def test_stopping_ends_what_is_being_sent(server: TravisServer, repository: Repository) -> None:
    server.webhooks.urls.append("http://127.0.0.1:9")
    repository.build().start()
    (task,) = server.webhooks._tasks
    await server.webhooks.stop()
    assert task.cancelled()


def test_openssl_accepts_the_signature(tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl on this machine")
    webhooks = Webhooks(World())
    delivery = webhooks.prepare(World().repository("a/b").build(message="100% of 1+1 <é> & more"))
    payload, signature, key = tmp_path / "payload", tmp_path / "signature", tmp_path / "key.pem"
    payload.write_bytes(parse_qs(delivery.body.decode())["payload"][0].encode())
    signature.write_bytes(base64.b64decode(delivery.headers["Signature"], validate=True))
    key.write_text(webhooks.public_key or "")
    command: list[str | Path] = [openssl, "dgst", "-sha1", "-verify", key, "-signature", signature, payload]
    assert subprocess.run(command, check=False, capture_output=True).stdout == b"Verified OK\n"
    payload.write_bytes(payload.read_bytes().replace(b"100", b"101"))
    assert subprocess.run(command, check=False, capture_output=True).returncode != 0
