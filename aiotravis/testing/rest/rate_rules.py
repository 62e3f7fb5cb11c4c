"""The published rate limits of Travis, counted in its fixed windows. No I/O but the clock."""

from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["RateRules", "WindowCounter"]


@dataclass
class WindowCounter:
    """Counts of one rule, by identity and window.

    Attributes:
        period: Length of a window in seconds.
        counts: Number of requests by identity and number of the window, without windows that are over.
        highest: The highest count of any identity in any window; 0 if nothing was counted.
    """

    period: int
    counts: dict[tuple[str, int], int] = field(default_factory=dict[tuple[str, int], int])
    highest: int = 0

    def add(self, identity: str, now: float) -> int:
        """Count one request, and return the count of its window.

        Args:
            identity: Token or address.
            now: Seconds since the epoch.
        """
        # fact 2: windows are aligned to the epoch.
        window = int(now // self.period)
        count = self.counts.get((identity, window), 0) + 1
        if count == 1:
            self.counts = {key: known for key, known in self.counts.items() if key[1] >= window}
        self.counts[identity, window] = count
        self.highest = max(self.highest, count)
        return count


class RateRules:
    """Decides for each request whether to answer, throttle or ban it.

    Args:
        clock: Returns seconds since the epoch.

    Attributes:
        requests: Requests per minute, without images and requests refused by a ban.
        posts: POSTs among them per 30 seconds, without the handshake and sign-ins that cause a ban.
        sign_ins: ``POST /auth/github`` among them per five minutes.
        banned: Token or address, to the end of its ban in seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.requests: WindowCounter = WindowCounter(60)
        self.posts: WindowCounter = WindowCounter(30)
        self.sign_ins: WindowCounter = WindowCounter(300)
        self.banned: dict[str, float] = {}

    def check(self, *, method: str, path: str, token: str | None, address: str) -> int | None:
        """Count a request.

        Args:
            method: HTTP method.
            path: Path without query.
            token: The token if it is valid, else None.
            address: Address of the client.

        Returns:
            403 if banned, 429 if throttled, None to answer it.
        """
        if path.endswith((".png", ".svg")):
            return None
        now, identity = self._clock(), token or address
        if self.banned.get(identity, 0.0) > now:
            return 403
        if method == "POST":
            # fact 2: the request that causes a ban is still answered, those after it are not.
            if path == "/auth/github" and self.sign_ins.add(identity, now) >= 2:
                self.banned[identity] = now + 5 * 3600
            elif not path.startswith(("/auth/handshake", "/auth/post_message")) and self.posts.add(identity, now) >= 50:
                self.banned[identity] = now + 3600
        limit = 500 if token is None else 2000
        return 429 if self.requests.add(identity, now) > limit else None
