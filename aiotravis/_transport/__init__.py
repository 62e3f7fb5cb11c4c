"""REST over aiohttp: sessions, token, redirects, budgets, attempts. The only client-side aiohttp for REST.

What aiohttp does by itself and a library must not inherit is turned off here: its redirects, its cookies, its unbounded
bodies, its five-minute timeout.
"""

from aiotravis._transport.config import TransportConfig
from aiotravis._transport.transport import AiohttpTransport, Derived

__all__ = ["AiohttpTransport", "Derived", "TransportConfig"]
