"""Webhooks: the key of the site, signed notifications, and sending them.

https://docs.travis-ci.com/user/notifications/#configuring-webhook-notifications
"""

import asyncio
import base64
import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import quote_plus

import aiohttp

from aiotravis.testing.world.webhook_payloads import webhook_payload
from aiotravis.testing.world.webhook_targets import is_loopback, webhook_targets
from aiotravis.testing.world.world import Build, Job, Part, World

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

__all__ = ["WebhookDelivery", "Webhooks"]

EVENTS: Final = frozenset({"build:started", "build:finished", "build:canceled"})
"""fact beyond 2.4: there are no notifications of anything else."""

TIMEOUT_SECONDS: Final = 60.0

MAX_REDIRECTS: Final = 3


def _new_key() -> "RSAPrivateKey":
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

    return generate_private_key(public_exponent=65_537, key_size=2048)


_first_key = functools.cache(_new_key)
"""The key of every server of this process until it gets another: making one takes a tenth of a second."""


@dataclass(frozen=True)
class WebhookDelivery:
    """A notification that was sent, or is to be sent.

    Attributes:
        url: Where it was sent.
        body: Body of the request: a form with the field ``payload``.
        headers: Headers of the request, with its ``Signature``.
        status: HTTP status of the answer; None if there was none.
    """

    url: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    status: int | None = None


class Webhooks:
    """Webhooks of a server, which sends one for every build that starts or ends.

    Each goes to all of `urls`, and to those that ``notifications.webhooks`` of the `Build.config` names for the event.
    A .travis.yml that was copied has real URLs: of these, only those of this machine are sent to. For others, and for
    what a program does to a build outside an event loop, a delivery without a status is recorded.

    Needs the package cryptography; without it the site has no key, and what it sends is not signed.

    Args:
        world: World whose builds it reports.
        max_records: Number of deliveries to record; None for all.

    Attributes:
        urls: Where to send notifications, of all repositories, whatever their configurations say; none at first.
        signed: Whether the site has a key; may be changed at any time.
        deliveries: The last deliveries, in the order of their answers.
    """

    def __init__(self, world: World, max_records: int | None = None) -> None:
        self._world = world
        self._max_records = max_records
        self._key: RSAPrivateKey | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.urls: list[str] = []
        self.signed = True
        self.deliveries: list[WebhookDelivery] = []

    def watch(self) -> None:
        """Send a notification for every event of the world from now on."""
        publish = self._world.notify

        def notify(event: str, about: Build | Job, part: Part | None) -> None:
            publish(event, about, part)
            if event in EVENTS and isinstance(about, Build):
                of_config = webhook_targets(about, event)
                urls = dict.fromkeys([*self.urls, *of_config])
                if urls:
                    self._start(about, {url: url in self.urls or is_loopback(url) for url in urls})

        self._world.notify = notify

    @property
    def public_key(self) -> str | None:
        """Public key that verifies what is sent, as PEM; None if the site has none."""
        key = self._private_key() if self.signed else None
        if key is None:
            return None
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def renew_key(self) -> None:
        """Replace the key by a new one."""
        self._key = _new_key()

    def _private_key(self) -> "RSAPrivateKey | None":
        if self._key is None:
            try:
                self._key = _first_key()
            except ImportError:
                return None
        return self._key

    def sign(self, payload: str) -> str:
        """Return the header ``Signature`` for a payload.

        Args:
            payload: Its JSON text, exactly as it is sent.

        Raises:
            RuntimeError: The site has no key.
        """
        key = self._private_key() if self.signed else None
        if key is None:
            raise RuntimeError("The site has no key: set signed, and install cryptography.")
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA1

        # fact beyond 2.2: over the text as it is before it is encoded for the form.
        signature = key.sign(payload.encode(), PKCS1v15(), SHA1())  # noqa: S303 - what Travis signs with
        return base64.b64encode(signature).decode()

    def prepare(self, build: Build, url: str = "", *, payload: str | None = None) -> WebhookDelivery:
        """Return a notification about a build as it is now, and send nothing.

        Args:
            build: The build.
            url: Where it is to be sent.
            payload: JSON text to send instead.
        """
        text = webhook_payload(build) if payload is None else payload
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "User-Agent": "Travis CI Notifications",
            "Travis-Repo-Slug": build.repository.slug,
        }
        if self.signed and self._private_key() is not None:
            headers["Signature"] = self.sign(text)
        return WebhookDelivery(url, f"payload={quote_plus(text)}".encode(), headers)

    async def send(self, build: Build, url: str, *, payload: str | None = None) -> WebhookDelivery:
        """Send a notification about a build as it is now, once, and wait for the answer.

        Args:
            build: The build.
            url: Where to send it.
            payload: JSON text to send instead.
        """
        return await self._deliver(self.prepare(build, url, payload=payload))

    async def _deliver(self, delivery: WebhookDelivery) -> WebhookDelivery:
        # fact beyond 2.5: one attempt of 60 s, at most three redirects, whatever comes of it.
        status = None
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            try:
                async with session.post(
                    delivery.url, data=delivery.body, headers=delivery.headers, max_redirects=MAX_REDIRECTS + 1
                ) as response:
                    status = response.status
            except (aiohttp.ClientError, TimeoutError, ValueError):
                pass
        return self._record(WebhookDelivery(delivery.url, delivery.body, delivery.headers, status))

    def _record(self, delivery: WebhookDelivery) -> WebhookDelivery:
        self.deliveries.append(delivery)
        if self._max_records is not None:
            del self.deliveries[: -self._max_records]
        return delivery

    def _start(self, build: Build, urls: Mapping[str, bool]) -> None:
        """Send a notification to each URL whose value says so; record the others."""
        deliveries = [(self.prepare(build, url), is_sent) for url, is_sent in urls.items()]
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            for delivery, _ in deliveries:
                self._record(delivery)
            return

        async def send() -> None:
            # fact beyond 2.5: one URL after the other; a start and its end are sent independently.
            for delivery, is_sent in deliveries:
                if is_sent:
                    await self._deliver(delivery)
                else:
                    self._record(delivery)

        task = loop.create_task(send())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def wait_sent(self) -> None:
        """Wait until everything that builds have caused so far is answered, or has failed."""
        if self._tasks:
            await asyncio.wait(set(self._tasks))

    async def stop(self) -> None:
        """Stop sending."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
