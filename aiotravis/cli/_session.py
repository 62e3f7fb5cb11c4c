"""Session: the client, the repository and the output of one run of a command."""

import contextlib
import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Final

import aiotravis
from aiotravis.cli._git import guess_repository
from aiotravis.cli._output import Output
from aiotravis.cli._site import Site, find_site
from aiotravis.cli._targets import Target, parse_target
from aiotravis.errors import AuthenticationError, NotFoundError, UsageError

__all__ = ["Options", "Session", "open_session"]

SLUG: Final = re.compile(r"[^/\s]+/[^/\s]+\Z")


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options that commands share.

    Attributes:
        repo: ``owner/name``; None to guess it.
        endpoint: URL of the API, ``com``, ``org``, or the name of an Enterprise; None to find it.
        token: The token; None to find it.
        json: Whether to print JSON Lines.
        quiet: Whether to print no notices.
        color: ``auto``, ``always`` or ``never``.
        verbose: Whether to print what the library logs.
        timeout: Seconds after which to give up; None for never.
    """

    repo: str | None = None
    endpoint: str | None = None
    token: str | None = field(default=None, repr=False)
    json: bool = False
    quiet: bool = False
    color: str = "auto"
    verbose: bool = False
    timeout: float | None = None


@dataclass(kw_only=True)
class Session:
    """What a command works with.

    Attributes:
        options: The options of the command line.
        output: Where to print.
        travis: The client.
        site: Its endpoint and token.
    """

    options: Options
    output: Output
    travis: "aiotravis.Travis"
    site: Site
    _slug: str | None = None

    @property
    def slug(self) -> str:
        """``owner/name`` of the repository; the first use says on standard error how it was guessed.

        Raises:
            UsageError: It is not named, and git does not tell.
        """
        if self._slug is None:
            self._slug, source = guess_repository()
            self.output.notice(f"repository {self._slug}, from the {source} (choose another with -r)")
        return self._slug

    def require_token(self) -> str:
        """Return the token, for requests that are never answered without one.

        Raises:
            AuthenticationError: There is none; nothing was sent.
        """
        if self.site.token is None:
            raise AuthenticationError("This needs a token.", status=401, method="GET", path="/users")
        return self.site.token

    def use(self, slug: str) -> None:
        """Use the repository that the name of a build contains."""
        if self.options.repo is None:
            self._slug = slug

    async def find_build(self, text: str | None) -> "aiotravis.Build":
        """Return the build that somebody has named, with its commit and jobs: the last one if None.

        A number is that of a build of the repository; if there is none, it is an id.

        Raises:
            NotFoundError: There is no such build.
            UsageError: It is a job, or the repository is not known.
        """
        target = parse_target(text)
        if target.job is not None or target.job_id is not None:
            raise UsageError(f"{text} is a job: name a build.", argument="build")
        return await self.build_of(target)

    async def find(self, text: str | None) -> "aiotravis.Build | aiotravis.Job":
        """Return the build or the job that somebody has named: the last build if None.

        Raises:
            NotFoundError: There is no such build or job.
            UsageError: The repository is not known.
        """
        target = parse_target(text)
        if target.job_id is not None:
            return await self.travis.jobs.get(target.job_id)
        if target.job is not None:
            return await self._job_of(target)
        if target.number is None:
            return await self.build_of(target)
        try:
            return await self.build_of(target)
        except NotFoundError:
            with contextlib.suppress(NotFoundError):
                return await self.travis.jobs.get(target.number)
            raise

    async def build_of(self, target: Target) -> "aiotravis.Build":
        """Return the build that a parsed name means, with its commit and jobs."""
        builds = self.travis.builds
        if target.slug is not None:
            self.use(target.slug)
        if target.build_id is not None:
            return await builds.get(target.build_id)
        if target.branch is not None:
            branch = await self.travis.branches.get(self.slug, target.branch)
            return await builds.get(branch.id)
        if target.number is not None:
            return await self._build_of_number(target.number)
        last = await builds.list(self.slug).first()
        if last is None:
            # fact 9.4: an unknown repository gives an empty list, too; this tells the two apart.
            await self.travis.repos.get(self.slug)
            raise not_found(f"{self.slug} has no builds yet", self.slug)
        return await builds.get(last)

    async def _build_of_number(self, number: int) -> "aiotravis.Build":
        builds = self.travis.builds
        try:
            slug = self.slug
        except UsageError:
            # Outside of a clone, only an id can be meant.
            return await builds.get(number)
        try:
            return await builds.get(await builds.find(slug, number))
        except NotFoundError as exc:
            with contextlib.suppress(NotFoundError):
                return await builds.get(number)
            raise exc from None

    async def _job_of(self, target: Target) -> "aiotravis.Job":
        build = await self.build_of(Target(number=target.number))
        for job in build.jobs:
            if job.number == f"{build.number}.{target.job}":
                return await self.travis.jobs.get(job)
        raise not_found(f"Build #{build.number} has no job .{target.job}: it has {len(build.job_ids)}", self.slug)


def not_found(message: str, slug: str) -> NotFoundError:
    """Return the error for what a repository does not have."""
    return NotFoundError(f"{message}.", status=200, method="GET", path=f"/repos/{slug}", remedy="Check the name.")


@contextlib.asynccontextmanager
async def open_session(options: Options, output: Output) -> AsyncGenerator[Session]:
    """Open the client that the options, the environment and the configuration file name.

    Raises:
        UsageError: One of them is not valid.
    """
    slug = options.repo
    if slug is not None and not SLUG.match(slug):
        raise UsageError(f"-r must be owner/name, not {slug!r}.", argument="repo")
    site = find_site(endpoint=options.endpoint, token=options.token, slug=slug)
    async with aiotravis.Travis(
        site.token, endpoint=site.endpoint, trust_env=True, user_agent="aiotravis-cli"
    ) as travis:
        yield Session(options=options, output=output, travis=travis, site=site, _slug=slug)
