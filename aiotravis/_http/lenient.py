"""Reading JSON that does not fit its type: record by record and field by field. No I/O.

One decoder reads what Travis sends as a rule. Only where that fails, what is good is read without what is not.
"""

import logging
import math
from collections import Counter
from collections.abc import Callable, Generator
from datetime import datetime
from enum import Enum
from functools import cache
from types import UnionType
from typing import Annotated, Any, Final, Generic, TypeVar, Union, cast, get_args, get_origin

import msgspec

from aiotravis._http.dates import to_utc
from aiotravis._http.json_text import DECODE_ERRORS, repaired
from aiotravis._http.messages import one_line
from aiotravis._http.results import Results, Unreadable

__all__ = [
    "Id",
    "LenientReader",
    "TextId",
    "UnreadableValue",
    "exhaust",
    "unreadable_counts",
]

T = TypeVar("T")

logger: logging.Logger = logging.getLogger("aiotravis.rest")

Id = Annotated[int, msgspec.Meta(gt=0, le=2**63 - 1)]
"""An id of Travis's. 0 and -1 stand for none. No request can name one that no database holds."""

TextId = Annotated[str, msgspec.Meta(pattern=r"\S")]
"""The same where ids are texts. A blank one stands for none."""

RECORDS_PER_STEP: Final = 50
"""Records that are read one by one before other tasks get their turn."""

MAX_ODD_VALUES: Final = 50_000
"""Values to read one by one, in one response, before the list that holds them is given up: some seconds, in turns."""

MAX_INTEGER: Final = 2.0**63

unreadable_counts: Counter[str] = Counter()
"""How often each field, such as ``Build.number``, could not be read as it is declared; in this process."""


class UnreadableValue(ValueError):
    """A value that cannot be read, and has no default. The message quotes no values."""


def exhaust(steps: Generator[None, None, T]) -> T:
    """Return the result of a generator, without pauses."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return cast("T", stop.value)


class LenientReader(Generic[T]):
    """Reads one JSON text as far as possible.

    A field that cannot be read takes its default: None, ``""`` or ``()``. A record without its required fields, as a
    rule its id, is left out of its list and kept in `Results.unreadable`. A value of a dictionary is left out.

    Args:
        kind: What to read: a struct.
        strict: Whether to raise instead, for everything but dates without a zone.
        excerpt: Makes the excerpt of an unreadable record.
        max_odd: Values that are not as declared, after which lists of further ones cannot be read.

    Attributes:
        unreadable: Names of the fields and records that could not be read as they are declared, such as
            ``Build.number``.
    """

    def __init__(
        self,
        kind: type[T],
        *,
        strict: bool = False,
        excerpt: Callable[[bytes], str] = lambda text: one_line(text.decode("utf-8", "replace")),
        max_odd: int = MAX_ODD_VALUES,
    ) -> None:
        self._kind = kind
        self._strict = strict
        self._excerpt = excerpt
        self._odd_left = max_odd
        self.unreadable: set[str] = set()

    def read(self, text: bytes) -> Generator[None, None, T]:
        """Read a text. Yields now and then, so that an async caller can give other tasks their turn.

        Raises:
            UnreadableValue: It cannot be read.
            DecodeError, UnicodeError, RecursionError: It is not JSON, or too deep.
        """
        name = self._kind.__name__.lstrip("_")
        good = repaired(text)
        _SYNTAX.decode(good)
        if good != text:
            self._report(name, "Text with what is no character - at `$`")
        return cast("T", (yield from self._value(self._kind, good, "$", name)))

    def _value(self, kind: object, text: bytes, path: str, name: str) -> Generator[None, None, object]:
        shape = _shape(kind)
        try:
            return shape.decoder.decode(text)
        except DECODE_ERRORS as exc:
            reason = str(exc) if isinstance(exc, msgspec.ValidationError) else "not JSON"
        self._odd_left -= 1
        if shape.struct is not None and text.lstrip()[:1] == b"{":
            return (yield from self._struct(shape.struct, text, path))
        if shape.item is not None and text.lstrip()[:1] == b"[":
            return (yield from self._items(shape, text, path, name))
        if shape.entry is not None and text.lstrip()[:1] == b"{":
            return (yield from self._entries(shape.entry, text, path, name))
        value = _converted(shape.kinds, text, path)
        if value is None:
            raise UnreadableValue(f"{reason.partition(' - at ')[0]} - at `{path}`")
        if not isinstance(value, datetime):
            shape.check(value, path)
            self._report(name, f"{reason.partition(' - at ')[0]} - at `{path}`")
        return value

    def _struct(self, kind: type[msgspec.Struct], text: bytes, path: str) -> Generator[None, None, msgspec.Struct]:
        raw = _raw(_FIELDS, text, path)
        values: dict[str, object] = {}
        for field in msgspec.structs.fields(kind):
            place = f"{path}.{field.encode_name}"
            piece = raw.get(field.encode_name)
            if piece is None:
                if field.required:
                    raise UnreadableValue(f"Object missing required field `{field.encode_name}` - at `{path}`")
                continue
            name = f"{kind.__name__.lstrip('_')}.{field.encode_name}"
            try:
                values[field.name] = yield from self._value(field.type, bytes(piece), place, name)
            except UnreadableValue as exc:
                if field.required:
                    raise
                self._report(name, str(exc))
        return kind(**values)

    def _items(self, shape: "_Shape", text: bytes, path: str, name: str) -> Generator[None, None, object]:
        values: list[object] = []
        unreadable: list[Unreadable] = []
        pieces = _raw(_ITEMS, text, path)
        for index, piece in enumerate(pieces):
            if index and not index % RECORDS_PER_STEP:
                yield
            if self._odd_left < 0:
                raise UnreadableValue(f"Too much that is not as declared - at `{path}`")
            raw = bytes(piece)
            try:
                values.append((yield from self._value(shape.item, raw, f"{path}[{index}]", name)))
            except UnreadableValue as exc:
                self._report(name, str(exc))
                unreadable.append(Unreadable(excerpt=self._excerpt(raw), reason=str(exc)))
        if shape.container is frozenset:
            return frozenset(values)
        return Results(values, unreadable) if _shape(shape.item).struct is not None else tuple(values)

    def _entries(self, kind: object, text: bytes, path: str, name: str) -> Generator[None, None, dict[str, object]]:
        values: dict[str, object] = {}
        for key, piece in _raw(_FIELDS, text, path).items():
            try:
                values[key] = yield from self._value(kind, bytes(piece), f"{path}[...]", name)
            except UnreadableValue as exc:
                self._report(name, str(exc))
        return values

    def _report(self, name: str, reason: str) -> None:
        if self._strict:
            raise UnreadableValue(reason)
        self.unreadable.add(name)
        unreadable_counts[name] += 1
        if unreadable_counts[name] == 1:
            # The reason names types and places. Values may be secret.
            logger.warning("%s could not be read as declared: %s. This is logged once.", name, reason)


_SYNTAX: Final = msgspec.json.Decoder(msgspec.Raw)
_FIELDS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ITEMS: Final = msgspec.json.Decoder(list[msgspec.Raw])


def _raw(decoder: msgspec.json.Decoder[T], text: bytes, path: str) -> T:
    try:
        return decoder.decode(text)
    except msgspec.ValidationError as exc:
        raise UnreadableValue(f"{str(exc).partition(' - at ')[0]} - at `{path}`") from None


class _Shape:
    """What a type consists of.

    Attributes:
        kind: The type.
        decoder: Its decoder.
        kinds: Its alternatives without None.
        struct: The alternative that is a struct.
        container: ``tuple`` or ``frozenset``; None if it is neither.
        item: Type of its items.
        entry: Type of the values of a dictionary, if it is one.
    """

    def __init__(self, kind: Any) -> None:
        # fact 9.12: types differ between servers: `active` comes as true or "true", a port as 443 or "443".
        self.kind = kind
        self.decoder = msgspec.json.Decoder(kind, strict=False)
        self.kinds = tuple(one for one in _alternatives(kind) if one is not type(None))
        structs = [one for one in self.kinds if isinstance(one, type) and issubclass(one, msgspec.Struct)]
        self.struct: type[msgspec.Struct] | None = structs[0] if structs else None
        self.container: type | None = None
        self.item: Any = None
        for one in self.kinds:
            if get_origin(one) in {tuple, frozenset}:
                self.container, self.item = get_origin(one), get_args(one)[0]
        self.entry: Any = get_args(self.kinds[0])[1] if get_origin(self.kinds[0]) is dict else None

    def check(self, value: object, path: str) -> None:
        """Raise UnreadableValue if a converted value is none that its type allows, such as an id of 0."""
        try:
            msgspec.convert(value, self.kind)
        except msgspec.ValidationError as exc:
            raise UnreadableValue(f"{exc} - at `{path}`") from None


@cache
def _shape(kind: object) -> _Shape:
    return _Shape(kind)


def _alternatives(kind: Any) -> tuple[Any, ...]:
    if get_origin(kind) is Annotated:
        return _alternatives(get_args(kind)[0])
    if get_origin(kind) in {Union, UnionType}:
        return tuple(base for one in get_args(kind) for base in _alternatives(one))
    return (kind,)


def _converted(kinds: tuple[Any, ...], text: bytes, path: str) -> object:
    """Return a value converted to the first of some types that it can be converted to; None if there is none."""
    try:
        value = msgspec.json.decode(text)
    except DECODE_ERRORS:
        return None
    if isinstance(value, dict):
        # fact 10.1: a tag or a branch can be an object with a name, as in API v3.
        value = cast("dict[str, object]", value).get("name")
    if value is None or isinstance(value, bool | list | dict):
        return None
    for kind in kinds:
        if kind is int:
            converted: object = _to_int(value, exact=str in kinds or path.endswith(("]", ".id", "_id")))
        elif kind is str:
            converted = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
        elif kind is datetime:
            converted = _to_datetime(value) if isinstance(value, str) else None
        elif isinstance(kind, type) and issubclass(kind, Enum):
            converted = _to_enum(kind, value) if isinstance(value, str) else None
        else:
            converted = None
        if converted is not None:
            return converted
    return None


def _to_int(value: object, *, exact: bool) -> int | None:
    # An id that is not whole is no id.
    try:
        number = float(value) if isinstance(value, str | float) else math.nan
    except ValueError:
        return None
    return int(number) if abs(number) < MAX_INTEGER and not (exact and number != int(number)) else None


def _to_enum(kind: type[Enum], text: str) -> Enum | None:
    try:
        return kind(text)
    except ValueError:
        return None


def _to_datetime(text: str) -> datetime | None:
    # fact 9.32: a date may end with " UTC". fact 10.1: without a zone it is UTC.
    try:
        return to_utc(datetime.fromisoformat(text.strip().removesuffix("UTC").rstrip()))
    except ValueError:
        return None
