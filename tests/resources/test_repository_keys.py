"""Repository keys, and what they encrypt."""

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
def test_a_key_is_read_in_whatever_form_a_server_writes_it(pem: str) -> None:
    key = RepositoryKey(key=pem, fingerprint=None)
    assert key.pem == PEM
    assert key.ssh_rsa.startswith("ssh-rsa AAAA")
    sealed = base64.b64decode(key.encrypt("FOO=größe"))
    assert PRIVATE.decrypt(sealed, PKCS1v15()).decode() == "FOO=größe"
    assert "\n" not in key.encrypt("x" * 117)


def test_a_value_too_long_for_the_key_is_told_with_the_limit_and_not_quoted() -> None:
    with pytest.raises(
        errors.UsageError, match=r"value has 118 bytes, and this key of 1024 bits can encrypt 117"
    ) as info:
        RepositoryKey(key=PEM).encrypt("s" * 118)
    assert "sss" not in str(info.value)
    with pytest.raises(errors.UsageError, match="not empty"):
        RepositoryKey(key=PEM).encrypt("")


def test_what_is_no_rsa_key_is_told() -> None:
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    pem = other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    for wrong in ("", "no key", pem):
        with pytest.raises(errors.UsageError, match="no RSA key"):
            RepositoryKey(key=wrong).encrypt("x")


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.serialization", None)
    with pytest.raises(errors.UsageError, match=r"aiotravis\[crypto\]"):
        RepositoryKey(key=PEM).encrypt("x")
    with pytest.raises(errors.UsageError, match=r"aiotravis\[crypto\]"):
        _ = RepositoryKey(key=PEM).ssh_rsa


async def test_the_calls() -> None:
    answer = msgspec.json.encode({"key": PEM, "fingerprint": "ef:39"})
    transport = Scripted(answer)
    assert (await RepositoryKeys(transport).get("a/b")).fingerprint == "ef:39"
    assert (await RepositoryKeys(transport).regenerate(82)).key == PEM
    assert [(call.method, call.target) for call in transport.calls] == [
        ("GET", "/repos/a/b/key"), ("POST", "/repos/82/key"),
    ]  # fmt: skip
