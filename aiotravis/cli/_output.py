"""Output: data on standard output, notices and progress on standard error, both safe for a terminal."""

import contextlib
import errno
import os
import re
import sys
from collections.abc import Generator
from typing import Final, NamedTuple, Protocol, TextIO

import click

import aiotravis

__all__ = ["Output", "OutputClosed", "Status", "Styled", "error_text", "single_line"]


NOT_WRITTEN: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})
"""What writing to an open file fails with."""

_CONTROLS: Final = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


class OutputClosed(Exception):
    """The reader of standard output has closed it, as ``head`` does: the command ends quietly."""


class Styled(NamedTuple):
    """Text in a colour.

    Attributes:
        text: The text.
        color: Name of the colour; None for that of the terminal.
        bold: Whether it is bold.
    """

    text: str
    color: str | None = None
    bold: bool = False


class Status(Protocol):
    """A line that says what is being done."""

    def update(self, text: str) -> None:
        """Replace the line."""
        ...


def single_line(text: str | None) -> str:
    """Return text of others as one line, without what controls terminals."""
    return aiotravis.safe_for_terminal(" ".join((text or "").split()), colour=False)


def error_text(error: Exception, written: object) -> str:
    """Return what an error says; one of a file as ``NAME: No space left on device``.

    Args:
        error: The error.
        written: What was written if the error of a write does not say what.
    """
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    name = error.filename or (written if error.errno in NOT_WRITTEN else None)
    return error.strerror if name is None else f"{name}: {error.strerror}"


class Output:
    """What a command prints.

    Args:
        json: Whether records are printed as JSON Lines.
        quiet: Whether to print no notices and no progress. Errors are printed.
        color: ``always``, ``never``, or ``auto`` for colours on a terminal, unless NO_COLOR is set.

    Attributes:
        json: As given.
        terminal: Whether standard output is a terminal.
        color: Whether colours are printed on standard output.
    """

    def __init__(self, *, json: bool = False, quiet: bool = False, color: str = "auto") -> None:
        self.json: bool = json
        self._quiet = quiet
        self.terminal: bool = _is_terminal(sys.stdout)
        self.color: bool = color == "always" or (color == "auto" and self.terminal and _colors_wanted())
        self._color_errors = color == "always" or (color == "auto" and _is_terminal(sys.stderr) and _colors_wanted())
        self._status: _StatusLine | None = None

    def line(self, *pieces: str | Styled) -> None:
        """Print a line: pieces of plain text, and of styled text."""
        self.write(self.joined(*pieces) + "\n")

    def joined(self, *pieces: str | Styled) -> str:
        """Return pieces of plain and of styled text as one line, safe for a terminal."""
        return "".join(
            self.styled(piece) if isinstance(piece, Styled) else single_line_keeping(piece) for piece in pieces
        )

    def styled(self, piece: Styled) -> str:
        """Return text in its colour if colours are printed, safe for a terminal."""
        text = single_line_keeping(piece.text)
        return click.style(text, fg=piece.color, bold=piece.bold or None) if self.color else text

    def record(self, value: object) -> None:
        """Print a value as a line of JSON: a struct of the library, or what JSON knows."""
        import msgspec

        text = msgspec.json.encode(value).decode()
        # JSON need not escape them, but a terminal obeys them.
        self.write(_CONTROLS.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n")

    def write(self, text: str) -> None:
        """Print text as it is, at once.

        Raises:
            OutputClosed: Nobody reads it any more.
        """
        with self._without_status(), _closed_quietly():
            # A terminal or a file may be of an encoding that has no such characters.
            encoding = sys.stdout.encoding or "utf-8"
            sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
            sys.stdout.flush()

    def write_bytes(self, content: bytes) -> None:
        """Print bytes as they are, at once.

        Raises:
            OutputClosed: Nobody reads them any more.
        """
        with self._without_status(), _closed_quietly():
            sys.stdout.buffer.write(content)
            sys.stdout.flush()

    def notice(self, text: str) -> None:
        """Print a line for people to standard error, unless quiet."""
        if not self._quiet:
            self._to_stderr(text, None)

    def error(self, text: str) -> None:
        """Print an error to standard error."""
        self._to_stderr(text, "red")

    def _to_stderr(self, text: str, color: str | None) -> None:
        text = aiotravis.safe_for_terminal(text, colour=False)
        if color and self._color_errors:
            text = click.style(text, fg=color)
        with self._without_status(), contextlib.suppress(OSError):
            print(f"aiotravis: {text}", file=sys.stderr, flush=True)  # noqa: T201

    @contextlib.contextmanager
    def status(self, text: str, *, lines: bool = False) -> Generator[Status]:
        """Show on standard error what is being done, while it is done; nothing if that is no terminal, or quiet.

        Args:
            text: What is being done.
            lines: Whether each text is a notice where there is no terminal: CI services end jobs that print nothing.
        """
        if self._quiet or not _is_terminal(sys.stderr):
            plain = _Notices(self) if lines else _Silent()
            plain.update(text)
            yield plain
            return
        line = self._status = _StatusLine(sys.stderr)
        line.update(text)
        try:
            yield line
        finally:
            self._status = None
            line.clear()

    @contextlib.contextmanager
    def _without_status(self) -> Generator[None]:
        """Remove the status line while something else is printed."""
        line = self._status
        if line is None:
            yield
            return
        line.clear()
        try:
            yield
        finally:
            line.show()


class _Silent:
    def update(self, text: str) -> None:
        pass


class _Notices:
    def __init__(self, output: Output) -> None:
        self._output = output
        self._text = ""

    def update(self, text: str) -> None:
        if text != self._text:
            self._text = text
            self._output.notice(text)


class _StatusLine:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._text = ""

    def update(self, text: str) -> None:
        if text != self._text:
            self._text = text
            self.show()

    def show(self) -> None:
        # It is as wide as the terminal at present: a longer line would leave remains above.
        width = _width(self._stream)
        self._print(f"\r\x1b[2K{single_line(self._text)[: width - 1]}")

    def clear(self) -> None:
        self._print("\r\x1b[2K")

    def _print(self, text: str) -> None:
        with contextlib.suppress(OSError):
            self._stream.write(text)
            self._stream.flush()


def single_line_keeping(text: str) -> str:
    """Return text as one line that is safe for a terminal; spaces stay as they are, since they align columns."""
    return aiotravis.safe_for_terminal(text.replace("\r", " ").replace("\n", " "), colour=False)


def _width(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except OSError:
        return 80


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        # It is closed.
        return False


def _colors_wanted() -> bool:
    # https://no-color.org: any value but the empty one.
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


@contextlib.contextmanager
def _closed_quietly() -> Generator[None]:
    try:
        yield
    except BrokenPipeError as exc:
        raise OutputClosed from exc
