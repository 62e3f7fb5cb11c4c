"""Plain records of the embedded Travis's world: users, organizations, broadcasts, commits, logs, annotations."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal

__all__ = ["Annotation", "Broadcast", "Commit", "Log", "LogForm", "Organization", "Part", "User"]

LogForm = Literal[
    "no parts", "null body", "no log", "empty body", "406", "notice", "notice as part", "beginning missing",
    "archive 404", "archive 403", "archive error page",
    "v2 without parts", "v3 without parts", "v3 403", "v3 500", "v3 web page",
]  # fmt: skip
"""What a server answers in place of a log that is being stored, see fact 10.2. The last five are answers of one version
of the API, while the other has the log."""

SYNC_SECONDS: Final = 2.0
"""Time that fetching a user's repositories takes, in seconds."""


@dataclass(eq=False)
class User:
    """A user with an API token; `World.user` creates it.

    Attributes:
        id: From a sequence of its own; organizations use the same numbers.
        login: Login on GitHub.
        token: API token; empty if signed out.
        name: Full name, or None.
        email: Address, or None.
        locale: Language, such as ``en``, or None.
        is_syncing: Whether Travis is fetching their repositories from GitHub.
        sync_ends_at: Time at which that ends, in seconds since the epoch; None if it lasts until `is_syncing` is reset.
        rss_token: Token for badges and feeds only; empty if there is none.
        synced_at: Seconds since the epoch, or None.
        created_at: Seconds since the epoch.
        first_logged_in_at: Seconds since the epoch, or None.
        password: Password on GitHub; None if the user cannot sign in with one.
        one_time_password: Second factor that GitHub requires, or None.
    """

    id: int
    login: str
    token: str
    name: str | None = None
    email: str | None = None
    locale: str | None = None
    is_syncing: bool = False
    sync_ends_at: float | None = None
    rss_token: str = ""
    synced_at: float | None = 1_767_225_600.0
    created_at: float = 1_370_088_000.0
    first_logged_in_at: float | None = 1_370_088_000.0
    password: str | None = None
    one_time_password: str | None = None

    def start_sync(self, now: float) -> None:
        """Fetch the repositories, which takes two seconds.

        Args:
            now: Seconds since the epoch.
        """
        self.is_syncing, self.sync_ends_at = True, now + SYNC_SECONDS

    def end_sync(self, now: float) -> None:
        """End what `start_sync` began, if its time is over.

        Args:
            now: Seconds since the epoch.
        """
        if self.sync_ends_at is not None and now >= self.sync_ends_at:
            self.is_syncing, self.synced_at, self.sync_ends_at = False, self.sync_ends_at, None


@dataclass(eq=False)
class Organization:
    """An organization that owns repositories.

    Attributes:
        id: From a sequence of its own; users have the same numbers.
        login: Login on GitHub, or None.
        name: Full name, or None.
        members: Users who have it among their accounts even if it owns no repositories.
    """

    id: int
    login: str | None
    name: str | None = None
    members: list[User] = field(default_factory=list[User])


@dataclass(eq=False)
class Broadcast:
    """A message to users.

    Attributes:
        message: Its text, or None.
        created_at: Seconds since the epoch; it is shown for 14 days.
        expired: Whether it was withdrawn before.
        recipient: A user, the login of an organization, or the slug of a repository; None for everybody.
    """

    message: str | None
    created_at: float
    expired: bool = False
    recipient: User | str | None = None


@dataclass(frozen=True)
class Part:
    """A part of a log, as a worker sent it.

    Attributes:
        number: Position in its log, from 0.
        content: Its text; may be empty.
        final: Whether it is the last part.
    """

    number: int
    content: str
    final: bool


@dataclass(eq=False)
class Log:
    """The log of a job.

    Attributes:
        id: From a sequence of its own.
        parts: In order of arrival.
        aggregated: Whether the server has joined the parts and lost their numbers.
        removed_at: Time of its removal in seconds since the epoch, or None.
        removed_by: Name of the user who removed it, or None.
        missing: Whether the server has no record of it.
        archived: Whether it was moved to the archive.
        unavailable_reads: Number of reads over HTTP that are still answered as if it were not there, see fact 10.2. The
            end of a job that has started sets it, see `World.unavailable_log_reads`.
        unavailable_as: Form of these answers, None: the job's id picks one.
    """

    id: int
    parts: list[Part] = field(default_factory=list[Part])
    aggregated: bool = False
    removed_at: float | None = None
    removed_by: str | None = None
    missing: bool = False
    archived: bool = False
    unavailable_reads: int = 0
    unavailable_as: LogForm | None = None

    @property
    def is_unavailable(self) -> bool:
        """Whether it is still being stored: neither aggregated, archived, removed nor missing."""
        stored = self.aggregated or self.archived or self.missing or self.removed_at is not None
        return self.unavailable_reads > 0 and not stored

    @property
    def text(self) -> str:
        """All parts joined, in order."""
        return "".join(part.content for part in self.parts)

    def clear(self) -> None:
        """Empty it, as a restart does. Publishes nothing."""
        # fact 5.3: the id stays, numbers start again at 0.
        self.parts.clear()
        self.aggregated, self.archived = False, False
        self.removed_at, self.removed_by = None, None
        self.unavailable_reads = 0

    def remove(self, by: str, at: float) -> None:
        """Replace it by a notice in one final part. Publishes nothing.

        Args:
            by: Name of the user who removes it.
            at: Time, in seconds since the epoch.
        """
        when = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        self.removed_at, self.removed_by = at, by
        self.parts = [Part(0, f"Log removed by {by} at {when}", True)]


@dataclass(eq=False)
class Commit:
    """The commit of a build.

    Attributes:
        id: From a sequence of its own.
        sha: Full hash.
        branch: Its branch.
        message: Commit message, or None.
        committed_at: Seconds since the epoch.
        author_name: Name of the author, or None.
        author_email: Address of the author, or None.
        tag: Pushed tag, or None.
        compare_url: Page on GitHub that shows the difference; may be empty, or None.
        committer_name: Name of the committer, or None.
        committer_email: Address of the committer, or None.
    """

    id: int
    sha: str
    branch: str
    message: str | None
    committed_at: float
    author_name: str | None = "Sarah Example"
    author_email: str | None = "sarah@example.org"
    tag: str | None = None
    compare_url: str | None = ""
    committer_name: str | None = "Sarah Example"
    committer_email: str | None = "sarah@example.org"


@dataclass(eq=False)
class Annotation:
    """A remark of another service on a job, at most one per provider; servers had them until 2017.

    Attributes:
        id: From a sequence of its own.
        provider: User name of the service, see `World.annotation_providers`.
        provider_name: Displayed name of the service.
        description: Text of the remark.
        status: Short form of the remark, or None.
        url: Page with details, or None.
    """

    id: int
    provider: str
    provider_name: str
    description: str
    status: str | None
    url: str | None = None
