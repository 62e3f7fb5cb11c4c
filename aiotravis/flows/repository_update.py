"""What `Travis.watch` yields of one repository."""

from aiotravis._values import Value
from aiotravis.errors import TravisError
from aiotravis.resources.builds import Build
from aiotravis.resources.repositories import Repository

__all__ = ["RepositoryUpdate", "is_same_failure"]


class RepositoryUpdate(Value, frozen=True, kw_only=True):
    """The newest builds of a repository, as `Travis.watch` yields them.

    Attributes:
        repo: The repository as it was named: its id, or its slug. An id, if nothing was named.
        repository: As it was read last, so its ``last_build_*`` can be older than ``builds``; None until it was found.
        builds: Its newest builds, the newest first, with their commits and, in ``jobs``, their jobs; without their
            configurations.
        changed: Ids of those builds that are new or have changed since its update before.
        error: Why all of this may be out of date, such as a NotFoundError once the repository is gone or hidden from
            this token; None if it is up to date.
    """

    repo: int | str
    repository: Repository | None = None
    builds: tuple[Build, ...] = ()
    changed: tuple[int, ...] = ()
    error: TravisError | None = None


def is_same_failure(one: TravisError | None, other: TravisError | None) -> bool:
    """Return whether two errors tell of the same failure, whatever the request, its number and its time."""
    if type(one) is not type(other):
        return False
    if type(one) is TravisError:
        return str(one) == str(other)
    return getattr(one, "status", None) == getattr(other, "status", None)
