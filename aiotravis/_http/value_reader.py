"""Reading a JSON value of one type: as declared, or else as far as it can be read. No I/O."""

from typing import Final, Generic, TypeVar

import msgspec

from aiotravis._http.json_text import DECODE_ERRORS
from aiotravis._http.lenient import LenientReader, exhaust

__all__ = ["ValueReader"]

T = TypeVar("T")

MAX_ODD_VALUES: Final = 1000
"""As that of `LenientReader`: such a value is read in one turn of the event loop, some 50 ms for as many."""


class ValueReader(Generic[T]):
    """Reads what comes one by one, such as events and notifications, in one turn of the event loop."""

    def __init__(self, kind: type[T]) -> None:
        self._kind = kind
        self._decode = msgspec.json.Decoder(kind, strict=False).decode

    def __call__(self, text: str | bytes, unreadable: set[str]) -> T:
        """Return the value, and add the names of what could not be read.

        Raises:
            UnreadableValue: A field that has no default cannot be read.
            DecodeError: It is not JSON, or too deep, as all `DECODE_ERRORS`.
        """
        try:
            return self._decode(text)
        except DECODE_ERRORS:
            pass
        reader = LenientReader(self._kind, max_odd=MAX_ODD_VALUES)
        value = exhaust(reader.read(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text))
        unreadable |= reader.unreadable
        return value
