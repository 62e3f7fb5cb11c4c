"""Resources: one attribute per entity of Travis."""

from aiotravis._http import Transport
from aiotravis.resources._runs import Restarts
from aiotravis.resources.accounts import Accounts
from aiotravis.resources.annotations import Annotations
from aiotravis.resources.auth import Auth
from aiotravis.resources.branches import Branches
from aiotravis.resources.broadcasts import Broadcasts
from aiotravis.resources.builds import Builds
from aiotravis.resources.caches import Caches
from aiotravis.resources.config import ConfigResource
from aiotravis.resources.env_vars import EnvVars
from aiotravis.resources.hooks import Hooks
from aiotravis.resources.jobs import Jobs
from aiotravis.resources.lint import Lint
from aiotravis.resources.logs import Logs
from aiotravis.resources.permissions import PermissionsResource
from aiotravis.resources.pusher_auth import PusherAuth
from aiotravis.resources.repositories import Repositories
from aiotravis.resources.repository_keys import RepositoryKeys
from aiotravis.resources.requests import Requests
from aiotravis.resources.settings import Settings
from aiotravis.resources.ssh_keys import SshKeys
from aiotravis.resources.users import Users

__all__ = ["Resources"]


class Resources:
    """All resources, one attribute each."""

    def _bind_resources(self, transport: Transport, token: str | None, endpoint: str, restarts: Restarts) -> None:
        """Make the resources.

        Args:
            transport: Sends their requests.
            token: API token, or None.
            endpoint: URL of the API, without a trailing slash.
            restarts: Remembers the restarts.
        """
        self.accounts: Accounts = Accounts(transport)
        self.annotations: Annotations = Annotations(transport)
        self.auth: Auth = Auth(transport, token, endpoint)
        self.branches: Branches = Branches(transport)
        self.broadcasts: Broadcasts = Broadcasts(transport)
        self.builds: Builds = Builds(transport, restarts, endpoint)
        self.caches: Caches = Caches(transport)
        self.config: ConfigResource = ConfigResource(transport)
        self.env_vars: EnvVars = EnvVars(transport)
        self.hooks: Hooks = Hooks(transport)
        self.jobs: Jobs = Jobs(transport, restarts)
        self.lint: Lint = Lint(transport)
        self.logs: Logs = Logs(transport)
        self.permissions: PermissionsResource = PermissionsResource(transport)
        self.pusher_auth: PusherAuth = PusherAuth(transport)
        self.repos: Repositories = Repositories(transport)
        self.repository_keys: RepositoryKeys = RepositoryKeys(transport)
        self.requests: Requests = Requests(transport)
        self.settings: Settings = Settings(transport)
        self.ssh_keys: SshKeys = SshKeys(transport)
        self.users: Users = Users(transport)
