"""An embedded Travis for tests, examples and demos: REST, the live channel, played builds, faults.

`TravisServer` serves a `World`; `FaultProxy` disturbs the connections to it.
"""

from aiotravis.testing.demo import Demo
from aiotravis.testing.faults.proxy import FaultProxy
from aiotravis.testing.faults.rules import Fault, Faults, LiveFault, LiveRule, RestFault, RestRule
from aiotravis.testing.live.publisher import LiveMode
from aiotravis.testing.live.pusher import Dialect, PusherApp, RecordedFrame, ServerConnection
from aiotravis.testing.rest.access import Mode
from aiotravis.testing.rest.archive import ArchiveHost
from aiotravis.testing.rest.github import Authorization, GitHubRoutes
from aiotravis.testing.rest.middleware import RequestSeen
from aiotravis.testing.rest.rate_rules import RateRules, WindowCounter
from aiotravis.testing.rest.routes import ServerContext
from aiotravis.testing.rest.switches import Gatekeeper, Switches
from aiotravis.testing.rest.webhooks import WebhookDelivery, Webhooks
from aiotravis.testing.server import TravisServer
from aiotravis.testing.server_thread import TravisServerThread
from aiotravis.testing.world.builds import Build, Job, Notify, Repository, WorldContext
from aiotravis.testing.world.log_tokens import LogToken, LogTokens
from aiotravis.testing.world.models import Annotation, Broadcast, Commit, Log, LogForm, Organization, Part, User
from aiotravis.testing.world.playback import play
from aiotravis.testing.world.repository_data import Cache, Cron, EnvVar, RepositoryData, Request, RequestMessage, SshKey
from aiotravis.testing.world.sample_logs import SAMPLE_LOGS, sample_log
from aiotravis.testing.world.stages import Stage, StageJob
from aiotravis.testing.world.world import World

__all__ = [
    "SAMPLE_LOGS",
    "Annotation",
    "ArchiveHost",
    "Authorization",
    "Broadcast",
    "Build",
    "Cache",
    "Commit",
    "Cron",
    "Demo",
    "Dialect",
    "EnvVar",
    "Fault",
    "FaultProxy",
    "Faults",
    "Gatekeeper",
    "GitHubRoutes",
    "Job",
    "LiveFault",
    "LiveMode",
    "LiveRule",
    "Log",
    "LogForm",
    "LogToken",
    "LogTokens",
    "Mode",
    "Notify",
    "Organization",
    "Part",
    "PusherApp",
    "RateRules",
    "RecordedFrame",
    "Repository",
    "RepositoryData",
    "Request",
    "RequestMessage",
    "RequestSeen",
    "RestFault",
    "RestRule",
    "ServerConnection",
    "ServerContext",
    "SshKey",
    "Stage",
    "StageJob",
    "Switches",
    "TravisServer",
    "TravisServerThread",
    "User",
    "WebhookDelivery",
    "Webhooks",
    "WindowCounter",
    "World",
    "WorldContext",
    "play",
    "sample_log",
]


def __dir__() -> list[str]:
    return __all__
