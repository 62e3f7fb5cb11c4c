"""Which events Travis publishes when something happens, and on which channels.

https://docs.travis-ci.com/api/#pusher
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from aiotravis.testing.live.payloads import build_event, job_event, log_event
from aiotravis.testing.world.world import Build, Job, Part, Repository, World

__all__ = ["LiveMode", "Publisher"]

LiveMode = Literal["head", "2017", "2016", "2014", "2013"]
"""Age of the live channel: today's, or that of the summer of a year."""

MAX_EVENT_BYTES: Final = 10_240
"""Maximum size of an event's data on hosted Pusher, in bytes."""

MAX_PART_CHARACTERS: Final = 9_000
"""Length above which old servers split a log part, in characters."""

OCCUPIED_SECONDS: Final = 6 * 3600.0
"""Seconds for which Travis considers a channel occupied."""


@dataclass(frozen=True)
class PublishRules:
    """Where servers of one age publish.

    Attributes:
        common: Repositories whose events are on ``common``: none, public ones, or all.
        repo: Whether a public repository has a channel.
        private_repo: Whether a private repository has a channel.
        user_prefix: Prefix of a user's channel; empty: users have none.
        splits_parts: Whether large log parts are split.
        full_payloads: Whether events have all fields, however large.
        core_fields: Whether log parts have the fields of travis-core.
        only_occupied: Whether log parts are published only to channels known to be occupied.
    """

    common: Literal["none", "public", "all"] = "none"
    repo: bool = True
    private_repo: bool = True
    user_prefix: str = ""
    splits_parts: bool = False
    full_payloads: bool = True
    core_fields: bool = False
    only_occupied: bool = False


# fact 7.6: which channels there were when. fact 7.8: split parts until 2015, short payloads since October 2017.
RULES: Final[dict[LiveMode, PublishRules]] = {
    "2013": PublishRules(common="all", repo=False, private_repo=False, splits_parts=True, core_fields=True),
    "2014": PublishRules(common="public", repo=False, splits_parts=True, core_fields=True),
    "2016": PublishRules(common="public"),
    "2017": PublishRules(user_prefix="user-"),
    "head": PublishRules(
        private_repo=False, user_prefix="private-user-", full_payloads=False, only_occupied=True
    ),
}  # fmt: skip


def _never(channel: str) -> float | None:
    return None


class Publisher:
    """Publishes the events of a world as Travis does.

    Args:
        world: The world.
        publish: Function that takes names of channels, the name of the event and its payload as JSON text.
        private_channels: Whether the deployment publishes to private channels only.
        mode: Age of the live channel.
        limited: Whether events above 10 kB are lost, as on hosted Pusher.
        occupied_since: Function that returns when a channel became occupied, in seconds since the epoch, or None.
    """

    def __init__(
        self,
        world: World,
        publish: Callable[[Sequence[str], str, str], None],
        *,
        private_channels: bool,
        mode: LiveMode = "head",
        limited: bool = False,
        occupied_since: Callable[[str], float | None] = _never,
    ) -> None:
        self._world = world
        self._publish = publish
        self._private_channels = private_channels
        self._mode: LiveMode = mode
        self._rules = RULES[mode]
        self._limited = limited
        self._occupied_since = occupied_since
        world.notify = self.notify

    def notify(self, event: str, about: Build | Job, part: Part | None) -> None:
        """Publish one event."""
        if isinstance(about, Job) and part is not None:
            self._publish_part(event, about, part)
            return
        full = self._rules.full_payloads
        if isinstance(about, Build):
            data = build_event(about, always_full=full, stages=self._mode in {"head", "2017"})
        else:
            by_scheduler = event == "job:queued"
            data = job_event(about, by_scheduler=by_scheduler, always_full=full, before_2018=self._mode != "head")
        # fact 7.8: what Pusher refuses is lost. Not so for log parts: workers send 1653 bytes at most, tests send more.
        if not self._limited or len(data.encode()) <= MAX_EVENT_BYTES:
            self._publish(self.channels(about.repository), event, data)

    def log_channel(self, job_id: int) -> str:
        """Return the channel of a job's log."""
        return f"private-job-{job_id}" if self._private_channels else f"job-{job_id}"

    def channels(self, repository: Repository) -> list[str]:
        """Return the channels of a repository's events."""
        # fact 9.41: an event is published on each of several channels, and today on none named common.
        rules, secure = self._rules, self._private_channels
        channels = [f"{rules.user_prefix}{user.id}" for user in repository.users] if rules.user_prefix else []
        if secure:
            channels = [name for name in channels if name.startswith("private-")]
        elif rules.common == "all" or (rules.common == "public" and not repository.private):
            channels.append("common")
        if repository.private or secure:
            return [*channels, f"private-repo-{repository.id}"] if rules.private_repo else channels
        return [*channels, f"repo-{repository.id}"] if rules.repo else channels

    def _publish_part(self, event: str, job: Job, part: Part) -> None:
        channel = self.log_channel(job.id)
        since = self._occupied_since(channel)
        # fact 7.9: the flag that Pusher's webhook sets expires and is not renewed.
        if self._rules.only_occupied and since is not None and self._world.clock() - since > OCCUPIED_SECONDS:
            return
        for number, piece in _split(part) if self._rules.splits_parts else [(part.number, part)]:
            self._publish([channel], event, log_event(job, piece, number=number, core_fields=self._rules.core_fields))


def _split(part: Part) -> Iterator[tuple[int | str, Part]]:
    """Yield the pieces of a part with their numbers: 7, "7.1", "7.2"; only the last one may be final."""
    starts = range(0, len(part.content), MAX_PART_CHARACTERS) or range(1)
    for index, start in enumerate(starts):
        text = part.content[start : start + MAX_PART_CHARACTERS]
        piece = Part(part.number, text, part.final and index == len(starts) - 1)
        # fact 9.34: the number of a later piece is a string with a dot.
        yield f"{part.number}.{index}" if index else part.number, piece
