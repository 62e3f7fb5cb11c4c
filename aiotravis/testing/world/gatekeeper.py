"""The gatekeeper: makes a build of a request, or rejects it.

https://docs.travis-ci.com/user/triggering-builds/
"""

from aiotravis.testing.world.builds import Build, Repository
from aiotravis.testing.world.repository_data import Request

__all__ = ["approve", "reject"]

CREATED = "Build created successfully"


def approve(repository: Repository, request: Request) -> Build:
    """Make a build of a request, and publish its events.

    Args:
        repository: The repository.
        request: One of its requests, not decided on.

    Returns:
        The build.
    """
    message = request.commit_message or "Stream logs"
    build = repository.build(
        branch=request.branch or "master", message=message, event_type=request.event_type, quiet=True
    )
    build.commit.sha = request.sha or build.commit.sha
    build.commit.tag = request.tag
    request.is_queued = False
    request.result, request.message = "approved", CREATED
    request.build_id, request.commit_id = build.id, build.commit.id
    build.emit("build:created")
    for job in build.jobs:
        repository.world.notify("job:created", job, None)
    return build


def reject(request: Request, reason: str) -> None:
    """Reject a request. Publishes nothing: Travis does not tell.

    Args:
        request: A request that is not decided on.
        reason: Why, in the words of Travis.
    """
    request.is_queued = False
    request.result, request.message = "rejected", reason
