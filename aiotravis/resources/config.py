"""The site's configuration: its GitHub, its live channel, its webhook key.

https://docs.travis-ci.com/api/#external-apis
"""

from aiotravis._http import Endpoint
from aiotravis.resources._base import Entity, Resource

__all__ = ["Config", "ConfigResource", "GitHubConfig", "NotificationsConfig", "PusherConfig", "WebhookConfig"]


class PusherConfig(Entity, frozen=True, kw_only=True):
    """How to connect to the live channel.

    Attributes:
        key: Key of the Pusher app.
        host: Host of a server other than Pusher's, such as Slanger.
        port: Port of that server.
        path: Path prefix on that server.
        scheme: ``https`` or ``http``.
        secure: Whether events are sent on private channels only.
        private: Older name of ``secure``.
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
        """Whether channel names have the prefix ``private-``."""
        return bool(self.secure or self.private)

    @property
    def tls(self) -> bool:
        """Whether to use TLS: with every ``scheme`` but ``http``."""
        return (self.scheme or "").lower() != "http"


class GitHubConfig(Entity, frozen=True, kw_only=True):
    """The GitHub that the site works with.

    Attributes:
        api_url: URL of its API.
        scopes: Scopes that a GitHub token needs for `Auth.github`.
    """

    api_url: str | None = None
    scopes: tuple[str, ...] = ()


class WebhookConfig(Entity, frozen=True, kw_only=True):
    """How webhook notifications are signed, see `Config.webhook_public_key`."""

    public_key: str | None = None


class NotificationsConfig(Entity, frozen=True, kw_only=True):
    """How the site sends notifications about builds."""

    webhook: WebhookConfig | None = None


class Config(Entity, frozen=True, kw_only=True):
    """The site's configuration.

    Attributes:
        host: Host of the website.
        shorten_host: Host of short links.
    """

    host: str | None = None
    shorten_host: str | None = None
    pusher: PusherConfig | None = None
    github: GitHubConfig | None = None
    notifications: NotificationsConfig | None = None

    @property
    def webhook_public_key(self) -> str | None:
        """Public key that verifies webhook notifications, as PEM, or None."""
        webhook = self.notifications.webhook if self.notifications else None
        return webhook.public_key if webhook else None


class _ConfigResponse(Entity, frozen=True, kw_only=True):
    config: Config


GET = Endpoint("GET", "/config", _ConfigResponse)
UPTIME = Endpoint("GET", "/uptime", str)  # fact 9.1: plain text, although typed as JSON


class ConfigResource(Resource):
    """``travis.config``."""

    async def get(self) -> Config:
        """Fetch the site's configuration. No token is needed."""
        return (await self._fetch(GET)).config

    async def uptime(self) -> str:
        """Return ``OK`` if the site is up.

        Raises:
            ServerError: It is not; the message holds the reason.
        """
        return (await self._fetch(UPTIME)).strip()
