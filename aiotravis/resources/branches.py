"""Branches: the last build of each branch.

https://docs.travis-ci.com/api/#branches
"""

from collections.abc import AsyncIterable, Iterable

from aiotravis._http import Endpoint, Results
from aiotravis._http.lenient import Id
from aiotravis._validation import validate_segment
from aiotravis.errors import UsageError
from aiotravis.resources._base import Entity, Resource, ids_of
from aiotravis.resources._build_or_job import BuildOrJob, finish
from aiotravis.resources.commits import Commit
from aiotravis.resources.repositories import STRIPPED_SUFFIXES, Repository, repo_part

__all__ = ["Branch", "Branches"]


class Branch(BuildOrJob, frozen=True, kw_only=True):
    """The last build of a branch. Further attributes: `BuildOrJob`; the id is that of the build.

    Attributes:
        job_ids: Ids of the jobs, ascending.
        pull_request: Whether it is a build of a pull request.
        duration: Seconds, the sum over the jobs; None until finished.
    """

    job_ids: tuple[Id, ...] = ()
    pull_request: bool | None = None
    duration: int | None = None

    @property
    def name(self) -> str | None:
        """The name of the branch, or None if the response did not contain the commit."""
        # fact 9.18: the branch object has no name; only the commit has it.
        return self.commit.branch if self.commit else None


class _BranchResponse(Entity, frozen=True, kw_only=True):
    branch: Branch
    commit: Commit | None = None


class _BranchesResponse(Entity, frozen=True, kw_only=True):
    branches: tuple[Branch, ...]
    commits: tuple[Commit, ...] = ()


LIST = Endpoint("GET", "/repos/{repo}/branches", _BranchesResponse)
GET = Endpoint("GET", "/repos/{repo}/branches/{branch}", _BranchResponse)
BY_BUILDS = Endpoint("GET", "/branches", _BranchesResponse)


class Branches(Resource):
    """``travis.branches``. ``repo`` is an id, a slug, or a repository."""

    async def list(self, repo: int | str | Repository) -> Results[Branch]:
        """List the last push build of each branch, the latest to finish first: up to 25 or 50, depending on the server.

        The list is also empty if the repository does not exist or is hidden from this token.
        """
        response = await self._fetch(LIST, repo=repo_part(repo))
        return finish(response.branches, response.commits)

    async def get(self, repo: int | str | Repository, branch: str | Branch) -> Branch:
        """Fetch the last build of a branch in any state.

        Args:
            repo: Id, slug, or a repository.
            branch: Name of the branch, or a branch with its name; servers of 2014 do not support slashes.

        Raises:
            NotFoundError: No such repository, or no build of this branch.
            UsageError: The name is empty or dots, contains a comma, or ends like a file name.
        """
        name = validate_segment(branch.name if isinstance(branch, Branch) else branch, "branch")
        if "," in name:  # fact 3.3
            raise UsageError(f"branch {name!r} has a comma, which separates names on the server.", argument="branch")
        if name.lower().endswith(STRIPPED_SUFFIXES):  # fact 9.44
            message = f"branch {name!r} has an ending that the server strips from paths. Use list() to find the branch."
            raise UsageError(message, argument="branch")
        response = await self._fetch(GET, repo=repo_part(repo), branch=name)
        return finish([response.branch], [response.commit])[0]

    async def many(self, builds: Iterable[int | BuildOrJob] | AsyncIterable[int | BuildOrJob]) -> Results[Branch]:
        """Fetch the branches whose last builds are these, in one request."""
        # fact 9.21: this route does not split a comma-separated list.
        several = [build async for build in builds] if isinstance(builds, AsyncIterable) else builds
        query = [("ids[]", str(number)) for number in ids_of(several, "builds", BuildOrJob)]
        if not query:
            return Results()
        response = await self._fetch(BY_BUILDS, query=query)
        return finish(response.branches, response.commits)
