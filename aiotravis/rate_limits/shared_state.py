"""SharedState: what other processes have reported about an identity. No I/O."""

from dataclasses import dataclass
from datetime import datetime

from aiotravis.rate_limits.bans import Ban
from aiotravis.rate_limits.limiter import RateLimiter

__all__ = ["RecordedUse", "SharedState", "apply"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedState:
    """What a shared store says about an identity, and about a POST that was asked about.

    Attributes:
        paused_until: By the clock of the limiter.
        ban: The ban, or None.
        wait: For how many seconds the POST has to wait; 0 if it is entered.
        key: Where it is entered.
    """

    paused_until: float = 0.0
    ban: Ban | None = None
    wait: float = 0.0
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedUse:
    """What a shared store has recorded about an identity, for people.

    Attributes:
        posts: POSTs that count at present, those in flight among them.
        next_post: Seconds until the next POST; 0 for at once.
        next_sign_in: Seconds until the next sign-in with a token of GitHub; 0 for at once.
        paused: Seconds for which nothing is sent, after a 429; 0 for no pause.
        banned_until: When a ban is expected to end (UTC); None without a ban.
    """

    posts: int = 0
    next_post: float = 0.0
    next_sign_in: float = 0.0
    paused: float = 0.0
    banned_until: datetime | None = None


def apply(shared: RateLimiter, state: SharedState) -> None:
    """Pause and ban as other processes have reported."""
    if state.paused_until > shared.clock():
        shared.pause_until(state.paused_until, "another process was throttled")
    known = shared.current_ban
    if state.ban is not None:
        shared.set_ban(state.ban, "another process was banned")
    elif known is not None and known.shared:
        shared.set_ban(None, "another process was answered")
