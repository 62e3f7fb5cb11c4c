"""Environment variables that a repository's jobs get.

https://docs.travis-ci.com/api/#settings:-environment-variables
"""

import re
from collections.abc import Mapping, Sequence

from aiotravis._http import Endpoint
from aiotravis.errors import UsageError
from aiotravis.resources._base import Entity, Resource, id_of, text_of
from aiotravis.resources.repositories import Repository

__all__ = ["EnvVar", "EnvVars"]

UUID = re.compile(r"[0-9A-Za-z-]+")


class EnvVar(Entity, frozen=True, kw_only=True):
    """One variable. Names are not unique: the same name can be set for several branches, and even twice.

    Attributes:
        id: A UUID.
        name: Its name.
        value: Its value; None unless it is public.
        public: Whether its value shows in logs and here.
        branch: The only branch that gets it, or None for all.
        repository_id: Id of its repository.
    """

    id: str
    name: str = ""
    value: str | None = None
    public: bool = False
    branch: str | None = None
    repository_id: int | None = None


class _EnvVarResponse(Entity, frozen=True, kw_only=True):
    env_var: EnvVar


class _EnvVarsResponse(Entity, frozen=True, kw_only=True):
    env_vars: tuple[EnvVar, ...]


LIST = Endpoint("GET", "/settings/env_vars", _EnvVarsResponse)
GET = Endpoint("GET", "/settings/env_vars/{id}", _EnvVarResponse)
CREATE = Endpoint("POST", "/settings/env_vars", _EnvVarResponse)
UPDATE = Endpoint("PATCH", "/settings/env_vars/{id}", _EnvVarResponse)
DELETE = Endpoint("DELETE", "/settings/env_vars/{id}", _EnvVarResponse)


class EnvVars(Resource):
    """``travis.env_vars``. All of it needs push access, and the repository's id."""

    async def list(self, repo: int | Repository) -> Sequence[EnvVar]:
        """List a repository's variables.

        Args:
            repo: Id of the repository, or a repository.

        Raises:
            NotFoundError: No such repository, or no push access.
        """
        return (await self._fetch(LIST, query=_of(repo))).env_vars

    async def get(self, repo: int | Repository, env_var: str | EnvVar) -> EnvVar:
        """Fetch one variable.

        Args:
            repo: Id of the repository, or a repository.
            env_var: Its id (not its name), or a variable.

        Raises:
            NotFoundError: No such variable, or no push access.
        """
        return (await self._fetch(GET, id=_uuid(env_var), query=_of(repo))).env_var

    async def create(
        self, repo: int | Repository, name: str, value: str, *, public: bool = False, branch: str | None = None
    ) -> EnvVar:
        """Add a variable, beside others of the same name if there are any; see `set`.

        Args:
            repo: Id of the repository, or a repository.
            name: Its name.
            value: Its value, as bash would read it: quote what needs quotes.
            public: Whether its value may show in logs.
            branch: The only branch that gets it; all if None.

        Raises:
            ValidationError: The name is not valid.
            NotFoundError: No such repository, or no push access.
        """
        fields = {"name": text_of(name, "name"), "value": value, "public": public}
        if branch is not None:
            fields["branch"] = text_of(branch, "branch")
        hidden = () if public else (value,)
        return (await self._fetch(CREATE, query=_of(repo), json={"env_var": fields}, hidden=hidden)).env_var

    async def update(
        self,
        repo: int | Repository,
        env_var: str | EnvVar,
        *,
        name: str | None = None,
        value: str | None = None,
        public: bool | None = None,
        branch: str | None = None,
    ) -> EnvVar:
        """Change a variable; what is None stays as it is.

        Args:
            repo: Id of the repository, or a repository.
            env_var: Its id (not its name), or a variable.
            name: New name.
            value: New value.
            public: Whether its value may show. Making it public needs its value: the server would erase it.
            branch: The only branch that gets it.

        Raises:
            UsageError: Nothing to change, or made public without its value.
            NotFoundError: No such variable, or no push access.
        """
        if public and value is None:
            message = "Making a variable public without its value would erase the value: pass value=, too."
            raise UsageError(message, argument="value")
        given: Mapping[str, object] = {"name": name, "value": value, "public": public, "branch": branch}
        changes = {key: new for key, new in given.items() if new is not None}
        if not changes:
            raise UsageError("Name at least one thing to change.", argument="value")
        hidden = () if public or value is None else (value,)
        response = await self._fetch(
            UPDATE, id=_uuid(env_var), query=_of(repo), json={"env_var": changes}, hidden=hidden
        )
        return response.env_var

    async def delete(self, repo: int | Repository, env_var: str | EnvVar) -> EnvVar:
        """Delete a variable, and give it back.

        Args:
            repo: Id of the repository, or a repository.
            env_var: Its id (not its name), or a variable.

        Raises:
            NotFoundError: No such variable, or no push access.
        """
        return (await self._fetch(DELETE, id=_uuid(env_var), query=_of(repo))).env_var

    async def set(
        self, repo: int | Repository, name: str, value: str, *, public: bool = False, branch: str | None = None
    ) -> EnvVar:
        """Give a variable its value, by name: change it where there is one for this branch, else add it.

        Args:
            repo: Id of the repository, or a repository.
            name: Its name.
            value: Its value, as bash would read it.
            public: Whether its value may show in logs.
            branch: The only branch that gets it; all if None.

        Raises:
            UsageError: There are several of this name for this branch: delete all but one.
            NotFoundError: No such repository, or no push access.
        """
        text_of(name, "name")
        same = [one for one in await self.list(repo) if one.name == name and one.branch == branch]
        if len(same) > 1:
            message = (
                f"{name} is set {len(same)} times for this branch. Delete all but one: {[one.id for one in same]}."
            )
            raise UsageError(message, argument="name")
        if same:
            return await self.update(repo, same[0], value=value, public=public)
        return await self.create(repo, name, value, public=public, branch=branch)


def _of(repo: object) -> Sequence[tuple[str, str]]:
    # Documented only for some of these calls, needed by all of them.
    return [("repository_id", str(id_of(repo, "repo", Repository)))]


def _uuid(env_var: object) -> str:
    text = env_var.id if isinstance(env_var, EnvVar) else env_var
    if not isinstance(text, str) or not UUID.fullmatch(text):
        raise UsageError(f"env_var must be the id of a variable, a UUID, not {text!r}.", argument="env_var")
    return text
