"""RSA public keys as PEM and their fingerprints, held against a library that knows better."""

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from aiotravis.testing.world.public_keys import PublicKey
from aiotravis.testing.world.repository_data import DEFAULT_KEY, RepositoryData


def loaded(pem: str) -> RSAPublicKey:
    key = load_pem_public_key(pem.encode())
    assert isinstance(key, RSAPublicKey)
    return key


@pytest.mark.parametrize("bits", [1024, 2048, 4096])
def test_a_key_is_one_to_others_and_has_their_fingerprint(bits: int) -> None:
    made = PublicKey.generate(bits)
    other = loaded(made.pem)
    assert (other.key_size, other.public_numbers().n, other.public_numbers().e) == (bits, made.modulus, 65_537)
    ssh = base64.b64decode(other.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()[1])
    assert made.fingerprint == hashlib.md5(ssh).digest().hex(":")


def test_a_key_is_read_back_from_its_pem() -> None:
    made = PublicKey.generate()
    assert PublicKey.from_pem(made.pem) == made
    assert PublicKey.from_pem(DEFAULT_KEY).modulus == loaded(DEFAULT_KEY).public_numbers().n


def test_a_repositorys_key_and_its_fingerprint_change_together() -> None:
    own = RepositoryData()
    first = own.fingerprint
    assert first == PublicKey.from_pem(own.key).fingerprint
    own.renew_key()
    assert own.fingerprint == PublicKey.from_pem(own.key).fingerprint != first
