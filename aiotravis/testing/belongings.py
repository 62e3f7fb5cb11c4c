"""What repositories of the world have beside builds: settings, variables, keys, caches, requests."""

from dataclasses import dataclass, field

from aiotravis.testing.public_keys import PublicKey, of_pem

__all__ = ["Belongings", "Cache", "EnvVar", "Request", "SshKey"]

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
    """An environment variable; its value is shown only where it is public."""

    id: str
    name: str
    value: str | None
    public: bool
    branch: str | None


@dataclass
class SshKey:
    """A private key for fetching dependencies."""

    description: str | None
    fingerprint: str | None


@dataclass
class Cache:
    """A cache of a branch; `size` in bytes, `last_modified` in seconds since the epoch."""

    branch: str | None
    slug: str
    size: int
    last_modified: float


@dataclass
class Request:
    """Something that reached Travis from GitHub.

    Attributes:
        result: ``accepted``, ``rejected``, or None.
        created_at: Seconds since the epoch.
        commit_id: Commit of one of the repository's builds, or None.
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
class Belongings:
    """What one repository has.

    Attributes:
        settings: Name to value.
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
        """Make another key, of 4096 bits."""
        made = PublicKey.made()
        self.key, self.fingerprint = made.pem, made.fingerprint
