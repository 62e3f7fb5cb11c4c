"""RSA public keys as Travis hands them out: PEM, and a fingerprint of the form that SSH has. No private half exists."""

import base64
import hashlib
import secrets
import textwrap
from dataclasses import dataclass
from typing import Final

__all__ = ["PublicKey", "of_pem"]

RSA: Final = bytes.fromhex("300d06092a864886f70d0101010500")
"""The algorithm's identifier, as DER."""

LABEL: Final = "PUBLIC KEY"


@dataclass(frozen=True)
class PublicKey:
    """One key.

    Attributes:
        modulus: Product of the primes, where there are any.
        exponent: Public exponent.
    """

    modulus: int
    exponent: int = 65_537

    @classmethod
    def made(cls, bits: int = 4096) -> "PublicKey":
        """Make one that nobody holds the private half of; whatever is encrypted with it stays so.

        Args:
            bits: Length of the modulus.
        """
        return cls(secrets.randbits(bits) | 1 << (bits - 1) | 1)

    @property
    def pem(self) -> str:
        """The key as PEM."""
        pair = _tlv(0x30, _integer(self.modulus) + _integer(self.exponent))
        text = base64.b64encode(_tlv(0x30, RSA + _tlv(0x03, b"\0" + pair))).decode()
        lines = "\n".join(textwrap.wrap(text, 64))
        return f"-----BEGIN {LABEL}-----\n{lines}\n-----END {LABEL}-----\n"

    @property
    def fingerprint(self) -> str:
        """MD5 of the form that SSH has, as hex with colons."""
        parts = (b"ssh-rsa", _big(self.exponent), _big(self.modulus))
        blob = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        return hashlib.md5(blob, usedforsecurity=False).digest().hex(":")


def of_pem(pem: str) -> PublicKey:
    """Read a key out of its PEM."""
    der = base64.b64decode("".join(line for line in pem.splitlines() if "-----" not in line))
    whole = _contents(der)
    pair = _contents(_contents(whole.removeprefix(RSA))[1:])
    first = _contents(pair)
    rest = pair[len(_tlv(0x02, first)) :]
    return PublicKey(int.from_bytes(first, "big"), int.from_bytes(_contents(rest), "big"))


def _big(number: int) -> bytes:
    """Write a positive number with room for its sign."""
    return number.to_bytes(number.bit_length() // 8 + 1, "big")


def _integer(number: int) -> bytes:
    return _tlv(0x02, _big(number))


def _tlv(tag: int, contents: bytes) -> bytes:
    """Write tag, length and contents as DER."""
    size = len(contents)
    length = bytes([size]) if size < 0x80 else _long(size)
    return bytes([tag]) + length + contents


def _long(size: int) -> bytes:
    written = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(written)]) + written


def _contents(der: bytes) -> bytes:
    """Give the contents of the first value."""
    if der[1] < 0x80:
        return der[2 : 2 + der[1]]
    count = der[1] & 0x7F
    size = int.from_bytes(der[2 : 2 + count], "big")
    return der[2 + count : 2 + count + size]
