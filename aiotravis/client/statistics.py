"""Statistics: what a client is doing."""

import msgspec

from aiotravis.live.monitor import LiveStatistics

__all__ = ["Statistics"]


class Statistics(msgspec.Struct, frozen=True, kw_only=True):
    """What a client is doing, see `Travis.statistics`.

    Attributes:
        live: The counters of the live channel, with the number of open feeds.
        waiters: Calls that wait for a build or job.
        waiting_for_limits: Requests that wait for room in Travis's rate limits, of all clients of this process with
            this site and token.
    """

    live: LiveStatistics
    waiters: int
    waiting_for_limits: int

    def to_dict(self) -> dict[str, object]:
        """Return the same as plain JSON values."""
        plain: dict[str, object] = msgspec.to_builtins(self)
        return plain
