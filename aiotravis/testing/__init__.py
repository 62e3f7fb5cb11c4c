"""A Travis in your process: REST, the live channel, scripted builds; for tests, examples and demonstrations."""

from aiotravis.testing.demo import Demo
from aiotravis.testing.faults.proxy import FaultProxy
from aiotravis.testing.faults.rules import Fault, Faults
from aiotravis.testing.live.publisher import LiveMode
from aiotravis.testing.live.pusher import Dialect, PusherApp, RecordedFrame, ServerConnection
from aiotravis.testing.rest.access import Mode
from aiotravis.testing.rest.middleware import RequestSeen
from aiotravis.testing.rest.switches import Switches
from aiotravis.testing.server import TravisServer
from aiotravis.testing.world.playback import play, sample_log
from aiotravis.testing.world.stages import Stage
from aiotravis.testing.world.world import (
    Broadcast,
    Build,
    Commit,
    Job,
    Log,
    Organization,
    Part,
    Repository,
    User,
    World,
)

__all__ = [
    "Broadcast",
    "Build",
    "Commit",
    "Demo",
    "Dialect",
    "Fault",
    "FaultProxy",
    "Faults",
    "Job",
    "LiveMode",
    "Log",
    "Mode",
    "Organization",
    "Part",
    "PusherApp",
    "RecordedFrame",
    "Repository",
    "RequestSeen",
    "ServerConnection",
    "Stage",
    "Switches",
    "TravisServer",
    "User",
    "World",
    "play",
    "sample_log",
]
