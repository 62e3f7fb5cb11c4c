"""Cuts a log into whole lines, part by part, whatever ends them. No I/O."""

import re
from typing import Final

from aiotravis.log_text._markers import MARKER

__all__ = ["LineCutter"]

MAX_UNDECIDED: Final = 1 << 16
"""Characters without a line feed after which the first ones decide what ends a line."""


RETURN: Final = re.compile(r"\r\n|\r(?!\x1b\[0?K)")
"""A carriage return that ends a line; that of a marker is followed by a clear."""

UNDECIDED_RETURN: Final = re.compile(r"\r(?:\x1b(?:\[0?)?)?\Z")


class LineCutter:
    """Cuts parts of a log into whole lines.

    Lines end with a line feed. A few logs were saved with carriage returns in their place (fact 10.3): where the first
    64 Ki characters contain something of Travis and other carriage returns, but no line feed, these end a line.
    """

    def __init__(self) -> None:
        self._incomplete: list[str] = []
        self._undecided: int | None = 0
        """Number of characters so far; None once it is known what ends a line."""
        self._plain = False
        """Whether it is known that line feeds end a line; else carriage returns, once it is known."""
        self._held = ""

    @property
    def rest(self) -> str:
        """The beginning of a line that has not ended."""
        self._incomplete = ["".join(self._incomplete)] if self._incomplete else []
        return "".join(self._incomplete) + self._held

    def add(self, text: str) -> str:
        """Return the lines that are whole with a part, each ended by a newline, with one before the first."""
        if not self._plain:
            text = self._translated(text) if self._undecided is None else self._decide(text, self._undecided)
        # fact 9.36: markers are split across parts, so only complete lines are read.
        whole, newline, rest = text.rpartition("\n")
        if newline:
            # The newlines around them make the first line and the last like the others.
            whole = "".join(("\n", *self._incomplete, whole, "\n"))
            self._incomplete.clear()
        if rest:
            self._incomplete.append(rest)
        return whole

    def close(self) -> str:
        """Return the last line if it has no newline, as `add` does."""
        if self._plain:
            return self.add("\n") if self._incomplete else ""
        text, self._held = self.rest, ""
        self._incomplete.clear()
        if self._undecided is not None:
            self._choose(text)
        return self.add(f"{text}\n") if text else ""

    def _decide(self, text: str, before: int) -> str:
        """Decide what ends a line as soon as the text shows it; return the text that is to be cut."""
        size = before + len(text)
        if not before:
            # A byte order mark is no text.
            text = text.removeprefix("\ufeff")
        at = text.find("\n", 0, MAX_UNDECIDED - before)
        if at >= 0:
            self._plain = True
        elif size >= MAX_UNDECIDED:
            text = self.rest + text
            self._incomplete.clear()
            self._choose(text[:MAX_UNDECIDED])
        else:
            self._undecided = size
            return text
        return text if self._plain else self._translated(text)

    def _choose(self, text: str) -> None:
        self._undecided = None
        output = MARKER.sub("", text)
        self._plain = "\r" not in output or (output == text and "\r$ " not in text)

    def _translated(self, text: str) -> str:
        text = self._held + text
        found = UNDECIDED_RETURN.search(text, max(0, len(text) - 4))
        end = found.start() if found else len(text)
        self._held = text[end:]
        return RETURN.sub("\n", text[:end])
