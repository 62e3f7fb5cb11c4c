"""Signatures for private channels of the live channel.

https://docs.travis-ci.com/api/#external-apis
"""

from collections.abc import Mapping, Sequence

from aiotravis._http import Endpoint
from aiotravis._validation import validate_iterable, validate_text
from aiotravis.errors import UsageError
from aiotravis.resources._base import Entity, Resource

__all__ = ["PusherAuth"]


class _AuthResponse(Entity, frozen=True, kw_only=True):
    channels: dict[str, str]


SIGN = Endpoint("POST", "/pusher/auth", _AuthResponse)


class PusherAuth(Resource):
    """``travis.pusher_auth``."""

    async def sign(self, socket_id: str, channels: Sequence[str]) -> Mapping[str, str]:
        """Fetch signatures for channels in one request. They are valid for this socket only.

        Args:
            socket_id: Id that the live server gave to the connection.
            channels: Full names of the channels.

        Returns:
            Channel name to signature. **Refused channels are missing.**

        Raises:
            UsageError: No channels, a string instead of several, or an empty socket id.
        """
        validate_iterable(channels, "channels", "names")
        if not channels:
            raise UsageError("channels must be one or more names.", argument="channels")
        names = [validate_text(channel, "channels") for channel in channels]
        body = {"socket_id": validate_text(socket_id, "socket_id"), "channels": names}
        # fact 9.39: refused channels are omitted, and signatures become invalid when the socket closes.
        return (await self._fetch(SIGN, json=body)).channels
