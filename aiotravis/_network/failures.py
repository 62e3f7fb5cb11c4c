"""Why a server could not be reached: the culprit and its reason, and a cause that holds no secrets.

aiohttp's exceptions hold URLs, headers and what a server sent, so none of them becomes the cause of an error.
"""

import socket
import ssl
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from aiotravis._http.redaction import redact
from aiotravis._network.proxies import display_proxy, proxy_variable

__all__ = ["failure", "root_cause"]


def failure(exc: Exception, url: str, *, proxy: str | None, endpoint: str | None = None) -> str:
    """Return who is to blame for a request that got no response, and why: ``"https://host: its name is unknown"``.

    Args:
        exc: What aiohttp raised.
        url: The URL that was requested.
        proxy: The proxy in use, or None.
        endpoint: The URL that the user gave, if this is a request to it.
    """
    parts = urlsplit(url)
    server = endpoint or f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    if isinstance(exc, TimeoutError):
        through = f" through the proxy {display_proxy(proxy)}" if proxy is not None else ""
        return f"{server} did not answer in time{through}. Try again later, or raise the timeouts."
    culprit, check = server, "; is the endpoint right?" if endpoint else ""
    if proxy is not None and _is_of_proxy(exc, proxy):
        variable = proxy_variable(url, proxy)
        culprit = f"the proxy {display_proxy(proxy)}"
        check = f"; is {variable} in the environment right?" if variable else "; is the proxy right?"
    return f"{culprit}: {_reason(exc, server)}{check}"


def _reason(exc: Exception, server: str) -> str:
    if isinstance(exc, aiohttp.ClientHttpProxyError):
        needs = ", so it needs a user and a password in its URL" if exc.status == 407 else ""
        return f"it refuses to connect to {server} with status {exc.status}{needs}"
    if isinstance(exc, aiohttp.ClientConnectorCertificateError):
        return f"its certificate is not valid ({_tls_reason(exc.certificate_error)}), or needs ssl="
    if isinstance(exc, aiohttp.ClientConnectorSSLError):
        # aiohttp's type says too little.
        error: Any = exc
        return f"TLS failed ({_tls_reason(error.os_error)})"
    if isinstance(exc, aiohttp.ClientConnectorDNSError):
        # A resolver that cannot be asked knows nothing of names.
        is_offline = isinstance(exc.os_error, socket.gaierror) and exc.os_error.errno == socket.EAI_AGAIN
        return (
            "its name cannot be looked up at present: there may be no network" if is_offline else "its name is unknown"
        )
    if isinstance(exc, aiohttp.ClientConnectorError):
        return f"no connection ({exc.strerror or type(exc.os_error).__name__})"
    if isinstance(exc, aiohttp.WSServerHandshakeError):
        return f"it answers the handshake with status {exc.status}"
    if isinstance(exc, aiohttp.ServerDisconnectedError | OSError):
        return "the connection was lost before a response came"
    return f"the response is not HTTP ({type(exc).__name__})"


def _is_of_proxy(exc: Exception, proxy: str) -> bool:
    if isinstance(exc, aiohttp.ClientHttpProxyError | aiohttp.ClientProxyConnectionError):
        return True
    parts = urlsplit(proxy)
    # aiohttp has no class of its own for the name and the certificate of a proxy.
    return (
        isinstance(exc, aiohttp.ClientConnectorError)
        and exc.host.lower() == (parts.hostname or "")
        and exc.port == (parts.port or (443 if parts.scheme == "https" else 80))
    )


def _tls_reason(exc: Exception) -> str:
    if isinstance(exc, ssl.SSLCertVerificationError):
        return exc.verify_message.rstrip(".")
    reason = exc.reason if isinstance(exc, ssl.SSLError) else None
    return reason.replace("_", " ").lower() if reason else type(exc).__name__


def root_cause(exc: BaseException, secrets: tuple[str, ...]) -> Exception:
    """Return a cause to show for an exception: with its kind and number, without what a server or a user sent."""
    if isinstance(exc, aiohttp.ClientConnectorCertificateError):
        exc = exc.certificate_error
    elif isinstance(exc, aiohttp.ClientConnectorError):
        exc = exc.os_error
    if isinstance(exc, TimeoutError):
        return TimeoutError()
    if isinstance(exc, OSError) and exc.errno is not None:
        # By its number, OSError chooses its own subclass: ConnectionRefusedError and the like.
        return OSError(exc.errno, redact(exc.strerror or "", secrets))
    # Parsers of HTTP quote the bytes that they do not understand, cut anywhere: no secret would be recognised in them.
    return ConnectionError(type(exc).__name__)
