"""Ban: that Travis serves an identity nothing any more. No I/O."""

from dataclasses import dataclass
from datetime import datetime

from aiotravis._http import ApiRequest
from aiotravis.errors import BannedError

__all__ = ["Ban", "banned_error"]


@dataclass(slots=True, eq=False)
class Ban:
    """A ban.

    Attributes:
        until: Its end, by the limiter's clock.
        lifted_at: Its end in UTC.
        remedy: What to do about it.
        probe_at: When a read may try whether it still holds, by the limiter's clock; None for never.
        shared: Whether other processes know of it, so that it is over once they do not.
    """

    until: float
    lifted_at: datetime
    remedy: str
    probe_at: float | None = None
    shared: bool = False


def banned_error(ban: Ban, request: ApiRequest) -> BannedError:
    """Return the error for a request that a ban keeps from being sent."""
    error = BannedError(
        f"{request.method} {request.safe_target} was not sent: Travis has banned this token or address until "
        f"{ban.lifted_at}.",
        status=403,
        method=request.method,
        path=request.safe_target,
        remedy=ban.remedy,
    )
    error.lifted_at = ban.lifted_at
    return error
