"""For aiohttp.web: receive webhooks, let people into an application with their Travis account, sign in with a browser.

Travis gives tokens only to its own hosts, to those that the owner of a Travis CI Enterprise lists in
``auth.target_origin``, and to ``localhost`` or ``127.0.0.1`` on a port above 1023. With travis-ci.com,
`sign_in_middleware` therefore works on your own machine only; `sign_in` works with every site.
"""

from aiotravis.web._loopback import BrowserSignIn, sign_in
from aiotravis.web._middleware import SessionUser, session_user, sign_in_middleware
from aiotravis.web._webhooks import webhook_handler

__all__ = ["BrowserSignIn", "SessionUser", "session_user", "sign_in", "sign_in_middleware", "webhook_handler"]


def __dir__() -> list[str]:
    return __all__
