"""StateFile: what the processes of one user on one machine have sent, in SQLite. All methods block.

Times are those of the boot clock beside the id of the boot. Where the system has no such id, and after a reboot, they
are taken from the wall clock, and never believed for longer than the rule's own length.
"""

import contextlib
import os
import secrets
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import quote

import aiotravis.rate_limits.clock as clock
from aiotravis.rate_limits.bans import Ban
from aiotravis.rate_limits.rules import LEASE, MAX_BAN, PROBE_INTERVAL, SOON, Kind, Rules
from aiotravis.rate_limits.shared_state import RecordedUse, SharedState
from aiotravis.rate_limits.state_folder import check_owner, folder_lock

__all__ = ["StateFile", "StateFileError"]

T = TypeVar("T")

NAME: Final = "limits.sqlite3"

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS entries (
    key TEXT PRIMARY KEY, identity TEXT NOT NULL, kind TEXT NOT NULL,
    at REAL NOT NULL, wall REAL NOT NULL, boot TEXT NOT NULL, note TEXT NOT NULL DEFAULT '')
"""
"""Later versions may add columns and tables: two versions on one machine then still see each other's entries.

Kinds: ``post`` and ``sign_in`` with their time, which lies in the future while they are in flight; ``pause``, ``ban``,
``probe`` with their end; ``lost`` and ``lost_sign_in`` with the end of the window for which entries may be lost.
"""

BUSY_TIMEOUT: Final = 2.0
"""Seconds to wait for another process that writes."""

SQLITE_CORRUPT: Final = 11
SQLITE_NOTADB: Final = 26

EVERYONE: Final = "*"

_lock = threading.Lock()
"""Held while SQLite works, and while the process forks: SQLite must not be copied in the middle of its work."""


class StateFileError(Exception):
    """The file cannot be used. The message says why."""


class StateFile:
    """The file, opened for each use, so that neither a fork nor its removal leaves a connection behind.

    Args:
        folder: Where it is, or will be.
        rules: Lengths of the windows; those of all identities are the same.
        seconds: The boot clock.
        wall: The time since the epoch.
        boot: Id of the boot; None if unknown.
    """

    def __init__(
        self,
        folder: Path,
        rules: Rules,
        *,
        seconds: Callable[[], float] | None = None,
        wall: Callable[[], float] = time.time,
        boot: str | None = None,
    ) -> None:
        self.path: Path = folder / NAME
        self._folder = folder
        self._seconds = clock.seconds if seconds is None else seconds
        self._wall = wall
        self._boot = boot or ""
        self._known: int | None = None
        self._spans = {
            # Seconds for which an entry counts after its time, and by which its time may lie in the future.
            "post": (rules.post_window, LEASE),
            "sign_in": (rules.sign_in_window, LEASE),
            "pause": (0.0, rules.minute),
            "ban": (0.0, MAX_BAN),
            "probe": (0.0, PROBE_INTERVAL),
            "lost": (0.0, rules.post_window),
            "lost_sign_in": (0.0, rules.sign_in_window),
        }

    def exists(self) -> bool:
        """Return whether there is a file: one `stat`."""
        try:
            self.path.lstat()
        except OSError:
            return False
        return True

    def read(self, identity: str) -> SharedState:
        """Return what is known about an identity.

        Raises:
            StateFileError: The file cannot be used.
        """
        if not self.exists():
            return SharedState()
        return self._run(lambda connection: self._state(self._entries(connection, identity)))

    def post(self, identity: str, kind: Kind, rules: Rules, *, low: bool = False) -> SharedState:
        """Enter a POST as in flight, if there is room for it.

        Raises:
            StateFileError: The file cannot be used.
        """

        def enter(connection: sqlite3.Connection) -> SharedState:
            entries = self._entries(connection, identity)
            state, wait = self._state(entries), self._wait(entries, kind, rules, low=low)
            if wait > 0 or state.ban is not None or state.paused_until > self._seconds():
                return SharedState(paused_until=state.paused_until, ban=state.ban, wait=wait)
            return SharedState(key=self._add(connection, identity, kind.label, LEASE))

        return self._run(enter, create=True)

    def settle(self, key: str) -> None:
        """Record that a POST was answered or given up.

        Raises:
            StateFileError: The file cannot be used.
        """
        update = "UPDATE entries SET at = ?, wall = ?, boot = ? WHERE key = ?"
        self._run(lambda connection: connection.execute(update, (self._seconds(), self._wall(), self._boot, key)))

    def withdraw(self, key: str) -> None:
        """Remove a POST that was not sent.

        Raises:
            StateFileError: The file cannot be used.
        """
        self._run(lambda connection: connection.execute("DELETE FROM entries WHERE key = ?", (key,)))

    def pause(self, identity: str, until: float) -> None:
        """Record a pause.

        Raises:
            StateFileError: The file cannot be used.
        """
        self._run(lambda connection: self._add(connection, identity, "pause", until - self._seconds()), create=True)

    def ban(self, identity: str, ban: Ban) -> None:
        """Record a ban.

        Raises:
            StateFileError: The file cannot be used.
        """

        def enter(connection: sqlite3.Connection) -> None:
            self._delete(connection, identity, ("ban", "probe"))
            self._add(connection, identity, "ban", ban.until - self._seconds(), ban.remedy)
            self._add(connection, identity, "probe", PROBE_INTERVAL)

        self._run(enter, create=True)

    def lift(self, identity: str) -> None:
        """Remove a ban.

        Raises:
            StateFileError: The file cannot be used.
        """
        self._run(lambda connection: self._delete(connection, identity, ("ban", "probe")))

    def use(self, identity: str, rules: Rules) -> RecordedUse:
        """Return what is recorded about an identity, see `read`."""

        def summarize(connection: sqlite3.Connection) -> RecordedUse:
            entries, now = self._entries(connection, identity), self._seconds()
            state = self._state(entries)
            return RecordedUse(
                posts=sum(kind in {"post", "sign_in"} and at > now - rules.post_window for kind, at, _ in entries),
                next_post=max(0.0, self._wait(entries, Kind.POST, rules, low=False)),
                next_sign_in=max(0.0, self._wait(entries, Kind.SIGN_IN, rules, low=False)),
                paused=max(0.0, state.paused_until - now),
                banned_until=None if state.ban is None else state.ban.lifted_at,
            )

        return self._run(summarize) if self.exists() else RecordedUse()

    def forget(self, identity: str) -> None:
        """Remove all that is recorded about an identity, see `read`."""
        if self.exists():
            delete = "DELETE FROM entries WHERE identity IN (?, ?)"
            self._run(lambda connection: connection.execute(delete, (identity, EVERYONE)))

    def claim_probe(self, identity: str) -> bool:
        """Return whether this process may try whether the ban still holds; others may not for some minutes.

        Raises:
            StateFileError: The file cannot be used.
        """

        def claim(connection: sqlite3.Connection) -> bool:
            if any(kind == "probe" for kind, _, _ in self._entries(connection, identity)):
                return False
            self._add(connection, identity, "probe", PROBE_INTERVAL)
            return True

        return self._run(claim)

    def _entries(self, connection: sqlite3.Connection, identity: str) -> list[tuple[str, float, str]]:
        query = "SELECT kind, at, note FROM entries WHERE identity IN (?, ?) ORDER BY at"
        rows: list[tuple[str, float, str]] = connection.execute(query, (identity, EVERYONE)).fetchall()
        return rows

    def _state(self, entries: Iterable[tuple[str, float, str]]) -> SharedState:
        paused, ban, probe_at, now = 0.0, None, 0.0, self._seconds()
        for kind, at, note in entries:
            if kind == "pause":
                paused = at
            elif kind == "probe":
                probe_at = at
            elif kind == "ban":
                ban = Ban(at, datetime.fromtimestamp(self._wall() + at - now, UTC), str(note), shared=True)
        if ban is not None:
            ban.probe_at = probe_at
        return SharedState(paused_until=paused, ban=ban)

    def _wait(self, entries: list[tuple[str, float, str]], kind: Kind, rules: Rules, *, low: bool) -> float:
        now = self._seconds()
        posts = [at for name, at, _ in entries if name in {"post", "sign_in"} and at > now - rules.post_window]
        sign_ins = [at for name, at, _ in entries if name == "sign_in"]
        ends = [at for name, at, _ in entries if name == "lost" or (name == "lost_sign_in" and kind is Kind.SIGN_IN)]
        room = int(rules.max_posts * (1 - (rules.reserve if low else 0.0)))
        if len(posts) >= room:
            ends.append(posts[len(posts) - room] + rules.post_window)
        if kind is Kind.SIGN_IN and sign_ins:
            ends.append(sign_ins[-1] + rules.sign_in_window)
        wait = max(ends, default=0.0) - now
        # What is in flight may be settled any moment.
        in_flight = bool(posts and posts[-1] > now)
        return min(wait, SOON) if in_flight and wait > rules.post_window else wait

    def _add(self, connection: sqlite3.Connection, identity: str, kind: str, seconds: float, note: str = "") -> str:
        key, at, wall = secrets.token_hex(8), self._seconds() + seconds, self._wall() + seconds
        insert = "INSERT INTO entries (key, identity, kind, at, wall, boot, note) VALUES (?, ?, ?, ?, ?, ?, ?)"
        connection.execute(insert, (key, identity, kind, at, wall, self._boot, note))
        return key

    def _delete(self, connection: sqlite3.Connection, identity: str, kinds: Iterable[str]) -> None:
        for kind in kinds:
            connection.execute("DELETE FROM entries WHERE identity = ? AND kind = ?", (identity, kind))

    def _tidy(self, connection: sqlite3.Connection) -> None:
        """Translate the times of other boots, bound all of them, and remove what is over."""
        now, wall = self._seconds(), self._wall()
        # Without numbered placeholders: Python 3.12.0 to 3.12.3 takes these for names, and warns.
        translate = "UPDATE entries SET at = ? + (wall - ?), boot = ? WHERE boot <> ? OR boot = ''"
        connection.execute(translate, (now, wall, self._boot, self._boot))
        for kind, (counts_for, future) in self._spans.items():
            connection.execute(
                "UPDATE entries SET at = ?, wall = ? WHERE kind = ? AND NOT at <= ?",
                (now + future, wall + future, kind, now + future),
            )
            connection.execute("DELETE FROM entries WHERE kind = ? AND at <= ?", (kind, now - counts_for))

    def _run(self, work: Callable[[sqlite3.Connection], T], *, create: bool = False) -> T:
        try:
            with _lock:
                self._check_folder(create=create)
                try:
                    return self._transaction(work)
                except sqlite3.DatabaseError as exc:
                    if not _damaged(exc):
                        raise
                    self._replace()
                    return self._transaction(work)
        except (OSError, sqlite3.Error) as exc:
            # A name need not be UTF-8; a log line has to be.
            message = f"{self.path}: {exc}".encode(errors="backslashreplace").decode()
            raise StateFileError(message) from exc

    def _transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        uri = f"file:{quote(os.fsencode(self.path))}?mode=rw"
        connection = sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT, isolation_level=None)
        with contextlib.closing(connection):
            # Its content is worth nothing after a crash of the system, which is another boot.
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(SCHEMA)
            self._check_birth(connection)
            self._tidy(connection)
            result = work(connection)
            connection.execute("COMMIT")
            return result

    def _check_birth(self, connection: sqlite3.Connection) -> None:
        """Count as full for one window each, if this is not the file that this process has used: its entries are lost.

        Somebody has removed it, emptied it or put another one in its place. Each file has a random number.
        """
        (number,) = connection.execute("PRAGMA user_version").fetchone()
        if not number:
            number = secrets.randbelow(2**31 - 1) + 1
            connection.execute(f"PRAGMA user_version = {number:d}")
        if self._known not in (None, number):
            for kind in ("lost", "lost_sign_in"):
                self._add(connection, EVERYONE, kind, self._spans[kind][1])
        self._known = number

    def _check_folder(self, *, create: bool) -> None:
        if create:
            with contextlib.suppress(FileExistsError):
                self._folder.mkdir(mode=0o700, parents=True)
        check_owner(self._folder.lstat(), stat.S_ISDIR, "a folder")
        if create:
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
            with contextlib.suppress(FileExistsError):
                os.close(os.open(self.path, flags, 0o600))
        check_owner(self.path.lstat(), stat.S_ISREG, "a file")

    def _replace(self) -> None:
        """Replace a damaged file, unless another process just did. Entries are lost: their windows count as full."""
        with folder_lock(self._folder):
            with contextlib.suppress(sqlite3.DatabaseError):
                if self._transaction(lambda connection: connection.execute("PRAGMA quick_check").fetchone()) == ("ok",):
                    return
            self.path.with_name(f"{NAME}-journal").unlink(missing_ok=True)
            self.path.replace(self.path.with_name(f"{NAME}.damaged"))
            self._check_folder(create=True)
            self._known = -1
            self._transaction(lambda _: None)


def _damaged(exc: sqlite3.DatabaseError) -> bool:
    return getattr(exc, "sqlite_errorcode", 0) & 0xFF in {SQLITE_CORRUPT, SQLITE_NOTADB}


def _reset_lock() -> None:
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=lambda: _lock.acquire(), after_in_parent=lambda: _lock.release(), after_in_child=_reset_lock
    )
