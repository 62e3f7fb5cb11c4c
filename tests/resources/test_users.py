"""The user of a token: requests and decoded responses."""

import pytest

from aiotravis import errors
from aiotravis._http import ApiResponse
from aiotravis.resources.users import Users
from tests.samples import JSON, Scripted

OLD = b"""{"user":{"id":267,"name":"Sven","login":"svenfuchs","email":"s@example.org","gravatar_id":"402602",
"locale":"en","is_syncing":false,"synced_at":"2014-04-08T00:17:34Z","correct_scopes":true}}"""


async def test_a_user_of_2014_has_no_channels() -> None:
    transport = Scripted(OLD)
    user = await Users(transport).me()
    assert (user.id, user.login, user.channels, user.vcs_type) == (267, "svenfuchs", (), None)
    assert transport.calls[0].target == "/users"


async def test_a_user_of_today_has_a_channel() -> None:
    user = await Users(Scripted(b'{"user":{"id":1,"login":"x","channels":["private-user-1"]}}')).me()
    assert user.channels == ("private-user-1",)


async def test_without_a_token_me_raises_an_authentication_error() -> None:
    response = ApiResponse(401, JSON, b"no access token supplied")
    with pytest.raises(
        errors.AuthenticationError, match=r"^GET /users answered 401: no access token supplied\. Pass a"
    ):
        await Users(Scripted(response)).me()
