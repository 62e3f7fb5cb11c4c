"""Reads the lines of a log in order, and finds markers, commands and messages in them. No I/O."""

import re
from typing import Final

from aiotravis.log_text._ansi import visible_text
from aiotravis.log_text._commands import MESSAGE
from aiotravis.log_text._endings import FIRST_LINE
from aiotravis.log_text._groups import phase_of_label
from aiotravis.log_text._markers import MARK, MARKER, is_quoted
from aiotravis.log_text._state import LogState

__all__ = ["LogReader"]

TRIGGERS: Final = (MARK, "\n$ ", MESSAGE, "exited with")
"""What a line contains if it is more than output. Searching the whole text for it at once makes reading fast."""

SAVED_TRIGGERS: Final = (MARK, "$ ", MESSAGE, "exited with")
"""The same where something may stand before a command: in a log that begins like none of Travis."""

BEGINNINGS: Final = (MARK, "$ ", MESSAGE)
"""How such a line usually begins. Looking there first makes reading logs fast that consist of them."""

# fact 10.3: people save logs with something before each line, and without control characters.
_VARYING: Final = (
    r"(?:\[?(?:\d{4}-\d\d-\d\d[T ])?\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z| ?[+-]\d\d:?\d\d)?\]?:?|[ \t]{0,8}\d{1,6}[:|.]?)"
)
PREFIX: Final = re.compile(
    rf"(?:(?P<varying>{_VARYING})|(?P<fixed>(?!travis_)[\w.@-]{{1,40}}[ \t]*[:|]|>(?: ?>)*+)?)(?P<blank>[ \t]*+)"
    rf"(?={MARK}|\$ |{MESSAGE}|{FIRST_LINE})",
    re.ASCII,
)
"""What stands before the first line, if Travis wrote it: a time, a number, a name, a quotation, an indentation."""

SHOWN: Final = re.compile(r"\S")

REMAINS: Final = re.compile(r"(?:\x1b|\^\[|\ufffd)?\[[\d;]{0,9}[mK]")
"""What remains of a control sequence."""

REMAINS_FIRST: Final = frozenset("[^\ufffd")

BADGE: Final = re.compile(r"(?:\d{1,6}\.\d\ds)*?(\d{1,6}\.\d\d)s\$ ", re.ASCII)
"""What the website shows of timers, at the beginning of a line. The last one is that of the command."""

UNCOLOURED: Final = re.compile(r" *+(?:(?:\x1b|\^\[|\ufffd)?\[0?K)*+\$ ")
"""A command that is not timed. Tools print their own in colour."""


class LogReader(LogState):
    """Structure of the lines that were added so far."""

    def __init__(self) -> None:
        super().__init__()
        self._begun = False
        self._triggers = SAVED_TRIGGERS
        self._prefix: re.Pattern[str] | None = None

    def add_lines(self, text: str) -> None:
        """Add complete lines, with a newline before the first."""
        if not self._begun:
            self._begin(text)
        done, size, triggers = 1, len(text), self._triggers
        places = [-1] * len(triggers)
        while done < size:
            if self._lines_to_read:
                self._lines_to_read -= 1
            elif not text.startswith(BEGINNINGS, done):
                for at, place in enumerate(places):
                    if place < done - 1:
                        place = text.find(triggers[at], done - 1)
                        places[at] = place if place >= 0 else size
                found = min(places)
                start = text.rfind("\n", done - 1, found + 1) + 1 if found < size else size
                if start > done:
                    self._add_output(text[done:start])
                    done = start
                    continue
            end = text.find("\n", done)
            line = text[done:end]
            if MARK in line:
                self._add_marked(line)
            else:
                self._add_text(line)
            done = end + 1

    def _begin(self, text: str) -> None:
        """Find out what stands before each line, by the first one that is not blank."""
        shown = SHOWN.search(text)
        if shown is None:
            return
        self._begun = True
        start = text.rfind("\n", 0, shown.start()) + 1
        if text.startswith((MARK, FIRST_LINE), start):
            self._triggers = TRIGGERS
        if prefix := PREFIX.match(text, start):
            self.changes += text.startswith(FIRST_LINE, prefix.end())
            if prefix[0]:
                # Blanks may be lost where nothing follows.
                before = _VARYING if prefix["varying"] else re.escape(prefix["fixed"] or "")
                self._prefix = re.compile(f"{before}[ \\t]{{0,{len(prefix['blank'])}}}", re.ASCII)

    def split(self, line: str) -> tuple[str, str]:
        """Split a line into what stands before all lines, and the rest."""
        found = self._prefix.match(line) if self._prefix else None
        end = found.end() if found else 0
        return line[:end], line[end:]

    def told(self, line: str) -> str:
        """Return the visible text of a line, without what stands before it."""
        shown = visible_text(self.split(line)[1] if self._prefix else line)
        return REMAINS.sub("", shown) if shown[:1] in REMAINS_FIRST else shown

    def _add_output(self, text: str) -> None:
        self._new_timer = None
        if self.commands.just_ended and not self.commands.late:
            self.commands.late = not text.isspace()
        self.lines._append(text, text.count("\n"))

    def _add_marked(self, line: str) -> None:
        before, done = "", 0
        if self._prefix:
            before, line = self.split(line)
        for found in MARKER.finditer(line):
            start, end = found.span()
            fold, name, time, id, details, ending = found.groups()
            # The carriage return may be that of the line's end.
            if (not ending or (ending == "\r" and end == len(line))) and is_quoted(line, done, start, end):
                continue
            if done < start:
                self._add_text(before + line[done:start], marked=True)
                before = ""
            done = end
            if self._has_room():
                self.changes += 1
                self._message = None
                if fold == "start":
                    self._start_fold(name)
                elif fold:
                    self._end_fold(name)
                elif time == "start":
                    self._start_timer(id)
                else:
                    self._end_timer(id, details or "")
        if line[done:].strip("\r"):
            self._add_text(before + line[done:], marked=done > 0)
        else:
            # fact 10.3: in saved logs, a newline may stand for the carriage return of a marker.
            self._lines_to_read = max(self._lines_to_read, 1)

    def _add_text(self, text: str, *, marked: bool = False) -> None:
        """Add a line without its newline, or a part of one that markers surround."""
        told = shown = visible_text(text)
        if self._prefix is not None or told[:1] in REMAINS_FIRST:
            told = self.told(text)
        if not told:
            if marked and (self._prefix is None or not shown):
                self.lines._apply_style(text)
                return
            if self._new_timer:
                # In saved logs, blank lines may follow a marker.
                self._lines_to_read = 1
        else:
            if marked and told[0] == " ":
                # In saved logs, a blank may stand for the carriage return of a marker.
                told = told.lstrip(" ") or " "
            if told.startswith("$ ") and (
                self._new_timer or text.startswith("$ ") or UNCOLOURED.match(self.split(text)[1])
            ):
                if self._has_room():
                    self._start_command(told[2:].rstrip())
            elif told[0].isdigit() and (badge := BADGE.match(told)):
                if self._has_room():
                    # The website shows the name of a fold in a line before it.
                    label = phase_of_label(self.lines._last_line())
                    self._start_command(told[badge.end() :].rstrip(), float(badge[1]), label)
            else:
                self._read_text(told)
            self._new_timer = None
            self.commands.late = True
        self.lines._append(text + "\n", 1)
