"""RSA public keys as PEM and their fingerprints, compared with `cryptography`."""

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from aiotravis.testing.world.public_keys import PublicKey
from aiotravis.testing.world.repository_data import DEFAULT_KEY, RepositoryData


def load_pem(pem: str) -> RSAPublicKey:
    loaded_key = load_pem_public_key(pem.encode())
    assert isinstance(loaded_key, RSAPublicKey)
    return loaded_key


@pytest.mark.parametrize("bits", [1024, 2048, 4096])
def test_generated_key_loads_elsewhere_with_the_same_fingerprint(bits: int) -> None:
    key = PublicKey.generate(bits)
    loaded = load_pem(key.pem)
    assert (loaded.key_size, loaded.public_numbers().n, loaded.public_numbers().e) == (bits, key.modulus, 65_537)
    ssh = base64.b64decode(loaded.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()[1])
    assert key.fingerprint == hashlib.md5(ssh).digest().hex(":")


def test_key_is_read_back_from_its_pem() -> None:
    key = PublicKey.generate()
    assert PublicKey.from_pem(key.pem) == key
    assert PublicKey.from_pem(DEFAULT_KEY).modulus == load_pem(DEFAULT_KEY).public_numbers().n


def test_renewed_key_changes_together_with_its_fingerprint() -> None:
    data = RepositoryData()
    first = data.fingerprint
    assert first == PublicKey.from_pem(data.key).fingerprint
    data.renew_key()
    assert data.fingerprint == PublicKey.from_pem(data.key).fingerprint != first
