"""Repositories of the embedded Travis, without what creates their builds.

https://docs.travis-ci.com/api/#repositories
"""

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from aiotravis.testing.world.models import User
from aiotravis.testing.world.repository_data import RepositoryData

__all__ = ["BaseRepository"]

BuildT = TypeVar("BuildT")


@dataclass(eq=False)
class BaseRepository(Generic[BuildT]):
    """One repository; `World.repository` creates it.

    Attributes:
        id: From a sequence of its own.
        slug: ``owner/name``.
        private: Whether only its users see it.
        active: Whether Travis builds it, or None.
        description: Its description, or None.
        language: Its language on GitHub, or None.
        users: Users with a permission on it.
        readers: Those of them who may only read.
        data: Its settings, variables, keys, caches and requests.
        builds: In order of their numbers; those that share one, in order of creation.
        migrated: Whether it was migrated from org to com, so that org refuses every change.
        identity_build: Build whose id and number are shown as the last build's; None for the newest.
        state_build: Build whose state, times and duration are shown as the last build's; None for the newest.
    """

    id: int
    slug: str
    private: bool = False
    active: bool | None = True
    description: str | None = None
    language: str | None = "Ruby"
    users: list[User] = field(default_factory=list[User])
    readers: list[User] = field(default_factory=list[User])
    data: RepositoryData = field(default_factory=RepositoryData)
    builds: list[BuildT] = field(default_factory=list[BuildT])
    migrated: bool = False
    # fact 3.13: the restart of an older build changes state and times at once, id and number only once it starts.
    identity_build: BuildT | None = None
    state_build: BuildT | None = None

    def may_push(self, user: User | None) -> bool:
        """Return whether a user may push, which includes admin rights here.

        Args:
            user: None for an anonymous request, which may not.
        """
        return user in self.users and user not in self.readers

    @property
    def last_build(self) -> BuildT | None:
        """The build with the highest number; None if there is none."""
        return self.builds[-1] if self.builds else None

    @property
    def last_shown(self) -> BuildT | None:
        """The build whose state is shown as that of the last build; None if there is none."""
        return self.state_build or self.last_build

    def show_as_last(self, build: BuildT | None) -> None:
        """Show a build as the last one: id and number, state and times.

        Args:
            build: One of its builds; None for the one with the highest number, from now on.
        """
        self.identity_build = self.state_build = build
