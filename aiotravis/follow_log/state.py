"""State of a followed log: what is known of it, what is ready for delivery, and when to poll again. No I/O.

https://docs.travis-ci.com/api/#logs
"""

from collections import deque
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from aiotravis._async.retry import backoff, exponential
from aiotravis.events import Event, JobCreated, JobEvent, JobLog, Mark
from aiotravis.follow_log.assembler import LogAssembler
from aiotravis.follow_log.prefix import LogPrefix
from aiotravis.follow_log.sources import Snapshot
from aiotravis.follow_log.spooled_text import SpooledText
from aiotravis.resources.jobs import Job
from aiotravis.resources.logs import LAST, LogPart

__all__ = ["LogReset", "LogState"]

POLL_DELAY: Final = 2.0
"""Seconds that the live channel has to deliver missing parts, or the end, before the server is polled for them."""

MAX_POLL_DELAY: Final = 10.0
"""Seconds between two polls without a live channel: `POLL_DELAY` at first, doubled while nothing changes."""

IDLE_POLL_DELAY: Final = 30.0
"""Seconds of silence before a poll, doubled while nothing changes: Travis stops pushing after 6 hours (fact 7.9)."""

MAX_IDLE_POLL_DELAY: Final = 300.0
"""Seconds."""

MAX_LIVE_DELAY: Final = 5.0
"""Seconds that a live part may take to arrive. For so long after a restart, parts may belong to the run before."""

CHARACTERS_PER_SECOND: Final = 1 << 20
"""Characters of a log without numbers, which is read as a whole each time, for which a poll is put off by a second."""


class LogReset(LogPart, frozen=True, kw_only=True):
    """The log restarts; discard everything received so far. The job was restarted, or its log was replaced."""

    number: int | str = -1
    content: str | None = ""


class LogState:
    """State of one followed log. Times are those of the event loop's clock, in seconds.

    Args:
        job: Id of the job.

    Attributes:
        ready: Parts to deliver, in order.
        remainder: Text to deliver after them, or None.
        job_ended: Whether the job had ended when its state was last received.
        started_at: When the present run of the job began; None if it has not, or if that is unknown.
        run_unknown: Whether the present run is unknown: poll before taking parts.
        needs_comparison: Whether numbers alone do not show that what was delivered is the stored log.
        received_live: Whether any part of this run came over the live channel.
        reads: How often the log of this run was read.
        highest_listed: Highest number of a part that the server listed in the last read; -1 for none.
        finished: Whether nothing follows what is ready, and the remainder.
        gap: Numbers of the parts that could not be had, once the log is finished.
    """

    def __init__(self, job: int) -> None:
        self._job = job
        self.ready: deque[LogPart] = deque()
        self.remainder: SpooledText | None = None
        self.job_ended: bool = False
        self.started_at: datetime | None = None
        self.run_unknown: bool = False
        self.needs_comparison: bool = False
        self.finished: bool = False
        self.gap: tuple[int, ...] = ()
        self._opened_at = 0.0
        self._poll_wanted = False
        self._poll_at: float | None = None
        self._unchanged_polls = 0
        self._start_run()

    def _start_run(self) -> None:
        self._assembler = LogAssembler()
        self.delivered: LogPrefix = LogPrefix()
        self._texts_read = 0
        self._text_pieces = 0
        self.highest_listed: int = -1
        self.reads: int = 0
        self.received_live: bool = False

    @property
    def last_number(self) -> int:
        """Number of the last part delivered of this run; -1 before the first, or if a text was delivered."""
        return self._assembler.last_number

    @property
    def position(self) -> tuple[int, int]:
        """How far the log was delivered: characters, and number of the last part."""
        return self.delivered.length, self.last_number

    @property
    def is_text(self) -> bool:
        """Whether a text without numbers was delivered."""
        return self._texts_read > 0 and self.delivered.length > 0 and self.last_number < 0

    @property
    def complete(self) -> bool:
        """Whether the final part and all before it were delivered."""
        return self._assembler.complete

    @property
    def missing(self) -> tuple[int, ...]:
        """Numbers of the parts that exist but were not received."""
        return self._assembler.missing

    # When to poll -----------------------------------------------------------------------------------------------------

    def set_opened(self, now: float) -> None:
        """Remember when the log was first read."""
        self._opened_at = now

    def is_poll_due(self, now: float) -> bool:
        """Whether it is time to poll, even if events still arrive."""
        return self._poll_at is not None and now >= self._poll_at

    def poll_delay(self, now: float, *, live: bool) -> float:
        """Return the seconds until the next poll if no event arrives.

        Args:
            now: The time.
            live: Whether there is a live channel.
        """
        urgent = self.job_ended or self._poll_wanted or self._assembler.has_gap
        if not live or (urgent and self._texts_read):
            delay = exponential(POLL_DELAY, MAX_POLL_DELAY, self._unchanged_polls)
            return delay + self.delivered.length / CHARACTERS_PER_SECOND
        if not urgent:
            self._poll_at = None
            return exponential(IDLE_POLL_DELAY, MAX_IDLE_POLL_DELAY, self._unchanged_polls)
        if self._poll_at is None:
            # Counted from now, not from the last event: parts that keep arriving must not put it off for ever.
            self._poll_at = now + POLL_DELAY
        return max(0.0, self._poll_at - now)

    def retry_delays(self) -> Iterator[float]:
        """Yield the seconds to wait after each failed request."""
        return backoff(POLL_DELAY, MAX_POLL_DELAY)

    # Events -----------------------------------------------------------------------------------------------------------

    def handle_event(self, event: Event, now: float) -> None:
        """Apply an event of the live channel."""
        if isinstance(event, JobLog):
            if event.job_id != self._job:
                return
            if self._texts_read or self.run_unknown:
                # The part cannot be placed: the text has no numbers, or the part may belong to another run.
                self._poll_wanted = True
                return
            self.received_live = True
            if not self.needs_comparison:
                recent = now - self._opened_at < MAX_LIVE_DELAY
                self.needs_comparison = recent or not isinstance(event.number, int)
            part = LogPart(number=event.number, content=event.content, final=event.final)
            if self._assembler.accept_next(part):
                self.delivered.add(event.content)
                self.ready.append(part)
                return
            self.add_parts([part])
            if self._assembler.late_piece:
                self._restart(now)
            if self._assembler.has_gap and self._poll_at is None:
                self._poll_at = now + POLL_DELAY
        elif isinstance(event, Mark):
            self._poll_wanted = self.needs_comparison = True
        elif isinstance(event, JobEvent) and event.job.id == self._job:
            self._handle_job_event(event, now)

    def begin_run(self, now: float) -> None:
        """Begin with a poll: what came over the live channel so far may belong to the run before."""
        self._restart(now)

    def _handle_job_event(self, event: JobEvent, now: float) -> None:
        if isinstance(event, JobCreated):
            # fact 7.9: a restart and a requeue are announced as "created".
            before = event.updated_at is not None and self.started_at and event.updated_at <= self.started_at
            if not event.late and not before:
                self._restart(now)
            # The run may have begun before the event arrived, with parts of the run before among its own.
            self.needs_comparison = True
        elif not event.complete:
            self._poll_wanted = True
        elif not event.late:
            self.job_ended = event.job.finished
            self.started_at = event.job.started_at or self.started_at

    def _restart(self, now: float) -> None:
        if self.delivered.length or self.last_number >= 0:
            self.ready.append(LogReset())
        self._start_run()
        self.needs_comparison = True
        self.job_ended, self.started_at = False, None
        # Parts of the old run may still arrive: the new one begins with a poll.
        self.run_unknown = self._poll_wanted = True
        self._poll_at = now

    # Polls ------------------------------------------------------------------------------------------------------------

    def update_job(self, job: Job, now: float) -> bool:
        """Apply the state of the job. If its run began at another time, the log restarts.

        Returns:
            Whether it is another run.
        """
        is_other = self.started_at is not None and job.started_at != self.started_at
        if is_other:
            self._restart(now)
        self.started_at = job.started_at
        # fact 10.1: a restart takes a while; what is read of the log meanwhile belongs to neither run for certain.
        self._poll_wanted = self._poll_wanted or (self.job_ended and not job.finished)
        self.job_ended = job.finished
        return is_other

    def apply_poll(self, snapshot: Snapshot, *, pending: bool, before: tuple[int, int]) -> bool:
        """Apply what a poll has read.

        Args:
            snapshot: What was read.
            pending: Whether the job has not begun to run.
            before: The `position` before the poll.

        Returns:
            Whether there is anything new.
        """
        self._poll_wanted, self._poll_at = False, None
        self.run_unknown = self.run_unknown and pending
        self.merge(snapshot)
        advanced = before != self.position
        self._unchanged_polls = 0 if advanced else self._unchanged_polls + 1
        return advanced

    def merge(self, snapshot: Snapshot) -> None:
        """Deliver what is new in a log that was read."""
        self.reads += 1
        # Parts of an unknown run may belong to any.
        self.needs_comparison = self.needs_comparison or (bool(snapshot.parts) and self.started_at is None)
        if snapshot.parts is None or self.is_text:
            self.merge_whole(snapshot)
            return
        self._texts_read = 0
        if snapshot.whole and self.last_number < 0:
            # It contains all parts, those that arrived live too.
            self._assembler = LogAssembler()
        # fact 7.9: the server's notice says nothing of the parts before it.
        numbers = (part.number for part in snapshot.parts if isinstance(part.number, int) and part.number != LAST)
        self.highest_listed = max(numbers, default=-1)
        self.add_parts(snapshot.parts)

    def merge_whole(self, snapshot: Snapshot) -> None:
        """Deliver what is new in a log that was read as a whole, and in which numbers do not count.

        If it does not begin with what was delivered, the log restarts.
        """
        self._texts_read += 1
        text = snapshot.text
        if snapshot.parts:
            text = SpooledText.of("".join(part.content or "" for part in snapshot.parts), self.delivered)
        if text is None or not text.prefix.length:
            return
        if not text.continues:
            if not self.job_ended:
                return
            self.discard()
            self._texts_read = 1
        is_longer = text.prefix.length > self.delivered.length
        if self.job_ended or is_longer:
            # Parts that were held back are in the text, or belong to another run.
            self._assembler = LogAssembler()
        if is_longer:
            self.delivered, self.remainder = text.prefix, text

    def deliver_text(self, content: str, *, last: bool) -> None:
        """Deliver a piece of the remainder; the last one ends it."""
        self.ready.append(LogPart(number=self._text_pieces, content=content))
        self._text_pieces += 1
        if last:
            self.remainder = None

    def is_new(self, part: LogPart) -> bool:
        """Whether a part follows all that were delivered."""
        return isinstance(part.number, int) and part.number > self.last_number

    def add_parts(self, parts: Iterable[LogPart]) -> None:
        """Add parts, and deliver those that are in order."""
        self._deliver(self._assembler.add(parts))

    def discard(self) -> None:
        """Restart the log: what was delivered belongs to another run, or to a log that was replaced."""
        self.ready.append(LogReset())
        self._start_run()

    def reopen(self) -> None:
        """Forget that the final part was received."""
        self._assembler.reopen()

    def finish(self) -> None:
        """End the log: deliver the parts behind a gap, too, and remember the gap."""
        self.gap = self.missing
        self._deliver(self._assembler.flush())
        self.finished = True

    def _deliver(self, parts: Iterable[LogPart]) -> None:
        for part in parts:
            self.delivered.add(part.content or "")
            self.ready.append(part)
