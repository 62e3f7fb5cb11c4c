"""Sign people in to a web application with their Travis account, as travis-sso does for Rack.

Travis gives tokens only to applications on hosts that it knows: its own, those that the owner of a Travis CI
Enterprise lists in ``auth.target_origin``, and ``localhost`` or ``127.0.0.1`` on a port above 1023. On travis-ci.com,
an application on a host of its own gets none: Travis answers ``target URI not allowed``.

Signing in is a redirect: to ``/auth/handshake`` of the API, to GitHub, and back with a form that holds a token.
travis-sso asks ``/auth/post_message`` first, which has given no token since 2017: it only says that the browser is to
be redirected.

https://docs.travis-ci.com/api/#web-applications
"""

import inspect
import logging
import re
import secrets
from collections.abc import Awaitable, Callable, Iterable
from fnmatch import fnmatchcase
from typing import Final
from urllib.parse import urlencode, urlsplit

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from aiotravis._validation import validate_instance, validate_iterable, validate_text
from aiotravis._values import Value
from aiotravis.client import Travis
from aiotravis.errors import AuthenticationError, PermissionDenied, TravisError, UsageError
from aiotravis.resources.users import User
from aiotravis.web._pages import HEADERS, owner_of, page, read_posted_form, self_submitting_page
from aiotravis.web._tickets import TicketSigner

__all__ = ["SessionUser", "session_user", "sign_in_middleware"]

logger: logging.Logger = logging.getLogger("aiotravis.web")

CALLBACK: Final = "/__travis__/sign-in"
"""Path to which Travis's page posts the token."""

SIGN_IN_SECONDS: Final = 600.0
"""Time to sign in at GitHub."""

SESSION_SECONDS: Final = 12 * 3600.0
"""Time until a person is sent to Travis again, and `authorized` is asked again."""

PATH: Final = re.compile(r"/[\x21-\x7e]{0,1000}")
"""A path to which to return. It travels in the redirect URI; browsers ignore tabs and line breaks in one."""

UNCLEAR_PATH: Final = re.compile(r"[/\\](\.{0,2}[/\\]|\.{1,2}$)")
"""A segment that is empty, ``.`` or ``..``: what such a path leads to depends on who reads it."""

BROWSER: Final = re.compile(r"[0-9a-f]{32}")

MAX_BROWSER_COOKIES: Final = 50

STATE: Final = re.compile(r"[A-Za-z0-9_.-]+")


class SessionUser(Value, frozen=True, kw_only=True):
    """Who is signed in, as their browser's cookie says.

    Attributes:
        id: Travis's id. Compare it, not the login: a login can be given up, and taken by somebody else.
        login: Name on GitHub.
    """

    id: int
    login: str


class _State(msgspec.Struct, frozen=True, kw_only=True):
    path: str


_USER: Final = web.RequestKey("aiotravis.session_user", SessionUser)

IsSignedIn = Callable[[web.Request], Awaitable[bool]]
SetUser = Callable[[web.Request, User, str], Awaitable[None]]


def session_user(request: web.Request) -> SessionUser | None:
    """Return who has sent a ``request``, by the cookie of `sign_in_middleware`.

    None on public paths, and where the application has callbacks of its own.
    """
    return request.get(_USER)


def sign_in_middleware(
    travis: Travis,
    *,
    url: str,
    secret: str | bytes,
    authorized: Callable[[User], bool | Awaitable[bool]],
    public: Iterable[str] = ("/favicon.ico",),
    provider: str | None = None,
    is_signed_in: IsSignedIn | None = None,
    set_user: SetUser | None = None,
) -> Middleware:
    """Return a middleware of aiohttp.web that lets nobody pass who is not signed in with Travis.

    Who opens a page is sent to Travis and back. The token that comes with them is used once, to ask Travis whose it is;
    a cookie then holds their id and login for 12 hours (`session_user`), signed, and neither readable by scripts nor
    sent with requests of other sites. Other methods than GET and HEAD answer 405, requests of scripts 401.

    For those who are signed in, what may change something (other methods, WebSockets) is refused with 403 if a page of
    another origin sends it, even of the same site.

    Nobody can be signed in as somebody else: what comes back must carry a value that this browser was given within the
    last ten minutes. Tabs do not disturb each other here; Travis itself sends a tab to its website that another one has
    overtaken there. Several servers of one URL need the same secret, and nothing else.

    Args:
        travis: A client of the site; it needs no token. It must stay open.
        url: Where browsers reach the application, without a path: ``https://builds.example.org``. Travis must allow it,
            see the top of this module.
        secret: What only the servers of the application know, of 32 bytes at least.
        authorized: Whether a user may enter; a plain or an async function. Everybody can have an account on
            travis-ci.com: check `User.id`.
        public: Patterns of paths that need nobody, such as ``/healthz`` and ``/static/*``. No path with
            ``..``, ``//`` or an encoded slash fits one.
        provider: Such as ``github``; None for the site's default.
        is_signed_in: With `set_user`, in place of the cookie: an async function that says whether a request is of
            somebody who is signed in.
        set_user: An async function that stores who has signed in, such as in a session of aiohttp-session: it is called
            with the request, the user and the token.

    Raises:
        UsageError: An argument is not valid, or Travis never gives a token to this URL.
    """
    validate_instance(travis, Travis, "travis")
    if not callable(authorized):
        raise UsageError("authorized must be a function.", argument="authorized")
    if (is_signed_in is None) != (set_user is None):
        raise UsageError("Pass both is_signed_in and set_user, or neither.", argument="set_user")
    for argument, function in (("is_signed_in", is_signed_in), ("set_user", set_user)):
        if function is not None and not callable(function):
            raise UsageError(f"{argument} must be an async function.", argument=argument)
    origin = _validate_url(url)
    travis.auth.handshake_url(origin, provider=provider)
    patterns = _validate_public(public)
    sign_in = _SignIn(travis, origin, secret, authorized, patterns, provider, is_signed_in, set_user)

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await sign_in.handle(request, handler)

    return middleware


class _SignIn:
    def __init__(
        self,
        travis: Travis,
        origin: str,
        secret: str | bytes,
        authorized: Callable[[User], bool | Awaitable[bool]],
        public: tuple[str, ...],
        provider: str | None,
        is_signed_in: IsSignedIn | None,
        set_user: SetUser | None,
    ) -> None:
        self._travis = travis
        self._origin = origin
        self._authorized = authorized
        self._public = public
        self._provider = provider
        self._is_signed_in = is_signed_in or self._has_session
        self._set_user = set_user
        self._states = TicketSigner(_State, secret, "sign-in", SIGN_IN_SECONDS)
        self._sessions = TicketSigner(SessionUser, secret, "session", SESSION_SECONDS)
        self._secure = origin.startswith("https:")
        # With this prefix, no other host of the domain can set the cookie.
        prefix = "__Host-" if self._secure else ""
        self._browser_cookie, self._session_cookie = f"{prefix}travis-browser-", f"{prefix}travis-session"

    async def handle(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer a request, or pass it on."""
        if request.path == CALLBACK:
            return await self._finish(request)
        if self._is_public(request):
            return await handler(request)
        if not await self._is_signed_in(request):
            return self._begin(request)
        if self._is_forged(request):
            return web.Response(status=403, headers=HEADERS, text="Sent by a page of another origin.\n")
        return await handler(request)

    def _is_public(self, request: web.Request) -> bool:
        # A handler of files resolves "..", and so leads from a public folder to any other.
        if UNCLEAR_PATH.search(request.path) or "%2f" in request.rel_url.raw_path.lower():
            return False
        return any(fnmatchcase(request.path, pattern) for pattern in self._public)

    def _is_forged(self, request: web.Request) -> bool:
        """Return whether a page of another origin sends what may change something: cookies are those of a site."""
        if request.method in {"GET", "HEAD", "OPTIONS"} and "Upgrade" not in request.headers:
            return False
        site = request.headers.get("Sec-Fetch-Site")
        if site is not None:
            return site not in {"same-origin", "none"}
        return request.headers.get("Origin", self._origin).lower() != self._origin

    async def _has_session(self, request: web.Request) -> bool:
        user = self._sessions.open(request.cookies.get(self._session_cookie, ""), self._origin)
        if user is not None:
            request[_USER] = user
        return user is not None

    def _begin(self, request: web.Request) -> web.Response:
        """Send the browser to Travis, with a state that only this browser can bring back."""
        if request.method not in {"GET", "HEAD"}:
            return web.Response(status=405, headers={"Allow": "GET, HEAD"}, text="Sign in first.\n")
        if request.headers.get("Sec-Fetch-Mode", "navigate") != "navigate":
            return web.Response(status=401, headers=HEADERS, text="Sign in first.\n")
        # Tabs share the browser's cookie. Those that open at the same time get one each, under names of their own.
        browser = next(iter(self._browsers(request)), None) or secrets.token_hex(16)
        # Two slashes would lead to another host.
        path = "/" + request.raw_path.lstrip("/\\")
        state = self._states.seal(_State(path=path if PATH.fullmatch(path) else "/"), browser)
        target = self._travis.auth.handshake_url(self._callback(state), provider=self._provider)
        response = web.Response(status=303, headers={**HEADERS, "Location": target})
        self._set_cookie(response, self._browser_cookie + browser[:8], browser, SIGN_IN_SECONDS)
        return response

    def _browsers(self, request: web.Request) -> list[str]:
        """Return the values of the cookies that this browser was given at the beginning of sign-ins."""
        cookies = request.cookies.items()
        found = [value for name, value in cookies if name.startswith(self._browser_cookie) and BROWSER.fullmatch(value)]
        return found[:MAX_BROWSER_COOKIES]

    def _callback(self, state: str) -> str:
        # fact beyond 3.1: the redirect URI comes back as it is, with its query.
        return f"{self._origin}{CALLBACK}?{urlencode({'state': state})}"

    def _set_cookie(self, response: web.Response, name: str, value: str, seconds: float) -> None:
        response.set_cookie(
            name, value, max_age=int(seconds), path="/", httponly=True, secure=self._secure, samesite="Lax"
        )

    async def _finish(self, request: web.Request) -> web.Response:
        """Sign in the owner of the token in the form that Travis's page posts."""
        if request.method != "POST":
            return web.Response(status=405, headers={"Allow": "POST"}, text="Open the application instead.\n")
        form, state = await read_posted_form(request), request.query.get("state", "")
        token, browsers = form.get("token"), self._browsers(request)
        if token is None:
            return page("Not signed in", "There is no token in what was posted.", status=400)
        if not browsers and "again" not in form and STATE.fullmatch(state):
            # A form of another site comes without cookies. Posted again by a page of this one, it has them.
            return self_submitting_page(self._callback(state), {"token": token, "again": "1"})
        # Without this, anybody could sign the browser in with a token of their own.
        ticket = next(filter(None, (self._states.open(state, browser) for browser in browsers)), None)
        if ticket is None:
            reason = "This browser did not begin to sign in here within the last ten minutes. Open the page again."
            return page("Not signed in", reason, status=403)
        return await self._enter(request, token, ticket.path)

    async def _enter(self, request: web.Request, token: str, path: str) -> web.Response:
        try:
            user = await owner_of(self._travis, token)
        except (AuthenticationError, PermissionDenied):
            return page("Not signed in", "Travis does not know the token.", status=403)
        except TravisError as exc:
            logger.error("Somebody could not sign in: %s", exc)
            return page("Not signed in", "Travis could not be asked whose token it is. Try again later.", status=503)
        allowed = self._authorized(user)
        if not (await allowed if inspect.isawaitable(allowed) else allowed):
            logger.warning("The user %r (%d) was refused", user.login, user.id)
            return page("Access denied", f"Access denied for {user.login}.", status=403)
        if self._set_user is not None:
            await self._set_user(request, user, token)
        # The token stands in no history, and the page can be loaded again.
        response = web.Response(status=303, headers={**HEADERS, "Location": path})
        if self._set_user is None:
            session = self._sessions.seal(SessionUser(id=user.id, login=user.login), self._origin)
            self._set_cookie(response, self._session_cookie, session, SESSION_SECONDS)
        return response


def _validate_public(public: Iterable[str]) -> tuple[str, ...]:
    validate_iterable(public, "public", "patterns of paths")
    patterns = tuple(public)
    for pattern in patterns:
        # Another one would fit no path.
        if not validate_text(pattern, "public").startswith(("/", "*")):
            raise UsageError(f"public must hold patterns like '/static/*', not {pattern!r}.", argument="public")
    return patterns


def _validate_url(url: str) -> str:
    """Return the origin of a URL to which Travis may give a token.

    Raises:
        UsageError: It is not http or https, has a path, or Travis never gives a token to it.
    """
    text = validate_text(url, "url").removesuffix("/")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = parts = None
    if parts is None or not host or parts.scheme not in {"http", "https"}:
        raise UsageError("url must be an http or https URL.", argument="url")
    if parts.path or parts.query or parts.fragment or "@" in parts.netloc or not text.isascii():
        raise UsageError("url must be scheme, host and port alone, such as https://builds.example.org.", argument="url")
    # fact beyond 3.1: this machine above port 1023, everything else over TLS.
    if host in {"localhost", "127.0.0.1"}:
        if (port or 0) <= 1023:
            raise UsageError("Travis gives tokens to this machine only on a port above 1023.", argument="url")
    elif parts.scheme != "https":
        raise UsageError("Travis gives tokens to other hosts than this machine only over https.", argument="url")
    # As browsers write an origin.
    return f"{parts.scheme}://{parts.netloc}".lower().removesuffix(":443" if parts.scheme == "https" else "")
