"""What goes out on the live channel when something happens in the world, and on which channels.

https://docs.travis-ci.com/api/#pusher
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from aiotravis.testing.live.payloads import build_event, job_event, log_event
from aiotravis.testing.world.world import Build, Job, Part, Repository, World

__all__ = ["LiveMode", "Publisher"]

LiveMode = Literal["head", "2017", "2016", "2014", "2013"]
"""Which Travis the live channel is like: today's, or that of a summer gone by."""

MOST_BYTES: Final = 10_240
"""Bytes of an event's data that hosted Pusher takes."""

LARGEST_PIECE: Final = 9_000
"""Characters of a log part above which old servers cut it."""

REMEMBERED: Final = 6 * 3600.0
"""Seconds for which the logs service believes that somebody listens to a channel."""


@dataclass(frozen=True)
class _Rules:
    """Where servers of one time publish.

    Attributes:
        common: Whose events are on ``common``: nobody's, public repositories', or all.
        repo: Whether public repositories have a channel each.
        private_repo: Whether private ones do.
        user: What a user's channel begins with; empty: users have none.
        cuts: Whether a large log part is cut into pieces.
        wholly: Whether events are sent whole, however large.
        core: Whether log parts tell of build and repository, too.
        listens: Whether log parts go only where somebody is known to listen.
    """

    common: Literal["nothing", "public", "everything"] = "nothing"
    repo: bool = True
    private_repo: bool = True
    user: str = ""
    cuts: bool = False
    wholly: bool = True
    core: bool = False
    listens: bool = False


RULES: Final[dict[LiveMode, _Rules]] = {
    "2013": _Rules(common="everything", repo=False, private_repo=False, cuts=True, core=True),
    "2014": _Rules(common="public", repo=False, cuts=True, core=True),
    "2016": _Rules(common="public"),
    "2017": _Rules(user="user-"),
    "head": _Rules(private_repo=False, user="private-user-", wholly=False, listens=True),
}


def _for_ever(channel: str) -> float | None:
    return None


class Publisher:
    """Publishes as Travis does.

    Args:
        world: What happens.
        publish: Takes channel names, the event's name and its payload (JSON text).
        private_channels: Whether the deployment publishes on private channels only.
        mode: Today's Travis (``head``), or that of a summer gone by.
        limited: Whether what is behind `publish` is hosted Pusher, which takes 10 kB of an event and no more.
        occupied_since: Gives when a channel got its first listener, in seconds since the epoch, or None.
    """

    def __init__(
        self,
        world: World,
        publish: Callable[[Sequence[str], str, str], None],
        *,
        private_channels: bool,
        mode: LiveMode = "head",
        limited: bool = False,
        occupied_since: Callable[[str], float | None] = _for_ever,
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
            self._log(event, about, part)
            return
        whole = self._rules.wholly
        if isinstance(about, Build):
            data = build_event(about, whole=whole, stages=self._mode in {"head", "2017"})
        else:
            data = job_event(about, queued=event == "job:queued", whole=whole, old=self._mode != "head")
        # What Pusher refuses, nobody hears of. Log parts are spared: a worker sends 1653 bytes at most, tests do not.
        if not self._limited or len(data.encode()) <= MOST_BYTES:
            self._publish(self.channels(about.repository), event, data)

    def log_channel(self, job_id: int) -> str:
        """Name the channel of a job's log."""
        return f"private-job-{job_id}" if self._private_channels else f"job-{job_id}"

    def channels(self, repository: Repository) -> list[str]:
        """Name the channels of a repository's events."""
        rules, secure = self._rules, self._private_channels
        channels = [f"{rules.user}{user.id}" for user in repository.users] if rules.user else []
        if secure:
            channels = [name for name in channels if name.startswith("private-")]
        elif rules.common == "everything" or (rules.common == "public" and not repository.private):
            channels.append("common")
        if repository.private or secure:
            return [*channels, f"private-repo-{repository.id}"] if rules.private_repo else channels
        return [*channels, f"repo-{repository.id}"] if rules.repo else channels

    def _log(self, event: str, job: Job, part: Part) -> None:
        channel = self.log_channel(job.id)
        since = self._occupied_since(channel)
        # The flag that Pusher's webhook set expires, and nothing renews it.
        if self._rules.listens and since is not None and self._world.clock() - since > REMEMBERED:
            return
        for number, piece in _pieces(part, cut=self._rules.cuts):
            self._publish([channel], event, log_event(job, piece, number=number, core=self._rules.core))


def _pieces(part: Part, *, cut: bool) -> Iterator[tuple[int | str, Part]]:
    """Give a part, or its pieces, with their numbers: 7, "7.1", "7.2"; the last one alone may be final."""
    if not cut or len(part.content) <= LARGEST_PIECE:
        yield part.number, part
        return
    starts = range(0, len(part.content), LARGEST_PIECE)
    for place, start in enumerate(starts):
        text = part.content[start : start + LARGEST_PIECE]
        piece = Part(part.number, text, part.final and place == len(starts) - 1)
        yield f"{part.number}.{place}" if place else part.number, piece
