"""What all entities share: the frozen struct, the way to name one, the resource that fetches it."""

import re
from collections.abc import Iterable
from typing import Any, Final, TypeVar

import msgspec

from aiotravis._http import ApiRequest, ApiResponse, Endpoint, Part, Transport
from aiotravis.errors import UsageError

__all__ = ["Entity", "Resource", "id_of", "ids_of", "read", "slug_of", "text_of", "within"]

T = TypeVar("T")

LARGEST_ID: Final = 2**63 - 1

SLUG: Final = re.compile(r"[^\s/?#%\\\x00-\x1f\x7f]+/[^\s/?#%\\\x00-\x1f\x7f]+")


class Entity(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A value that Travis sent: frozen, compared by value, picklable, holding no client.

    Fields that are unknown to this version are ignored when decoding. Frozen values that hold frozen values make no
    circles, so the garbage collector need not look at them, however many there are.
    """

    def __repr__(self) -> str:
        """Show the fields that carry something; raw JSON is left out."""
        shown = ", ".join(
            f"{name}={value!r}"
            for name in self.__struct_fields__
            if not isinstance(value := getattr(self, name), msgspec.Raw) and value is not None and value != ()
        )
        return f"{type(self).__name__}({shown})"

    def to_json(self) -> bytes:
        """Encode as JSON, with the keys that Travis uses."""
        return msgspec.json.encode(self)

    def to_dict(self) -> dict[str, Any]:
        """Give the same as plain JSON values: dates as ISO 8601 strings, configuration as a dictionary."""
        plain: dict[str, Any] = msgspec.json.decode(self.to_json())
        return plain


class Resource:
    """The calls that concern one entity.

    Args:
        transport: Carries the calls.
    """

    __slots__ = ("_transport",)

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def _fetch(
        self,
        endpoint: Endpoint[T],
        *,
        query: Iterable[tuple[str, str]] = (),
        json: object = msgspec.UNSET,
        body: bytes | None = None,
        headers: Iterable[tuple[str, str]] = (),
        accept: str | None = None,
        hidden: Iterable[str] = (),
        **parts: Part,
    ) -> T:
        request = endpoint.request(
            query=query, json=json, body=body, headers=headers, accept=accept, hidden=hidden, **parts
        )
        return await read(endpoint, request, await self._transport.send(request))


async def read(endpoint: Endpoint[T], request: ApiRequest, response: ApiResponse) -> T:
    """Turn an answer into its value, see `Endpoint.read`; while that takes long, others get their turn."""
    return endpoint.read(request, response)


def id_of(thing: object, argument: str, kind: type[Entity] | tuple[type[Entity], ...] = ()) -> int:
    """Take the id out of an id or of a value that has one.

    Args:
        thing: A positive whole number, or an entity of a right kind.
        argument: Name of the caller's argument, for the error.
        kind: Entities that are meant: the id of any other would be that of something else.

    Raises:
        UsageError: It is neither.
    """
    number = getattr(thing, "id", None) if isinstance(thing, kind) else thing
    if isinstance(number, bool) or not isinstance(number, int):
        raise UsageError(
            f"{argument} must be an id, a whole number, or a value that Travis sent, not {thing!r}.", argument=argument
        )
    if not 0 < number <= LARGEST_ID:
        raise UsageError(f"{argument} must be a positive id, not {number}.", argument=argument)
    return number


def ids_of(things: Iterable[object], argument: str, kind: type[Entity] | tuple[type[Entity], ...] = ()) -> list[int]:
    """Take the ids out of many ids or values, in their order, repeats kept.

    Raises:
        UsageError: One of them is neither an id nor a value that has one, or it is a string.
    """
    if isinstance(things, str | bytes):
        raise UsageError(f"{argument} must be several ids, not a string.", argument=argument)
    return [id_of(thing, argument, kind) for thing in things]


def slug_of(slug: str, argument: str) -> tuple[str, str]:
    """Split ``owner/name``.

    Raises:
        UsageError: It has another form.
    """
    if not SLUG.fullmatch(slug) or not {".", ".."}.isdisjoint(slug.split("/")):
        raise UsageError(f"{argument} must look like 'owner/name', not {slug!r}.", argument=argument)
    owner, _, name = slug.partition("/")
    return owner, name


def within(number: object, argument: str, most: int) -> int:
    """Check a whole number that says how many.

    Raises:
        UsageError: It is not between 1 and the most.
    """
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= most:
        raise UsageError(f"{argument} must be a whole number between 1 and {most}, not {number!r}.", argument=argument)
    return number


def text_of(value: object, argument: str) -> str:
    """Check a text that must say something.

    Raises:
        UsageError: It is empty, or no text. Its value is not quoted, since it may be a secret.
    """
    if not isinstance(value, str) or not value.strip():
        raise UsageError(f"{argument} must be a text, and not empty.", argument=argument)
    return value
