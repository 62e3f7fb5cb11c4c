"""Verifying webhooks with the key of a site, which is fetched once and again when it may have changed.

https://docs.travis-ci.com/user/notifications/#verifying-webhook-requests
"""

import copy
import logging
import math
from typing import Final

import anyio

from aiotravis._async.handle import Handle, running_loop
from aiotravis.errors import TravisError, WebhookRejected
from aiotravis.resources.config import ConfigResource
from aiotravis.webhooks import Notification, verify

__all__ = ["WebhookVerifier"]

logger: logging.Logger = logging.getLogger("aiotravis.flows")

KEY_INTERVAL: Final = 300.0
"""Shortest time between two looks at the site's key, in seconds: anyone can send requests that fail."""


class WebhookVerifier(Handle):
    """Verifies webhooks of one site; from `Travis.webhook_verifier`. It holds no task and no connection."""

    def __init__(self, config: ConfigResource) -> None:
        self._config = config
        self._key: str | None = None
        self._asked = -math.inf
        self._lock = anyio.Lock()
        self._failure: TravisError | None = None
        self._failures = 0

    async def verify(self, body: bytes, signature: str | None) -> Notification:
        """Return the notification of a webhook request, if Travis signed it.

        Args:
            body: Body of the request exactly as received, before anything parses it: ``payload=...``.
            signature: Its header ``Signature``; None if it has none.

        Raises:
            WebhookRejected: A check failed, see its ``check``.
            RequestError: The site's key could not be fetched, and none is known yet.
            ResponseError: As RequestError.
            UsageError: The extra ``crypto`` is not installed, an argument has another type, or the client is closed.
        """
        running_loop()
        tried, failures = self._key, self._failures
        try:
            return verify(body, signature, tried)
        except WebhookRejected as exc:
            # Only the key can be at fault: what is malformed asks for nothing.
            if exc.check not in {"key", "mismatch"}:
                raise
            rejected = exc
        async with self._lock:
            if self._key == tried:
                await self._look(failures)
        if self._key == tried:
            raise rejected
        return verify(body, signature, self._key)

    async def _look(self, failures: int) -> None:
        """Fetch the site's key, unless that was done lately.

        Raises:
            TravisError: It could not be fetched, and none is known; for everyone who has waited for the same attempt.
        """
        started = anyio.current_time()
        if started - self._asked < KEY_INTERVAL:
            return
        if self._failure is not None and self._failures != failures and self._key is None:
            raise copy.copy(self._failure)
        try:
            key = (await self._config.get()).webhook_public_key
        except TravisError as exc:
            if self._key is None:
                self._failure, self._failures = exc, self._failures + 1
                raise
            logger.warning("A webhook does not fit the key, and whether the site has a new one cannot be read: %s", exc)
        else:
            # An answer without a key says nothing about the one that is known.
            self._key = key or self._key
        self._asked = started
