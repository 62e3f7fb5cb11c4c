"""What is delivered of a followed log: parts in order, or a text, and nothing received live back. No I/O.

https://docs.travis-ci.com/api/#logs
"""

import logging
from collections import deque
from collections.abc import Iterable
from typing import Final

from aiotravis.follow_log.assembler import LogAssembler
from aiotravis.follow_log.prefix import LogPrefix
from aiotravis.follow_log.sources import Snapshot, begins_at_one
from aiotravis.follow_log.spooled_text import SpooledText
from aiotravis.resources.logs import LAST, LogPart

__all__ = ["LogDelivery", "LogReset"]

logger: Final = logging.getLogger("aiotravis.flows")

MAX_RECEIVED: Final = 1 << 20
"""Characters of what was delivered that are kept, to find them in a stored text that begins differently."""


class LogReset(LogPart, frozen=True, kw_only=True):
    """The log restarts; discard everything received so far. The job was restarted, or its log was replaced."""

    number: int | str = -1
    content: str | None = ""


class LogDelivery:
    """What is delivered of one log, from parts that arrive in any order and from stored texts.

    Args:
        job: Id of the job, for log lines.

    Attributes:
        ready: Parts to deliver, in order.
        remainder: Text to deliver after them, or None.
        delivered: The text delivered so far, as length and checksum.
        received: What was delivered, in pieces; None if it is too much to be kept.
        job_ended: Whether the job had ended when its state was last received.
        is_text: Whether a text without numbers was delivered.
        covered: Whether the text that was read last has all that was delivered.
        reads: How often the log of this run was read.
        highest_listed: Highest number of a part that the server listed in the last read; -1 for none.
        finished: Whether nothing follows what is ready, and the remainder.
        gap: Numbers of the parts that could not be had, once the log is finished.
        unavailable: Why the rest of the log could not be had, once the log is finished; None if nothing is known to be
            missing but the gap.
    """

    def __init__(self, job: int = 0) -> None:
        self._job = job
        self.ready: deque[LogPart] = deque()
        self.remainder: SpooledText | None = None
        self.job_ended: bool = False
        self.finished: bool = False
        self.gap: tuple[int, ...] = ()
        self.unavailable: str | None = None
        self._start_run()

    def _start_run(self) -> None:
        self._assembler = LogAssembler()
        self.delivered: LogPrefix = LogPrefix()
        self.received: list[str] | None = []
        self._received_size = 0
        self._text_pieces = 0
        self.is_text: bool = False
        self.covered: bool = False
        self.reads: int = 0
        self.highest_listed: int = -1

    @property
    def last_number(self) -> int:
        """Number of the last part delivered of this run; -1 before the first, or if a text was delivered."""
        return self._assembler.last_number

    @property
    def position(self) -> tuple[int, int]:
        """How far the log was delivered: characters, and number of the last part."""
        return self.delivered.length, self.last_number

    @property
    def has_all(self) -> bool:
        """Whether the final part and all before it were delivered."""
        return self._assembler.complete

    @property
    def has_end(self) -> bool:
        """Whether the final part was received, or the server's own notice ends the log, as far as is known."""
        return self._assembler.has_final or self._assembler.has_notice

    @property
    def has_notice(self) -> bool:
        """Whether the server's own notice ends the log of this run, as far as is known."""
        return self._assembler.has_notice

    @property
    def held_texts(self) -> list[str]:
        """Texts of the parts that wait behind a gap."""
        return self._assembler.held_texts()

    @property
    def missing(self) -> tuple[int, ...]:
        """Numbers of the parts that exist but were not received."""
        return self._assembler.missing

    def merge(self, snapshot: Snapshot) -> None:
        """Deliver what is new in a log that was read."""
        self.reads += 1
        parts, text = snapshot.parts, snapshot.text
        if text is not None:
            self.merge_text(text)
        if parts is None or self.is_text:
            return
        self.covered = False
        # fact 7.9: the server's notice says nothing of the parts before it.
        numbers = (part.number for part in parts if isinstance(part.number, int) and part.number != LAST)
        self.highest_listed = max(numbers, default=-1)
        is_first = self.last_number < 0 and begins_at_one(parts)
        self.add_parts(parts)
        if self._assembler.late_piece and any(part.number == 0 for part in parts):
            # Numbering begins at 0 after all.
            self.discard()
            self.add_parts(parts)
        if is_first:
            self._deliver(self._assembler.begin_at_one())

    def merge_text(self, text: SpooledText) -> None:
        """Deliver what is new in a text that was read, and compared.

        fact 10.4: what came is not replaced by a stored log that lacks a part of it, unless that log was removed.
        """
        self.covered = False
        if not (text.prefix.length and (text.contains_all or text.is_removal)):
            return
        if not text.continues:
            if not self.job_ended:
                return
            self.discard()
        self.covered = True
        is_longer = text.prefix.length > self.delivered.length
        if self.job_ended or is_longer:
            # Parts that were held back are in the text.
            self._assembler, self.is_text = LogAssembler(), True
        if is_longer:
            self.delivered, self.remainder = text.prefix, text

    def deliver_text(self, content: str, *, last: bool) -> None:
        """Deliver a piece of the remainder; the last one ends it."""
        if self.received is not None:
            self._keep(content)
        self.ready.append(LogPart(number=self._text_pieces, content=content))
        self._text_pieces += 1
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
        self._announce_restart("another text was read than was delivered")
        self._start_run()

    def _announce_restart(self, reason: str) -> None:
        logger.info("the log of job %d restarts: %s", self._job, reason)
        self.ready.append(LogReset())

    def finish(self, parts: Iterable[LogPart] = (), *, unavailable: str | None = None) -> None:
        """End the log: deliver the parts behind a gap, too, and remember the gap.

        Args:
            parts: Parts of which those behind a gap may have been dropped before.
            unavailable: Why the rest of the log could not be had.
        """
        self.add_parts(parts, bounded=False)
        self.gap = self.missing
        # Where the final part came, the gap is all that is missing.
        self.unavailable = None if self._assembler.has_final else unavailable
        self._deliver(self._assembler.flush())
        self.finished = True

    def _deliver(self, parts: Iterable[LogPart]) -> None:
        for part in parts:
            self._deliver_part(part, part.content or "")

    def _deliver_part(self, part: LogPart, content: str) -> None:
        self.delivered.add(content)
        if self.received is not None:
            self._keep(content)
        self.ready.append(part)

    def _keep(self, content: str) -> None:
        if self.received is not None:
            self.received.append(content)
            self._received_size += len(content)
            if self._received_size > MAX_RECEIVED:
                self.received = None
