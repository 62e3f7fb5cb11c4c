"""The small world that the embedded Travis serves: users, organizations, and their repositories."""

import hashlib
import time
from collections.abc import Callable, Iterable

from aiotravis.testing.world.log_tokens import LogTokens
from aiotravis.testing.world.models import Broadcast, Commit, Log, Organization, Part, User
from aiotravis.testing.world.work import TERMINAL, Build, Job, Notify, Repository

__all__ = [
    "TERMINAL",
    "Broadcast",
    "Build",
    "Commit",
    "Job",
    "Log",
    "Organization",
    "Part",
    "Repository",
    "User",
    "World",
]


def _nobody(event: str, about: "Build | Job", part: Part | None) -> None:
    pass


class World:
    """All there is.

    Args:
        clock: Gives seconds since the epoch; by default the time of day.

    Attributes:
        clock: Gives seconds since the epoch; may be set later, but the live channel of a server keeps to that which it
            began with.
        notify: Called for everything that happens: name of the event, build or job, and the part of a ``job:log``. A
            server that is made for this world puts its live channel here.
        users: By id.
        organizations: In the order of their making.
        repositories: By id.
        builds: By id, those of all repositories.
        jobs: By id, those of all builds.
        github_tokens: GitHub tokens, and the users that they are of.
        github_logins: GitHub tokens of people whom Travis does not know yet, and their logins.
        broadcasts: In the order of their making; a mere text is for everybody, and always new.
        annotation_providers: User name of a service that annotates jobs, to its key and the name that is shown.
        log_tokens: Tokens that each open one log.
    """

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.notify: Notify = _nobody
        self.users: dict[int, User] = {}
        self.organizations: list[Organization] = []
        self.github_tokens: dict[str, User] = {}
        self.github_logins: dict[str, str] = {}
        self.repositories: dict[int, Repository] = {}
        self.builds: dict[int, Build] = {}
        self.jobs: dict[int, Job] = {}
        self.broadcasts: list[Broadcast | str] = []
        self.annotation_providers: dict[str, tuple[str, str]] = {}
        self.log_tokens = LogTokens(lambda: self.clock())
        self._last_id = 1000
        self._logs = 0
        self._commits = 0

    def next_id(self) -> int:
        """Give the next id of the one sequence that builds, jobs and stages share; the first is 1001."""
        self._last_id += 1
        return self._last_id

    def log(self) -> Log:
        """Make an empty log, of no job so far."""
        self._logs += 1
        return Log(5000 + self._logs)

    def commit(self, branch: str, message: str, slug: str, number: int) -> Commit:
        """Make a commit, with a sha of its own; builds make theirs by themselves.

        Args:
            branch: Its branch.
            message: Its subject; a body may follow after an empty line.
            slug: ``owner/name`` of its repository.
            number: Of the build that it is for.
        """
        self._commits += 1
        sha = hashlib.sha1(f"{slug} {number} {self._commits}".encode(), usedforsecurity=False).hexdigest()
        url = f"https://github.com/{slug}/compare/{sha[:12]}...{sha[12:24]}"
        return Commit(9000 + self._commits, sha, branch, message, self.clock(), compare_url=url)

    def user(self, login: str, *, token: str, name: str | None = None) -> User:
        """Add a user, or give the one of this login, as it is.

        Args:
            login: Name on GitHub.
            token: The access token that calls are made with, for a new user.
            name: Name in full, for a new user; made of the login by default.
        """
        for user in self.users.values():
            if user.login == login:
                return user
        user = User(200 + len(self.users) + 1, login, token, name or login.capitalize(), f"{login}@example.org")
        user.rss_token = f"rss-token-of-{login}"
        self.users[user.id] = user
        return user

    def organization(self, login: str | None, *, name: str | None = None, members: Iterable[User] = ()) -> Organization:
        """Add an organization, or give the one of this login as it is.

        Args:
            login: Name on GitHub; None: it has none, and is always a new one.
            name: In full, for a new organization; None: it has none.
            members: Who has a new one among their accounts even where it has no repositories.
        """
        for one in self.organizations:
            if one.login == login and login is not None:
                return one
        made = Organization(201 + len(self.organizations), login, name, list(members))
        self.organizations.append(made)
        return made

    def owner(self, slug: str) -> User | Organization:
        """Give the owner of a slug: a user of that login, or else an organization, which is added where it is missing.

        Args:
            slug: ``owner/name``.
        """
        login = slug.partition("/")[0]
        user = next((user for user in self.users.values() if user.login == login), None)
        return user or self.organization(login, name=login)

    def repository(self, slug: str, *, private: bool = False, users: Iterable[User] = ()) -> Repository:
        """Add a repository, or give the one of this slug as it is.

        Args:
            slug: ``owner/name``; a known one is found in any case.
            private: Whether only its users see it, for a new repository.
            users: Who has a permission on it, for a new repository; they may push, see `Repository.readers`.
        """
        found = self.find(slug)
        if found is not None:
            return found
        repository = Repository(self, 81 + len(self.repositories) + 1, slug, private=private, users=list(users))
        self.repositories[repository.id] = repository
        return repository

    def find(self, slug: str) -> Repository | None:
        """Give the repository of a slug, or None.

        Args:
            slug: ``owner/name``, in any case.
        """
        lower = slug.lower()
        return next((one for one in self.repositories.values() if one.slug.lower() == lower), None)

    def by_token(self, token: str) -> User | None:
        """Give the user of an API token, or None.

        Args:
            token: The token; an empty one is nobody's.
        """
        return next((user for user in self.users.values() if token and user.token == token), None)

    def by_rss_token(self, token: str) -> User | None:
        """Give the user of a token of badges and feeds, or None.

        Args:
            token: The token, see `User.rss_token`.
        """
        return next((user for user in self.users.values() if token and user.rss_token == token), None)
