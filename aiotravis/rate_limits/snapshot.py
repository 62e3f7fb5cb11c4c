"""Limits: the remaining requests at one moment. No I/O."""

from dataclasses import asdict, dataclass
from datetime import datetime

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The remaining requests of Travis's rate limits for one client, and who waits.

    Attributes:
        room: Requests that may be sent at once; None if no limits apply.
        posts: POSTs that may be sent at once; None if no limits apply.
        waiting: Number of calls that wait, of all clients of this process with the same site and token.
        waiting_posts: Number of POSTs among them.
        waiting_low: Number of calls with low priority among them.
        next_window: Seconds until the server starts counting from 0.
        paused: Seconds for which the server asked to send nothing; 0 if it did not.
        banned_until: When a ban is expected to end (UTC); None without a ban.
        store: Where requests are counted: ``"none"``, ``"memory"``, ``"machine"`` or ``"redis"``.
        problem: Why the store cannot be used at present; None if it can.
    """

    room: int | None
    posts: int | None
    waiting: int
    waiting_posts: int
    waiting_low: int
    next_window: float
    paused: float
    banned_until: datetime | None
    store: str
    problem: str | None

    def to_dict(self) -> dict[str, object]:
        """Return the attributes as JSON knows them; times in ISO 8601."""
        until = self.banned_until
        return {**asdict(self), "banned_until": until.isoformat() if until is not None else None}
