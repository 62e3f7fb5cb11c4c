"""The rate rules that Travis publishes, counted in its own fixed windows. No I/O but the clock."""

from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["Counted", "RateRules"]


@dataclass
class Counted:
    """Counts of one rule, by identity and window.

    Attributes:
        period: Length of a window, in seconds.
        counts: Identity and number of the window, to how many requests.
    """

    period: int
    counts: dict[tuple[str, int], int] = field(default_factory=dict[tuple[str, int], int])

    def add(self, identity: str, now: float) -> int:
        """Count one request, and tell the count of its window.

        Args:
            identity: Who made it.
            now: When, in seconds since the epoch.
        """
        key = (identity, int(now // self.period))
        self.counts[key] = self.counts.get(key, 0) + 1
        return self.counts[key]

    @property
    def most(self) -> int:
        """The highest count of any identity in any window; 0: nothing was counted."""
        return max(self.counts.values(), default=0)


class RateRules:
    """Says of each request whether it is answered, throttled, or refused by a ban.

    Args:
        clock: Gives seconds since the epoch.

    Attributes:
        requests: All requests but those for images and those that a ban refused, by the minute.
        posts: Those of them that were POST, by half minutes; without the handshake's, and sign-ins that brought a ban.
        sign_ins: Those of them that were ``POST /auth/github``, by five minutes.
        banned: Token or address, to when its ban ends, in seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.requests: Counted = Counted(60)
        self.posts: Counted = Counted(30)
        self.sign_ins: Counted = Counted(300)
        self.banned: dict[str, float] = {}

    def judge(self, *, method: str, path: str, token: str | None, address: str) -> int | None:
        """Count a request.

        Args:
            method: HTTP method.
            path: Path without a query.
            token: The token if it is valid, else None.
            address: The caller's address.

        Returns:
            403 for a ban, 429 for too many, None to answer it.
        """
        if path.endswith((".png", ".svg")):
            return None
        now, identity = self._clock(), token or address
        if self.banned.get(identity, 0.0) > now:
            return 403
        if method == "POST":
            # The request that goes too far is still answered; all that follow are not.
            if path == "/auth/github" and self.sign_ins.add(identity, now) >= 2:
                self.banned[identity] = now + 5 * 3600
            elif not path.startswith(("/auth/handshake", "/auth/post_message")) and self.posts.add(identity, now) >= 50:
                self.banned[identity] = now + 3600
        limit = 500 if token is None else 2000
        return 429 if self.requests.add(identity, now) > limit else None
