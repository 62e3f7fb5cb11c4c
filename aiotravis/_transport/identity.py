"""Identity: what clients with different tokens do not share, see `ConnectionPool` for what they do."""

from dataclasses import dataclass, field

from aiotravis._async.lifetime import ClientLifetime
from aiotravis.rate_limits import Limiter

__all__ = ["Identity"]


@dataclass(frozen=True, slots=True, eq=False)
class Identity:
    """Who sends requests.

    Attributes:
        token: API token, or None.
        accept: Accept header for JSON, which differs without a token.
        limiter: Decides when a request may be sent.
        lifetime: Ends what is in flight.
    """

    token: str | None = field(repr=False)
    accept: str
    limiter: Limiter
    lifetime: ClientLifetime

    def __post_init__(self) -> None:
        """Close the limiter with the client, after the last response."""
        self.lifetime.on_closed(self.limiter.aclose)
