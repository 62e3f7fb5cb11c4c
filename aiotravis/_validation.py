"""Validation of arguments, before anything is sent. No I/O.

Every function returns the value, or raises `UsageError` with the name of the caller's argument.
"""

import inspect
import sys
from collections.abc import AsyncIterable, Callable, Iterable
from typing import TypeVar

from aiotravis.errors import UsageError

__all__ = [
    "display", "is_text", "trimmed", "validate_bool", "validate_callback", "validate_count", "validate_instance",
    "validate_iterable", "validate_not_awaitable", "validate_seconds", "validate_segment", "validate_string",
    "validate_text",
]  # fmt: skip

C = TypeVar("C", bound=Callable[..., object])


def validate_bool(value: object, argument: str) -> bool:
    """Return True or False.

    Raises:
        UsageError: It is neither.
    """
    if not isinstance(value, bool):
        raise UsageError(f"{argument} must be True or False, not {display(value)}.", argument=argument)
    return value


def validate_count(value: object, argument: str, *, minimum: int = 1, maximum: int | None = None) -> int:
    """Return a whole number.

    Raises:
        UsageError: It is not a whole number, or out of range.
    """
    if isinstance(value, int) and not isinstance(value, bool) and minimum <= value <= (maximum or value):
        return value
    limits = f"of at least {minimum}" if maximum is None else f"between {minimum} and {maximum}"
    raise UsageError(f"{argument} must be a whole number {limits}, not {display(value)}.", argument=argument)


def validate_instance(value: object, kind: type[object], argument: str) -> None:
    """Check the class of a value. It is not quoted: it may be a secret.

    Raises:
        UsageError: It is of another.
    """
    if not isinstance(value, kind):
        given = "None" if value is None else type(value).__name__
        raise UsageError(f"{argument} must be {kind.__name__}, not {given}.", argument=argument)


def validate_iterable(value: object, argument: str, what: str = "values") -> None:
    """Check that a value holds several others.

    Raises:
        UsageError: It cannot be iterated, or not without awaiting, or is a text.
    """
    if isinstance(value, AsyncIterable):
        message = f"{argument} must not be an async iterable: pass [item async for item in ...]."
        raise UsageError(message, argument=argument)
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise UsageError(f"{argument} must be several {what}, not {display(value)}.", argument=argument)


def validate_seconds(value: object, argument: str, *, zero_ok: bool = False) -> float:
    """Return a number of seconds.

    Raises:
        UsageError: It is not a finite number, or not positive.
    """
    if (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and (value > 0 or (zero_ok and value == 0))
        and value <= sys.float_info.max  # A comparison takes any integer, one that no float can hold too.
    ):
        return value
    kind = "number of seconds, 0 or more" if zero_ok else "positive number of seconds"
    raise UsageError(f"{argument} must be a finite {kind}, not {display(value)}.", argument=argument)


def display(value: object) -> str:
    """Return what a message shows of a wrong value: the beginning of its repr, whatever that raises."""
    if inspect.iscoroutine(value):  # Some calls are awaited, others iterated: easily mistaken.
        return f"a coroutine; write `await` before {value.__qualname__}(...)"
    try:
        return repr(value)[:100]
    except ValueError:  # CPython refuses to write integers of thousands of digits.
        return "an integer of thousands of digits"
    except Exception:  # noqa: BLE001 - the repr of a class of the user's
        return f"a {type(value).__name__}"


def is_text(value: object) -> bool:
    """Return whether a value is a string that can be sent: without NUL and halves of surrogates."""
    if not isinstance(value, str) or "\x00" in value:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def trimmed(value: object) -> object:
    """Return a text without the blanks and newlines around it: what comes from a file or a variable often has some."""
    return value.strip(" \t\r\n") if isinstance(value, str) else value


def validate_string(value: object, argument: str) -> str:
    """Return a string, which may be empty.

    Raises:
        UsageError: It is not a string, or has characters that cannot be sent. The message never contains the value: it
            may be a secret.
    """
    if not isinstance(value, str):
        raise UsageError(f"{argument} must be a string, not {type(value).__name__}.", argument=argument)
    if not is_text(value):
        raise UsageError(f"{argument} must not contain NUL or lone surrogates.", argument=argument)
    return value


def validate_text(value: object, argument: str) -> str:
    """Return a text that is not empty.

    Raises:
        UsageError: It is empty, blank, or not a string that can be sent. The message never contains the value: it may
            be a secret.
    """
    if not isinstance(value, str) or not value.strip():
        raise UsageError(f"{argument} must be a string that is not empty.", argument=argument)
    return validate_string(value, argument)


def validate_segment(value: object, argument: str) -> str:
    """Return a text that can be one segment of a path.

    Raises:
        UsageError: It is no such text, or a dot or two, which stand for another path.
    """
    text = validate_text(value, argument)
    if text in {".", ".."}:
        raise UsageError(f"{argument} must not be {text!r}, which leads to another path.", argument=argument)
    return text


def validate_callback(value: C, argument: str) -> C:
    """Return a function that is called without being awaited.

    Raises:
        UsageError: It is not a function, or an async one.
    """
    if not callable(value):
        raise UsageError(f"{argument} must be a function, not {display(value)}.", argument=argument)
    if inspect.iscoroutinefunction(value):
        raise _not_plain(argument)
    return value


def validate_not_awaitable(result: object, argument: str) -> None:
    """Check what a function that is not awaited has returned, such as a lambda or an object.

    Raises:
        UsageError: It wants to be awaited.
    """
    if inspect.isawaitable(result):
        if inspect.iscoroutine(result):
            result.close()
        raise _not_plain(argument)


def _not_plain(argument: str) -> UsageError:
    return UsageError(f"{argument} must be a plain function, not an async one.", argument=argument)
