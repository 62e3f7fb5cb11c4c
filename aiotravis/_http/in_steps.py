"""Large bodies to values in steps: between two of them, others get their turn. No I/O.

Decoding at once is faster, and nobody else runs meanwhile: of 60 MB, for a third of a second.
"""

import codecs
import re
import types
import typing
from collections.abc import Callable, Generator, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, TypeVar, cast

import msgspec

from aiotravis._http.json_text import STRETCH, end_of_characters, end_of_items, end_of_space

__all__ = ["Steps", "decoded", "takes_long", "text_of"]

T = TypeVar("T")

LARGE: Final = 1 << 21
"""Bytes that may be decoded at once."""

MANY: Final = 1 << 14
"""Objects that may be decoded at once."""

FEW: Final = 1 << 17
"""Bytes that cannot hold many objects."""

DEEPEST: Final = 64
"""Long values within long values."""

Steps = Generator[None, None, T]

_SCALAR: Final = re.compile(rb"[^,\[\]{}\s\"]*+")

_ABSENT: Final = msgspec.Raw(b"")

_CLOSING: Final = {b"[": b"]", b"{": b"}"}


def takes_long(body: bytes) -> bool:
    """Whether decoding a body at once would make others wait for too long."""
    return len(body) > LARGE or (len(body) > FEW and body.count(b"{") > MANY)


def text_of(body: bytes) -> Steps[str]:
    """Read UTF-8; what is none is replaced."""
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode
    view = memoryview(body)
    text = ""
    for start in range(0, len(body), STRETCH):
        # A string that nobody else holds grows in place; to join its pieces would be one long step.
        text += decode(view[start : start + STRETCH])
        yield
    text += decode(b"", final=True)
    return text


def decoded(body: bytes, kind: type[T]) -> Steps[T]:
    """Decode JSON.

    Arrays (as tuples), structs, dictionaries and strings go in steps, within each other too; anything else at once.

    Args:
        body: The text.
        kind: What it holds.

    Raises:
        msgspec.DecodeError: It is not JSON, or holds something else.
        UnicodeError: It is not UTF-8.
        RecursionError: It is nested too deep.
    """
    reader = _Reader(body)
    value = yield from reader.value(kind, 0)
    reader.finish()
    return cast("T", value)


@lru_cache(maxsize=256)
def _decoder(kind: Any) -> Callable[[bytes | memoryview | msgspec.Raw], Any]:
    return msgspec.json.Decoder(kind, strict=False).decode


@lru_cache(maxsize=256)
def _fields(struct: type[msgspec.Struct]) -> Mapping[str, msgspec.structs.FieldInfo]:
    return {field.encode_name: field for field in msgspec.structs.fields(struct)}


@lru_cache(maxsize=256)
def _sketch(struct: type[msgspec.Struct]) -> type[msgspec.Struct]:
    """Make a struct with the same fields, all of them raw, or `_ABSENT`."""
    fields = _fields(struct)
    return msgspec.defstruct(
        struct.__name__,
        [(field.name, msgspec.Raw, _ABSENT) for field in fields.values()],
        rename={field.name: name for name, field in fields.items()},
        frozen=True,
        kw_only=True,
    )


def _options(kind: Any) -> tuple[Any, ...]:
    return typing.get_args(kind) if typing.get_origin(kind) in (typing.Union, types.UnionType) else (kind,)


class _Reader:
    """A place in a text: every method reads what begins there, and leaves the place behind it.

    What is short is left to msgspec, many items at a time: it alone says what is JSON, and of which kind.
    """

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._view = memoryview(text)
        self._place = 0

    def value(self, kind: Any, level: int) -> Steps[Any]:
        """Read a value of a kind."""
        start = self._place = end_of_space(self._text, self._place)
        for option in _options(kind):
            origin, parts = typing.get_origin(option), typing.get_args(option)
            match self._text[start : start + 1]:
                case b'"' if option is str:
                    return (yield from self._string())
                case b"[" if origin is tuple and parts[1:] == (...,):
                    return (yield from self._array(parts[0], level))
                case b"{" if origin is dict:
                    return (yield from self._mapping(parts[1], level))
                case b"{" if isinstance(option, type) and issubclass(option, msgspec.Struct):
                    return (yield from self._struct(option, level))
                case _:
                    pass
        yield from self._skip(level)
        span = self._view[start : self._place]
        return msgspec.Raw(span) if kind is msgspec.Raw else _decoder(kind)(span)

    def finish(self) -> None:
        """Be sure that nothing follows."""
        self._place = end_of_space(self._text, self._place)
        if self._place < len(self._text):
            raise self._malformed("trailing characters")

    def _string(self) -> Steps[str]:
        decode: Callable[[bytes], str] = _decoder(str)
        text = ""
        for piece in self._pieces():
            text += decode(piece)
            yield
        return text

    def _pieces(self) -> Iterator[bytes]:
        """Cut a string into strings."""
        self._place += 1
        while True:
            end = end_of_characters(self._text, self._place)
            yield b'"%b"' % self._text[self._place : end]
            moved, self._place = end > self._place, end
            if self._text[end : end + 1] == b'"':
                self._place += 1
                return
            if not moved:
                raise self._malformed("invalid character in a string")

    def _array(self, kind: Any, level: int) -> Steps[tuple[Any, ...]]:
        items: list[Any] = []
        decode = _decoder(list[kind])

        def item() -> Steps[None]:
            items.append((yield from self.value(kind, level + 1)))

        yield from self._inside(lambda run: items.extend(decode(run)), item, level)
        return tuple(items)

    def _mapping(self, kind: Any, level: int) -> Steps[dict[str, Any]]:
        members: dict[str, Any] = {}
        decode = _decoder(dict[str, kind])

        def member() -> Steps[None]:
            name = yield from self._name()
            members[name] = yield from self.value(kind, level + 1)

        yield from self._inside(lambda run: members.update(decode(run)), member, level)
        return members

    def _struct(self, struct: type[msgspec.Struct], level: int) -> Steps[msgspec.Struct]:
        fields = _fields(struct)
        values: dict[str, Any] = {}
        decode = _decoder(_sketch(struct))

        def members(run: bytes) -> None:
            found = decode(run)
            for field in fields.values():
                raw = getattr(found, field.name)
                if raw is not _ABSENT:
                    values[field.name] = _decoder(field.type)(raw)

        def member() -> Steps[None]:
            start = self._place
            yield from self._skip_name()
            # A name of ours is short; one that is not even text is none of ours.
            name = self._text[start : min(self._place, start + STRETCH)].rstrip(b" \t\r\n:")
            try:
                field = fields.get(_decoder(str)(name)) if len(name) < STRETCH else None
            except UnicodeError:
                field = None
            if field is None:
                yield from self._skip(level + 1)
            else:
                values[field.name] = yield from self.value(field.type, level + 1)

        yield from self._inside(members, member, level)
        for name, field in fields.items():
            if field.required and field.name not in values:
                raise msgspec.ValidationError(f"Object missing required field `{name}`")
        return struct(**values)

    def _name(self) -> Steps[str]:
        self._expect(b'"', "object keys must be strings")
        name = yield from self._string()
        self._expect(b":", "expected ':'")
        self._place += 1
        return name

    def _skip_name(self) -> Steps[None]:
        self._expect(b'"', "object keys must be strings")
        yield from self._skip_string()
        self._expect(b":", "expected ':'")
        self._place += 1

    def _expect(self, token: bytes, otherwise: str) -> None:
        self._place = end_of_space(self._text, self._place)
        if self._text[self._place : self._place + 1] != token:
            raise self._malformed(otherwise)

    def _skip(self, level: int) -> Steps[None]:
        """Read a value of any kind, and keep nothing."""
        check = _decoder(msgspec.Raw)
        self._place = end_of_space(self._text, self._place)
        match self._text[self._place : self._place + 1]:
            case b'"':
                yield from self._skip_string()
            case b"[":
                yield from self._inside(check, lambda: self._skip(level + 1), level)
            case b"{":

                def member() -> Steps[None]:
                    yield from self._skip_name()
                    yield from self._skip(level + 1)

                yield from self._inside(check, member, level)
            case _:
                found = _SCALAR.match(self._text, self._place, self._place + STRETCH)
                end = self._place if found is None else found.end()
                check(self._view[self._place : end])
                self._place = end

    def _skip_string(self) -> Steps[None]:
        for piece in self._pieces():
            _decoder(msgspec.Raw)(piece)
            yield

    def _inside(self, take: Callable[[bytes], object], long: Callable[[], Steps[None]], level: int) -> Steps[None]:
        """Read an array or object.

        Args:
            take: Takes a run of short items, or members, as an array or object.
            long: Reads one that is long.
            level: How many long ones it stands in.
        """
        if level > DEEPEST:
            raise RecursionError("too many long values within each other")
        opening = self._text[self._place : self._place + 1]
        closing = _CLOSING[opening]
        self._place += 1
        more = False
        while True:
            end, closed = end_of_items(self._text, self._place)
            if closed or end > self._place:
                run = self._text[self._place : end if closed else end - 1]
                if (more or not closed) and run.isspace() | (not run):
                    raise self._malformed("a comma too many")
                take(opening + run + closing)
                self._place = end
            else:
                yield from long()
                self._place = end_of_space(self._text, self._place)
                closed = self._text[self._place : self._place + 1] != b","
                self._place += not closed
            if closed:
                if self._text[self._place : self._place + 1] != closing:
                    raise self._malformed("invalid character")
                self._place += 1
                return
            more = True
            yield

    def _malformed(self, reason: str) -> msgspec.DecodeError:
        if self._place >= len(self._text):
            return msgspec.DecodeError("Input data was truncated")
        return msgspec.DecodeError(f"JSON is malformed: {reason} (byte {self._place})")
