"""Branches: the last build of each.

https://docs.travis-ci.com/api/#branches
"""

from collections.abc import Iterable, Sequence

from aiotravis._http import Endpoint
from aiotravis.errors import UsageError
from aiotravis.resources._base import Entity, Resource, ids_of, text_of
from aiotravis.resources._build_or_job import BuildOrJob
from aiotravis.resources.commits import Commit, joined
from aiotravis.resources.repositories import EATEN, Repository, repo_part

__all__ = ["Branch", "Branches"]


class Branch(BuildOrJob, frozen=True, kw_only=True):
    """The last build of one branch. What it shares with builds: `BuildOrJob`; its id is that of the build.

    Attributes:
        job_ids: Ids of the build's jobs, ascending.
        pull_request: Whether the build was made for a pull request.
        duration: In seconds, summed over the jobs; None until it has finished.
    """

    job_ids: tuple[int, ...] = ()
    pull_request: bool | None = None
    duration: int | None = None

    def __hash__(self) -> int:
        return BuildOrJob.__hash__(self)

    @property
    def name(self) -> str | None:
        """Name of the branch: Travis tells it only in the commit."""
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
    """``travis.branches``."""

    async def list(self, repo: int | str | Repository) -> Sequence[Branch]:
        """List the last pushed build of each branch, 25 or 50 of them, the latest to finish first.

        Args:
            repo: Id, slug, or a repository. One that does not exist looks like one without branches.

        Raises:
            UsageError: Neither an id nor a slug.
        """
        response = await self._fetch(LIST, repo=repo_part(repo))
        return joined(response.branches, response.commits)

    async def get(self, repo: int | str | Repository, branch: str) -> Branch:
        """Fetch the last build of one branch, whatever its state.

        Args:
            repo: Id, slug, or a repository.
            branch: Name of the branch; slashes are fine (not on servers of 2014).

        Raises:
            NotFoundError: No such repository, or no build on this branch.
            UsageError: The name is empty, or one that the server cannot be asked for.
        """
        name = text_of(branch, "branch")
        if "," in name:
            raise UsageError(f"{name!r}: the server takes a comma for the end of a name.", argument="branch")
        if name.lower().endswith(EATEN):
            raise UsageError(f"{name!r}: the server takes the ending off. Look for it in list().", argument="branch")
        response = await self._fetch(GET, repo=repo_part(repo), branch=name)
        return joined([response.branch], [response.commit] if response.commit else [])[0]

    async def many(self, builds: Iterable[int | BuildOrJob]) -> Sequence[Branch]:
        """Fetch the branches that some builds are the last of.

        Args:
            builds: Ids of builds, or builds.
        """
        query = [("ids[]", str(number)) for number in ids_of(builds, "builds", BuildOrJob)]
        if not query:
            return ()
        response = await self._fetch(BY_BUILDS, query=query)
        return joined(response.branches, response.commits)
