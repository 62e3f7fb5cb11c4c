"""The world that the embedded Travis serves: users, organizations, and their repositories."""

import hashlib
import time
from collections.abc import Callable, Iterable

from aiotravis.testing.world.builds import Build, Job, Notify, Repository
from aiotravis.testing.world.log_tokens import LogTokens
from aiotravis.testing.world.models import Broadcast, Commit, Log, Organization, Part, User

__all__ = [
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


def _ignore(event: str, about: "Build | Job", part: Part | None) -> None:
    pass


def _never(number: int, shared: bool) -> bool:
    return False


class World:
    """Everything that a `TravisServer` serves.

    Args:
        clock: Returns seconds since the epoch; the system's clock by default.

    Attributes:
        clock: Returns seconds since the epoch. May be replaced, but the live channel of a server keeps the one it
            started with.
        notify: Called for every change: name of the event, build or job, and the part of a ``job:log``. A server sets
            it to publish on its live channel.
        users: By id.
        organizations: In order of creation.
        repositories: By id.
        builds: Builds of all repositories, by id.
        jobs: Jobs of all builds, by id.
        github_tokens: GitHub tokens and their users.
        github_logins: GitHub tokens of people without an account on Travis, and their logins.
        github_user: User who is signed in at GitHub in every browser: the handshake then leads to the embedded GitHub,
            which sends the browser back at once. With None it leads to github.com.
        broadcasts: In order of creation; a string is a new message to everybody.
        annotation_providers: User name of a service that annotates jobs, to its key and its displayed name.
        log_tokens: Tokens that each give access to one log.
        unavailable_log_reads: Number of reads for which the log of a job is not there once the job has ended. A server
            sets it: 2, or 0 with ``instant``.
        repeats_number: Called for every new build with the number of the build before it, and whether that number is
            shared already: whether the new build gets it, too. A server sets it by its switches.
        worker_clock_offset: Seconds by which the clocks of workers, which start and end jobs, are ahead.
        unended_timers: Whether timers around folds never end in a `sample_log` (fact 10.3). A server with ``instant``
            unsets it.
    """

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.notify: Notify = _ignore
        self.users: dict[int, User] = {}
        self.organizations: list[Organization] = []
        self.github_tokens: dict[str, User] = {}
        self.github_logins: dict[str, str] = {}
        self.github_user: User | None = None
        self.repositories: dict[int, Repository] = {}
        self.builds: dict[int, Build] = {}
        self.jobs: dict[int, Job] = {}
        self.broadcasts: list[Broadcast | str] = []
        self.annotation_providers: dict[str, tuple[str, str]] = {}
        self.log_tokens: LogTokens = LogTokens(lambda: self.clock())
        self.unavailable_log_reads: int = 0
        self.repeats_number: Callable[[int, bool], bool] = _never
        self.worker_clock_offset: float = 0.0
        self.unended_timers: bool = True
        self._last_id = 1000
        self._last_request_id = 6000
        self._log_count = 0
        self._commit_count = 0

    def next_id(self) -> int:
        """Return the next id of the sequence that builds, jobs and stages share; the first is 1001."""
        self._last_id += 1
        return self._last_id

    def next_request_id(self) -> int:
        """Return the next id of the sequence of requests, their messages, and crons; the first is 6001."""
        self._last_request_id += 1
        return self._last_request_id

    def log(self) -> Log:
        """Create an empty log, not yet of any job."""
        self._log_count += 1
        return Log(5000 + self._log_count)

    def commit(self, branch: str, message: str, slug: str, number: int) -> Commit:
        """Create a commit with a unique sha, as each new build does.

        Args:
            branch: Its branch.
            message: Its subject; a body may follow after an empty line.
            slug: ``owner/name`` of its repository.
            number: Number of its build.
        """
        self._commit_count += 1
        sha = hashlib.sha1(f"{slug} {number} {self._commit_count}".encode(), usedforsecurity=False).hexdigest()
        url = f"https://github.com/{slug}/compare/{sha[:12]}...{sha[12:24]}"
        return Commit(9000 + self._commit_count, sha, branch, message, self.clock(), compare_url=url)

    def user(self, login: str, *, token: str, name: str | None = None) -> User:
        """Return the user of a login; add it if it is missing. A known user is not changed.

        Args:
            login: Login on GitHub.
            token: API token of a new user.
            name: Full name of a new user; derived from the login if None.
        """
        for user in self.users.values():
            if user.login == login:
                return user
        # fact 9.46: ids of users and organizations overlap.
        user = User(200 + len(self.users) + 1, login, token, name or login.capitalize(), f"{login}@example.org")
        user.rss_token = f"rss-token-of-{login}"
        self.users[user.id] = user
        return user

    def organization(self, login: str | None, *, name: str | None = None, members: Iterable[User] = ()) -> Organization:
        """Return the organization of a login; add it if it is missing. A known organization is not changed.

        Args:
            login: Login on GitHub; None always adds one without a login.
            name: Full name of a new organization, or None.
            members: Users who have a new organization among their accounts even if it owns no repositories.
        """
        for candidate in self.organizations:
            if candidate.login == login and login is not None:
                return candidate
        organization = Organization(201 + len(self.organizations), login, name, list(members))
        self.organizations.append(organization)
        return organization

    def owner(self, slug: str) -> User | Organization:
        """Return the owner of a slug: the user of that login, else the organization, which is added if it is missing.

        Args:
            slug: ``owner/name``.
        """
        login = slug.partition("/")[0]
        user = next((user for user in self.users.values() if user.login == login), None)
        return user or self.organization(login, name=login)

    def repository(self, slug: str, *, private: bool = False, users: Iterable[User] = ()) -> Repository:
        """Return the repository of a slug; add it if it is missing. A known repository is not changed.

        Args:
            slug: ``owner/name``; the case is ignored when looking for a known one.
            private: Whether only its users see a new repository.
            users: Users with a permission on a new repository; they may push, see `Repository.readers`.
        """
        repository = self.find(slug)
        if repository is not None:
            return repository
        repository = Repository(81 + len(self.repositories) + 1, slug, private=private, users=list(users), world=self)
        self.repositories[repository.id] = repository
        return repository

    def find(self, slug: str) -> Repository | None:
        """Return the repository of a slug, or None.

        Args:
            slug: ``owner/name``, in any case.
        """
        # fact 3.13: the case of a slug does not matter.
        lowered = slug.lower()
        return next((known for known in self.repositories.values() if known.slug.lower() == lowered), None)

    def by_token(self, token: str) -> User | None:
        """Return the user of an API token, or None.

        Args:
            token: The token; an empty one matches nobody.
        """
        return next((user for user in self.users.values() if token and user.token == token), None)

    def by_rss_token(self, token: str) -> User | None:
        """Return the user of a badge and feed token, or None.

        Args:
            token: The token, see `User.rss_token`.
        """
        return next((user for user in self.users.values() if token and user.rss_token == token), None)
