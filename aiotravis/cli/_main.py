"""Starting the command line, also without the extra that it needs."""

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

__all__ = ["main", "run"]

MISSING_EXTRA = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, and return its exit code; see ``aiotravis --help``.

    Args:
        arguments: The words after ``aiotravis``; those of the process if None.
    """
    try:
        from aiotravis.cli._app import run_app
    except ModuleNotFoundError as exc:
        if exc.name != "click":
            raise
        print("aiotravis: the command line requires the extra cli: pip install 'aiotravis[cli]'", file=sys.stderr)  # noqa: T201
        return MISSING_EXTRA
    return run_app(sys.argv[1:] if arguments is None else list(arguments))


def run() -> NoReturn:
    """Run the command line of this process, and exit."""
    _replace_closed_streams()
    sys.exit(main())


def _replace_closed_streams() -> None:
    """Ignore what is printed to a stream that the caller has closed, as with ``>&-``."""
    # Otherwise the next socket or file would take the stream's number.
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    # Python prints to standard output what is meant for a missing standard error.
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 - open to the end
