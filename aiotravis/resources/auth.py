"""Getting a token, and giving it up.

https://docs.travis-ci.com/api/#authentication
"""

from types import NoneType
from urllib.parse import quote, urlencode, urlsplit

from aiotravis._http import ApiRequest, Endpoint, Transport
from aiotravis.errors import AuthenticationError, RedirectError, UsageError
from aiotravis.resources._base import Entity, Resource, read, text_of

__all__ = ["Auth"]


class _TokenResponse(Entity, frozen=True, kw_only=True):
    access_token: str

    def __repr__(self) -> str:
        return "_TokenReply(...)"


GITHUB = Endpoint("POST", "/auth/github", _TokenResponse)
LOGOUT = Endpoint("GET", "/logout", NoneType)


class Auth(Resource):
    """``travis.auth``.

    Args:
        transport: Carries the calls.
        token: The client's own token, or None.
        endpoint: URL of the API, for addresses that a browser is to open.
    """

    __slots__ = ("_endpoint", "_token")

    def __init__(self, transport: Transport, token: str | None, endpoint: str = "") -> None:
        super().__init__(transport)
        self._token = token
        self._endpoint = endpoint

    def handshake_url(self, redirect_uri: str, *, provider: str | None = None) -> str:
        """Make the address at which a person signs in with a browser. Sends nothing.

        Afterwards the browser posts a form with ``token``, ``user`` (JSON) and ``storage`` to ``redirect_uri``. Travis
        posts only to its own sites and to ``localhost`` or ``127.0.0.1`` on a port above 1023.

        Args:
            redirect_uri: Where the form is posted to.
            provider: Such as ``github``; the site's default if None.

        Raises:
            UsageError: The address is no http or https URL.
        """
        text = text_of(redirect_uri, "redirect_uri")
        if urlsplit(text).scheme not in {"http", "https"}:
            raise UsageError("redirect_uri must be an http or https URL.", argument="redirect_uri")
        path = (
            "/auth/handshake"
            if provider is None
            else f"/auth/handshake/{quote(text_of(provider, 'provider'), safe='')}"
        )
        # The documentation says redirect_to, the server reads redirect_uri.
        return f"{self._endpoint}{path}?{urlencode({'redirect_uri': text, 'redirect_to': text})}"

    async def github(self, github_token: str) -> str:
        """Exchange a GitHub token for a Travis API token. Do it once, and keep the result: it lasts for months.

        The second exchange within five minutes can lock this address out for five hours; the client's budget waits
        rather than doing that, see `Travis.limits`.

        Args:
            github_token: A GitHub token with the scopes that `Config.github` names.

        Returns:
            An API token, for ``Travis(token)``.

        Raises:
            AuthenticationError: GitHub does not know the token, its user never signed in, or it has too few scopes.
            UsageError: It is empty.
        """
        request = GITHUB.request(json={"github_token": text_of(github_token, "github_token")}, hidden=[github_token])
        try:
            response = await self._transport.send(request)
        except RedirectError as exc:
            raise _too_few_scopes(request) from exc
        return (await read(GITHUB, request, response)).access_token

    async def logout(self) -> None:
        """Revoke the token that this client uses.

        Raises:
            UsageError: The client has none.
            AuthenticationError: Travis does not know it (any more).
        """
        if self._token is None:
            raise UsageError("This client has no token that could be revoked.")
        # With the token in the header alone, nothing is revoked, and the answer is 200 all the same.
        await self._fetch(LOGOUT, query=[("access_token", self._token)])


def _too_few_scopes(request: ApiRequest) -> AuthenticationError:
    message = (
        f"{request.method} {request.shown} led to a web page: the GitHub token has too few scopes. "
        "config.get() names those that are needed."
    )
    return AuthenticationError(
        message, status=302, method=request.method, path=request.path, remedy="Add scopes to it."
    )
