"""What all entities share: the frozen struct, the arguments that identify one, the resource that fetches it."""

import re
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Sequence
from http import HTTPStatus
from typing import Any, Final, TypeVar, cast

import anyio.lowlevel
import msgspec

from aiotravis._async.handle import Handle
from aiotravis._http import Endpoint, Part, Transport
from aiotravis._validation import display, is_text, validate_bool, validate_iterable, validate_text
from aiotravis._values import Value
from aiotravis.bulk.batches import BatchIterator, Identified
from aiotravis.bulk.progress import Progress
from aiotravis.errors import DecodeError, ServerError, TooLargeError, TravisError, UsageError

__all__ = [
    "MAX_ID",
    "Entity",
    "Resource",
    "ResultResponse",
    "id_of",
    "ids_of",
    "list_of",
    "read_in_parts",
    "slug_of",
    "text_query",
]

T = TypeVar("T")
S = TypeVar("S", bound=Identified)

MAX_ID: Final = 2**63 - 1

SLUG: Final = re.compile(r"[^\s/?#%\\\x00-\x1f\x7f]+/[^\s/?#%\\\x00-\x1f\x7f]+")


# gc=False: frozen values that hold only frozen values form no cycles, so the garbage collector need not track them.
class Entity(Value, frozen=True, kw_only=True, gc=False):
    """A value that Travis sent: frozen, compared by value, picklable. It holds no client.

    Unknown fields are ignored. Missing ones are None, or empty. Times are aware, in UTC.
    """

    def __repr__(self) -> str:
        """Show the fields that hold something, without raw JSON."""
        shown = ", ".join(
            f"{name}={value!r}"
            for name in self.__struct_fields__
            if not isinstance(value := getattr(self, name), msgspec.Raw) and value is not None and value != ()
        )
        return f"{type(self).__name__}({shown})"


class ResultResponse(Entity, frozen=True, kw_only=True):
    """``{"result": true}``. Only false is a refusal."""

    result: bool | None = None


class Resource(Handle):
    """The calls that concern one entity."""

    __slots__ = ("_transport",)

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def _fetch(
        self,
        endpoint: Endpoint[T],
        *,
        query: Iterable[tuple[str, str]] = (),
        json: object = msgspec.UNSET,
        headers: Iterable[tuple[str, str]] = (),
        accept: str | None = None,
        hidden: Iterable[str] = (),
        **parts: Part,
    ) -> T:
        request = endpoint.request(query=query, json=json, headers=headers, accept=accept, hidden=hidden, **parts)
        steps = endpoint.steps(request, await self._transport.send(request))
        while True:
            try:
                next(steps)
            except StopIteration as stop:
                return cast("T", stop.value)
            await anyio.lowlevel.checkpoint()

    def _fetch_many(
        self,
        endpoint: Endpoint[Any],
        fetch: Callable[[Sequence[int]], Awaitable[Sequence[S]]],
        values: Iterable[object] | AsyncIterable[object],
        argument: str,
        entity_type: type[Entity],
        missing_ok: bool,
        progress: Callable[[Progress], None] | None,
    ) -> BatchIterator[S]:
        return BatchIterator(
            fetch,
            values if isinstance(values, AsyncIterable) else ids_of(values, argument, entity_type),
            to_id=lambda value: id_of(value, argument, entity_type),
            path=endpoint.path,
            missing_ok=validate_bool(missing_ok, "missing_ok"),
            progress=progress,
            waiting=lambda: self._transport.waiting,
        )


def id_of(value: object, argument: str, entity_types: type[Entity] | tuple[type[Entity], ...] = ()) -> int:
    """Return the id that a caller passed, itself or as an entity of an accepted type.

    Raises:
        UsageError: It is neither. The id of any other entity identifies something else.
    """
    if type(value) is int and 0 < value <= MAX_ID:
        return value
    number = getattr(value, "id", None) if isinstance(value, entity_types) else value
    if isinstance(number, bool) or not isinstance(number, int) or not 0 < number <= MAX_ID:
        is_slug = isinstance(value, str) and SLUG.fullmatch(value)
        remedy = " This call takes no slugs: use the id, or what repos.get() returns." if is_slug else ""
        message = f"{argument} must be a positive id or a value that has one, not {display(value)}.{remedy}"
        raise UsageError(message, argument=argument)
    return number


def ids_of(
    values: Iterable[object], argument: str, entity_types: type[Entity] | tuple[type[Entity], ...] = ()
) -> list[int]:
    """Return the ids that a caller passed, in order and with repeats.

    Raises:
        UsageError: One is neither an id nor an accepted entity, or a string was passed, or a single value.
    """
    several = list_of(values, argument)
    if set(map(type, several)) == {int}:
        # A hundred thousand ids are checked in one turn of the event loop.
        ids = cast("list[int]", several)
        if min(ids) > 0 and max(ids) <= MAX_ID:
            return ids
    return [id_of(value, argument, entity_types) for value in several]


def list_of(values: Iterable[T], argument: str) -> list[T]:
    """Return the values that a caller passed.

    Raises:
        UsageError: A string was passed, or a single value.
    """
    validate_iterable(values, argument, "ids")
    return list(values)


async def read_in_parts(read: Callable[[list[int]], Awaitable[None]], ids: list[int]) -> dict[int, TravisError]:
    """Call `read` with ids; where one of them may spoil the response, again with each half of its ids.

    Such a response is too large, or cannot be read, or has status 500: one record that Travis cannot show fails all.

    Returns:
        The errors of single ids: the others have been read.

    Raises:
        TravisError: Fewer ids do not help: another error of `read`; a response that is no JSON, such as a web page; or
            status 500 for single ids, too, without any that can be read.
    """
    failed: dict[int, TravisError] = {}
    succeeded = False

    async def attempt(part: list[int]) -> None:
        nonlocal succeeded
        try:
            await read(part)
            succeeded = True
        except (DecodeError, TooLargeError, ServerError) as exc:
            if isinstance(exc, DecodeError) and not exc.excerpt.lstrip().startswith(("{", "[")):
                raise
            if isinstance(exc, ServerError) and exc.status != HTTPStatus.INTERNAL_SERVER_ERROR:
                raise
            if len(part) == 1:
                failed[part[0]] = exc
                if isinstance(exc, ServerError) and not succeeded and len(failed) >= min(2, len(ids)):
                    raise
                return
        else:
            return
        middle = len(part) // 2
        await attempt(part[:middle])
        await attempt(part[middle:])

    if ids:
        await attempt(ids)
    return failed


def slug_of(slug: str, argument: str) -> tuple[str, str]:
    """Split ``owner/name``.

    Raises:
        UsageError: It has another form.
    """
    if not is_text(slug) or not SLUG.fullmatch(slug) or not {".", ".."}.isdisjoint(slug.split("/")):
        raise UsageError(f"{argument} must look like 'owner/name', not {display(slug)}.", argument=argument)
    owner, _, name = slug.partition("/")
    return owner, name


def text_query(**values: str | None) -> list[tuple[str, str]]:
    """Return query parameters for the values that are not None.

    Raises:
        UsageError: A value is empty: the server would ignore the filter.
    """
    return [(name, validate_text(value, name)) for name, value in values.items() if value is not None]
