"""The folder of the state file: where it is, and whether it may be used. All functions block."""

import contextlib
import os
import stat
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Final

from aiotravis.errors import UsageError

__all__ = ["VARIABLE", "check_owner", "folder_lock", "state_folder"]

VARIABLE: Final = "TRAVIS_STATE_DIR"

SHARED_TEMPORARY: Final = Path("/tmp")  # noqa: S108 - the folder made there is checked to be the user's own


def state_folder() -> Path:
    """Return the folder for this user's state: one that goes with the machine, and is the same for all their programs.

    `TMPDIR` often differs between logins, cron and services, so it is not asked.

    Raises:
        UsageError: The variable does not name one folder for all of them.
    """
    given = os.environ.get(VARIABLE, "").strip()
    if given:
        with contextlib.suppress(RuntimeError):  # There is no such user.
            folder = Path(given).expanduser()
            if folder.is_absolute():
                return folder
        message = f"{VARIABLE} must be an absolute path: each working directory would have a folder of its own."
        raise UsageError(message, argument=VARIABLE)
    if not hasattr(os, "geteuid"):
        return Path(tempfile.gettempdir()) / "aiotravis"
    temporary = SHARED_TEMPORARY if SHARED_TEMPORARY.is_dir() else Path(tempfile.gettempdir())
    return temporary / f"aiotravis-{os.geteuid()}"


def check_owner(found: os.stat_result, is_kind: Callable[[int], bool], kind: str) -> None:
    """Check that something is of a kind, and the user's own.

    Args:
        found: What `lstat` returned.
        is_kind: Tests its mode: `stat.S_ISDIR`.
        kind: What it should be, for the message: "a folder".

    Raises:
        OSError: It is not: another user may have put it there, to be written through.
    """
    if stat.S_ISLNK(found.st_mode):
        raise PermissionError("it is a link")
    if not is_kind(found.st_mode):
        raise PermissionError(f"it is not {kind}")
    if hasattr(os, "geteuid") and found.st_uid != os.geteuid():
        raise PermissionError("it belongs to another user")
    if os.name == "posix" and found.st_mode & stat.S_IWOTH:
        raise PermissionError("every user can write to it")


@contextlib.contextmanager
def folder_lock(folder: Path) -> Generator[None]:
    """Hold a lock of a folder against other processes, where the system has such locks."""
    try:
        import fcntl
    except ImportError:  # Windows.
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
