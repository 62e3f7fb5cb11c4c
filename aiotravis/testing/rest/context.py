"""What REST needs of the server."""

from collections.abc import Sequence
from typing import Protocol

from aiotravis.testing.faults.rules import Faults
from aiotravis.testing.live.publisher import LiveMode
from aiotravis.testing.live.pusher import PusherApp
from aiotravis.testing.rest.access import Mode
from aiotravis.testing.rest.rate_rules import RateRules
from aiotravis.testing.rest.switches import Switches
from aiotravis.testing.world.world import World

__all__ = ["ServerContext"]


class ServerContext(Protocol):
    """What routes and middleware need of the server, see `TravisServer`."""

    world: World
    mode: Mode
    pusher: PusherApp
    log_mode: str
    live_mode: LiveMode
    switches: Switches
    faults: Faults
    rates: RateRules | None
    latency: float

    @property
    def archive_url(self) -> str:
        """URL of the log archive."""
        ...

    @property
    def github_url(self) -> str:
        """URL of GitHub's API."""
        ...

    def pusher_config(self) -> dict[str, object] | None:
        """Return the pusher block of ``GET /config``."""
        ...

    def patterns(self) -> Sequence[tuple[str, str]]:
        """Return method and path of every route."""
        ...
