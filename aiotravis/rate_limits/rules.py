"""Travis's published rules, with the margins that the client keeps. No I/O.

The server counts in fixed windows aligned to the epoch (fact 2), when a request arrives: at some moment between
sending it and its response. So a request in flight counts in every window that it may fall into. Too many reads are
refused for the rest of the minute. Too many POSTs get the identity banned for an hour, too many sign-ins for five
hours. These two limits therefore hold for a window of any alignment: no difference between two clocks leads to a ban.
"""

import contextlib
import enum
import hashlib
import ipaddress
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

from aiotravis._http import ApiRequest

__all__ = [
    "ANONYMOUS",
    "AUTHENTICATED",
    "BADGES",
    "MAX_BAN",
    "PROBE_INTERVAL",
    "Kind",
    "Rules",
    "identity",
    "kind_of",
    "rules_apply",
]

MAX_BAN: Final = 5 * 3600.0
"""Seconds of the longest ban (fact 2)."""

PROBE_INTERVAL: Final = 300.0
"""Seconds after which one read tries whether a shared ban still holds: a proxy's 403 looks like a ban."""

LEASE: Final = 90.0
"""Seconds after which a shared store takes a POST in flight for sent, if its process died and never said so."""

SOON: Final = 1.0
"""Seconds after which to try again where nothing tells when there will be room: all that counts is in flight."""

SIGN_IN_PATH: Final = "/auth/github"

BADGES: Final = (".png", ".svg")
"""Ends of paths that count towards nothing."""


class Kind(enum.IntEnum):
    """What a request counts as.

    Attributes:
        READ: Towards the limit per minute only. PUT, PATCH and DELETE are the same to the server (fact 2).
        POST: Also towards the POSTs.
        SIGN_IN: Also towards the POSTs and the sign-ins.
        EXEMPT: Towards nothing: badges.
    """

    READ = 0
    POST = 1
    SIGN_IN = 2
    EXEMPT = 3

    @property
    def label(self) -> str:
        """Its name in a shared store."""
        return self.name.lower()


@dataclass(frozen=True, kw_only=True)
class Rules:
    """The limits of one identity.

    Attributes:
        per_minute: Requests per minute: 2000 with one token, 500 from one address without (fact 2).
        minute: Seconds of the window of all requests.
        max_posts: POSTs within `post_window`. The server bans at the 50th within 30 s (fact 2).
        post_window: Seconds.
        sign_in_window: Seconds for each sign-in. The server bans at the second within 300 s (fact 2).
        reserve: Share of every limit that calls with low priority leave to others.
    """

    per_minute: int
    minute: float = 60.0
    max_posts: int = 40
    post_window: float = 32.0
    sign_in_window: float = 302.0
    reserve: float = 0.1


ANONYMOUS: Final = Rules(per_minute=500)

AUTHENTICATED: Final = Rules(per_minute=2000)


def kind_of(request: ApiRequest) -> Kind:
    """Return what a request counts as."""
    if request.method == "POST":
        # However a server reads it: two of them are a ban for five hours.
        path = unquote(request.path).rstrip("/").lower()
        return Kind.SIGN_IN if path.endswith(SIGN_IN_PATH) else Kind.POST
    return Kind.EXEMPT if request.path.endswith(BADGES) else Kind.READ


def rules_apply(endpoint: str) -> bool:
    """Return whether this server counts requests: Enterprise installations and servers on this machine do not."""
    parts = urlsplit(endpoint)
    host = (parts.hostname or "").rstrip(".")
    loopback = host in {"localhost", "::1"} or host.startswith("127.")
    return not loopback and not parts.path.rstrip("/").endswith("/api")


def identity(endpoint: str, token: str | None) -> str:
    """Return a key for whom the server counts: a hash of its host and the token, or of the host alone.

    The same host has the same key however it is spelled: in capitals, with the port of its scheme, with a final dot,
    as a long IPv6 address.
    """
    parts = urlsplit(endpoint)
    host = (parts.hostname or "").rstrip(".")
    try:
        host = str(ipaddress.ip_address(host))
    except ValueError:
        with contextlib.suppress(UnicodeError):
            host = host.encode("idna").decode("ascii")
        host = host.lower()
    port = parts.port or (80 if parts.scheme == "http" else 443)
    # The same host over http is the same server.
    place = host if port in {80, 443} else f"{host}:{port}"
    return hashlib.sha256(f"{place}\n{token or ''}".encode()).hexdigest()[:32]
