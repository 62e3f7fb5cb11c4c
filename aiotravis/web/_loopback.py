"""Sign in with the browser, for programs on the user's machine.

Travis posts the token to a port of this machine on which a listener waits meanwhile. It allows that on every site:
``127.0.0.1`` on a port above 1023.

https://docs.travis-ci.com/api/#authentication
"""

import secrets
import webbrowser
from collections.abc import Callable
from typing import Final

import anyio
import anyio.to_thread
import msgspec
from aiohttp import web

from aiotravis._async.handle import running_loop
from aiotravis._validation import validate_callback, validate_instance, validate_seconds
from aiotravis.client import Travis
from aiotravis.errors import AuthenticationError, PermissionDenied, SignInFailed, TravisError
from aiotravis.resources.users import User
from aiotravis.web._pages import owner_of, page, read_posted_form

__all__ = ["BrowserSignIn", "sign_in"]

HOST: Final = "127.0.0.1"

NO_BROWSER: Final = "No browser can be opened here. Pass open_browser=print to open the URL elsewhere, or use a token."


class BrowserSignIn(msgspec.Struct, frozen=True, kw_only=True):
    """A person who has signed in.

    Attributes:
        token: API token, for ``Travis(token)``. Store it where only they can read it.
        user: Whose it is. Show the login: it tells them whether they meant this account.
    """

    token: str
    user: User

    def __repr__(self) -> str:
        return f"BrowserSignIn(user={self.user.login!r})"


async def sign_in(
    travis: Travis,
    *,
    provider: str | None = None,
    open_browser: Callable[[str], object] = webbrowser.open,
    timeout: float = 300.0,
) -> BrowserSignIn:
    """Open the browser, wait until somebody has signed in at Travis there, and return their API token.

    The token arrives at a port of 127.0.0.1 that is open meanwhile, at a path that nobody can guess, and is not used
    before Travis has said whose it is. What others post to the port is refused. Several tabs can be open; the first
    that signs in ends it.

    Args:
        travis: A client of the site; it needs no token.
        provider: Such as ``github``; None for the site's default.
        open_browser: Opens a URL, in a thread; False means that it could not. ``print`` shows it instead: the browser
            has to run on this machine.
        timeout: Seconds to wait for the person.

    Raises:
        SignInFailed: Nobody signed in in time, or no browser could be opened.
        RequestError: Travis could not be asked whose token it is.
        UsageError: An argument is not valid, or the client was closed meanwhile.
    """
    validate_instance(travis, Travis, "travis")
    running_loop()
    validate_callback(open_browser, "open_browser")
    validate_seconds(timeout, "timeout")
    travis.auth.handshake_url(f"http://{HOST}:1024/", provider=provider)
    listener = _Listener(travis)
    runner = web.AppRunner(listener.application(), access_log=None, shutdown_timeout=2.0)
    try:
        await runner.setup()
        await web.TCPSite(runner, HOST, 0).start()
        listener.port = runner.addresses[0][1]
        with anyio.move_on_after(timeout):
            url = travis.auth.handshake_url(listener.url, provider=provider)
            async with anyio.create_task_group() as group:
                group.start_soon(listener.open, open_browser, url)
                await listener.ended.wait()
                group.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            await runner.cleanup()
    if listener.failure is not None:
        raise listener.failure
    if listener.outcome is None:
        raise SignInFailed(f"Nobody signed in within {timeout:g} seconds.")
    return listener.outcome


class _Listener:
    """Receives the token."""

    def __init__(self, travis: Travis) -> None:
        self._travis = travis
        self._path = f"/{secrets.token_urlsafe(32)}"
        self.port = 0
        self.ended = anyio.Event()
        self.outcome: BrowserSignIn | None = None
        self.failure: Exception | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}{self._path}"

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        return app

    async def open(self, open_browser: Callable[[str], object], url: str) -> None:
        """Open the browser; some only return when they are closed."""
        try:
            opened = await anyio.to_thread.run_sync(open_browser, url, abandon_on_cancel=True)
        except Exception as exc:  # noqa: BLE001 - whatever the function of the user raises
            self._end(exc)
        else:
            if opened is False:
                self._end(SignInFailed(NO_BROWSER))

    def _end(self, outcome: "BrowserSignIn | Exception") -> None:
        if self.ended.is_set():
            return
        if isinstance(outcome, Exception):
            self.failure = outcome
        else:
            self.outcome = outcome
        self.ended.set()

    async def _handle(self, request: web.Request) -> web.Response:
        # A page of another host whose name leads to this machine has that name here.
        known = secrets.compare_digest(request.path.encode(), self._path.encode())
        if not known or request.host != f"{HOST}:{self.port}":
            return page("Not found", "There is nothing here.", status=404)
        if request.method != "POST":
            return page("Not signed in", "Sign in at Travis instead.", status=405)
        token = (await read_posted_form(request)).get("token")
        if token is None:
            return page("Not signed in", "There is no token in what was posted.", status=400)
        try:
            user = await owner_of(self._travis, token)
        except (AuthenticationError, PermissionDenied):
            return page("Not signed in", "Travis does not know the token. Try again.", status=403)
        except TravisError as exc:
            self._end(exc)
            return page("Not signed in", "Travis could not be asked whose token it is.", status=503)
        if self.ended.is_set():
            return page("Already signed in", "Another tab was first. You can close this one.", status=409)
        self._end(BrowserSignIn(token=token, user=user))
        return page("Signed in", f"You are signed in as {user.login}. You can close this page.")
