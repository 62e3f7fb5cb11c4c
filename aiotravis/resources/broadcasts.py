"""Broadcasts: messages of Travis to its users.

https://docs.travis-ci.com/api/#broadcasts
"""

from aiotravis._http import Endpoint, Results, results_of
from aiotravis._http.lenient import Id
from aiotravis.resources._base import Entity, Resource

__all__ = ["Broadcast", "Broadcasts"]


class Broadcast(Entity, frozen=True, kw_only=True):
    """A message."""

    id: Id
    message: str | None = None


class _BroadcastsResponse(Entity, frozen=True, kw_only=True):
    broadcasts: tuple[Broadcast, ...]


LIST = Endpoint("GET", "/broadcasts", _BroadcastsResponse)


class Broadcasts(Resource):
    """``travis.broadcasts``."""

    async def list(self) -> Results[Broadcast]:
        """List the messages to the user of the last 14 days, newest first.

        Raises:
            AuthenticationError: No token, or Travis does not know it.
        """
        return results_of((await self._fetch(LIST)).broadcasts)
