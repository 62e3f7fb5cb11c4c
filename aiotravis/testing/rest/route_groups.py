"""All groups of routes of the embedded Travis, in the order in which they are matched."""

from aiotravis.testing.rest.actions import ActionRoutes
from aiotravis.testing.rest.badges_and_feeds import BadgeAndFeedRoutes
from aiotravis.testing.rest.builds import BuildRoutes
from aiotravis.testing.rest.caches import CacheRoutes
from aiotravis.testing.rest.jobs import JobRoutes
from aiotravis.testing.rest.logs import LogRoutes
from aiotravis.testing.rest.repositories import RepositoryRoutes
from aiotravis.testing.rest.requests import RequestRoutes
from aiotravis.testing.rest.routes import Routes
from aiotravis.testing.rest.settings import SettingRoutes
from aiotravis.testing.rest.sign_in import SignInRoutes
from aiotravis.testing.rest.system import SystemRoutes
from aiotravis.testing.rest.users import UserRoutes
from aiotravis.testing.rest.v3_actions import V3ActionRoutes
from aiotravis.testing.rest.v3_builds import V3BuildRoutes
from aiotravis.testing.rest.v3_repositories import V3RepositoryRoutes
from aiotravis.testing.rest.v3_requests import V3RequestRoutes

__all__ = ["ROUTE_GROUPS"]

ROUTE_GROUPS: tuple[type[Routes], ...] = (
    # Badges and feeds come first: other routes match their suffixes as part of a name.
    BadgeAndFeedRoutes,
    UserRoutes,
    SignInRoutes,
    SettingRoutes,
    CacheRoutes,
    RequestRoutes,
    ActionRoutes,
    SystemRoutes,
    BuildRoutes,
    JobRoutes,
    LogRoutes,
    RepositoryRoutes,
    V3RequestRoutes,
    V3RepositoryRoutes,
    V3BuildRoutes,
    V3ActionRoutes,
)
