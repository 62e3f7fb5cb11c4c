"""The log of a job in the terminal dashboard: followed, scrolled, opened at what failed."""

import sys
from collections.abc import Mapping

from msgspec.structs import replace
from rich.panel import Panel
from rich.text import Text

from aiotravis import Job, LogReset, LogText, Travis, TravisError, safe_for_terminal
from examples.outcome import outcome

KINDS = {"good": "green", "bad": "red", "gone": "dim", "open": ""}
"""Styles of the ways in which jobs end."""


MAX_RAW = 1 << 16
"""Characters of a line that are drawn: the last ones, which show where carriage returns overwrite it."""


class FollowedLog:
    """The log of one job, and the part of it that is on the screen.

    Attributes:
        text: The log so far.
        ended: Whether it has ended.
        problem: Why it could not be followed to its end, or None.
        top: Index of the first line on the screen; None for the end of the log, or for what failed once that is known.
        page: Number of lines on the screen.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.text = LogText()
        self.ended = False
        self.problem: TravisError | None = None
        self.top: int | None = None
        self.page = 1

    async def follow(self, travis: Travis) -> None:
        """Read the log to its end."""
        try:
            async with travis.follow_log(self.job) as log:
                async for part in log:
                    if isinstance(part, LogReset):
                        self.text = LogText()
                    self.text.feed(part.content or "")
        except TravisError as error:
            self.problem = error
        self.text.close()
        self.ended = True

    def scroll(self, action: str) -> None:
        """Show another part."""
        step = max(1, self.page - 2)
        line = self._outcome["line"]
        match action:
            case "page down":
                self.top = self._first + step
            case "page up":
                self.top = self._first - step
            case "start":
                self.top = 0
            case "failure" if isinstance(line, int):
                self.top = line - 2
            case "end":
                self.top = sys.maxsize
            case _:
                pass

    @property
    def _outcome(self) -> Mapping[str, object]:
        return outcome([(0, self.text)], str(self.job.state))

    @property
    def _first(self) -> int:
        """Index of the first line on the screen."""
        end = max(0, len(self.text.lines) - self.page)
        line = self._outcome["line"]
        if self.top is None and self.ended and isinstance(line, int):
            return max(0, min(line - 2, end))
        return end if self.top is None else max(0, min(self.top, end))

    def draw(self, title: str, width: int, height: int) -> Panel:
        """Draw the part on the screen, with how the job ended in the color of its ending."""
        self.page = max(1, height - 2)
        first, found = self._first, self._outcome
        text = Text(no_wrap=True, overflow="ellipsis")
        for line in self.text.lines[first : first + self.page]:
            # Only text and colours of the log are left; other control sequences were removed.
            shown = Text.from_ansi(replace(line, raw=line.raw[-MAX_RAW:]).terminal())
            if line.number == found["line"]:
                shown.stylize("white on red")
            text.append_text(shown).append("\n")
        end = min(first + self.page, len(self.text.lines))
        status, style = "loading" if self.job.finished else "following", "yellow"
        if self.problem is not None:
            status, style = f"broke off: {self.problem}", "red"
        elif self.ended:
            status, style = str(found["text"]), KINDS[str(found["kind"])]
        place = f"{first + 1}-{end} of {len(self.text.lines)}" if end else "empty"
        shown_title = one_line(f"{title} · {status} · {place}", width - 6)
        return Panel(text, title=shown_title, height=height, border_style=style)


def one_line(text: str, width: int) -> Text:
    """Return one line of text of others that does not control this terminal."""
    shown = Text(safe_for_terminal(text.replace("\n", " "), colour=False), no_wrap=True, overflow="ellipsis")
    shown.truncate(max(1, width), overflow="ellipsis")
    return shown
