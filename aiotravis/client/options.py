"""ClientOptions: what `Travis.from_env` and `Travis.from_config` take of the arguments of `Travis`."""

import ssl as ssl_module
from collections.abc import Sequence
from typing import TypedDict

import aiohttp

from aiotravis.live.options import LiveOptions
from aiotravis.rate_limits import RateLimits

__all__ = ["ClientOptions"]


class ClientOptions(TypedDict, total=False):
    """Keyword arguments of `Travis` but for ``token`` and ``endpoint``; `Travis` explains them.

    For type checkers, not for models of pydantic: a session or a TLS context is no JSON.
    """

    session: aiohttp.ClientSession | None
    ssl: ssl_module.SSLContext | bool
    proxy: str | None
    trust_env: bool
    connect_timeout: float
    read_timeout: float
    max_response: int
    attempts: int
    strict: bool
    cache: bool
    restart_patience: float
    rate_limits: RateLimits
    user_agent: str | None
    live: LiveOptions | None
    log_patience: float
    trace_configs: Sequence[aiohttp.TraceConfig]
    middlewares: Sequence[aiohttp.ClientMiddlewareType]
