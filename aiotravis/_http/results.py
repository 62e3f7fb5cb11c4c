"""Lists of records, with those that could not be read beside them. No I/O."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar, cast, get_args

import msgspec

__all__ = ["Results", "Unreadable", "results_of", "unreadable_of"]

T = TypeVar("T")

T_co = TypeVar("T_co", covariant=True)


class Unreadable(msgspec.Struct, frozen=True, kw_only=True):
    """A record that could not be read: it has no readable id.

    Attributes:
        excerpt: The beginning of its JSON as one line, without the client's token.
        reason: Why it could not be read, and its place in the response: ``... - at `$.builds[3].id```.
    """

    excerpt: str
    reason: str

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: Any) -> Any:
        # Only pydantic calls this: nothing of it is imported before.
        from aiotravis._http.pydantic_schemas import value_schema

        return value_schema(cls, msgspec.structs.asdict, handler)


class Results(tuple[T_co, ...]):
    """An immutable sequence of records: a tuple that also equals a list of the same records.

    https://docs.travis-ci.com/api/

    Attributes:
        unreadable: Records of the response that could not be read; empty as a rule.
    """

    unreadable: tuple[Unreadable, ...] = ()

    def __new__(cls, records: Iterable[T_co] = (), unreadable: Iterable[Unreadable] = ()) -> "Results[T_co]":
        """Make one from records and those that could not be read."""
        results = super().__new__(cls, records)
        if unreadable and (found := tuple(unreadable)):
            results.unreadable = found
        return results

    def __eq__(self, other: object) -> bool:
        return super().__eq__(tuple(cast("list[object]", other)) if isinstance(other, list) else other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return super().__hash__()

    def __reduce__(self) -> tuple[object, ...]:
        return Results, (tuple(self), self.unreadable)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: Any) -> Any:
        # Only pydantic calls this: nothing of it is imported before.
        from pydantic_core.core_schema import no_info_after_validator_function, tuple_variable_schema

        (item,) = get_args(source) or (Any,)
        return no_info_after_validator_function(Results, tuple_variable_schema(handler.generate_schema(item)))


def results_of(records: Sequence[T], others: Sequence[object] = ()) -> Results[T]:
    """Return records with what could not be read beside them, if there is any, nor beside other records."""
    if isinstance(others, Results):
        return Results(records, (*unreadable_of(records), *others.unreadable))
    return records if isinstance(records, Results) else Results(records)


def unreadable_of(records: Sequence[object]) -> tuple[Unreadable, ...]:
    """Return what could not be read beside these records."""
    return records.unreadable if isinstance(records, Results) else ()
