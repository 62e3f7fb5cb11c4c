"""Routes of users: accounts, broadcasts, hooks, permissions, the current user.

https://docs.travis-ci.com/api/#users
"""

from collections.abc import Sequence

from aiohttp import web

from aiotravis.testing.rest.access import ErrorResponse, not_found, server_error
from aiotravis.testing.rest.parameters import Fields, is_true, path_id, read_object
from aiotravis.testing.rest.routes import Handler, Routes, SerializedResponse, json_response
from aiotravis.testing.world.builds import Repository
from aiotravis.testing.world.models import Broadcast, Organization, User
from aiotravis.testing.world.payloads import user_json

__all__ = ["UserRoutes"]

KNOWN_LOCALES = frozenset({"en", "de", "fr"})

BROADCAST_LIFETIME = 14 * 86_400.0
"""Time for which a broadcast is shown, in seconds."""

FIELDS_SINCE_2014 = frozenset({"channels", "avatar_url", "first_logged_in_at", "allow_migration", "vcs_type"})
"""Fields of users that servers of 2014 lack, see fact 3.18."""


class UserRoutes(Routes):
    """Routes of users."""

    def table(self) -> Sequence[tuple[str, str, Handler]]:
        """Return method, path and handler of each route."""
        return (
            ("GET", "/accounts", self.accounts),
            ("GET", "/broadcasts", self.broadcasts),
            ("GET", "/hooks", self.hooks),
            ("PUT", "/hooks", self.hook),
            ("PUT", "/hooks/{id}", self.hook),
            ("GET", "/users/permissions", self.permissions),
            ("POST", "/users/sync", self.sync),
            ("GET", "/users", self.user),
            ("GET", "/users/{id}", self.user),
            ("PUT", "/users", self.update),
            ("PUT", "/users/{id}", self.update),
        )

    def _user(self, request: web.Request, *, guarded: bool = True) -> User:
        user = self._caller(request, guarded=guarded, private=True).user
        if user is None:
            raise ErrorResponse(401, b"no access token supplied")
        user.end_sync(self._server.world.clock())
        return user

    def _repositories(self, user: User) -> list[Repository]:
        return [repository for repository in self._server.world.repositories.values() if user in repository.users]

    async def accounts(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /accounts``: the user first."""
        user = self._user(request, guarded=False)
        world = self._server.world
        repositories = self._repositories(user)
        # fact 9.22: any value means true, even false.
        if not request.query.get("all"):
            repositories = [one for one in repositories if one.may_push(user)]
        owners = [world.owner(repository.slug) for repository in repositories]
        organizations = [one for one in world.organizations if one in owners or user in one.members]
        if self._server.log_mode == "head":
            # fact 10.4: today's server lists no organization without repositories; older ones gave it a null count.
            organizations = [one for one in organizations if one in owners]
        accounts: list[User | Organization] = [user, *organizations]
        return SerializedResponse(
            {"accounts": [self._account_json(account, owners.count(account)) for account in accounts]}
        )

    def _account_json(self, owner: User | Organization, count: int) -> dict[str, object]:
        account: dict[str, object] = {
            "id": owner.id,
            "name": owner.name,
            "login": owner.login,
            "type": "user" if isinstance(owner, User) else "organization",
            "repos_count": count if count or isinstance(owner, User) else None,
            "avatar_url": f"https://example.org/{owner.login}.png",
        }
        if self._server.mode in {"com", "com-private"}:
            account.update(subscribed=False, education=False)
        return account

    async def broadcasts(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /broadcasts``, newest first."""
        user = self._user(request, guarded=False)
        now = self._server.world.clock()
        repositories = self._repositories(user)
        audiences: list[object] = [None, user, *(repository.slug for repository in repositories)]
        audiences += [repository.slug.partition("/")[0] for repository in repositories]
        audiences += [one.login for one in self._server.world.organizations if user in one.members]
        broadcasts = [
            broadcast if isinstance(broadcast, Broadcast) else Broadcast(broadcast, now)
            for broadcast in self._server.world.broadcasts
        ]
        visible = [
            {"id": number, "message": broadcast.message}
            for number, broadcast in enumerate(broadcasts, start=1)
            if broadcast.recipient in audiences
            and not broadcast.expired
            and now - broadcast.created_at < BROADCAST_LIFETIME
        ]
        return SerializedResponse({"broadcasts": visible[::-1]})

    # Hooks ------------------------------------------------------------------------------------------------------------

    async def hooks(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /hooks``: repositories that the user administers; with ``all`` the others, too."""
        user = self._user(request)
        query = request.query
        hooks: list[dict[str, object]] = []
        for repository in self._repositories(user):
            owner, _, name = repository.slug.partition("/")
            filters = {"owner_name": owner, "name": name, "id": str(repository.id)}
            listed = "all" in query or repository.may_push(user)
            if listed and all(query.get(field, value) == value for field, value in filters.items()):
                hooks.append(
                    {
                        "id": repository.id,
                        "name": name,
                        "owner_name": owner,
                        "description": repository.description,
                        "active": repository.active,
                        "private": repository.private,
                        "admin": True,
                    }
                )
        return SerializedResponse({"hooks": hooks})

    async def hook(self, request: web.Request) -> web.StreamResponse:
        """Answer ``PUT /hooks`` and ``PUT /hooks/{id}``: activate or deactivate a repository."""
        user = self._user(request)
        fields: Fields | None = await read_object(request, "hook")
        if fields is None:
            raise server_error()
        number = path_id(request) if "id" in request.match_info else str(fields.get("id"))
        repository = self._server.world.repositories.get(int(number)) if str(number).isdecimal() else None
        if repository is None or not repository.may_push(user):
            raise ErrorResponse(403, b"{}")
        self._check_not_migrated(request, repository)
        repository.active = is_true(fields)
        return json_response({"result": True})

    # The user ---------------------------------------------------------------------------------------------------------

    async def user(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /users`` and ``GET /users/{id}`` of the current user."""
        user = self._user(request)
        if request.match_info.get("id", str(user.id)) != str(user.id):
            raise not_found()
        return self._user_response(user)

    def _user_response(self, user: User) -> web.Response:
        fields = user_json(user)
        if self._server.log_mode == "2014":
            fields = {name: value for name, value in fields.items() if name not in FIELDS_SINCE_2014}
        return SerializedResponse({"user": fields})

    async def permissions(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /users/permissions``."""
        user = self._user(request)
        repositories = self._repositories(user)
        broadcasts = [one.id for one in repositories]
        pushed = [one.id for one in repositories if one.may_push(user)]
        return SerializedResponse({"permissions": broadcasts, "admin": pushed, "pull": broadcasts, "push": pushed})

    async def sync(self, request: web.Request) -> web.StreamResponse:
        """Answer ``POST /users/sync``."""
        user = self._user(request)
        if user.is_syncing:
            return json_response({"message": "Sync already in progress. Try again later."}, status=409)
        user.start_sync(self._server.world.clock())
        return json_response({"result": True})

    async def update(self, request: web.Request) -> web.StreamResponse:
        """Answer ``PUT /users/{id}``: change the language."""
        user = self._user(request)
        if request.match_info.get("id", str(user.id)) != str(user.id):
            raise not_found()
        locale = str((await read_object(request, "user") or {}).get("locale"))
        if locale in KNOWN_LOCALES:
            user.locale = locale
        return self._user_response(user)
