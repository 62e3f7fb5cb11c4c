"""Webhook notifications as they go over the wire: sections beyond 2.1 to beyond 2.5 of the facts."""

import asyncio
import base64
import json
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast
from urllib.parse import unquote_to_bytes

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from aiotravis.testing import Build
from tests.conformance.live import covers, rows
from tests.conformance.scene import Scene, scene
from tests.raw import ask
from tests.waiting import until


class Sink:
    """A TCP server that keeps what it gets, byte for byte, and answers 200."""

    def __init__(self) -> None:
        self.requests: list[tuple[list[str], bytes]] = []
        self.url = ""

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii").splitlines()[:-1]
        length = next(int(line.split(":")[1]) for line in head if line.lower().startswith("content-length:"))
        self.requests.append((head, await reader.readexactly(length)))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    @asynccontextmanager
    async def serving(self) -> AsyncGenerator["Sink"]:
        async with await asyncio.start_server(self._answer, "127.0.0.1", 0) as server:
            self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
            yield self


async def sent(found: Scene, build: Build) -> tuple[dict[str, str], str, bytes]:
    """Return headers, first line and body of a webhook."""
    async with Sink().serving() as sink:
        await found.server.webhooks.send(build, sink.url)
    head, body = sink.requests[0]
    return dict(line.split(": ", 1) for line in head[1:]), head[0], body


def value_of(body: bytes) -> bytes:
    """Return the value of the field, decoded as by a form parser that knows nothing of our code."""
    return unquote_to_bytes(body.removeprefix(b"payload=").replace(b"+", b" "))


@covers("beyond 2.1", "POST of a form", "User-Agent", "Travis-Repo-Slug", "percent-encoding")
async def test_a_webhook_is_a_post_of_one_field_in_the_encoding_of_travis() -> None:
    async with scene() as found:
        found.full.commit.message = "100% + \u00e9 ~ * & = \u2028 <b>"
        headers, first, body = await sent(found, found.full)
    assert first == "POST /hook HTTP/1.1"
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert headers["User-Agent"] == "Travis CI Notifications"
    assert headers["Travis-Repo-Slug"] == "travis-ci/travis.rb"
    assert re.fullmatch(rb"payload=(?:[A-Za-z0-9.~_+-]|%[0-9A-F]{2})+", body)
    assert b"100%25+%2B+%C3%A9+~+%2A+" in body


@covers("beyond 2.1", "no Signature without a key")
async def test_a_site_without_a_key_sends_no_signature() -> None:
    async with scene(mode="enterprise") as found:
        found.server.webhooks.signed = False
        headers, _, _ = await sent(found, found.full)
        config = await ask(found.server, "/config")
    assert "Signature" not in headers
    assert config.json["config"]["notifications"] == {"webhook": {"public_key": None}}


@covers("beyond 2.2", "RSA, PKCS#1 v1.5, SHA-1", "over the decoded value", "base64", "key in GET /config")
async def test_the_signature_is_over_the_decoded_value() -> None:
    async with scene() as found:
        headers, _, body = await sent(found, found.full)
        pem = (await ask(found.server, "/config")).json["config"]["notifications"]["webhook"]["public_key"]
    assert pem.startswith("-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0B")
    assert len(headers["Signature"]) == 344
    key = cast("RSAPublicKey", load_pem_public_key(pem.encode()))
    key.verify(base64.b64decode(headers["Signature"], validate=True), value_of(body), PKCS1v15(), SHA1())


@covers("beyond 2.2", "each site has its own key", "nothing tells deliveries apart")
async def test_a_repeated_delivery_is_equal_byte_for_byte() -> None:
    async with scene() as found:
        first, second = await sent(found, found.full), await sent(found, found.full)
        own = found.server.webhooks.public_key
        found.server.webhooks.renew_key()
        other = await sent(found, found.full)
        assert found.server.webhooks.public_key != own
    names = set(first[0]) - {"Host"}
    assert {name: first[0][name] for name in names} == {name: second[0][name] for name in names}
    assert (first[2], first[2]) == (second[2], other[2])
    assert first[0]["Signature"] != other[0]["Signature"]


STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")

OF_COMMIT = (
    "commit", "branch", "message", "compare_url", "committed_at", "author_name", "author_email", "committer_name",
    "committer_email",
)  # fmt: skip

FIELDS: Mapping[str, str] = {
    "id": "int", "number": "str", "config": "dict", "type": "str", "state": "str", "status": "int", "result": "int",
    "status_message": "str", "result_message": "str", "started_at": "ts", "finished_at": "ts", "duration": "int",
    "build_url": "str", "commit_id": "int", "commit": "str", "base_commit": "null", "head_commit": "null",
    "branch": "str", "message": "str", "compare_url": "str", "committed_at": "ts", "author_name": "str",
    "author_email": "str", "committer_name": "str", "committer_email": "str", "pull_request": "bool",
    "pull_request_number": "int", "pull_request_title": "str", "tag": "str", "repository": "dict", "matrix": "list",
}  # fmt: skip

JOB_FIELDS: Mapping[str, str] = {
    "id": "int", "repository_id": "int", "parent_id": "int", "number": "str", "state": "str", "config": "dict",
    "status": "int", "result": "int", **{name: FIELDS[name] for name in OF_COMMIT}, "started_at": "ts",
    "finished_at": "ts", "allow_failure": "bool",
}  # fmt: skip


def is_of(kind: str, value: object) -> bool:
    if kind == "ts":
        return isinstance(value, str) and STAMP.fullmatch(value) is not None
    return kind == ("null" if value is None else type(value).__name__)


async def payload_of(which: str) -> dict[str, Any]:
    async with scene() as found:
        _, _, body = await sent(found, getattr(found, which))
        read: dict[str, Any] = json.loads(value_of(body))
        return read


@rows("beyond 2.3", {name: (name, kind) for name, kind in FIELDS.items()})
async def test_the_payload_has_the_field(row: tuple[str, str]) -> None:
    name, kind = row
    payload = await payload_of("full")
    assert is_of(kind, payload[name]), payload[name]
    assert set(payload) == set(FIELDS)


@covers("beyond 2.3", *(f"matrix.{name}" for name in JOB_FIELDS))
async def test_a_job_has_the_fields_and_the_times_of_its_build() -> None:
    payload = await payload_of("full")
    for job in payload["matrix"]:
        assert {name: is_of(kind, job[name]) for name, kind in JOB_FIELDS.items()} == dict.fromkeys(JOB_FIELDS, True)
        assert set(job) == set(JOB_FIELDS)
        assert (job["started_at"], job["finished_at"]) == (payload["started_at"], payload["finished_at"])
        assert job["parent_id"] == payload["id"]


@covers("beyond 2.3", "repository", "what is null", "build_url")
async def test_a_build_that_waits_has_null_where_nothing_is_known() -> None:
    payload = await payload_of("sparse")
    assert set(payload["repository"]) == {"id", "name", "owner_name", "url"}
    assert payload["repository"]["url"] is None
    null = {name for name, value in payload.items() if value is None}
    assert null >= {
        "type",
        "status",
        "result",
        "started_at",
        "finished_at",
        "duration",
        "message",
        "tag",
        "author_name",
    }
    assert payload["matrix"][0]["allow_failure"] is None
    assert payload["build_url"] == f"https://app.travis-ci.com/travis-ci/travis.rb/builds/{payload['id']}"


@rows("beyond 2.3", {"status of passed": ("passed", 0, "Passed"), "status of running": ("running", None, "Pending")})
async def test_the_status_is_a_number_for_passed_and_null_for_what_runs(row: tuple[str, int | None, str]) -> None:
    which, status, message = row
    payload = await payload_of(which)
    assert (payload["status"], payload["result"], payload["status_message"]) == (status, status, message)


@covers("beyond 2.4", "started, finished, canceled", "nothing else", "a restarted build sends again")
async def test_starts_and_ends_are_sent_and_nothing_else() -> None:
    async with scene() as found, Sink().serving() as sink:
        found.server.webhooks.urls.append(sink.url)
        build = found.repo.build()
        build.receive().start().finish("errored")
        build.restart()
        build.start().finish("passed")
        found.repo.build().cancel()
        await until(lambda: len(found.server.webhooks.deliveries) == 5)
        states = sorted(json.loads(value_of(body))["state"] for _, body in sink.requests)
    assert states == ["canceled", "errored", "passed", "started", "started"]


@covers("beyond 2.5", "one attempt", "one URL after the other")
async def test_a_target_that_fails_gets_one_attempt_before_the_next() -> None:
    async with scene() as found, Sink().serving() as sink:
        found.server.webhooks.urls += ["http://127.0.0.1:9/", sink.url]
        found.repo.build().start()
        await until(lambda: len(found.server.webhooks.deliveries) == 2)
    assert [one.status for one in found.server.webhooks.deliveries] == [None, 200]
    assert len(sink.requests) == 1
