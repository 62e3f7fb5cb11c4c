"""What the tests of pusher-js read from the embedded Travis."""

import json
from typing import Any

import pytest

from aiotravis.testing import TravisServer

EACH = pytest.mark.parametrize("dialect", ["pusher", "slanger", "soketi"])


def sockets_closed(server: TravisServer, times: int) -> bool:
    """Return whether this number of sockets have been opened and closed."""
    return sum("/app/" in seen.path for seen in server.requests) == times


def authorization_requests(server: TravisServer) -> list[dict[str, Any]]:
    """Return the bodies of all requests to ``POST /pusher/auth``."""
    return [json.loads(seen.body) for seen in server.requests if (seen.method, seen.path) == ("POST", "/pusher/auth")]
