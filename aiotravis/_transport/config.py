"""TransportConfig: the settings of a client, for REST and the live channel."""

import ssl as ssl_module
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import aiohttp

from aiotravis._async.retry import ATTEMPTS
from aiotravis._network.proxies import validate_proxy
from aiotravis._validation import validate_bool, validate_count, validate_seconds
from aiotravis.errors import UsageError

__all__ = ["TransportConfig"]


@dataclass(frozen=True, kw_only=True)
class TransportConfig:
    """The settings of a client, for REST and the live channel.

    Attributes:
        ssl: An SSL context, or True for verified TLS with the system's certificates.
        proxy: URL of an HTTP proxy, or None.
        trust_env: Whether to read proxies from the environment.
        connect_timeout: For name look-up, connection and TLS, in seconds.
        read_timeout: Longest silence within a response, in seconds.
        max_response: Largest response, decompressed, in bytes.
        attempts: How often a read is tried in all.
        strict: Whether a field or record that cannot be read is a DecodeError.
        cache: Whether to keep what the server may confirm with 304.
        first_delay: Longest delay before the second attempt, in seconds; it doubles with each.
        trace_configs: aiohttp's trace configurations, for the client's own session.
        middlewares: aiohttp's client middlewares, for the client's own session.
        priority: ``"low"`` for calls before which all others of the same site and token go.
        max_wait: Longest wait for the rate limits, in seconds; None for any.
        timeout: The timeouts, as aiohttp takes them.
        timeout_to_connect: The same without that of silence.

    Raises:
        UsageError: A value is out of range.
    """

    ssl: ssl_module.SSLContext | bool = True
    proxy: str | None = field(default=None, repr=False)
    trust_env: bool = False
    connect_timeout: float = 10.0
    read_timeout: float = 30.0
    max_response: int = 16 << 20
    attempts: int = ATTEMPTS
    strict: bool = False
    cache: bool = True
    first_delay: float = 0.5
    trace_configs: Sequence[aiohttp.TraceConfig] = ()
    middlewares: Sequence[aiohttp.ClientMiddlewareType] = ()
    priority: Literal["normal", "low"] = "normal"
    max_wait: float | None = None

    timeout: aiohttp.ClientTimeout = field(init=False, repr=False)
    timeout_to_connect: aiohttp.ClientTimeout = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Validate, and prepare the timeouts. There is no total: a long response that keeps coming is not an error."""
        object.__setattr__(self, "proxy", validate_proxy(self.proxy, "proxy"))
        validate_seconds(self.connect_timeout, "connect_timeout")
        validate_seconds(self.read_timeout, "read_timeout")
        validate_count(self.max_response, "max_response")
        validate_count(self.attempts, "attempts")
        validate_bool(self.strict, "strict")
        validate_bool(self.cache, "cache")
        validate_bool(self.trust_env, "trust_env")
        if not isinstance(self.ssl, ssl_module.SSLContext):
            validate_bool(self.ssl, "ssl")
        if self.priority not in {"normal", "low"}:
            raise UsageError('priority must be "normal" or "low".', argument="priority")
        if self.max_wait is not None:
            validate_seconds(self.max_wait, "max_wait", zero_ok=True)
        timeouts = {"timeout": self.read_timeout, "timeout_to_connect": None}
        for name, sock_read in timeouts.items():
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=self.connect_timeout, sock_read=sock_read)
            object.__setattr__(self, name, timeout)
