"""What goes out on the live channel when something happens in the world, and on which channels."""

from collections.abc import Callable, Sequence

from aiotravis.testing.payloads import build_event, job_event, log_event
from aiotravis.testing.world import Build, Job, Part, Repository, World

__all__ = ["Publisher"]


class Publisher:
    """Publishes as today's Travis does.

    Args:
        world: What happens.
        publish: Takes channel names, the event's name and its payload (JSON text).
        private_channels: Whether the deployment publishes on private channels only.
    """

    def __init__(
        self, world: World, publish: Callable[[Sequence[str], str, str], None], *, private_channels: bool
    ) -> None:
        self._publish = publish
        self._private_channels = private_channels
        world.notify = self.notify

    def notify(self, event: str, about: Build | Job, part: Part | None) -> None:
        """Publish one event."""
        if isinstance(about, Build):
            self._publish(self._channels(about.repository), event, build_event(about))
        elif part is not None:
            self._publish([self.log_channel(about.id)], event, log_event(about, part))
        else:
            self._publish(self._channels(about.repository), event, job_event(about, queued=event == "job:queued"))

    def log_channel(self, job_id: int) -> str:
        """Name the channel of a job's log."""
        return f"private-job-{job_id}" if self._private_channels else f"job-{job_id}"

    def _channels(self, repository: Repository) -> list[str]:
        channels = [f"private-user-{user.id}" for user in repository.users]
        if not repository.private and not self._private_channels:
            channels.append(f"repo-{repository.id}")
        return channels
