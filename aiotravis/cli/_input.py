"""What commands read from standard input: text of a pipe, and secrets, which a terminal does not show."""

import sys
from typing import Final, TextIO

import click

from aiotravis.errors import UsageError

__all__ = ["MAX_INPUT", "read_input", "read_secret", "secret_value", "stdin_is_terminal"]

MAX_INPUT: Final = 1 << 20
"""Bytes; neither a configuration nor a secret has that many."""


def stdin_is_terminal() -> bool:
    """Return whether a person can be asked."""
    stream: TextIO | None = sys.stdin
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        # It is closed.
        return False


def read_input(what: str) -> str:
    """Return what standard input contains.

    Args:
        what: What it should contain, for messages.

    Raises:
        UsageError: It is closed, too long, or not UTF-8.
    """
    stream: TextIO | None = sys.stdin
    if stream is None or stream.closed:
        raise UsageError(f"Standard input is closed: {what} was to come from there.")
    try:
        content = stream.buffer.read(MAX_INPUT + 1)
    except OSError as exc:
        # A folder, or a terminal that is gone.
        exc.filename = "standard input"
        raise
    if len(content) > MAX_INPUT:
        raise UsageError(f"Standard input is longer than {MAX_INPUT} bytes: that is not {what}.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        # Outside the handler: the exception quotes a secret.
        pass
    raise UsageError(f"Standard input is not UTF-8: {what} was to come from there.")


def read_secret(what: str) -> str:
    """Return a secret: typed in unseen on a terminal, else what standard input contains without its last newline.

    Raises:
        UsageError: There is none.
    """
    if stdin_is_terminal():
        return str(click.prompt(what[:1].upper() + what[1:], hide_input=True, err=True))
    text = read_input(what).removesuffix("\n").removesuffix("\r")
    if not text:
        raise UsageError(f"Standard input is empty: {what} was to come from there.")
    return text


def secret_value(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Return the value of an option that is a secret: ``-`` reads it. A callback of click.

    It is read before the event loop runs, so that Ctrl-C works as everywhere.
    """
    if value != "-" or ctx.resilient_parsing:
        return value
    name = (parameter.name or "secret").replace("_", " ").replace("github", "GitHub")
    return read_secret(f"the {name}").strip()
