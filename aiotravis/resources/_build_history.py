"""Which history a cursor belongs to: the site, the repository and the filter. No I/O.

https://docs.travis-ci.com/api/#builds
"""

from urllib.parse import urlsplit

import msgspec

from aiotravis.bulk.cursor import Boundary, Cursor, Position, decode_cursor, encode_cursor
from aiotravis.errors import UsageError
from aiotravis.resources.repositories import Repository

__all__ = ["HistoryStart", "history_start"]


class HistoryStart:
    """Where the iteration over a history starts.

    Args:
        cursor: The history, and the position in it.
    """

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor

    @property
    def position(self) -> Position:
        """The position."""
        return self._cursor.position

    @property
    def repository_id(self) -> int | None:
        """Id of the repository, if it is known."""
        return self._cursor.repository_id

    def expect(self, repository_id: int | None) -> None:
        """Check that a build of the history is one of the same repository as everything before.

        Raises:
            UsageError: It is not.
        """
        known = self._cursor.repository_id
        if known is None:
            self._cursor = msgspec.structs.replace(self._cursor, repository_id=repository_id)
        elif repository_id is not None and repository_id != known:
            message = f"since, or cursor, is of repository {known}, and repo is repository {repository_id}."
            raise UsageError(message, argument="repo")

    def encode(self, position: Position) -> str:
        """Return the cursor for another position in the same history."""
        return encode_cursor(msgspec.structs.replace(self._cursor, position=position))


def history_start(
    site: str, repo: int | str | Repository, event_type: str | None, since: Boundary | None, cursor: str | None
) -> HistoryStart:
    """Return where an iteration starts: at a boundary, at a cursor, or at the beginning.

    Raises:
        UsageError: Both were passed, or the cursor is damaged or of another history.
    """
    slug = repo if isinstance(repo, str) else repo.slug if isinstance(repo, Repository) else ""
    given = Cursor(
        site=_normalized(site),
        repository_id=repo.id if isinstance(repo, Repository) else None if isinstance(repo, str) else repo,
        slug=slug.lower() or None,
        event_type=event_type,
        position=Position(known=since),
    )
    if cursor is None:
        return HistoryStart(given)
    if since is not None:
        raise UsageError("Pass either since or cursor.", argument="since")
    stored = decode_cursor(cursor)
    if stored.site != given.site:
        raise UsageError(f"cursor is of {stored.site}, not of {given.site}.", argument="cursor")
    if stored.event_type != event_type:
        message = f"cursor is of a list with event_type={stored.event_type!r}, not {event_type!r}."
        raise UsageError(message, argument="cursor")
    _check_repository(stored, given)
    found = msgspec.structs.replace(
        given,
        repository_id=given.repository_id or stored.repository_id,
        slug=given.slug or stored.slug,
        position=stored.position,
    )
    return HistoryStart(found)


def _check_repository(stored: Cursor, given: Cursor) -> None:
    """Check that a cursor is of the repository that was given with it.

    Raises:
        UsageError: It is not, or nothing tells.
    """
    # A repository that was renamed keeps its id.
    if stored.repository_id is not None and given.repository_id is not None:
        same, remedy = stored.repository_id == given.repository_id, ""
    elif stored.slug is not None and given.slug is not None:
        same, remedy = stored.slug == given.slug, f" If {stored.slug} was renamed, pass the id."
    else:
        # Made by the slug of a repository without builds, continued by id: there is nothing to continue.
        same, remedy = stored.position == Position(), " Pass the id."
    if not same:
        name = stored.slug if stored.repository_id is None else f"{stored.repository_id} ({stored.slug or 'by id'})"
        raise UsageError(f"cursor is of repository {name}; repo is another.{remedy}", argument="cursor")


def _normalized(site: str) -> str:
    """Return a URL without what does not distinguish sites: letter case of the host, and the default port."""
    parts = urlsplit(site)
    default = {"https": 443, "http": 80}.get(parts.scheme)
    port = "" if parts.port in {None, default} else f":{parts.port}"
    host = parts.hostname or ""
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}{parts.path}"
