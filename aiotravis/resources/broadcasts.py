"""Broadcasts: what Travis has to say to its users.

https://docs.travis-ci.com/api/#broadcasts
"""

from collections.abc import Sequence

from aiotravis._http import Endpoint
from aiotravis.resources._base import Entity, Resource

__all__ = ["Broadcast", "Broadcasts"]


class Broadcast(Entity, frozen=True, kw_only=True):
    """One message.

    Attributes:
        id: Travis's id of it.
        message: The text, or None.
    """

    id: int
    message: str | None = None


class _BroadcastsResponse(Entity, frozen=True, kw_only=True):
    broadcasts: tuple[Broadcast, ...]


LIST = Endpoint("GET", "/broadcasts", _BroadcastsResponse)


class Broadcasts(Resource):
    """``travis.broadcasts``."""

    async def list(self) -> Sequence[Broadcast]:
        """List the messages of the last 14 days that concern the user, newest first.

        Raises:
            AuthenticationError: No token, or one that Travis does not know.
        """
        return (await self._fetch(LIST)).broadcasts
