"""Statistics: what a client is doing."""

import msgspec

from aiotravis._transport import AiohttpTransport
from aiotravis.live.monitor import Live, LiveStatistics

__all__ = ["Statistics", "statistics_of"]


class Statistics(msgspec.Struct, frozen=True, kw_only=True):
    """What a client is doing, see `Travis.statistics`.

    It counts for one token: for a client, and for those made from it with other settings.

    Attributes:
        live: The state and the counters of the live channel, with the number of open feeds.
        waiters: Calls that wait for a build, a job, or the build of a commit.
        followers: Logs that are followed.
        waiting_for_limits: Requests that wait for room in Travis's rate limits, of all clients of this process with
            this site and token.
        requests: Requests sent; each attempt is counted.
        retries: Those of them that repeated one that had failed.
        pauses: Times that Travis answered 429, after which every request waits.
        bytes: Bytes of bodies received, as they were transferred: compressed, if they were.
        not_modified: Requests that Travis answered with 304: what was read before is still true.
        bytes_saved: Bytes of the bodies that were not sent therefore, decompressed.
        cached: Responses that are kept, so that Travis can confirm them.
        cached_bytes: Bytes of memory that these take, and those of other tokens over the same connections.
    """

    live: LiveStatistics
    waiters: int
    followers: int
    waiting_for_limits: int
    requests: int
    retries: int
    pauses: int
    bytes: int
    not_modified: int
    bytes_saved: int
    cached: int
    cached_bytes: int

    def to_dict(self) -> dict[str, object]:
        """Return the same as plain JSON values."""
        plain: dict[str, object] = msgspec.to_builtins(self)
        return plain


def statistics_of(transport: AiohttpTransport, live: Live, *, followers: int) -> Statistics:
    """Return the statistics of a client.

    Args:
        transport: What sends its requests.
        live: Its live channel.
        followers: Number of logs that it follows.
    """
    counts = transport.identity.counts
    return Statistics(
        live=live.statistics(),
        waiters=counts.waiters,
        followers=followers,
        waiting_for_limits=transport.waiting,
        requests=counts.requests,
        retries=counts.retries,
        pauses=counts.pauses,
        bytes=counts.bytes,
        not_modified=counts.not_modified,
        bytes_saved=counts.bytes_saved,
        cached=len(transport.identity.cache),
        cached_bytes=transport.pool.memory.size,
    )
