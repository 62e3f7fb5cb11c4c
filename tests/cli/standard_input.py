"""A pipe, or a terminal with a person, for commands that run in this process; and what they sent."""

import io
import sys
from collections.abc import Callable

import click
import pytest

from tests.cli.conftest import Travis


def piped(monkeypatch: pytest.MonkeyPatch, content: str | bytes) -> None:
    content = content.encode() if isinstance(content, str) else content
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


def terminal_screen(monkeypatch: pytest.MonkeyPatch, *, colors: bool = False) -> Callable[[], str]:
    """Make standard output a terminal; returns what tells what it shows."""
    content = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", Terminal(content, encoding="utf-8"))
    monkeypatch.setenv("TERM", "xterm" if colors else "dumb")
    return lambda: content.getvalue().decode()


def on_terminal(monkeypatch: pytest.MonkeyPatch, typed: str = "") -> list[str]:
    """Put a person before a terminal who types a secret; returns what they are asked for."""
    asked: list[str] = []

    def prompt(text: str, *, hide_input: bool, err: bool) -> str:
        assert (hide_input, err) == (True, True)
        asked.append(text)
        return typed

    monkeypatch.setattr(sys, "stdin", Terminal(io.BytesIO()))
    monkeypatch.setattr(click, "prompt", prompt)
    return asked


def sent(travis: Travis) -> list[str]:
    return [f"{seen.method} {seen.path.removeprefix('/api')}" for seen in travis.server.requests]
