"""An asyncio client for the Travis CI API v2, with live log streaming."""

from aiotravis import errors
from aiotravis._budget import Limits
from aiotravis._http import Reply
from aiotravis._version import __version__
from aiotravis.client import COM, ORG, Travis
from aiotravis.errors import TravisError
from aiotravis.flows import log_text
from aiotravis.flows.log_following import LogReset, LogStream
from aiotravis.flows.log_text import LogText, safe_for_terminal
from aiotravis.live import events
from aiotravis.live.feed import Feed, FeedStatistics
from aiotravis.live.health import LiveState, LiveStatistics
from aiotravis.live.options import LiveOptions
from aiotravis.resources._base import number_key
from aiotravis.resources._downloads import LogFile
from aiotravis.resources._mapped import Outcome
from aiotravis.resources._progress import Progress
from aiotravis.resources._states import State
from aiotravis.resources.accounts import Account
from aiotravis.resources.annotations import Annotation
from aiotravis.resources.branches import Branch
from aiotravis.resources.broadcasts import Broadcast
from aiotravis.resources.builds import Build
from aiotravis.resources.caches import Cache
from aiotravis.resources.commits import Commit
from aiotravis.resources.config import Config
from aiotravis.resources.env_vars import EnvVar
from aiotravis.resources.hooks import Hook
from aiotravis.resources.jobs import Job
from aiotravis.resources.lint import LintWarning
from aiotravis.resources.logs import Log, LogPart
from aiotravis.resources.permissions import Permissions
from aiotravis.resources.repositories import Repository
from aiotravis.resources.repository_keys import RepositoryKey
from aiotravis.resources.requests import Request
from aiotravis.resources.ssh_keys import SshKey
from aiotravis.resources.stages import Stage
from aiotravis.resources.users import User

__all__ = [
    "COM",
    "ORG",
    "Account",
    "Annotation",
    "Branch",
    "Broadcast",
    "Build",
    "Cache",
    "Commit",
    "Config",
    "EnvVar",
    "Feed",
    "FeedStatistics",
    "Hook",
    "Job",
    "Limits",
    "LintWarning",
    "LiveOptions",
    "LiveState",
    "LiveStatistics",
    "Log",
    "LogFile",
    "LogPart",
    "LogReset",
    "LogStream",
    "LogText",
    "Outcome",
    "Permissions",
    "Progress",
    "Reply",
    "Repository",
    "RepositoryKey",
    "Request",
    "SshKey",
    "Stage",
    "State",
    "Travis",
    "TravisError",
    "User",
    "__version__",
    "errors",
    "events",
    "log_text",
    "number_key",
    "safe_for_terminal",
]
