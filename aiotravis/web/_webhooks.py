"""Receive webhooks with aiohttp.web.

https://docs.travis-ci.com/user/notifications/#configuring-webhook-notifications
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from aiotravis._validation import validate_instance
from aiotravis.errors import TravisError, UsageError, WebhookRejected
from aiotravis.flows.webhook_verifier import WebhookVerifier
from aiotravis.web._bodies import read_body
from aiotravis.webhooks import Notification

__all__ = ["webhook_handler"]

logger: logging.Logger = logging.getLogger("aiotravis.web")

MAX_BODY_BYTES: Final = 4 << 20
"""Largest body. A build of 200 jobs has half a megabyte."""

BODY_SECONDS: Final = 60.0
"""Time for a body to arrive: as long as Travis waits for the answer (fact beyond 2.5)."""

Handler = Callable[[web.Request], Awaitable[web.Response]]


def webhook_handler(verifier: WebhookVerifier, receive: Callable[[Notification], Awaitable[None]]) -> Handler:
    """Return a handler of aiohttp.web that verifies webhooks and passes on their notifications.

    ``app.router.add_post("/travis", webhook_handler(travis.webhook_verifier(), receive))``

    It answers 204 once `receive` has returned, 403 to what is not signed by Travis, and 503 if the site's key cannot be
    had. Travis sends nothing twice, whatever the answer, and waits 60 seconds for it: let `receive` start the work and
    return. A middleware in front of it must neither read the body nor require a token against forgery.

    Args:
        verifier: From `Travis.webhook_verifier`.
        receive: An async function that is called with each notification. What it raises is a 500, logged by aiohttp.

    Raises:
        UsageError: An argument is not valid.
    """
    validate_instance(verifier, WebhookVerifier, "verifier")
    if not callable(receive):
        raise UsageError("receive must be an async function.", argument="receive")

    async def handle(request: web.Request) -> web.Response:
        signature = request.headers.get("Signature")
        # What is not signed is not read.
        body = b"" if signature is None else await read_body(request, MAX_BODY_BYTES, BODY_SECONDS)
        try:
            notification = await verifier.verify(body, signature)
        except WebhookRejected as exc:
            logger.warning("A webhook was refused: %s", exc)
            return web.Response(status=503 if exc.check == "key" else 403, text=f"Refused: {exc.check}.\n")
        except TravisError as exc:
            logger.error("A webhook was refused, since the key to verify it with cannot be fetched: %s", exc)
            return web.Response(status=503, text="Refused: key.\n")
        await receive(notification)
        return web.Response(status=204)

    return handle
