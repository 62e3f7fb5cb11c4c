"""The routes of the embedded Travis that are about the user: accounts, hooks, rights, messages, the user.

https://docs.travis-ci.com/api/#users
"""

from collections.abc import Sequence

from aiohttp import web

from aiotravis.testing.rest.access import Refusal, failure, not_found
from aiotravis.testing.rest.parameters import Fields, nested, number_in, yes
from aiotravis.testing.rest.routes import Handler, Routes, answer, hand_made, unchanged
from aiotravis.testing.world.builds import Repository
from aiotravis.testing.world.models import Broadcast, Organization, User
from aiotravis.testing.world.payloads import user_json

__all__ = ["UserRoutes"]

LOCALES = frozenset({"en", "de", "fr"})

FRESH = 14 * 86_400.0
"""For how long a message is shown, in seconds."""

YOUNGER = frozenset({"channels", "avatar_url", "first_logged_in_at", "allow_migration", "vcs_type"})
"""What users of 2014 had not."""


class UserRoutes(Routes):
    """The routes."""

    def table(self) -> Sequence[tuple[str, str, Handler]]:
        """List method, path and handler of each route."""
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
        user = self._visitor(request, guarded=guarded, private=True).user
        if user is None:
            raise Refusal(401, b"no access token supplied")
        return user

    def _repositories(self, user: User) -> list[Repository]:
        return [one for one in self._site.world.repositories.values() if user in one.users]

    async def accounts(self, request: web.Request) -> web.StreamResponse:
        """``GET /accounts``: the user first; any value of ``all`` is a yes."""
        user = self._user(request, guarded=False)
        world = self._site.world
        repositories = self._repositories(user)
        if not request.query.get("all"):
            repositories = [one for one in repositories if one.may_push(user)]
        owners = [world.owner(one.slug) for one in repositories]
        owning = [one for one in world.organizations if one in owners or user in one.members]
        accounts: list[User | Organization] = [user, *owning]
        shown = [self._account(one, owners.count(one)) for one in accounts]
        return answer({"accounts": shown})

    def _account(self, owner: User | Organization, count: int) -> dict[str, object]:
        account: dict[str, object] = {
            "id": owner.id,
            "name": owner.name,
            "login": owner.login,
            "type": "user" if isinstance(owner, User) else "organization",
            # An organization that has nothing is missing from the count.
            "repos_count": count if count or isinstance(owner, User) else None,
            "avatar_url": f"https://example.org/{owner.login}.png",
        }
        if self._site.mode in {"com", "com-private"}:
            account.update(subscribed=False, education=False)
        return account

    async def broadcasts(self, request: web.Request) -> web.StreamResponse:
        """``GET /broadcasts``, newest first."""
        user = self._user(request, guarded=False)
        now = self._site.world.clock()
        repositories = self._repositories(user)
        near: list[object] = [None, user, *(one.slug for one in repositories)]
        near += [one.slug.partition("/")[0] for one in repositories]
        near += [one.login for one in self._site.world.organizations if user in one.members]
        every = [one if isinstance(one, Broadcast) else Broadcast(one, now) for one in self._site.world.broadcasts]
        shown = [
            {"id": number, "message": one.message}
            for number, one in enumerate(every, start=1)
            if one.recipient in near and not one.expired and now - one.created_at < FRESH
        ]
        return answer({"broadcasts": shown[::-1]})

    # Hooks ------------------------------------------------------------------------------------------------------------

    async def hooks(self, request: web.Request) -> web.StreamResponse:
        """``GET /hooks``: what the user may switch; with ``all`` the rest, too."""
        user = self._user(request)
        query = request.query
        hooks: list[dict[str, object]] = []
        for one in self._repositories(user):
            owner, _, name = one.slug.partition("/")
            asked = {"owner_name": owner, "name": name, "id": str(one.id)}
            listed = "all" in query or one.may_push(user)
            if listed and all(query.get(field, value) == value for field, value in asked.items()):
                hooks.append(
                    {
                        "id": one.id,
                        "name": name,
                        "owner_name": owner,
                        "description": one.description,
                        "active": one.active,
                        "private": one.private,
                        "admin": True,
                    }
                )
        return answer({"hooks": hooks})

    async def hook(self, request: web.Request) -> web.StreamResponse:
        """``PUT /hooks``, its id in the path or in what is sent: switch a repository on or off."""
        user = self._user(request)
        fields: Fields | None = await nested(request, "hook")
        if fields is None:
            raise failure()
        number = number_in(request) if "id" in request.match_info else str(fields.get("id"))
        repository = self._site.world.repositories.get(int(number)) if str(number).isdecimal() else None
        if repository is None or not repository.may_push(user):
            raise Refusal(403, b"{}")
        refused = unchanged(request, repository, self._site.mode)
        if refused is not None:
            return refused
        repository.active = yes(fields)
        return hand_made({"result": True})

    # The user ---------------------------------------------------------------------------------------------------------

    async def user(self, request: web.Request) -> web.StreamResponse:
        """``GET /users``: whose token it is, and nobody else."""
        user = self._user(request)
        if request.match_info.get("id", str(user.id)) != str(user.id):
            raise not_found()
        return self._shown(user)

    def _shown(self, user: User) -> web.Response:
        fields = user_json(user)
        if self._site.log_mode == "2014":
            fields = {name: value for name, value in fields.items() if name not in YOUNGER}
        return answer({"user": fields})

    async def permissions(self, request: web.Request) -> web.StreamResponse:
        """``GET /users/permissions``: ids without an envelope."""
        user = self._user(request)
        seen = self._repositories(user)
        every = [one.id for one in seen]
        pushed = [one.id for one in seen if one.may_push(user)]
        return answer({"permissions": every, "admin": pushed, "pull": every, "push": pushed})

    async def sync(self, request: web.Request) -> web.StreamResponse:
        """``POST /users/sync``."""
        user = self._user(request)
        if user.is_syncing:
            return hand_made({"message": "Sync already in progress. Try again later."}, status=409)
        user.is_syncing = True
        return hand_made({"result": True})

    async def update(self, request: web.Request) -> web.StreamResponse:
        """``PUT /users/{id}``: the language; one that is unknown is ignored."""
        user = self._user(request)
        if request.match_info.get("id", str(user.id)) != str(user.id):
            raise not_found()
        locale = str((await nested(request, "user") or {}).get("locale"))
        if locale in LOCALES:
            user.locale = locale
        return self._shown(user)
