"""An asyncio client for the Travis CI API v2, with live log streaming."""

from aiotravis import errors
from aiotravis._version import __version__
from aiotravis.client import COM, ORG, Travis
from aiotravis.errors import TravisError
from aiotravis.flows.log_following import LogReset, LogStream
from aiotravis.live import events
from aiotravis.live.feed import Feed, FeedStatistics
from aiotravis.resources._base import number_key
from aiotravis.resources._states import State
from aiotravis.resources.builds import Build
from aiotravis.resources.commits import Commit
from aiotravis.resources.config import Config
from aiotravis.resources.jobs import Job
from aiotravis.resources.logs import Log, LogPart
from aiotravis.resources.repositories import Repository
from aiotravis.resources.stages import Stage
from aiotravis.resources.users import User

__all__ = [
    "COM",
    "ORG",
    "Build",
    "Commit",
    "Config",
    "Feed",
    "FeedStatistics",
    "Job",
    "Log",
    "LogPart",
    "LogReset",
    "LogStream",
    "Repository",
    "Stage",
    "State",
    "Travis",
    "TravisError",
    "User",
    "__version__",
    "errors",
    "events",
    "number_key",
]
