"""Authentication: obtaining and revoking API tokens.

https://docs.travis-ci.com/api/#authentication
"""

from types import NoneType
from urllib.parse import quote, urlencode, urlsplit

from aiotravis._http import Endpoint, Transport
from aiotravis._validation import validate_segment, validate_text
from aiotravis.errors import AuthenticationError, RedirectError, UsageError
from aiotravis.resources._base import Entity, Resource

__all__ = ["Auth"]


class _TokenResponse(Entity, frozen=True, kw_only=True):
    access_token: str

    def __repr__(self) -> str:
        return "_TokenResponse(...)"


GITHUB = Endpoint("POST", "/auth/github", _TokenResponse)
LOGOUT = Endpoint("GET", "/logout", NoneType)


class Auth(Resource):
    """``travis.auth``."""

    __slots__ = ("_endpoint", "_token")

    def __init__(self, transport: Transport, token: str | None, endpoint: str = "") -> None:
        super().__init__(transport)
        self._token = token
        self._endpoint = endpoint

    def handshake_url(self, redirect_uri: str, *, provider: str | None = None) -> str:
        """Return the URL where a person signs in with a browser. Send nothing.

        Afterwards the browser posts a form with ``token``, ``user`` (JSON) and ``storage`` to ``redirect_uri``. Travis
        accepts only its own sites, and ``localhost`` or ``127.0.0.1`` on a port above 1023.

        Args:
            redirect_uri: URL that receives the form.
            provider: Such as ``github``; None for the site's default.

        Raises:
            UsageError: ``redirect_uri`` is not an http or https URL, or ``provider`` is empty.
        """
        text = validate_text(redirect_uri, "redirect_uri")
        if not _is_http(text):
            raise UsageError("redirect_uri must be an http or https URL.", argument="redirect_uri")
        path = "/auth/handshake"
        if provider is not None:
            path += f"/{quote(validate_segment(provider, 'provider'), safe='')}"
        # fact 9.24: redirect_to is documented, redirect_uri works.
        return f"{self._endpoint}{path}?{urlencode({'redirect_uri': text, 'redirect_to': text})}"

    async def github(self, github_token: str) -> str:
        """Exchange a GitHub token for a Travis API token. Exchange once and keep the result: it is valid for months.

        Travis bans an address for five hours after a second exchange within five minutes. To prevent this, the client
        delays the second exchange, see `Travis.limits`.

        Args:
            github_token: A GitHub token with the scopes in ``Config.github.scopes``.

        Returns:
            An API token, for ``Travis(token)``.

        Raises:
            AuthenticationError: GitHub does not know the token, its user never signed in, or it has too few scopes.
            UsageError: It is empty.
        """
        body = {"github_token": validate_text(github_token, "github_token").strip()}
        request = GITHUB.request(json=body, hidden=[body["github_token"]])
        try:
            response = await self._transport.send(request)
        except RedirectError as exc:
            # fact 9.48: too few scopes lead to a web page, which would come with status 200.
            remedy = "Add the scopes that config.get() lists."
            message = f"POST {request.safe_target} led to a web page: the GitHub token has too few scopes. {remedy}"
            raise AuthenticationError(
                message, status=302, method=request.method, path=request.path, remedy=remedy
            ) from exc
        return GITHUB.read(request, response).access_token

    async def logout(self) -> None:
        """Revoke this client's token.

        Raises:
            UsageError: The client has no token.
            AuthenticationError: Travis does not know the token.
        """
        if self._token is None:
            raise UsageError("This client has no token to revoke.")
        # fact 9.47: with the token only in the header, nothing is revoked, although the status is 200.
        await self._fetch(LOGOUT, query=[("access_token", self._token)])


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)
