"""RedisLimits: how the processes of a fleet reach the Redis in which they count. Configuration only, no I/O."""

import hashlib
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from aiotravis._validation import trimmed, validate_count, validate_seconds
from aiotravis.errors import UsageError

__all__ = ["DEFAULT_MAX_OUTAGE", "RedisLimits"]

DEFAULT_MAX_OUTAGE: Final = 30.0
"""Seconds."""

SCHEMES: Final = ("redis", "rediss", "unix")


@dataclass(frozen=True)
class RedisLimits:
    """Travis's rate limits, counted for all processes of a fleet in one Redis (or Valkey). Needs the extra ``redis``.

    ``Travis(token, rate_limits=RedisLimits("redis://cache:6379/0", processes=8))``

    Attributes:
        url: URL of the Redis: ``redis://``, ``rediss://`` or ``unix://``, with a password if it needs one.
        processes: Number of processes with the same token. While Redis is away, each keeps to its share of the reads.
        max_outage: How long POSTs and sign-ins wait for a Redis that is away, in seconds, before they raise
            `LimitsUnavailable`.

    Raises:
        UsageError: A value is not valid.
    """

    url: str = field(repr=False)
    processes: int = field(kw_only=True)
    max_outage: float = field(default=DEFAULT_MAX_OUTAGE, kw_only=True)

    def __post_init__(self) -> None:
        """Validate. No message contains the URL, which may hold a password."""
        validate_count(self.processes, "processes")
        validate_seconds(self.max_outage, "max_outage", zero_ok=True)
        wrong = _wrong_url()
        given = trimmed(self.url)
        if not isinstance(given, str) or any(c.isspace() for c in given):
            raise wrong
        object.__setattr__(self, "url", given)
        try:
            parts = urlsplit(given)
            port = parts.port
        except ValueError:
            raise wrong from None
        named = parts.path.strip("/") if parts.scheme == "unix" else parts.hostname
        database = parts.path.strip("/")
        if parts.scheme not in SCHEMES or not named or port == 0:
            raise wrong
        if parts.scheme != "unix" and database and not database.isdecimal():
            raise wrong

    @classmethod
    def from_url(cls, url: str) -> "RedisLimits":
        """Return what a URL with ``?processes=8`` describes, as ``TRAVIS_RATE_LIMITS`` has it; also ``&max_outage=``.

        Raises:
            UsageError: It is not valid.
        """
        parts = urlsplit(url.strip())
        if parts.scheme not in SCHEMES:
            raise _wrong_url()
        settings: dict[str, str] = {}
        others: list[tuple[str, str]] = []
        for name, value in parse_qsl(parts.query, keep_blank_values=True):
            if name in {"processes", "max_outage"}:
                settings[name] = value
            else:
                others.append((name, value))
        try:
            processes, max_outage = int(settings["processes"]), float(settings.get("max_outage", DEFAULT_MAX_OUTAGE))
        except (KeyError, ValueError):
            message = "url must say for how many processes: redis://host:6379/0?processes=8"
            raise UsageError(message, argument="url") from None
        bare = urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode(others), parts.fragment))
        return cls(bare, processes=processes, max_outage=max_outage)

    @property
    def scope(self) -> str:
        """A key for this Redis without its secrets."""
        return hashlib.sha256(self.url.encode()).hexdigest()[:16]


def _wrong_url() -> UsageError:
    return UsageError("url must look like redis://HOST:6379/0, rediss://HOST/0 or unix:///PATH.", argument="url")
