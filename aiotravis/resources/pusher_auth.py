"""Signatures for private channels of the live connection.

https://docs.travis-ci.com/api/#external-apis
"""

from collections.abc import Mapping, Sequence

from aiotravis._http import Endpoint
from aiotravis.errors import UsageError
from aiotravis.resources._base import Entity, Resource

__all__ = ["PusherAuth"]


class _AuthResponse(Entity, frozen=True, kw_only=True):
    channels: dict[str, str]


SIGN = Endpoint("POST", "/pusher/auth", _AuthResponse)


class PusherAuth(Resource):
    """``travis.pusher_auth``."""

    async def sign(self, socket_id: str, channels: Sequence[str]) -> Mapping[str, str]:
        """Get signatures for channels, all in one call. They die with the socket.

        Args:
            socket_id: What the live server called this connection.
            channels: Full names of the channels.

        Returns:
            Channel name to signature. **A channel that one may not use is simply missing.**

        Raises:
            UsageError: No channels, or a string instead of several.
        """
        if isinstance(channels, str) or not channels:
            raise UsageError("channels must be one or more names.", argument="channels")
        if not socket_id:
            raise UsageError("socket_id must not be empty.", argument="socket_id")
        response = await self._fetch(SIGN, json={"socket_id": socket_id, "channels": list(channels)})
        return response.channels
