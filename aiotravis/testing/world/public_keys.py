"""RSA public keys as Travis shows them: PEM, and the fingerprint of the SSH form. No private key exists.

https://docs.travis-ci.com/api/#repository-keys
"""

import base64
import hashlib
import secrets
import textwrap
from dataclasses import dataclass
from typing import Final

__all__ = ["PublicKey"]

RSA_ALGORITHM: Final = bytes.fromhex("300d06092a864886f70d0101010500")
"""Identifier of the algorithm, as DER."""

LABEL: Final = "PUBLIC KEY"


@dataclass(frozen=True)
class PublicKey:
    """An RSA public key.

    Attributes:
        modulus: Modulus.
        exponent: Public exponent.
    """

    modulus: int
    exponent: int = 65_537

    @classmethod
    def generate(cls, bits: int = 4096) -> "PublicKey":
        """Return a random key, which looks like one but cannot decrypt anything.

        Args:
            bits: Length of the modulus.
        """
        return cls(secrets.randbits(bits) | 1 << (bits - 1) | 1)

    @classmethod
    def from_pem(cls, pem: str) -> "PublicKey":
        """Read a key from PEM."""
        der = base64.b64decode("".join(line for line in pem.splitlines() if "-----" not in line))
        pair = _contents(_contents(_contents(der).removeprefix(RSA_ALGORITHM))[1:])
        modulus = _contents(pair)
        exponent = _contents(pair[len(_tlv(0x02, modulus)) :])
        return cls(int.from_bytes(modulus, "big"), int.from_bytes(exponent, "big"))

    @property
    def pem(self) -> str:
        """The key as PEM."""
        pair = _tlv(0x30, _integer(self.modulus) + _integer(self.exponent))
        text = base64.b64encode(_tlv(0x30, RSA_ALGORITHM + _tlv(0x03, b"\0" + pair))).decode()
        lines = "\n".join(textwrap.wrap(text, 64))
        return f"-----BEGIN {LABEL}-----\n{lines}\n-----END {LABEL}-----\n"

    @property
    def fingerprint(self) -> str:
        """MD5 of the SSH form, as hex with colons."""
        parts = (b"ssh-rsa", _big_endian(self.exponent), _big_endian(self.modulus))
        blob = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        return hashlib.md5(blob, usedforsecurity=False).digest().hex(":")


def _big_endian(number: int) -> bytes:
    """Encode a positive number with room for its sign."""
    return number.to_bytes(number.bit_length() // 8 + 1, "big")


def _integer(number: int) -> bytes:
    return _tlv(0x02, _big_endian(number))


def _tlv(tag: int, contents: bytes) -> bytes:
    """Encode tag, length and contents as DER."""
    size = len(contents)
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    length = bytes([size]) if size < 0x80 else bytes([0x80 | len(digits)]) + digits
    return bytes([tag]) + length + contents


def _contents(der: bytes) -> bytes:
    """Return the contents of the first DER value."""
    if der[1] < 0x80:
        return der[2 : 2 + der[1]]
    count = der[1] & 0x7F
    size = int.from_bytes(der[2 : 2 + count], "big")
    return der[2 + count : 2 + count + size]
