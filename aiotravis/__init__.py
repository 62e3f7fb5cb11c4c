"""An asyncio client for the Travis CI API v2, with live log streaming.

Begin with `Travis`: its attributes are the resources, its methods the flows. `aiotravis.resources` is the index of all
routes; `aiotravis.web` is for web applications, and `aiotravis.testing` for tests of your own. Values have `to_dict()`,
which returns plain JSON values, and `to_json()`, which returns bytes.

Names are resolved on first use (PEP 562): `from aiotravis import errors` does not pay for aiohttp.
"""

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from aiotravis import errors, events, log_text, webhooks
    from aiotravis._http import ApiResponse, Results, Unreadable
    from aiotravis._version import __version__
    from aiotravis.bulk.batches import BatchIterator
    from aiotravis.bulk.concurrent_map import ConcurrentMap, Outcome
    from aiotravis.bulk.page_reader import number_key
    from aiotravis.bulk.paginator import Paginator
    from aiotravis.bulk.progress import Progress
    from aiotravis.client import COM, ORG, Travis
    from aiotravis.client.options import ClientOptions
    from aiotravis.client.statistics import Statistics
    from aiotravis.errors import TravisError
    from aiotravis.flows.event_subscriber import BuildRef, JobRef, RepoRef
    from aiotravis.flows.repository_update import RepositoryUpdate
    from aiotravis.flows.watch import Watch, WatchStatus
    from aiotravis.flows.webhook_verifier import WebhookVerifier
    from aiotravis.follow_log import LogLines, LogReset, LogStream
    from aiotravis.live.feed import Feed, FeedStatistics
    from aiotravis.live.monitor import Live, LiveState, LiveStateChanges, LiveStatistics
    from aiotravis.live.options import LiveOptions
    from aiotravis.log_text import LogText, safe_for_terminal
    from aiotravis.rate_limits import Limits, RateLimits, RedisLimits
    from aiotravis.resources._build_or_job import BuildOrJob
    from aiotravis.resources._build_requests import PendingRequest, RequestMessage, RequestStatus
    from aiotravis.resources._log_downloads import LogFile
    from aiotravis.resources._states import State
    from aiotravis.resources.accounts import Account, Accounts
    from aiotravis.resources.annotations import Annotation, Annotations
    from aiotravis.resources.auth import Auth
    from aiotravis.resources.branches import Branch, Branches
    from aiotravis.resources.broadcasts import Broadcast, Broadcasts
    from aiotravis.resources.builds import Build, Builds
    from aiotravis.resources.caches import Cache, Caches
    from aiotravis.resources.commits import Commit
    from aiotravis.resources.config import (
        Config,
        ConfigResource,
        GitHubConfig,
        NotificationsConfig,
        PusherConfig,
        WebhookConfig,
    )
    from aiotravis.resources.env_vars import EnvVar, EnvVars
    from aiotravis.resources.hooks import Hook, Hooks
    from aiotravis.resources.jobs import Job, Jobs
    from aiotravis.resources.lint import Lint, LintWarning
    from aiotravis.resources.logs import Log, LogPart, Logs
    from aiotravis.resources.permissions import Permissions, PermissionsResource
    from aiotravis.resources.pusher_auth import PusherAuth
    from aiotravis.resources.repositories import Repositories, Repository
    from aiotravis.resources.repository_keys import RepositoryKey, RepositoryKeys
    from aiotravis.resources.requests import Request, Requests
    from aiotravis.resources.settings import Settings
    from aiotravis.resources.ssh_keys import SshKey, SshKeys
    from aiotravis.resources.stages import Stage
    from aiotravis.resources.users import User, Users

__all__ = [
    "COM",
    "ORG",
    "Account",
    "Accounts",
    "Annotation",
    "Annotations",
    "ApiResponse",
    "Auth",
    "BatchIterator",
    "Branch",
    "Branches",
    "Broadcast",
    "Broadcasts",
    "Build",
    "BuildOrJob",
    "BuildRef",
    "Builds",
    "Cache",
    "Caches",
    "ClientOptions",
    "Commit",
    "ConcurrentMap",
    "Config",
    "ConfigResource",
    "EnvVar",
    "EnvVars",
    "Feed",
    "FeedStatistics",
    "GitHubConfig",
    "Hook",
    "Hooks",
    "Job",
    "JobRef",
    "Jobs",
    "Limits",
    "Lint",
    "LintWarning",
    "Live",
    "LiveOptions",
    "LiveState",
    "LiveStateChanges",
    "LiveStatistics",
    "Log",
    "LogFile",
    "LogLines",
    "LogPart",
    "LogReset",
    "LogStream",
    "LogText",
    "Logs",
    "NotificationsConfig",
    "Outcome",
    "Paginator",
    "PendingRequest",
    "Permissions",
    "PermissionsResource",
    "Progress",
    "PusherAuth",
    "PusherConfig",
    "RateLimits",
    "RedisLimits",
    "RepoRef",
    "Repositories",
    "Repository",
    "RepositoryKey",
    "RepositoryKeys",
    "RepositoryUpdate",
    "Request",
    "RequestMessage",
    "RequestStatus",
    "Requests",
    "Results",
    "Settings",
    "SshKey",
    "SshKeys",
    "Stage",
    "State",
    "Statistics",
    "Travis",
    "TravisError",
    "Unreadable",
    "User",
    "Users",
    "Watch",
    "WatchStatus",
    "WebhookConfig",
    "WebhookVerifier",
    "__version__",
    "errors",
    "events",
    "log_text",
    "number_key",
    "safe_for_terminal",
    "webhooks",
]

_HOMES: Final = {
    "aiotravis._http": ["ApiResponse", "Results", "Unreadable"],
    "aiotravis._version": ["__version__"],
    "aiotravis.bulk.batches": ["BatchIterator"],
    "aiotravis.bulk.concurrent_map": ["ConcurrentMap", "Outcome"],
    "aiotravis.bulk.page_reader": ["number_key"],
    "aiotravis.bulk.paginator": ["Paginator"],
    "aiotravis.bulk.progress": ["Progress"],
    "aiotravis.client": ["COM", "ORG", "Travis"],
    "aiotravis.client.options": ["ClientOptions"],
    "aiotravis.client.statistics": ["Statistics"],
    "aiotravis.errors": ["TravisError"],
    "aiotravis.flows.event_subscriber": ["BuildRef", "JobRef", "RepoRef"],
    "aiotravis.flows.repository_update": ["RepositoryUpdate"],
    "aiotravis.flows.watch": ["Watch", "WatchStatus"],
    "aiotravis.flows.webhook_verifier": ["WebhookVerifier"],
    "aiotravis.follow_log": ["LogLines", "LogReset", "LogStream"],
    "aiotravis.live.feed": ["Feed", "FeedStatistics"],
    "aiotravis.live.monitor": ["Live", "LiveState", "LiveStateChanges", "LiveStatistics"],
    "aiotravis.live.options": ["LiveOptions"],
    "aiotravis.log_text": ["LogText", "safe_for_terminal"],
    "aiotravis.rate_limits": ["Limits", "RateLimits", "RedisLimits"],
    "aiotravis.resources._build_or_job": ["BuildOrJob"],
    "aiotravis.resources._build_requests": ["PendingRequest", "RequestMessage", "RequestStatus"],
    "aiotravis.resources._log_downloads": ["LogFile"],
    "aiotravis.resources._states": ["State"],
    "aiotravis.resources.accounts": ["Account", "Accounts"],
    "aiotravis.resources.annotations": ["Annotation", "Annotations"],
    "aiotravis.resources.auth": ["Auth"],
    "aiotravis.resources.branches": ["Branch", "Branches"],
    "aiotravis.resources.broadcasts": ["Broadcast", "Broadcasts"],
    "aiotravis.resources.builds": ["Build", "Builds"],
    "aiotravis.resources.caches": ["Cache", "Caches"],
    "aiotravis.resources.commits": ["Commit"],
    "aiotravis.resources.config": [
        "Config",
        "ConfigResource",
        "GitHubConfig",
        "NotificationsConfig",
        "PusherConfig",
        "WebhookConfig",
    ],
    "aiotravis.resources.env_vars": ["EnvVar", "EnvVars"],
    "aiotravis.resources.hooks": ["Hook", "Hooks"],
    "aiotravis.resources.jobs": ["Job", "Jobs"],
    "aiotravis.resources.lint": ["Lint", "LintWarning"],
    "aiotravis.resources.logs": ["Log", "LogPart", "Logs"],
    "aiotravis.resources.permissions": ["Permissions", "PermissionsResource"],
    "aiotravis.resources.pusher_auth": ["PusherAuth"],
    "aiotravis.resources.repositories": ["Repositories", "Repository"],
    "aiotravis.resources.repository_keys": ["RepositoryKey", "RepositoryKeys"],
    "aiotravis.resources.requests": ["Request", "Requests"],
    "aiotravis.resources.settings": ["Settings"],
    "aiotravis.resources.ssh_keys": ["SshKey", "SshKeys"],
    "aiotravis.resources.stages": ["Stage"],
    "aiotravis.resources.users": ["User", "Users"],
}
"""Modules, to the public names that come from each."""

_HOME_OF: Final = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        value = getattr(importlib.import_module(_HOME_OF[name]), name)
    elif name in {"errors", "events", "log_text", "webhooks"}:
        value = importlib.import_module(f"aiotravis.{name}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
