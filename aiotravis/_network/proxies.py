"""Which proxy to use, and the credentials that nobody may send unasked.

With ``trust_env``, aiotravis reads the proxies of the environment itself. aiohttp 3.14 would also read netrc files,
send their passwords to every host that a redirect leads to, and find no proxy for a WebSocket.
"""

import netrc
import os
import sys
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

from aiotravis._validation import trimmed
from aiotravis.errors import UsageError

__all__ = [
    "display_proxy",
    "environment_proxy",
    "netrc_file",
    "proxy_secrets",
    "refuse_netrc",
    "session_proxy",
    "validate_proxy",
]

SCHEMES: Final = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
"""Schemes of URLs, and those of the proxies for them."""


def validate_proxy(proxy: object, argument: str) -> str | None:
    """Return the URL of a proxy, or None for none.

    Raises:
        UsageError: It is not the URL of an HTTP proxy. The message never contains it: it may hold a password.
    """
    if proxy is None:
        return None
    # aiohttp takes a yarl.URL, too.
    text = str(trimmed(proxy)) if isinstance(proxy, str) or type(proxy).__name__ == "URL" else ""
    if not _is_proxy(text):
        message = f"{argument} must be the URL of an HTTP proxy with its scheme, such as 'http://HOST:3128'."
        raise UsageError(message, argument=argument)
    return text


def _is_proxy(url: str) -> bool:
    if not url.isascii() or not url.isprintable() or set(url) & set(' "<>\\^`{|}'):
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def environment_proxy(url: str) -> str | None:
    """Return the proxy for a URL by ``http_proxy``, ``https_proxy`` and ``no_proxy``; None for none.

    WebSockets use the proxies of http and https.

    Raises:
        UsageError: The variable does not hold the URL of an HTTP proxy.
    """
    parts = urlsplit(url)
    host, scheme = parts.hostname or "", SCHEMES.get(parts.scheme, "")
    proxy = getproxies().get(scheme, "").strip()
    port = parts.port or (443 if scheme == "https" else 80)
    if not proxy or proxy_bypass(host) or proxy_bypass(f"{host}:{port}"):
        return None
    if "://" not in proxy:
        # As curl reads it.
        proxy = f"http://{proxy}"
    if not _is_proxy(proxy):
        message = f"trust_env: {scheme}_proxy in the environment must hold the URL of an HTTP proxy."
        raise UsageError(message, argument="trust_env")
    return proxy


def session_proxy(session: aiohttp.ClientSession) -> str | None:
    """Return the proxy that a session was made with, with its credentials; None for none."""
    proxy: object = getattr(session, "_default_proxy", None)
    return None if proxy is None else str(proxy)


def display_proxy(proxy: str) -> str:
    """Return the URL of a proxy for messages, without its credentials."""
    parts = urlsplit(proxy)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def proxy_secrets(proxy: str) -> tuple[str, ...]:
    """Return the credentials in the URL of a proxy."""
    credentials = urlsplit(proxy).netloc.rpartition("@")[0]
    password = credentials.partition(":")[2]
    # Without a password, the user may be a token.
    return tuple(unquote(one) for one in (password or credentials,) if one)


def netrc_file() -> Path | None:
    """Return the netrc file that aiohttp would read; None if there is none."""
    given = os.environ.get("NETRC")
    try:
        file = Path(given) if given is not None else Path.home() / ("_netrc" if sys.platform == "win32" else ".netrc")
        return file if file.is_file() else None
    except (OSError, RuntimeError, ValueError):
        return None


def refuse_netrc(session: aiohttp.ClientSession, endpoint: str) -> None:
    """Check that a session of the caller's own does not send credentials of a netrc file to an endpoint.

    Raises:
        UsageError: It does: beside a token, aiohttp then fails every request.
    """
    host, file = urlsplit(endpoint).hostname or "", netrc_file() if session.trust_env else None
    if file is None or not _has_entry(file, host):
        return
    message = (
        f"session would send a login from {file} to {host}, since its trust_env is set. Make the session without "
        "trust_env, and pass trust_env=True to this client, which reads only the proxies of the environment."
    )
    raise UsageError(message, argument="session")


def _has_entry(file: Path, host: str) -> bool:
    try:
        return netrc.netrc(str(file)).authenticators(host) is not None
    except (OSError, UnicodeDecodeError, netrc.NetrcParseError):
        # aiohttp goes on without it.
        return False
