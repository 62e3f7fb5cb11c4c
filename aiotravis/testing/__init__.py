"""A Travis in your process: REST, the live channel, scripted builds; for tests, examples and demonstrations."""

from aiotravis.testing.access import Mode
from aiotravis.testing.demo import Demo
from aiotravis.testing.fault_proxy import FaultProxy
from aiotravis.testing.faults import Fault, Faults
from aiotravis.testing.publishing import LiveMode
from aiotravis.testing.pusher import Connection, Dialect, Frame, PusherApp
from aiotravis.testing.reception import RequestSeen
from aiotravis.testing.script import play, sample_log
from aiotravis.testing.server import TravisServer
from aiotravis.testing.stages import Stage
from aiotravis.testing.switches import Switches
from aiotravis.testing.world import (
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
    "Connection",
    "Demo",
    "Dialect",
    "Fault",
    "FaultProxy",
    "Faults",
    "Frame",
    "Job",
    "LiveMode",
    "Log",
    "Mode",
    "Organization",
    "Part",
    "PusherApp",
    "Repository",
    "RequestSeen",
    "Stage",
    "Switches",
    "TravisServer",
    "User",
    "World",
    "play",
    "sample_log",
]
