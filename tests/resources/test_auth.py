"""Authentication: obtaining and revoking API tokens."""

import pytest

from aiotravis import errors
from aiotravis._http import ApiRequest, ApiResponse
from aiotravis.resources.auth import Auth
from tests.samples import HTML, JSON, TEXT, Scripted


async def test_a_github_token_is_sent_only_in_the_body_and_not_shown() -> None:
    transport = Scripted(b'{"access_token":"api"}')
    assert await Auth(transport, None).github("gh-secret") == "api"
    call = transport.calls[0]
    assert (call.method, call.target, call.body) == ("POST", "/auth/github", b'{"github_token":"gh-secret"}')
    assert "gh-secret" not in repr(call)


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (ApiResponse(403, JSON, b"not a Travis user"), errors.AuthenticationError),
        (ApiResponse(401, JSON, b"could not resolve github token"), errors.AuthenticationError),
        (ApiResponse(422, JSON, b'{"error":"Must pass \'github_token\' parameter"}'), errors.ValidationError),
        (ApiResponse(403, TEXT, b"Forbidden\n"), errors.BannedError),
        (ApiResponse(200, HTML, b"<html>"), errors.DecodeError),
    ],
)
async def test_a_refused_github_token_raises_the_matching_error(
    response: ApiResponse, kind: type[errors.TravisError]
) -> None:
    with pytest.raises(kind) as info:
        await Auth(Scripted(response), None).github("gh-secret")
    assert "gh-secret" not in str(info.value)


async def test_a_redirect_raises_an_error_about_too_few_scopes() -> None:
    def redirect(call: ApiRequest) -> bytes:
        raise errors.RedirectError("x", method=call.method, path=call.path, location="https://y")

    with pytest.raises(errors.AuthenticationError, match="too few scopes"):
        await Auth(Scripted(redirect), None).github("gh")


async def test_logout_sends_the_token_in_the_query_and_shows_it_nowhere() -> None:
    transport = Scripted(b'{"user":{}}')
    await Auth(transport, "t0ken").logout()
    assert transport.calls[0].query == (("access_token", "t0ken"),)
    assert "t0ken" not in repr(transport.calls[0]) + transport.calls[0].safe_target
    with pytest.raises(errors.UsageError, match="no token"):
        await Auth(transport, None).logout()
