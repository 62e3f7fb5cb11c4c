"""The site's configuration: decoded responses."""

from aiotravis.resources.config import ConfigResource
from tests.samples import Scripted

FULL = b"""{"config":{"host":"travis-ci.org","shorten_host":"trvs.io","assets":{"host":"x"},
"pusher":{"key":"5df8","host":"slanger","port":"8080","path":"/p","scheme":"http","secure":true},
"github":{"api_url":"https://api.github.com","scopes":["repo"]},
"notifications":{"webhook":{"public_key":"-----BEGIN"}}}}"""


async def test_a_full_configuration_is_read_and_a_port_can_be_a_string() -> None:
    config = await ConfigResource(Scripted(FULL)).get()
    assert config.pusher is not None
    assert (config.pusher.port, config.pusher.tls, config.pusher.private_channels) == (8080, False, True)
    assert config.github is not None
    assert config.github.scopes == ("repo",)
    assert config.webhook_public_key == "-----BEGIN"


async def test_a_minimal_configuration_is_read() -> None:
    config = await ConfigResource(Scripted(b'{"config":{"pusher":{"key":"k"}}}')).get()
    assert config.pusher is not None
    assert (config.pusher.tls, config.pusher.private_channels, config.webhook_public_key) == (True, False, None)
    assert (await ConfigResource(Scripted(b'{"config":{"notifications":{}}}')).get()).webhook_public_key is None
