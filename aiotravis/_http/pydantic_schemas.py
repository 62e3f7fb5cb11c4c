"""Values as pydantic and FastAPI see them: decoded, encoded and described by msgspec. No I/O.

Imported once pydantic asks a value for its schema: https://docs.pydantic.dev/latest/concepts/types/#custom-types
"""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from enum import Enum
from functools import partial
from inspect import cleandoc
from typing import Any, Final, TypeVar, cast, get_args

import msgspec
from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema
from pydantic_core.core_schema import (
    list_schema,
    no_info_plain_validator_function,
    plain_serializer_function_ser_schema,
    tagged_union_schema,
)

from aiotravis._http.dates import dates_to_utc
from aiotravis.errors import TravisError

__all__ = ["open_enum_schema", "value_schema"]

T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)

REFERENCE: Final = "$ref"

ATTRIBUTE: Final = re.compile(r"^    (\w+): (.*(?:\n      .*)*)", re.MULTILINE)
"""An attribute in a docstring."""


def value_schema(cls: type[S], to_dict: Callable[[S], object], handler: GetCoreSchemaHandler) -> CoreSchema:
    """Return the schema of a value: an instance stays as it is, all else is decoded as its JSON would be.

    The schema of what has tagged subclasses, such as `Event`, is that of one of these.
    """
    tagged = {one.__struct_config__.tag: handler.generate_schema(one) for one in _tagged_subclasses(cls)}
    if tagged:
        return tagged_union_schema(tagged, lambda value: _tag(cls, value))
    decode = msgspec.json.Decoder(cls, strict=False, dec_hook=_from_text).decode

    def validate(value: object) -> S:
        return value if isinstance(value, cls) else _in_utc(decode(_encoded(value)))

    return _schema(cls, validate, to_dict, partial(_describe_value, cls))


def open_enum_schema(cls: type[Enum]) -> CoreSchema:
    """Return the schema of an enum of texts that takes other texts, too."""

    def describe(schema: object, handler: object) -> JsonSchemaValue:
        known = [member.value for member in cls]
        return {"type": "string", "title": cls.__name__, "description": cleandoc(cls.__doc__ or ""), "examples": known}

    return _schema(cls, cls, lambda member: member.value, describe)


def _schema(
    cls: type[T],
    validate: Callable[[object], T],
    to_plain: Callable[[T], object],
    describe: Callable[[Any, GetJsonSchemaHandler], JsonSchemaValue],
) -> CoreSchema:
    return no_info_plain_validator_function(
        validate,
        ref=f"{cls.__module__}.{cls.__qualname__}:{id(cls)}",
        metadata={"pydantic_js_functions": [describe]},
        serialization=plain_serializer_function_ser_schema(to_plain, when_used="json"),
    )


def _tagged_subclasses(cls: type[msgspec.Struct]) -> Iterator[type[msgspec.Struct]]:
    for one in cls.__subclasses__() if cls.__struct_config__.tag else ():
        yield from _tagged_subclasses(one) if one.__subclasses__() else (one,)


def _tag(cls: type[msgspec.Struct], value: object) -> Any:
    """Return the tag of a struct, or of what becomes one."""
    if isinstance(value, dict):
        return cast("dict[object, object]", value).get(cls.__struct_config__.tag_field)
    return value.__struct_config__.tag if isinstance(value, msgspec.Struct) else None


def _from_text(kind: type[object], value: object) -> object:
    """Return what was written as a text: a path, or a `TravisError` with the text of any error.

    Raises:
        ValueError: It is no text.
    """
    if not isinstance(value, str):
        raise ValueError(f"Expected `str`, got `{type(value).__name__}`")
    return TravisError(value) if issubclass(kind, Exception) else kind(value)  # type: ignore[call-arg]


def _encoded(value: object) -> bytes:
    """Return the JSON of what pydantic was given.

    Raises:
        ValueError: It has none.
    """
    try:
        return msgspec.json.encode(value)
    except (TypeError, RecursionError) as exc:
        raise ValueError(str(exc)) from None


def _in_utc(value: S) -> S:
    """Convert the dates of a new value to UTC, also those of the values in it."""
    for name in value.__struct_fields__:
        held: object = getattr(value, name)
        if isinstance(held, datetime):
            dates_to_utc(value, name)
        for inner in cast("tuple[object, ...]", held) if isinstance(held, tuple) else (held,):
            if isinstance(inner, msgspec.Struct):
                _in_utc(inner)
    return value


def _describe_value(cls: type[msgspec.Struct], schema: object, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
    """Return the JSON schema that msgspec makes, with pydantic's references to others, and the texts of docstrings."""
    # What msgspec does not know are errors, which are written as text.
    _, components = msgspec.json.schema_components(
        [cls], schema_hook=lambda kind: {"type": "string"}, ref_template="{name}"
    )
    nested = {one.__name__: one for one in _nested(cls)}

    def resolved(part: Any) -> Any:
        if isinstance(part, list):
            return [resolved(item) for item in cast("list[object]", part)]
        if not isinstance(part, dict):
            return part
        found = {key: resolved(item) for key, item in cast("dict[str, Any]", part).items()}
        name = found.pop(REFERENCE, None)
        if name in nested:
            # As the item of a list: the handler gives only what is within its argument a reference.
            found |= handler(list_schema(nested[name].__get_pydantic_core_schema__(nested[name], handler)))["items"]
        elif name is not None:
            found |= components[name]
        return found

    described: JsonSchemaValue = resolved(components[cls.__name__])
    if handler.mode == "serialization":
        # All fields are written, also those that may be missing where one is read.
        described["required"] = list(described["properties"])
    texts = [cleandoc(one.__doc__ or "").partition("Attributes:\n") for one in cls.__mro__]
    described["description"] = texts[0][0].strip()
    keys = dict(zip(cls.__struct_fields__, cls.__struct_encode_fields__, strict=True))
    for _, _, attributes in texts[::-1]:
        for name, text in ATTRIBUTE.findall(attributes):
            if name in keys:
                described["properties"][keys[name]]["description"] = " ".join(text.split())
    return described


def _nested(cls: type[msgspec.Struct]) -> Iterator[Any]:
    """Yield the classes in the fields of a struct that have a schema of their own."""
    for field in msgspec.structs.fields(cls):
        for part in _parts(field.type):
            if hasattr(part, "__get_pydantic_core_schema__"):
                yield part


def _parts(kind: Any) -> Iterator[Any]:
    yield kind
    for argument in get_args(kind):
        yield from _parts(argument)
