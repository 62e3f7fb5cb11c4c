"""The gatekeeper: requests become builds, or are rejected."""

from aiotravis.testing import Request, World
from aiotravis.testing.world.gatekeeper import approve, reject


def test_an_approved_request_becomes_a_build_and_its_events_follow() -> None:
    world = World()
    repository = world.repository("a/b")
    told: list[tuple[str, str]] = []
    request = Request(
        1, "api", None, 1e9, branch="topic", sha="bf944c95", commit_message="it", tag="v1", is_queued=True
    )
    # Whoever gets the event finds the commit that was asked for.
    world.notify = lambda event, about, part: told.append((event, repository.builds[0].commit.sha))
    build = approve(repository, request)
    assert told == [("build:created", "bf944c95"), ("job:created", "bf944c95")]
    assert (build.event_type, build.state, build.commit.branch, build.commit.message) == (
        "api",
        "created",
        "topic",
        "it",
    )
    assert (request.result, request.message) == ("approved", "Build created successfully")
    assert (request.build_id, request.commit_id, build.commit.tag) == (build.id, build.commit.id, "v1")
    assert (request.state, request.is_queued) == ("finished", False)


def test_a_rejected_request_has_its_reason_and_no_build() -> None:
    world = World()
    request = Request(1, "api", None, 1e9, is_queued=True)
    assert request.state == "pending"
    reject(request, "missing commit")
    assert (request.state, request.result, request.message) == ("finished", "rejected", "missing commit")
    assert (request.build_id, world.builds, request.is_queued) == (None, {}, False)
