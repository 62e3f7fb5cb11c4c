"""REST over aiohttp: sessions, token, redirects, budgets, attempts. The only client-side aiohttp for REST.

What aiohttp does by itself and a library must not inherit is turned off here: its redirects, its cookies, its unbounded
bodies, its five-minute timeout.
"""

from aiotravis._transport.connecting import Connecting
from aiotravis._transport.sending import AiohttpTransport, Derived

__all__ = ["AiohttpTransport", "Connecting", "Derived"]
