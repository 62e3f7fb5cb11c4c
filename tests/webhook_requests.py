"""Webhook requests in the bytes of Travis, signed with a key of the tests."""

import base64
import functools
from urllib.parse import quote_plus

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

# beyond 2.3, a capture of March 2026 with other values; jobs and message hold what other encodings would change.
PAYLOAD = (
    rb"""{"id":277713381,"number":"5","config":{"language":"ruby","os":["linux"],"dist":"focal",
"notifications":{"webhooks":["https://hooks.example.org/a-secret-path"]}},"type":"api","state":"started",
"status":null,"result":null,"status_message":"Pending","result_message":"Pending",
"started_at":"2026-03-18T10:28:09Z","finished_at":null,"duration":null,
"build_url":"https://app.travis-ci.com/octo/demo/builds/277713381",
"commit_id":1277801499,"commit":"2eab9aaa002563c4b8db90a77eac9a1ba4e24643","base_commit":null,"head_commit":null,
"branch":"main","message":"100% of 1+1 & \u003cb\u003e \u00e9"""
    + "é".encode()
    + rb""" %41",
"compare_url":"https://github.com/octo/demo/compare/193d...2eab",
"committed_at":"2026-03-18T10:26:24Z","author_name":"o","author_email":"o@example.org","committer_name":"o",
"committer_email":"o@example.org","pull_request":false,"pull_request_number":null,"pull_request_title":null,"tag":null,
"repository":{"id":29853331,"name":"demo","owner_name":"octo","url":null},
"matrix":[{"id":638475660,"repository_id":29853331,"parent_id":277713381,"number":"5.1","state":"started",
"config":{"os":"linux","language":"ruby"},"status":null,"result":null,
"commit":"2eab9aaa002563c4b8db90a77eac9a1ba4e24643","branch":"main","message":"update",
"compare_url":"https://github.com/octo/demo/compare/193d...2eab","started_at":"2026-03-18T10:28:09Z",
"finished_at":null,"committed_at":"2026-03-18T10:26:24Z","author_name":"o","author_email":"o@example.org",
"committer_name":"o","committer_email":"o@example.org","allow_failure":null}]}"""
)

FINISHED = (
    PAYLOAD.replace(b'"state":"started"', b'"state":"passed"')
    .replace(b'"finished_at":null', b'"finished_at":"2026-03-18T10:30:09Z"')
    .replace(b'"Pending"', b'"Fixed"')
)


@functools.cache
def key(number: int = 0) -> rsa.RSAPrivateKey:
    """Return one of several keys; a small one, since making it takes time."""
    return rsa.generate_private_key(public_exponent=65_537, key_size=1024 + 8 * number)


def pem(number: int = 0) -> str:
    """Return a public key as ``GET /config`` has it."""
    return key(number).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def form(payload: bytes) -> bytes:
    """Return the body of the request: everything but ``A-Za-z0-9.~_-`` as %XX, a space as ``+``."""
    return b"payload=" + quote_plus(payload).encode()


def sign(payload: bytes, number: int = 0) -> str:
    """Return the header Signature."""
    return base64.b64encode(key(number).sign(payload, PKCS1v15(), SHA1())).decode()
