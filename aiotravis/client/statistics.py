"""Statistics: what a client is doing."""

import msgspec

from aiotravis._values import Value
from aiotravis.live.monitor import LiveStatistics

__all__ = ["Statistics"]


class Statistics(Value, frozen=True, kw_only=True):
    """What a client is doing, see `Travis.statistics`.

    Attributes:
        live: The counters of the live channel, with the number of open feeds.
        waiters: Calls that wait for a build or job.
        waiting_for_limits: Requests that wait for room in Travis's rate limits, of all clients of this process with
            this site and token.
        requests: Requests sent with this token by this client, and by those made from it with other settings; each
            attempt is counted.
        not_modified: Requests that Travis answered with 304: what was read before is still true.
        bytes_saved: Bytes of the bodies that were not sent therefore, decompressed.
    """

    live: LiveStatistics
    waiters: int
    waiting_for_limits: int
    requests: int = 0
    not_modified: int = 0
    bytes_saved: int = 0

    def to_dict(self) -> dict[str, object]:
        """Return the same as plain JSON values."""
        plain: dict[str, object] = msgspec.to_builtins(self)
        return plain
