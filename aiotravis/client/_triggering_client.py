"""TriggeringClient: the method of a client that triggers builds."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial

from aiotravis._validation import validate_callback, validate_seconds
from aiotravis.client._waiting_client import WaitingClient
from aiotravis.flows.event_subscriber import RepoRef
from aiotravis.flows.trigger import Trigger
from aiotravis.resources._build_requests import BuildConfig, MergeMode, PendingRequest, request_body
from aiotravis.resources.builds import Build
from aiotravis.resources.repositories import repo_segment

__all__ = ["TriggeringClient"]


class TriggeringClient(WaitingClient):
    """Triggers builds."""

    async def trigger(
        self,
        repo: RepoRef,
        *,
        branch: str | None = None,
        sha: str | None = None,
        tag: str | None = None,
        message: str | None = None,
        config: BuildConfig | None = None,
        merge_mode: MergeMode | None = None,
        configs: Iterable[Mapping[str, object]] = (),
        appear_within: float = 300.0,
        on_request: Callable[[PendingRequest], object] | None = None,
    ) -> Build:
        """Trigger a build, and wait until it exists.

        ``build = await travis.wait_for_build(await travis.trigger("me/app", branch="main"))``

        Travis notes the request, and decides on it later. The decision is polled for, and read at once when the live
        channel tells of a new build. The request is never sent twice: if the answer to it is lost, TriggerUncertain
        lists the requests that may be it, for which it looks for up to 30 seconds. Once it was answered, whatever keeps
        this from the build is TriggerRejected or TriggerUndecided.

        Cancelling this leaves nothing behind but, once it was sent, the request: ``on_request`` tells that it was
        answered.

        Args:
            repo: Id, slug, or a repository.
            branch: Branch to build; None for the default branch.
            sha: Hash of the commit to build; None for the newest of the branch.
            tag: Tag to build.
            message: Message shown for the build, in place of that of the commit.
            config: Configuration to merge with the .travis.yml: a mapping, or its text in YAML or JSON.
            merge_mode: How to merge it; None for the way of the repository.
            configs: Several configurations instead: ``[{"config": {...}, "mode": "merge"}, ...]``.
            appear_within: How long to wait for the build to appear, in seconds. How long it may run is not limited.
            on_request: Called with the `PendingRequest` once the request was answered; a plain function.

        Returns:
            The build with its commit and jobs, for `wait_for_build`, and its jobs for `follow_log`.

        Raises:
            TriggerRejected: Travis makes no build of it; the error has the reason and messages about the configuration.
            TriggerUndecided: The request was made, but no build appeared in time, or nothing could be read.
            TriggerUncertain: The answer was lost: the request may have been made.
            PermissionDenied: The token's user may not create builds of the repository.
            RepositoryMigrated: The repository has moved to another site.
            RepositoryInactive: Travis does not build it, see `Repositories.activate`.
            BuildLimitReached: Too many builds of it were triggered within an hour.
            AuthenticationError: There is no token, or Travis does not know it.
            NotFoundError: There is no such repository, or it is hidden from this token.
            UsageError: An argument is not valid, or the client was closed meanwhile.

        https://docs.travis-ci.com/user/triggering-builds/
        """
        segment = repo_segment(repo)
        body = request_body(
            branch=branch, sha=sha, tag=tag, message=message, config=config, merge_mode=merge_mode, configs=configs
        )
        validate_seconds(appear_within, "appear_within", zero_ok=True)
        if on_request is not None:
            validate_callback(on_request, "on_request")
        lifetime = self._transport.lifetime
        trigger = Trigger(self._subscriber, self.requests, self.builds, lifetime, repo, branch)
        run = trigger.run(partial(self.requests._create, segment, body), appear_within, on_request)
        return await self._counted(run)
