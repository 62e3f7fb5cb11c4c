"""The site's configuration: which GitHub it goes with, where its live channel is.

https://docs.travis-ci.com/api/#external-apis
"""

import msgspec

from aiotravis._http import Endpoint
from aiotravis.resources._base import Entity, Resource

__all__ = ["Config", "ConfigResource", "GitHubConfig", "NotificationsConfig", "PusherConfig", "WebhookConfig"]


class PusherConfig(Entity, frozen=True, kw_only=True):
    """Where the live channel is.

    Attributes:
        key: Key of the Pusher app; None where the server names none.
        host: Host of a server other than Pusher's (Slanger).
        port: Its port.
        path: Its path prefix.
        scheme: ``https`` or ``http``.
        secure: Whether events travel on private channels only.
        private: The same, in the words of older clients.
    """

    key: str | None = None
    host: str | None = None
    port: int | None = None
    path: str | None = None
    scheme: str | None = None
    secure: bool | None = None
    private: bool | None = None

    @property
    def private_channels(self) -> bool:
        """Whether channel names take the prefix ``private-``."""
        return bool(self.secure or self.private)

    @property
    def tls(self) -> bool:
        """Whether the socket is to be encrypted: anything but ``http``."""
        return self.scheme != "http"


class GitHubConfig(Entity, frozen=True, kw_only=True):
    """Which GitHub the site goes with.

    Attributes:
        api_url: URL of its API.
        scopes: Scopes that a GitHub token needs to sign in with.
    """

    api_url: str | None = None
    scopes: tuple[str, ...] = ()


class WebhookConfig(Entity, frozen=True, kw_only=True):
    """How webhook notifications are signed.

    Attributes:
        public_key: PEM of the public key that verifies them; None where the site publishes none.
    """

    public_key: str | None = None


class NotificationsConfig(Entity, frozen=True, kw_only=True):
    """How the site notifies others of builds.

    Attributes:
        webhook: Webhook notifications, or None.
    """

    webhook: WebhookConfig | None = None


class Config(Entity, frozen=True, kw_only=True):
    """The site's configuration.

    Attributes:
        host: Host of its web pages.
        shorten_host: Host of its short links.
        pusher: Where the live channel is.
        github: Which GitHub it goes with.
        notifications: Holds the key that signs webhooks, see `webhook_public_key`.
    """

    host: str | None = None
    shorten_host: str | None = None
    pusher: PusherConfig | None = None
    github: GitHubConfig | None = None
    notifications: NotificationsConfig | None = msgspec.field(default=None)

    @property
    def webhook_public_key(self) -> str | None:
        """The key, as PEM, that webhook payloads are signed with; None where the site has none."""
        webhook = self.notifications.webhook if self.notifications else None
        return webhook.public_key if webhook else None


class _ConfigResponse(Entity, frozen=True, kw_only=True):
    config: Config


GET = Endpoint("GET", "/config", _ConfigResponse)
UPTIME = Endpoint("GET", "/uptime", str)


class ConfigResource(Resource):
    """``travis.config``."""

    async def get(self) -> Config:
        """Fetch the site's configuration. Needs no token."""
        return (await self._fetch(GET)).config

    async def uptime(self) -> str:
        """Ask whether the site is up.

        Returns:
            ``OK``.

        Raises:
            ServerError: It is not; the message tells what.
        """
        return (await self._fetch(UPTIME)).strip()
