"""The entry point: it works without the extra ``cli``, and then says how to get it."""

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
    sys.exit(main())
