"""Data of repositories beside builds: settings, variables, keys, caches, requests."""

from dataclasses import dataclass, field

from aiotravis.testing.world.public_keys import PublicKey

__all__ = ["Cache", "Cron", "EnvVar", "RepositoryData", "Request", "RequestMessage", "SshKey"]

# fact 3.15: the documented settings, and those that the server has gained since.
DEFAULT_SETTINGS: dict[str, object] = {
    "builds_only_with_travis_yml": False,
    "build_pushes": True,
    "build_pull_requests": True,
    "maximum_number_of_builds": 0,
    "build_releases": True,
    "auto_cancel_pushes": False,
    "auto_cancel_pull_requests": False,
    "allow_config_imports": False,
    "share_encrypted_env_with_forks": False,
    "share_ssh_keys_with_forks": False,
    "timeout_hard_limit": None,
    "timeout_log_silence": None,
    "api_builds_rate_limit": None,
    "job_log_time_based_limit": False,
    "job_log_access_based_limit": False,
    "job_log_access_older_than_days": 365,
}

DEFAULT_KEY = """-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDfUp6JkjP7bHOmfq6X08VGjIjQ
wLgdJ0Y2pzYcxY7Vc3z3mB9AFMvZq3V4u7bIgFUgd4Hp1hcnHxjxNz4Sx3sZCa3E
nx8sm/0fMfLS1dPQFJu2i4wAvrV8g0tCJpJ9r1f1MQj7C2rLkxNjqkaQMlKDkqJf
VZbJp2m8O7sKtR9PKwIDAQAB
-----END PUBLIC KEY-----
"""


@dataclass
class EnvVar:
    """An environment variable; its value is shown only if it is public.

    Attributes:
        id: Id; a UUID if created through the API.
        name: Its name.
        value: Its value, or None.
        public: Whether its value is shown.
        branch: The only branch that it applies to; None for all.
    """

    id: str
    name: str
    value: str | None
    public: bool
    branch: str | None


@dataclass
class SshKey:
    """A private key for fetching dependencies; the key itself is not stored.

    Attributes:
        description: Its description, or None.
        fingerprint: As hex with colons, or None.
    """

    description: str | None
    fingerprint: str | None


@dataclass
class Cache:
    """A cache of a branch.

    Attributes:
        branch: Branch whose builds use it, or None.
        slug: Its name.
        size: Size in bytes.
        last_modified: Seconds since the epoch.
    """

    branch: str | None
    slug: str
    size: int
    last_modified: float


@dataclass
class RequestMessage:
    """What Travis says about the configuration of a request.

    Attributes:
        id: From a sequence of its own.
        level: ``alert``, ``error``, ``warn`` or ``info``, or None.
        key: Place in the configuration, ``root`` for the top, or None.
        code: Kind of the message, such as ``unknown_key``, or None.
        args: What belongs to the code, or None.
        src: Name of the configuration, such as ``.travis.yml``, or None.
        line: Number of the line in it, from 0, or None.
    """

    id: int
    level: str | None
    key: str | None
    code: str | None
    args: dict[str, object] | None = None
    src: str | None = None
    line: int | None = None


@dataclass
class Request:
    """A request for a build that Travis got from GitHub, its API or its scheduler.

    Attributes:
        id: Newer requests have higher ids.
        event_type: ``push``, ``pull_request``, ``api`` or ``cron``.
        result: ``approved`` (older servers: ``accepted``), ``rejected``, or None.
        created_at: Seconds since the epoch.
        message: Reason of a rejection, or None.
        build_id: Build that it created, or None.
        commit_id: Id of a commit of one of the repository's builds, or None.
        head_commit: Sha of the head of a pull request, or None.
        base_commit: Sha that a pull request is to be merged into, or None.
        branch: Its branch, or None.
        tag: Pushed tag, or None.
        pull_request_number: Number, or None.
        pull_request_title: Title, or None.
        owned: Whether its owner is the repository's; False leaves the owner out.
        sha: Commit that was asked for, or None.
        commit_message: Message that was asked for, or None.
        configs: Configurations that were sent with it, as text, each with its merge mode or None.
        messages: What Travis says about these.
        is_queued: Whether it was made over HTTP and is not decided on: a read may do that, see `Switches.gatekeeper`.
        reads: Number of responses that have shown it since.
    """

    id: int
    event_type: str
    result: str | None
    created_at: float
    message: str | None = None
    build_id: int | None = None
    commit_id: int | None = None
    head_commit: str | None = None
    base_commit: str | None = None
    branch: str | None = "master"
    tag: str | None = None
    pull_request_number: int | None = None
    pull_request_title: str | None = None
    owned: bool = True
    sha: str | None = None
    commit_message: str | None = None
    configs: list[tuple[str, str | None]] = field(default_factory=list[tuple[str, str | None]])
    messages: list[RequestMessage] = field(default_factory=list[RequestMessage])
    is_queued: bool = False
    reads: int = 0

    @property
    def state(self) -> str:
        """``pending`` until it is decided on, then ``finished``."""
        return "pending" if self.result is None and self.build_id is None else "finished"


@dataclass
class Cron:
    """A cron of a branch.

    Attributes:
        id: From a sequence of its own.
        branch: Its branch, which has no other.
        interval: ``daily``, ``weekly`` or ``monthly``.
        skips_recent: Whether it does not run if there was a build in the last 24 hours.
        created_at: Seconds since the epoch.
    """

    id: int
    branch: str
    interval: str
    skips_recent: bool
    created_at: float


@dataclass
class RepositoryData:
    """Data of one repository.

    Attributes:
        settings: Settings by name; only these names can be changed.
        env_vars: Environment variables.
        ssh_key: SSH key, or None.
        caches: Caches.
        requests: Requests, in any order.
        crons: Crons, in order of creation.
        debugging: Whether its jobs may be restarted for debugging.
        key: Public key as PEM.
        fingerprint: Fingerprint of the key; None if unknown.
    """

    settings: dict[str, object] = field(default_factory=lambda: dict(DEFAULT_SETTINGS))
    env_vars: list[EnvVar] = field(default_factory=list[EnvVar])
    ssh_key: SshKey | None = None
    caches: list[Cache] = field(default_factory=list[Cache])
    requests: list[Request] = field(default_factory=list[Request])
    crons: list[Cron] = field(default_factory=list[Cron])
    debugging: bool = False
    key: str = DEFAULT_KEY
    fingerprint: str | None = PublicKey.from_pem(DEFAULT_KEY).fingerprint

    def renew_key(self) -> None:
        """Replace the public key by a new one of 4096 bits."""
        key = PublicKey.generate()
        self.key, self.fingerprint = key.pem, key.fingerprint
