"""Repository keys and encryption."""

import base64
import sys

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from aiotravis import RepositoryKey, errors
from aiotravis.resources.repository_keys import RepositoryKeys
from tests.samples import Scripted

PRIVATE = rsa.generate_private_key(public_exponent=65537, key_size=1024)
PEM = PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
PKCS1 = PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1).decode()

FORMS = [PEM, PEM.replace(" PUBLIC", " RSA PUBLIC"), PKCS1, PEM.replace("\n", "\\n")]


@pytest.mark.parametrize("pem", FORMS)
def test_a_key_is_read_in_every_form_that_servers_write(pem: str) -> None:
    key = RepositoryKey(key=pem, fingerprint=None)
    assert key.pem == PEM
    assert key.ssh_rsa.startswith("ssh-rsa AAAA")
    encrypted = base64.b64decode(key.encrypt("FOO=größe"))
    assert PRIVATE.decrypt(encrypted, PKCS1v15()).decode() == "FOO=größe"
    assert "\n" not in key.encrypt("x" * 117)


def test_a_value_that_is_too_long_is_refused_with_the_limit_and_not_quoted() -> None:
    with pytest.raises(
        errors.UsageError, match=r"value has 118 bytes; this key of 1024 bits can encrypt at most 117\."
    ) as info:
        RepositoryKey(key=PEM).encrypt("s" * 118)
    assert "sss" not in str(info.value)
    with pytest.raises(errors.UsageError, match="not empty"):
        RepositoryKey(key=PEM).encrypt("")


def test_anything_but_an_rsa_key_is_refused() -> None:
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    pem = other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    for wrong in ("", "no key", pem):
        with pytest.raises(errors.UsageError, match="not an RSA key"):
            RepositoryKey(key=wrong).encrypt("x")


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.serialization", None)
    with pytest.raises(errors.UsageError, match=r"aiotravis\[crypto\]"):
        RepositoryKey(key=PEM).encrypt("x")
    with pytest.raises(errors.UsageError, match=r"aiotravis\[crypto\]"):
        _ = RepositoryKey(key=PEM).ssh_rsa


async def test_get_and_regenerate_send_their_requests() -> None:
    body = msgspec.json.encode({"key": PEM, "fingerprint": "ef:39"})
    transport = Scripted(body)
    assert (await RepositoryKeys(transport).get("a/b")).fingerprint == "ef:39"
    assert (await RepositoryKeys(transport).regenerate(82)).key == PEM
    assert [(call.method, call.target) for call in transport.calls] == [
        ("GET", "/repos/a/b/key"), ("POST", "/repos/82/key"),
    ]  # fmt: skip
