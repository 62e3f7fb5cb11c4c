"""Environment variables of a repository's jobs.

https://docs.travis-ci.com/api/#settings:-environment-variables
"""

import re
from collections.abc import Mapping, Sequence

from aiotravis._http import Endpoint, Results, results_of
from aiotravis._http.lenient import Id, TextId
from aiotravis._validation import display, validate_bool, validate_string, validate_text
from aiotravis.errors import UsageError
from aiotravis.resources._base import Entity, Resource, id_of
from aiotravis.resources.repositories import Repository

__all__ = ["EnvVar", "EnvVars"]

UUID = re.compile(r"[0-9A-Za-z-]+")


class EnvVar(Entity, frozen=True, kw_only=True):
    """An environment variable. Names are not unique: a name can be set for several branches, and even twice for one.

    Attributes:
        id: A UUID.
        value: None unless it is public.
        public: Whether the value is visible here and in logs.
        branch: The branch it is limited to, or None for all branches.
    """

    id: TextId
    name: str = ""
    value: str | None = None  # fact 9.25: missing when private
    public: bool = False
    branch: str | None = None
    repository_id: Id | None = None


class _EnvVarResponse(Entity, frozen=True, kw_only=True):
    env_var: EnvVar


class _EnvVarsResponse(Entity, frozen=True, kw_only=True):
    env_vars: tuple[EnvVar, ...]


# fact 9.23: the documented path /repos/settings/env_vars returns a repository.
LIST = Endpoint("GET", "/settings/env_vars", _EnvVarsResponse)
GET = Endpoint("GET", "/settings/env_vars/{id}", _EnvVarResponse)
CREATE = Endpoint("POST", "/settings/env_vars", _EnvVarResponse)
UPDATE = Endpoint("PATCH", "/settings/env_vars/{id}", _EnvVarResponse)
DELETE = Endpoint("DELETE", "/settings/env_vars/{id}", _EnvVarResponse)


class EnvVars(Resource):
    """``travis.env_vars``. Every call needs push access and a repository's id; slugs do not work here.

    ``repo`` is the repository or its id, ``env_var`` a variable or its id.

    All calls raise NotFoundError if the repository or the variable does not exist, or without push access.
    """

    async def list(self, repo: int | Repository) -> Results[EnvVar]:
        """List a repository's variables."""
        return results_of((await self._fetch(LIST, query=_repository_query(repo))).env_vars)

    async def get(self, repo: int | Repository, env_var: str | EnvVar) -> EnvVar:
        """Fetch a variable by its id, a UUID; to find one by its name, use `list`."""
        return (await self._fetch(GET, id=_uuid(env_var), query=_repository_query(repo))).env_var

    async def create(
        self, repo: int | Repository, name: str, value: str, *, public: bool = False, branch: str | None = None
    ) -> EnvVar:
        """Add a variable, even if there are others of the same name. To replace one, use `set`.

        Args:
            repo: Id, or a repository.
            name: Name.
            value: Value in the syntax of bash: quote special characters.
            public: Whether the value is visible in logs.
            branch: The branch to limit it to; None for all branches.

        Raises:
            ValidationError: The name is not valid.
            UsageError: The name or the branch is empty.
        """
        fields: dict[str, object] = {"name": validate_text(name, "name"), "value": validate_string(value, "value")}
        fields |= {"public": validate_bool(public, "public"), "branch": branch}
        body, hidden = {"env_var": _validated(fields)}, () if public else (value,)
        return (await self._fetch(CREATE, query=_repository_query(repo), json=body, hidden=hidden)).env_var

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
        """Change a variable. Arguments that are None change nothing.

        Args:
            repo: Id, or a repository.
            env_var: Id (not the name), or a variable.
            name: New name.
            value: New value.
            public: Whether the value is visible. Making it public requires ``value``.
            branch: The branch to limit it to.

        Raises:
            UsageError: Nothing to change, or made public without a value.
        """
        arguments: dict[str, object] = {"name": name, "value": value, "public": public, "branch": branch}
        changes = _validated(arguments)
        if public and value is None:  # fact 9.25
            message = "Making a variable public without its value would erase the value: pass value=, too."
            raise UsageError(message, argument="value")
        if not changes:
            raise UsageError("Pass at least one change: name, value, public or branch.", argument="value")
        query, hidden = _repository_query(repo), () if public or value is None else (value,)
        response = await self._fetch(UPDATE, id=_uuid(env_var), query=query, json={"env_var": changes}, hidden=hidden)
        return response.env_var

    async def delete(self, repo: int | Repository, env_var: str | EnvVar) -> EnvVar:
        """Delete a variable by its id, and return it."""
        return (await self._fetch(DELETE, id=_uuid(env_var), query=_repository_query(repo))).env_var

    async def set(
        self, repo: int | Repository, name: str, value: str, *, public: bool = False, branch: str | None = None
    ) -> EnvVar:
        """Set a variable by its name: update the one of this name and branch, or create it.

        Args:
            repo: Id, or a repository.
            name: Name.
            value: Value in the syntax of bash.
            public: Whether the value is visible in logs.
            branch: The branch to limit it to; None for all branches.

        Raises:
            UsageError: Several variables have this name and branch, or an argument is empty.
        """
        _validated({"name": name, "value": validate_string(value, "value"), "public": public, "branch": branch})
        existing = [one for one in await self.list(repo) if one.name == name and one.branch == branch]
        if len(existing) > 1:
            ids = ", ".join(one.id for one in existing)
            message = f"{name} is set {len(existing)} times for this branch. Delete all but one: {ids}."
            raise UsageError(message, argument="name")
        if existing:
            return await self.update(repo, existing[0], value=value, public=public)
        return await self.create(repo, name, value, public=public, branch=branch)


def _repository_query(repo: object) -> Sequence[tuple[str, str]]:
    # fact 9.25: PATCH and DELETE need it, too, although it is not documented for them.
    return [("repository_id", str(id_of(repo, "repo", Repository)))]


def _validated(arguments: Mapping[str, object]) -> dict[str, object]:
    """Return the arguments that are not None."""
    given = {name: value for name, value in arguments.items() if value is not None}
    for name, value in given.items():
        if name == "public":
            validate_bool(value, name)
        elif name == "value":
            # It may be empty.
            validate_string(value, name)
        else:
            validate_text(value, name)
    return given


def _uuid(env_var: object) -> str:
    text = env_var.id if isinstance(env_var, EnvVar) else env_var
    if not isinstance(text, str) or not UUID.fullmatch(text):
        raise UsageError(f"env_var must be a variable or its id, a UUID, not {display(text)}.", argument="env_var")
    return text
