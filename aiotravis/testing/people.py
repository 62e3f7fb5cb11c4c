"""The routes of the embedded Travis that are about the user: accounts, hooks, rights, messages, signing in and out."""

from collections.abc import Sequence

from aiohttp import web

from aiotravis.testing.access import Refusal, Visitor, admit, not_found
from aiotravis.testing.payloads import user_json
from aiotravis.testing.requests import fields_of, nested, number_in, yes
from aiotravis.testing.routes import Handler, Routes, answer
from aiotravis.testing.world import Repository, User

__all__ = ["PeopleRoutes"]

LOCALES = frozenset({"en", "de", "fr"})


class PeopleRoutes(Routes):
    """The routes."""

    def table(self) -> Sequence[tuple[str, str, Handler]]:
        """List method, path and handler of each route."""
        return (
            ("GET", "/accounts", self.accounts),
            ("GET", "/broadcasts", self.broadcasts),
            ("GET", "/hooks", self.hooks),
            ("PUT", "/hooks/{id}", self.hook),
            ("GET", "/users/permissions", self.permissions),
            ("POST", "/users/sync", self.sync),
            ("PUT", "/users/{id}", self.update),
            ("POST", "/auth/github", self.github),
            ("GET", "/logout", self.logout),
        )

    def _user(self, request: web.Request) -> User:
        user = admit(request, self._site.world, self._site.mode, private=True).user
        if user is None:
            raise Refusal(401, b"no access token supplied")
        return user

    def _repositories(self, user: User) -> list[Repository]:
        return [one for one in self._site.world.repositories.values() if user in one.users]

    async def accounts(self, request: web.Request) -> web.StreamResponse:
        """``GET /accounts``: the user first; any value of ``all`` is a yes."""
        user = self._user(request)
        repositories = self._repositories(user)
        if not request.query.get("all"):
            repositories = [one for one in repositories if one.may_push(user)]
        owners = sorted({one.slug.partition("/")[0] for one in repositories} - {user.login})
        counts = {
            owner: sum(one.slug.startswith(f"{owner}/") for one in repositories) for owner in [user.login, *owners]
        }
        accounts: list[dict[str, object]] = [
            {"id": user.id, "name": user.name, "login": user.login, "type": "user", "repos_count": counts[user.login]}
        ]
        for number, owner in enumerate(owners, start=1):
            accounts.append(
                {"id": number, "name": owner, "login": owner, "type": "organization", "repos_count": counts[owner]}
            )
        for account in accounts:
            account["avatar_url"] = f"https://example.org/{account['login']}.png"
        return answer({"accounts": accounts})

    async def broadcasts(self, request: web.Request) -> web.StreamResponse:
        """``GET /broadcasts``, newest first."""
        self._user(request)
        messages = list(enumerate(self._site.world.broadcasts, start=1))
        return answer({"broadcasts": [{"id": number, "message": text} for number, text in reversed(messages)]})

    async def hooks(self, request: web.Request) -> web.StreamResponse:
        """``GET /hooks``: what the user may switch; with ``all`` the rest, too."""
        user = self._user(request)
        query = request.query
        shown = [one for one in self._repositories(user) if "all" in query or one.may_push(user)]
        hooks: list[dict[str, object]] = []
        for one in shown:
            owner, _, name = one.slug.partition("/")
            if query.get("owner_name", owner) == owner and query.get("name", name) == name:
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
        """``PUT /hooks/{id}``: switch a repository on or off."""
        user = self._user(request)
        fields = await nested(request, "hook")
        if fields is None:
            raise Refusal(500, b"Sorry, we experienced an error.\n", "text/plain")
        repository = self._site.world.repositories.get(number_in(request))
        if repository is None or not repository.may_push(user):
            raise Refusal(403, b"{}")
        repository.active = yes(fields)
        return answer({"result": True})

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
            return answer({"message": "Sync already in progress. Try again later."}, status=409)
        user.is_syncing = True
        return answer({"result": True})

    async def update(self, request: web.Request) -> web.StreamResponse:
        """``PUT /users/{id}``: the language; one that is unknown is ignored."""
        user = self._user(request)
        if number_in(request) != user.id:
            raise not_found()
        locale = str((await nested(request, "user") or {}).get("locale"))
        if locale in LOCALES:
            user.locale = locale
        return answer({"user": user_json(user)})

    async def github(self, request: web.Request) -> web.StreamResponse:
        """``POST /auth/github``: a GitHub token for an API token; ``github-TOKEN`` is one, without asking GitHub."""
        # In the body or the query: to the real one these are the same.
        token = (await fields_of(request)).get("github_token") or request.query.get("github_token")
        if not isinstance(token, str) or not token:
            return answer({"error": "Must pass 'github_token' parameter"}, status=422)
        if token.startswith("narrow"):
            raise web.HTTPFound("/too-few-scopes")
        world = self._site.world
        user = world.github_tokens.get(token) or world.by_token(token.removeprefix("github-"))
        if user is None:
            raise Refusal(403, b"not a Travis user")
        return answer({"access_token": user.token})

    async def logout(self, request: web.Request) -> web.StreamResponse:
        """``GET /logout``: the token has to be in the query."""
        visitor: Visitor = admit(request, self._site.world, self._site.mode, guarded=False)
        if visitor.user is None:
            raise Refusal(403, b"access denied")
        if "access_token" not in request.query:
            return web.Response(headers={"Content-Type": "application/json"})
        visitor.user.token = ""
        return answer({"user": user_json(visitor.user)})
