"""What repositories of the world have beside builds: settings, variables, keys, caches, requests."""

from dataclasses import dataclass, field

__all__ = ["Belongings", "Cache", "EnvVar", "Request", "SshKey"]

DEFAULTS: dict[str, object] = {
    "builds_only_with_travis_yml": False,
    "build_pushes": True,
    "build_pull_requests": True,
    "maximum_number_of_builds": 0,
    "timeout_hard_limit": None,
    "timeout_log_silence": None,
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
    """An environment variable."""

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
    """A cache of a branch."""

    branch: str | None
    slug: str
    size: int
    last_modified: float


@dataclass
class Request:
    """Something that reached Travis from GitHub."""

    id: int
    event_type: str
    result: str | None
    created_at: float
    message: str | None = None
    build_id: int | None = None
    commit_id: int | None = None
    head_commit: str | None = None


@dataclass
class Belongings:
    """What one repository has.

    Attributes:
        settings: Name to value.
        key: Public key as PEM.
    """

    settings: dict[str, object] = field(default_factory=lambda: dict(DEFAULTS))
    env_vars: list[EnvVar] = field(default_factory=list[EnvVar])
    ssh_key: SshKey | None = None
    caches: list[Cache] = field(default_factory=list[Cache])
    requests: list[Request] = field(default_factory=list[Request])
    key: str = KEY
