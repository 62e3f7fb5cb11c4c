"""What repositories of the world have beside builds: settings, variables, keys, caches, requests."""

from dataclasses import dataclass, field

from aiotravis.testing.world.public_keys import PublicKey, of_pem

__all__ = ["Cache", "EnvVar", "RepositoryData", "Request", "SshKey"]

DEFAULTS: dict[str, object] = {
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

KEY = """-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDfUp6JkjP7bHOmfq6X08VGjIjQ
wLgdJ0Y2pzYcxY7Vc3z3mB9AFMvZq3V4u7bIgFUgd4Hp1hcnHxjxNz4Sx3sZCa3E
nx8sm/0fMfLS1dPQFJu2i4wAvrV8g0tCJpJ9r1f1MQj7C2rLkxNjqkaQMlKDkqJf
VZbJp2m8O7sKtR9PKwIDAQAB
-----END PUBLIC KEY-----
"""


@dataclass
class EnvVar:
    """An environment variable; its value is shown only where it is public.

    Attributes:
        id: A UUID where a client made it.
        name: Its name.
        value: Its value, or None.
        public: Whether its value is shown.
        branch: The one branch that it is for; None: all.
    """

    id: str
    name: str
    value: str | None
    public: bool
    branch: str | None


@dataclass
class SshKey:
    """A private key for fetching dependencies; the key itself is not kept.

    Attributes:
        description: What people call it, or None.
        fingerprint: As hex with colons, or None.
    """

    description: str | None
    fingerprint: str | None


@dataclass
class Cache:
    """A cache of a branch.

    Attributes:
        branch: Branch whose builds use it, or None.
        slug: Its name, which tells what it is for.
        size: In bytes.
        last_modified: Seconds since the epoch.
    """

    branch: str | None
    slug: str
    size: int
    last_modified: float


@dataclass
class Request:
    """Something that reached Travis from GitHub.

    Attributes:
        id: The newest has the highest.
        event_type: ``push``, ``pull_request``, ``api`` or ``cron``.
        result: ``accepted``, ``rejected``, or None.
        created_at: Seconds since the epoch.
        message: Why it was rejected, or None.
        build_id: The build that was made of it, or None.
        commit_id: Commit of one of the repository's builds, or None.
        head_commit: Sha of the head of a pull request, or None.
        base_commit: Sha that a pull request is to be merged into, or None.
        branch: Branch that it is about, or None.
        tag: Tag that was pushed, or None.
        pull_request_number: Or None.
        pull_request_title: Or None.
        owned: Whether it tells the repository's owner.
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


@dataclass
class RepositoryData:
    """What one repository has.

    Attributes:
        settings: Name to value; only names that are in here can be changed.
        env_vars: Its environment variables.
        ssh_key: Its SSH key, or None.
        caches: Its caches.
        requests: What reached Travis, in any order.
        key: Public key as PEM.
        fingerprint: That of the key; None: it cannot be told.
    """

    settings: dict[str, object] = field(default_factory=lambda: dict(DEFAULTS))
    env_vars: list[EnvVar] = field(default_factory=list[EnvVar])
    ssh_key: SshKey | None = None
    caches: list[Cache] = field(default_factory=list[Cache])
    requests: list[Request] = field(default_factory=list[Request])
    key: str = KEY
    fingerprint: str | None = of_pem(KEY).fingerprint

    def renew_key(self) -> None:
        """Make another public key, of 4096 bits."""
        made = PublicKey.made()
        self.key, self.fingerprint = made.pem, made.fingerprint
