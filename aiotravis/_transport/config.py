"""How to reach a server: one setting for REST and the live channel."""

import ssl as ssl_module
from collections.abc import Sequence
from dataclasses import dataclass, field

import aiohttp

from aiotravis._async.retry import ATTEMPTS

__all__ = ["TransportConfig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportConfig:
    """How to reach the server.

    Attributes:
        ssl: An SSL context, or True for verified TLS with the system's certificates.
        proxy: URL of an HTTP proxy, or None.
        trust_env: Whether to read proxies and netrc from the environment.
        connect_timeout: Seconds for name look-up, connection and TLS.
        read_timeout: Seconds of silence within an answer.
        max_response: Largest answer, unpacked, in bytes.
        attempts: How often a read is tried in all.
        first_delay: Longest delay before the second attempt, in seconds; it doubles from one to the next.
        trace_configs: aiohttp's trace configurations, for a session that this client makes.
        middlewares: aiohttp's client middlewares, for a session that this client makes.
        timeout: The time-outs as aiohttp wants them.
    """

    ssl: ssl_module.SSLContext | bool = True
    proxy: str | None = field(default=None, repr=False)
    trust_env: bool = False
    connect_timeout: float = 10.0
    read_timeout: float = 30.0
    max_response: int = 16 << 20
    attempts: int = ATTEMPTS
    first_delay: float = 0.5
    trace_configs: Sequence[aiohttp.TraceConfig] = ()
    middlewares: Sequence[aiohttp.ClientMiddlewareType] = ()

    timeout: aiohttp.ClientTimeout = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Say the same to aiohttp. No total: a long answer that keeps coming is no fault."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=self.connect_timeout, sock_read=self.read_timeout)
        object.__setattr__(self, "timeout", timeout)
