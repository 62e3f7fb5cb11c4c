"""The plain records of the embedded Travis's world: people and what they are told, commits, logs, annotations."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

__all__ = ["Annotation", "Broadcast", "Commit", "Log", "Organization", "Part", "User"]


@dataclass(eq=False)
class User:
    """Somebody with a token; `World.user` makes them.

    Attributes:
        id: From a sequence of its own, which organizations go through as well.
        login: Name on GitHub.
        token: API token; empty: signed out.
        name: In full, or None.
        email: Address, or None.
        locale: Language, such as ``en``, or None.
        is_syncing: Whether Travis is fetching their repositories from GitHub; stays so until somebody sets it back.
        rss_token: The other token, of badges and feeds; good for nothing else. Empty: there is none.
        synced_at: Seconds since the epoch, or None.
        created_at: Seconds since the epoch.
        first_logged_in_at: Seconds since the epoch, or None.
        password: On GitHub; None: nobody signs in with one.
        one_time_password: The second factor that GitHub wants; None: it wants none.
    """

    id: int
    login: str
    token: str
    name: str | None = None
    email: str | None = None
    locale: str | None = None
    is_syncing: bool = False
    rss_token: str = ""
    synced_at: float | None = 1_767_225_600.0
    created_at: float = 1_370_088_000.0
    first_logged_in_at: float | None = 1_370_088_000.0
    password: str | None = None
    one_time_password: str | None = None


@dataclass(eq=False)
class Organization:
    """An owner of repositories that is nobody.

    Attributes:
        id: From a sequence of its own: users have the same numbers.
        login: Name on GitHub, or None.
        name: In full, or None.
        members: Who has it among their accounts even where it has no repositories.
    """

    id: int
    login: str | None
    name: str | None = None
    members: list[User] = field(default_factory=list[User])


@dataclass(eq=False)
class Broadcast:
    """A message to people.

    Attributes:
        message: What it says, or None.
        created_at: Seconds since the epoch; after 14 days it is not shown any more.
        expired: Whether it was taken back before.
        recipient: A user, the login of an organization, or the slug of a repository; None: everybody.
    """

    message: str | None
    created_at: float
    expired: bool = False
    recipient: User | str | None = None


@dataclass(frozen=True)
class Part:
    """A piece of a log, as a worker sent it.

    Attributes:
        number: Place in its log, from 0.
        content: What was printed; may be empty.
        final: Whether it is the last.
    """

    number: int
    content: str
    final: bool


@dataclass(eq=False)
class Log:
    """What a job printed.

    Attributes:
        id: From a sequence of its own.
        parts: In the order in which they came.
        aggregated: Whether the server has put the parts together; it then knows no numbers any more.
        removed_at: When it was removed, in seconds since the epoch; None: it was not.
        removed_by: Name of who removed it, or None.
        missing: Whether the server has no record of it.
        archived: Whether it was moved to the archive.
    """

    id: int
    parts: list[Part] = field(default_factory=list[Part])
    aggregated: bool = False
    removed_at: float | None = None
    removed_by: str | None = None
    missing: bool = False
    archived: bool = False

    @property
    def text(self) -> str:
        """All parts joined, in their order."""
        return "".join(part.content for part in self.parts)

    def remove(self, by: str, at: float) -> None:
        """Put a notice in its place: one final part. Publishes nothing.

        Args:
            by: Name of who removes it.
            at: When, in seconds since the epoch.
        """
        when = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        self.removed_at, self.removed_by = at, by
        self.parts = [Part(0, f"Log removed by {by} at {when}", True)]


@dataclass(eq=False)
class Commit:
    """What a build was made from.

    Attributes:
        id: From a sequence of its own.
        sha: In full.
        branch: Branch that it is on.
        message: What its author says of it, or None.
        committed_at: Seconds since the epoch.
        author_name: Who wrote it, or None.
        author_email: Address of the author, or None.
        tag: Tag that was pushed, or None.
        compare_url: Page on GitHub that shows the difference; may be empty, or None.
        committer_name: Who committed it, or None.
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
    """A remark of another service on a job, as servers until 2017 kept them: one of each provider.

    Attributes:
        id: From a sequence of its own.
        provider: User name of the service, as in `World.annotation_providers`.
        provider_name: Name of the service that is shown.
        description: What it says.
        status: What it says in a word, or None.
        url: Page with more of it, or None.
    """

    id: int
    provider: str
    provider_name: str
    description: str
    status: str | None
    url: str | None = None
