"""Reads the lines of a log in order, and finds markers, commands and messages in them. No I/O."""

import re
from typing import Final

from aiotravis.log_text._ansi import visible_text
from aiotravis.log_text._commands import MESSAGE
from aiotravis.log_text._markers import MARK, MARKER
from aiotravis.log_text._state import LogState

__all__ = ["LogReader"]

TRIGGERS: Final = (MARK, "\n$ ", MESSAGE, "exited with")
"""What a line contains if it is more than output. Searching the whole text for it at once makes reading fast."""

BEGINNINGS: Final = (MARK, "$ ", MESSAGE)
"""How such a line usually begins. Looking there first makes reading logs fast that consist of them."""

REMAINS: Final = re.compile(r"\[[\d;]{0,9}m")
"""What remains of a colour in a saved log without control characters."""

UNCOLOURED: Final = re.compile(r"(?:\x1b\[0?K)*+\$ ")
"""A command that is not timed. Tools print their own in colour."""


class LogReader(LogState):
    """Structure of the lines that were added so far."""

    def add_lines(self, text: str) -> None:
        """Add complete lines, with a newline before the first."""
        done, size = 1, len(text)
        places = [-1] * len(TRIGGERS)
        while done < size:
            if self._lines_to_read:
                self._lines_to_read -= 1
            elif not text.startswith(BEGINNINGS, done):
                for at, place in enumerate(places):
                    if place < done - 1:
                        place = text.find(TRIGGERS[at], done - 1)
                        places[at] = place if place >= 0 else size
                found = min(places)
                start = text.rfind("\n", done - 1, found + 1) + 1 if found < size else size
                if start > done:
                    self._add_output(text[done:start])
                    done = start
                    continue
            end = text.find("\n", done)
            line = text[done : end + 1]
            if MARK in line:
                self._add_marked(line[:-1])
            else:
                self._add_text(line)
            done = end + 1

    def _add_output(self, text: str) -> None:
        self._new_timer = None
        if self.commands.just_ended and not text.isspace():
            self.commands.just_ended = None
        self.lines._append(text, text.count("\n"))

    def _add_marked(self, line: str) -> None:
        done = 0
        for found in MARKER.finditer(line):
            if done < found.start():
                self._add_text(line[done : found.start()] + "\n", marked=True)
            done = found.end()
            if self._has_room():
                self._apply_marker(found)
        if done < len(line):
            self._add_text(line[done:] + "\n", marked=done > 0)
        elif done:
            # fact 10.3: in saved logs, a newline may stand for the carriage return of a marker.
            self._lines_to_read = max(self._lines_to_read, 1)

    def _add_text(self, text: str, *, marked: bool = False) -> None:
        """Add a line with its newline, or a part of one that markers surround."""
        shown = visible_text(text[:-1])
        if not shown:
            if marked:
                self.lines._apply_style(text)
                return
            if self._new_timer:
                # In saved logs, blank lines may follow a marker.
                self._lines_to_read = 1
        else:
            if shown.startswith("$ ") and (self._new_timer or text.startswith("$ ") or UNCOLOURED.match(text)):
                if self._has_room():
                    self._start_command(shown[2:].rstrip())
            else:
                self._read_text(REMAINS.sub("", shown) if shown.startswith("[") else shown)
            self._new_timer = self.commands.just_ended = None
        self.lines._append(text, 1)

    def _apply_marker(self, found: re.Match[str]) -> None:
        self.changes += 1
        self._message = None
        fold, name, time, id, details = found.groups()
        if time == "start":
            self._start_timer(id)
        elif time:
            self._end_timer(id, details or "")
        elif fold == "start":
            self._start_fold(name)
        else:
            self._end_fold(name)
