"""Texts that the server signs, gives to a browser and recognises again: nobody else can make one. No I/O."""

import base64
import hashlib
import hmac
import time
from collections.abc import Callable
from typing import Final, Generic, TypeVar

import msgspec

from aiotravis._http.json_text import DECODE_ERRORS
from aiotravis.errors import UsageError

__all__ = ["TicketSigner"]

T = TypeVar("T", bound=msgspec.Struct)

MIN_SECRET_BYTES: Final = 32

MAX_TICKET_CHARACTERS: Final = 4096
"""As long as a cookie can be; a longer text is not looked at."""


class TicketSigner(Generic[T]):
    """Makes and reads tickets of one kind: a struct, the time at which it expires, and an HMAC-SHA256 of both.

    Args:
        kind: The struct.
        secret: What only the servers of this application know; 32 bytes at least.
        purpose: Name of the kind of ticket: one of another kind is never accepted.
        seconds: For how long a ticket is valid.
        clock: Returns seconds since the epoch.

    Raises:
        UsageError: The secret is too short, or of another type.
    """

    def __init__(
        self, kind: type[T], secret: str | bytes, purpose: str, seconds: float, clock: Callable[[], float] = time.time
    ) -> None:
        key = secret.encode("utf-8", "surrogatepass") if isinstance(secret, str) else secret
        # The message must not show the secret.
        if not _is_bytes(key) or len(key) < MIN_SECRET_BYTES:
            message = f"secret must have at least {MIN_SECRET_BYTES} bytes: secrets.token_hex() makes a good one."
            raise UsageError(message, argument="secret")
        self._key = hmac.digest(key, purpose.encode(), hashlib.sha256)
        self._seconds = seconds
        self._clock = clock
        self._decode = msgspec.json.Decoder(tuple[float, kind]).decode  # type: ignore[valid-type]

    def seal(self, value: T, holder: str = "") -> str:
        """Return a ticket, in characters that a URL and a cookie can hold.

        Args:
            value: What it says.
            holder: Text without which it is not valid.
        """
        sealed = _encode(msgspec.json.encode((self._clock() + self._seconds, value)))
        return f"{sealed}.{self._mark(sealed, holder)}"

    def open(self, ticket: str, holder: str = "") -> T | None:
        """Return what a ticket says; None if it is not one of ours, of another holder, or has expired."""
        sealed, _, mark = ticket.partition(".")
        if len(ticket) > MAX_TICKET_CHARACTERS or not ticket.isascii():
            return None
        if not hmac.compare_digest(mark, self._mark(sealed, holder)):
            return None
        try:
            expires, value = self._decode(base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4)))
        except (ValueError, *DECODE_ERRORS):
            return None
        return value if self._clock() < expires else None

    def _mark(self, sealed: str, holder: str) -> str:
        # What is sealed holds no dot, so that no two pairs give the same text.
        text = f"{holder}.{sealed}".encode("utf-8", "surrogatepass")
        return _encode(hmac.digest(self._key, text, hashlib.sha256))


def _is_bytes(value: object) -> bool:
    return isinstance(value, bytes)


def _encode(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")
