"""Verifying and reading webhooks: by our own bytes, by those of openssl, and in the real web frameworks."""

import base64
import copy
import pickle
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus, unquote_plus

import msgspec
import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from aiotravis import State
from aiotravis.errors import UsageError, WebhookRejected
from aiotravis.webhooks import Notification, RecentNotifications, verify
from tests.webhook_requests import FINISHED, PAYLOAD, form, key, pem, sign

SECRETS = ("a-secret-path", "octo", "277713381")


def read(payload: bytes) -> Notification:
    return verify(form(payload), sign(payload), pem())


def refused(body: bytes, signature: str | None, public_key: str | None = None) -> str:
    """Return the check that failed; no message may hold anything of the request."""
    with pytest.raises(WebhookRejected) as caught:
        verify(body, signature, pem() if public_key is None else public_key)
    assert not any(secret in str(caught.value) for secret in SECRETS)
    return caught.value.check


# What is read


def test_a_notification_has_the_build_its_commit_its_jobs_and_its_repository() -> None:
    found = read(PAYLOAD)
    build = found.build
    assert (build.id, build.number, build.state, found.state) == (277713381, "5", "started", State.STARTED)
    assert (build.event_type, build.pull_request, build.duration) == ("api", False, None)
    assert (build.started_at, build.finished_at) == (datetime(2026, 3, 18, 10, 28, 9, tzinfo=UTC), None)
    assert (build.repository_id, build.job_ids, build.config["dist"]) == (29853331, (638475660,), "focal")
    assert build.commit is not None
    assert (build.commit.id, build.commit.sha[:7], build.commit.branch) == (1277801499, "2eab9aa", "main")
    assert build.commit.message == "100% of 1+1 & <b> éé %41"
    assert build.commit.committed_at == datetime(2026, 3, 18, 10, 26, 24, tzinfo=UTC)
    assert found.repository is not None
    assert (found.repository.id, found.repository.slug) == (29853331, "octo/demo")
    assert (found.result_message, found.build_url) == (
        "Pending", "https://app.travis-ci.com/octo/demo/builds/277713381",
    )  # fmt: skip
    (job,) = build.jobs
    assert (job.id, job.number, job.build_id, job.state, job.allow_failure) == (
        638475660, "5.1", 277713381, "started", None,
    )  # fmt: skip
    assert (job.repository_slug, job.config) == ("octo/demo", {"os": "linux", "language": "ruby"})
    assert (job.started_at, job.finished_at) == (None, None), "those that are sent are the build's"


def test_the_state_of_an_end_is_read_and_never_the_status() -> None:
    for state in ("passed", "failed", "errored", "canceled"):
        found = read(FINISHED.replace(b'"passed"', f'"{state}"'.encode()))
        assert (found.state, found.build.finished, found.result_message) == (state, True, "Fixed")
    assert not hasattr(found, "status")


def test_a_notification_is_frozen_and_shows_no_configuration() -> None:
    found = read(PAYLOAD)
    with pytest.raises(AttributeError):
        found.build_url = "other"  # type: ignore[misc] # pyright: ignore[reportAttributeAccessIssue]
    assert "a-secret-path" not in repr(found)
    assert pickle.loads(pickle.dumps(found)) == copy.copy(found) == found
    assert "a-secret-path" in found.to_dict()["build"]["config"]["notifications"]["webhooks"][0]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"number":"5"', b'"number":5'),
        (b'"config":{"language"', b'"confix":{"language"'),
        (b'"pull_request":false', b'"pull_request":"of 2016"'),
        (b'"branch":"main","message"', b'"branch":{"name":"main"},"message"'),
        (b'"started_at":"2026-03-18T10:28:09Z","finished_at":null,"duration"', b'"duration"'),
        (b'"duration":null', b'"duration":"12 s"'),
        (b'"matrix":[', b'"matrix":["odd",'),
        (b'"commit_id":1277801499', b'"commit_id":null'),
        (b'"repository":{"id":29853331', b'"repository":{"id":null'),
        (b'"id":638475660', b'"id":0'),
        (b'"allow_failure":null', b'"allow_failure":null,"new":{"field":[1]}'),
        (b'"update"', b'"\\ud800"'),
    ],
)  # fmt: skip
def test_an_odd_value_takes_nothing_else_with_it(old: bytes, new: bytes) -> None:
    assert old in PAYLOAD
    found = read(PAYLOAD.replace(old, new, 1))
    assert (found.build.id, found.build.number, found.state) == (277713381, "5", "started")
    assert found.build_url == "https://app.travis-ci.com/octo/demo/builds/277713381"


def test_an_old_notification_without_most_fields_is_read() -> None:
    found = read(b'{"id":1,"state":"finished","config":null,"matrix":[]}')
    assert (found.build.id, found.state, found.build.config, found.build.jobs) == (1, "finished", {}, ())
    assert (found.repository, found.build.commit, found.build.number) == (None, None, "")


@pytest.mark.parametrize(
    "payload", [b"[]", b"null", b"{}", b'{"id":0}', b'{"id":"x"}', b"{", b"\xff", b"[" * 100_000, b'"277713381"', b"1"]
)
def test_a_signed_payload_without_a_build_is_refused(payload: bytes) -> None:
    assert refused(form(payload), sign(payload)) == "payload"


# What is refused


def test_no_change_of_a_byte_of_the_payload_passes() -> None:
    signature, public_key = sign(PAYLOAD), pem()
    for place in range(len(PAYLOAD)):
        changed = PAYLOAD[:place] + bytes([PAYLOAD[place] ^ 1]) + PAYLOAD[place + 1 :]
        with pytest.raises(WebhookRejected, match="does not fit"):
            verify(form(changed), signature, public_key)


def test_no_change_of_a_byte_of_the_body_passes_but_of_the_spelling_of_its_encoding() -> None:
    body, signature, public_key = form(PAYLOAD), sign(PAYLOAD), pem()
    for place in range(len(body)):
        changed = body[:place] + bytes([body[place] ^ (0x20 if body[place] > 0x40 else 1)]) + body[place + 1 :]
        try:
            verify(changed, signature, public_key)
        except WebhookRejected:
            continue
        assert unquote_plus(changed.decode()) == unquote_plus(body.decode())


def test_no_change_of_a_character_of_the_signature_passes() -> None:
    signature, body, public_key = sign(PAYLOAD), form(PAYLOAD), pem()
    for place, character in enumerate(signature):
        for other in ("A", "B", "/", "=", " ", "é"):
            if other != character:
                with pytest.raises(WebhookRejected):
                    verify(body, signature[:place] + other + signature[place + 1 :], public_key)
    # The last character before the padding has bits that mean nothing: other spellings of the same bytes.
    last = len(signature.rstrip("=")) - 1
    spellings = [signature[:last] + other + signature[last + 1 :] for other in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijkl"]
    assert {refused(body, spelling) for spelling in spellings if spelling != signature} <= {"signature", "mismatch"}


@pytest.mark.parametrize(
    "signature", [None, "", "=", "AAA", "not base64!", "AAAA\n", " AAAA", "QUJD-_==", "é", "A" * 100_001, "\udcff"]
)
def test_a_missing_or_malformed_signature_is_refused(signature: str | None) -> None:
    assert refused(form(PAYLOAD), signature) == "signature"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        PAYLOAD,
        b"payload=",
        b"payload=+",
        b"payload",
        b"Payload=" + quote_plus(PAYLOAD).encode(),
        b"other=1",
        b"other=1&" + form(PAYLOAD),
        form(PAYLOAD) + b"&other=1",
        form(PAYLOAD) + b"&" + form(PAYLOAD),
        b"payload=\xff",
        b"payload=" + PAYLOAD,
        b'{"type":"message","attachments":[{"contentType":"application/vnd.microsoft.card.adaptive"}]}',
    ],
)
def test_a_body_that_is_not_the_form_of_travis_is_refused(body: bytes) -> None:
    assert refused(body, sign(PAYLOAD)) == ("mismatch" if body == b"payload=+" else "body")


def test_payloads_that_are_written_anew_or_decoded_otherwise_are_refused() -> None:
    again = msgspec.json.encode(msgspec.json.decode(PAYLOAD))
    twice = unquote_plus(unquote_plus(quote_plus(PAYLOAD))).encode()
    truncated = PAYLOAD[:-1]
    encoded = quote_plus(PAYLOAD).encode()
    for other in (again, twice, truncated, encoded, PAYLOAD + b"\n", PAYLOAD.decode().encode("utf-16")):
        assert refused(form(other), sign(PAYLOAD)) == "mismatch"
    assert refused(form(PAYLOAD)[:-40], sign(PAYLOAD)) == "mismatch"


def _spki(public: Any) -> str:
    text: bytes = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return text.decode()


def test_a_key_that_is_not_rsa_or_not_pem_is_refused() -> None:
    private = key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    curve = _spki(ec.generate_private_key(ec.SECP256R1()).public_key())
    wrong = ["", " ", "not PEM", pem()[:60], pem().replace("PUBLIC", "PRIVATE"), private, curve, "\udcff", "é"]
    assert {refused(form(PAYLOAD), sign(PAYLOAD), one) for one in wrong} == {"key"}
    with pytest.raises(WebhookRejected, match="names no key") as caught:
        verify(form(PAYLOAD), sign(PAYLOAD), None)
    assert caught.value.check == "key"


def test_the_signature_of_another_site_is_refused() -> None:
    assert refused(form(PAYLOAD), sign(PAYLOAD, 1)) == "mismatch"
    assert refused(form(PAYLOAD), sign(PAYLOAD), pem(1)) == "mismatch"


def test_a_machine_that_refuses_sha1_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    class Strict:
        def verify(self, *_: object) -> None:
            raise UnsupportedAlgorithm("sha1 is not supported")

    rsa.RSAPublicKey.register(Strict)

    def load(_: bytes) -> Strict:
        return Strict()

    monkeypatch.setattr("cryptography.hazmat.primitives.serialization.load_pem_public_key", load)
    with pytest.raises(WebhookRejected, match="SHA-1") as caught:
        verify(form(PAYLOAD), sign(PAYLOAD), pem())
    assert caught.value.check == "key"


def test_without_cryptography_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "cryptography.exceptions", None)
    with pytest.raises(UsageError, match=r"aiotravis\[crypto\]"):
        verify(form(PAYLOAD), sign(PAYLOAD), pem())


@pytest.mark.parametrize("body", ["text", None, {}, bytearray(b"payload=")])
def test_a_body_of_another_type_is_a_mistake_of_the_caller(body: Any) -> None:
    with pytest.raises(UsageError, match="body must be bytes"):
        verify(body, sign(PAYLOAD), pem())
    with pytest.raises(UsageError, match="public_key must be str"):
        verify(form(PAYLOAD), sign(PAYLOAD), pem().encode())  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("place", range(3))
def test_an_argument_of_another_type_is_not_quoted(place: int) -> None:
    # Payloads hold the URLs of other webhooks; whoever mixes the arguments up finds them in no log.
    given: list[Any] = [form(PAYLOAD), sign(PAYLOAD), pem()]
    given[place] = form(PAYLOAD).decode() if place == 0 else form(PAYLOAD)
    with pytest.raises(UsageError) as info:
        verify(*given)
    assert "payload=" not in str(info.value)


# As openssl has it


@pytest.fixture
def openssl() -> str:
    found = shutil.which("openssl")
    if found is None:
        pytest.skip("there is no openssl on this machine")
    return found


def test_what_openssl_signs_is_accepted(openssl: str, tmp_path: Path) -> None:
    private, public, payload = tmp_path / "private.pem", tmp_path / "public.pem", tmp_path / "payload"
    payload.write_bytes(PAYLOAD)
    subprocess.run([openssl, "genrsa", "-out", private, "2048"], check=True, capture_output=True)
    subprocess.run([openssl, "rsa", "-in", private, "-pubout", "-out", public], check=True, capture_output=True)
    command: list[str | Path] = [openssl, "dgst", "-sha1", "-sign", private, payload]
    signed = subprocess.run(command, check=True, capture_output=True).stdout
    signature = base64.b64encode(signed).decode()
    assert len(signature) == 344
    assert verify(form(PAYLOAD), signature, public.read_text()).build.id == 277713381
    assert refused(form(PAYLOAD + b" "), signature, public.read_text()) == "mismatch"


# Duplicates and order


def _at(payload: bytes, started: str | None, finished: str | None = None, state: str = "started") -> Notification:
    quoted = [f'"{moment}"'.encode() if moment else b"null" for moment in (started, finished)]
    times = b'"started_at":%s,"finished_at":%s,"duration"' % tuple(quoted)
    payload = payload.replace(b'"started_at":"2026-03-18T10:28:09Z","finished_at":null,"duration"', times)
    return read(payload.replace(b'"state":"started","status"', f'"state":"{state}","status"'.encode(), 1)
                .replace(b'"state":"started",\n"status"', f'"state":"{state}",\n"status"'.encode(), 1))  # fmt: skip


RUN_1 = ("2026-03-18T10:28:09Z", "2026-03-18T10:30:00Z")
RUN_2 = ("2026-03-18T10:29:59Z", "2026-03-18T10:40:00Z")
"""The clock of its worker is behind that of the first: it starts before the end of the first."""


def test_a_second_delivery_is_a_duplicate_and_a_start_after_the_end_is_late() -> None:
    recent = RecentNotifications()
    end = _at(PAYLOAD, *RUN_1, "passed")
    assert end.state == "passed"
    assert [recent.add(one) for one in (end, end, _at(PAYLOAD, RUN_1[0]))] == ["new", "duplicate", "late"]


def test_a_restarted_build_is_new_although_its_id_and_state_are_not() -> None:
    recent = RecentNotifications()
    runs = [
        _at(PAYLOAD, RUN_1[0]),
        _at(PAYLOAD, *RUN_1, "passed"),
        _at(PAYLOAD, RUN_2[0]),
        _at(PAYLOAD, *RUN_2, "passed"),
    ]
    assert {one.build.id for one in runs} == {277713381}
    assert len({one.key for one in runs}) == 4
    assert [recent.add(one) for one in runs] == ["new"] * 4
    assert [recent.add(one) for one in runs] == ["duplicate"] * 4


def test_what_belongs_to_an_earlier_run_is_late() -> None:
    recent = RecentNotifications()
    assert recent.add(_at(PAYLOAD, RUN_2[0])) == "new"
    assert recent.add(_at(PAYLOAD, *RUN_1, "failed")) == "late"
    assert recent.add(_at(PAYLOAD, *RUN_2, "failed")) == "new"


def test_builds_that_never_started_are_told_apart_by_their_end() -> None:
    recent = RecentNotifications()
    canceled = [_at(PAYLOAD, None, f"2026-03-18T10:3{minute}:00Z", "canceled") for minute in (0, 1)]
    assert [recent.add(one) for one in (*canceled, canceled[0])] == ["new", "new", "duplicate"]
    assert recent.add(_at(PAYLOAD, None)) == "new", "without any time nothing can be late"


def test_another_build_is_another_build() -> None:
    recent = RecentNotifications()
    other = PAYLOAD.replace(b"277713381", b"277713382")
    assert [recent.add(read(one)) for one in (PAYLOAD, other, PAYLOAD)] == ["new", "new", "duplicate"]


def test_memory_is_bounded_by_the_size() -> None:
    recent = RecentNotifications(size=3)
    many = [read(b'{"id":%d,"state":"started","started_at":"2026-03-18T10:28:09Z"}' % number) for number in range(1, 9)]
    assert {recent.add(one) for one in many} == {"new"}
    assert (len(recent._keys), len(recent._newest)) == (3, 3)
    assert [recent.add(one) for one in (many[-1], many[0])] == ["duplicate", "new"]
    with pytest.raises(UsageError, match="size"):
        RecentNotifications(0)
    with pytest.raises(UsageError, match="notification must be Notification, not None"):
        recent.add(None)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("names", [b'"name":"demo"', b'"owner_name":"octo"', b'"name":"","owner_name":"octo"'])
def test_half_a_slug_is_none(names: bytes) -> None:
    found = read(b'{"id":1,"repository":{"id":7,%s},"matrix":[{"id":2}]}' % names)
    assert found.repository is not None
    assert (found.repository.id, found.repository.slug, found.build.jobs[0].repository_slug) == (7, "", None)


def test_a_key_is_a_text_that_a_database_can_hold() -> None:
    assert read(FINISHED).key == "277713381 passed 2026-03-18T10:28:09+00:00 2026-03-18T10:30:09+00:00"
    assert read(PAYLOAD).key == "277713381 started 2026-03-18T10:28:09+00:00 -"
