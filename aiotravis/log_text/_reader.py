"""Reads the lines of a log in order, and finds markers, commands and messages in them. No I/O."""

import re
from typing import Final

from aiotravis.log_text._ansi import visible_text
from aiotravis.log_text._commands import MESSAGE
from aiotravis.log_text._markers import MARK, MARKER, read_timing
from aiotravis.log_text._state import LogState

__all__ = ["LogReader"]

TRIGGERS: Final = (MARK, "\n$ ", MESSAGE, "exited with")
"""What a line contains if it is more than output. Searching the whole text for it at once makes reading fast."""

UNCOLOURED: Final = re.compile(r"(?:\x1b\[0?K)*+\$ ")
"""A command that is not timed. Tools print their own in colour."""


class LogReader(LogState):
    """Structure of the lines that were added so far."""

    def add_lines(self, text: str) -> None:
        """Add complete lines, with a newline before the first."""
        done, size = 1, len(text)
        places = [place if (place := text.find(trigger)) >= 0 else size for trigger in TRIGGERS]
        while done < size:
            if self._lines_to_read:
                self._lines_to_read -= 1
                start = done
            elif (found := min(places)) < size:
                start = text.rfind("\n", done - 1, found + 1) + 1
            else:
                break
            end = text.find("\n", start)
            if start > done:
                self._add_output(text[done:start])
            self._add_line(text[start:end])
            done = end + 1
            for at, trigger in enumerate(TRIGGERS):
                if places[at] < end:
                    place = text.find(trigger, end)
                    places[at] = place if place >= 0 else size
        if done < size:
            self._add_output(text[done:])

    def _add_output(self, text: str) -> None:
        self._new_timer = None
        if self.commands.just_ended and not text.isspace():
            self.commands.just_ended = None
        self.lines._append(text, text.count("\n"))

    def _add_line(self, line: str) -> None:
        if MARK not in line:
            self._add_text(line, marked=False)
            return
        done = 0
        for found in MARKER.finditer(line):
            self._add_text(line[done : found.start()], marked=True)
            done = found.end()
            if self._has_room():
                self._apply_marker(found)
        if done == len(line) > 0:
            # fact 10.3: in saved logs, a newline may stand for the carriage return of a marker.
            self._lines_to_read = max(self._lines_to_read, 1)
        self._add_text(line[done:], marked=done > 0)

    def _add_text(self, text: str, *, marked: bool) -> None:
        if marked and not text:
            return
        shown = visible_text(text)
        if marked and not shown:
            self.lines._apply_style(text)
            return
        # Tools such as yarn print their own commands like this, but while the worker's command is being timed.
        if shown.startswith("$ ") and (self._new_timer or (self.timers.running is None and UNCOLOURED.match(text))):
            if self._has_room():
                self._start_command(shown[2:].rstrip())
        else:
            self._read_text(shown)
        if self._new_timer and not shown and not marked:
            # In saved logs, blank lines may follow a marker.
            self._lines_to_read = 1
        else:
            self._new_timer = None
        if shown:
            self.commands.just_ended = None
        self.lines._append(text + "\n", 1)

    def _apply_marker(self, found: re.Match[str]) -> None:
        self.changes += 1
        self._message = None
        fold, name, time, id, details = found.groups()
        if time == "start":
            self._start_timer(id)
        elif time:
            self._end_timer(read_timing(id, details or ""))
        elif fold == "start":
            self._start_fold(name)
        else:
            self._end_fold(name)
