"""What is delivered of a followed log: parts in order, or a text, and never anything back. No I/O.

https://docs.travis-ci.com/api/#logs
"""

from collections import deque
from collections.abc import Iterable

from aiotravis.follow_log.assembler import LogAssembler
from aiotravis.follow_log.prefix import LogPrefix
from aiotravis.follow_log.sources import Snapshot
from aiotravis.follow_log.spooled_text import SpooledText
from aiotravis.resources.logs import LogPart

__all__ = ["LogDelivery", "LogReset"]


class LogReset(LogPart, frozen=True, kw_only=True):
    """The log restarts; discard everything received so far. The job was restarted, or its log was replaced."""

    number: int | str = -1
    content: str | None = ""


class LogDelivery:
    """What is delivered of one log, from parts that arrive in any order and from stored texts.

    Attributes:
        ready: Parts to deliver, in order.
        remainder: Text to deliver after them, or None.
        job_ended: Whether the job had ended when its state was last received.
        needs_comparison: Whether numbers alone do not show that what was delivered is the stored log.
        waits_for_comparison: Whether parts of the run before may be among those delivered, so that the stored log is
            waited for.
        covered: Whether the log that was read last shows how the log ends that was delivered.
        finished: Whether nothing follows what is ready, and the remainder.
        gap: Numbers of the parts that could not be had, once the log is finished.
        unavailable: Why the rest of the log could not be had, once the log is finished; None if nothing is known to be
            missing but the gap.
    """

    def __init__(self) -> None:
        self.ready: deque[LogPart] = deque()
        self.remainder: SpooledText | None = None
        self.job_ended: bool = False
        self.needs_comparison: bool = False
        self.finished: bool = False
        self.gap: tuple[int, ...] = ()
        self.unavailable: str | None = None
        self._start_run()

    def _start_run(self) -> None:
        self._assembler = LogAssembler()
        self.delivered: LogPrefix = LogPrefix()
        self._texts_read = 0
        self._text_pieces = 0
        self._text_extends = False
        self.waits_for_comparison: bool = False
        self.covered: bool = False

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
    def has_notice(self) -> bool:
        """Whether the server's own notice ends the log of this run, as far as is known."""
        return self._assembler.has_notice and not self.waits_for_comparison

    @property
    def held_texts(self) -> list[str]:
        """Texts of the parts that wait behind a gap."""
        return self._assembler.held_texts()

    @property
    def missing(self) -> tuple[int, ...]:
        """Numbers of the parts that exist but were not received."""
        return self._assembler.missing

    def merge_whole(self, snapshot: Snapshot) -> None:
        """Deliver what is new in a log that was read as a whole, and in which numbers do not count.

        fact 10.4: it replaces what was delivered only where that may belong to another run. A text that lacks parts of
        what came does not: only what follows in it is new.
        """
        self.covered = False
        text = snapshot.text
        if text is None or not text.prefix.length:
            return
        is_text = self.is_text
        self._texts_read += 1
        if text.lacks_held or text.lacks_end:
            return
        if text.replaces_end and self.job_ended and not (self.waits_for_comparison or is_text):
            text.keep_end()
        if text.overlaps:
            self.covered = self.job_ended
            if self.covered and not text.exhausted:
                self._assembler = LogAssembler()
                self.remainder, self._text_extends = text, True
            return
        if not text.continues:
            shorter = text.prefix.length < self.delivered.length and not text.is_removal
            if not self.job_ended or (shorter and not (self.needs_comparison or is_text)):
                return
            self.discard()
            self._texts_read = 1
        self.covered = True
        is_longer = text.prefix.length > self.delivered.length
        if self.job_ended or is_longer:
            # Parts that were held back are in the text.
            self._assembler = LogAssembler()
        if is_longer:
            self.delivered, self.remainder, self._text_extends = text.prefix, text, False

    def deliver_text(self, content: str, *, last: bool) -> None:
        """Deliver a piece of the remainder; the last one ends it."""
        self.ready.append(LogPart(number=self._text_pieces, content=content))
        self._text_pieces += 1
        if self._text_extends:
            self.delivered.add(content)
        if last:
            self.remainder = None

    def is_new(self, part: LogPart) -> bool:
        """Whether a part follows all that were delivered."""
        return isinstance(part.number, int) and part.number > self.last_number

    def add_parts(self, parts: Iterable[LogPart], *, bounded: bool = True) -> None:
        """Add parts, and deliver those that are in order; `bounded` if those beyond a limit can be read again."""
        self._deliver(self._assembler.add(parts, bounded=bounded))

    def discard(self) -> None:
        """Restart the log: what was delivered belongs to another run, or to a log that was replaced."""
        self.ready.append(LogReset())
        self._start_run()

    def finish(self, parts: Iterable[LogPart] = (), *, unavailable: str | None = None) -> None:
        """End the log: deliver the parts behind a gap, too, and remember the gap.

        Args:
            parts: Stored parts, of which those behind a gap may have been dropped before.
            unavailable: Why the rest of the log could not be had.
        """
        self.add_parts(parts, bounded=False)
        self.gap, self.unavailable = self.missing, unavailable
        self._deliver(self._assembler.flush())
        self.finished = True

    def _deliver(self, parts: Iterable[LogPart]) -> None:
        for part in parts:
            self.delivered.add(part.content or "")
            self.ready.append(part)
