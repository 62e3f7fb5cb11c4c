"""REST over aiohttp: sessions, token, redirects, rate limits, retries.

Turns off what aiohttp does by default and a library must not: its redirects, its cookies, its unlimited bodies, its
total timeout of five minutes.
"""

from aiotravis._transport.config import TransportConfig
from aiotravis._transport.identity import Identity
from aiotravis._transport.pool import ConnectionPool
from aiotravis._transport.transport import AiohttpTransport

__all__ = ["AiohttpTransport", "ConnectionPool", "Identity", "TransportConfig"]
