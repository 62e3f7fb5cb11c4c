"""On which channels the embedded Travis publishes what."""

from collections.abc import Sequence

from aiotravis.testing import World
from aiotravis.testing.publishing import Publisher


def channels_of(*, private: bool, private_channels: bool) -> dict[str, list[str]]:
    world = World()
    published: dict[str, list[str]] = {}

    def publish(channels: Sequence[str], event: str, data: str) -> None:
        published[event] = list(channels)

    Publisher(world, publish, private_channels=private_channels)
    users = [world.user("sarah", token="a"), world.user("josh", token="b")]
    job = world.repository("a/b", private=private, users=users).build().jobs[0]
    job.enqueue()
    job.write("x")
    return {event: [name.replace(str(job.id), "JOB") for name in names] for event, names in published.items()}


def test_what_is_public_goes_to_users_and_to_the_repository() -> None:
    published = channels_of(private=False, private_channels=False)
    assert published["build:created"] == ["private-user-201", "private-user-202", "repo-82"]
    assert published["job:queued"] == published["build:created"]
    assert published["job:log"] == ["job-JOB"]


def test_what_is_private_goes_to_users_alone() -> None:
    assert channels_of(private=True, private_channels=False)["job:created"] == ["private-user-201", "private-user-202"]


def test_a_private_deployment_hides_logs_and_repositories() -> None:
    published = channels_of(private=False, private_channels=True)
    assert published["build:created"] == ["private-user-201", "private-user-202"]
    assert published["job:log"] == ["private-job-JOB"]
