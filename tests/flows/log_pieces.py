"""Logs out of pieces that have a meaning, and what they show, worked out character by character."""

import re

from hypothesis import strategies as st

CLEAR = "\r\x1b[0K"

MARKERS = (
    *(f"travis_fold:{kind}:{name}{CLEAR}" for kind in ("start", "end") for name in ("install", "git.io", "a.2", "")),
    *(f"travis_time:start:{number:08x}{CLEAR}" for number in range(3)),
    *(f"travis_time:end:{number:08x}:start=1,finish=3000000001,duration=3000000000{CLEAR}" for number in range(3)),
    f"travis_time:end:00000001:start=1,finish=9,duration=8,event=script{CLEAR}",
    "travis_time:end:00000002:start=1,finish=9,duration=8,event=\r",
    f"travis_time:end:00000002:start=x,finish={'9' * 5000},,=\r",
)  # fmt: skip

TEXTS = (
    "\n", "\r\n", "$ make\n", "$ ", "x", "längs 💎", '\nThe command "make" exited with 1.\n', '" exited with 0.\n',
    'The command "if\n', "\nDone. Your build exited with 1.\n", "travis_", "travis_fold:", "}", "\t", "<script>",
)  # fmt: skip

CONTROLS = (
    "\r", "\r\r", "\b", "\x00", "\x07", "\x1b", "\x7f", "\x85", "\x9b", "\x9c", "\x1b[", "\x1b]", "\x1b[K", "\x1b[2K",
    "\x1b[1K", "\x1b[J", "\x1b[2J", "\x1b[1000D", "\x1b[2C", "\x1b[3G", "\x1b[99999999999G", "\x1b[31m", "\x1b[0m",
    "\x1b[1;38;5;200m", "\x1b[48:2::1:2:3m", "\x9b4m", "\x1b[m", "\x1b]0;title\x07", "\x1b]8;;http://x\x1b\\",
    "\x9dx\x9c", "\x1bPq#\x1b\\", "\x1b^x", "\x1b(B", "\x1bM", "\x1b[?25l", "\x1b[ q", "\x1b[>4;1m", "\u202e", "\u2066",
)  # fmt: skip

lines = st.lists(st.sampled_from((*CONTROLS, "a", "bc", "def ", "[", "0", "m")), max_size=30).map("".join)
logs = st.lists(st.one_of(*map(st.sampled_from, (MARKERS, TEXTS, CONTROLS))), max_size=40).map("".join)

MARKER = re.compile(
    r"travis_(?:fold:(?:start|end):[\w.-]+|time:(?:start|end):[\w.-]+:?[\w.=,-]*)\r?(?:\x1b\[0?K)?", re.ASCII
)


def plain(log: str) -> str:
    """Say what the whole log shows: a line that held nothing but markers and sequences is none."""
    *whole, last = log.split("\n")
    shown_lines: list[str] = []
    for line in [*whole, last] if last else whole:
        pieces = MARKER.split(line)
        shown = [seen(piece) for piece in pieces]
        shown_lines += [text for text in shown if text or len(pieces) == 1]
    return "".join(f"{line}\n" for line in shown_lines)


def seen(line: str) -> str:
    """Be a terminal for one line."""
    cells: list[str] = []
    column = place = 0
    while place < len(line):
        character = line[place]
        place += 1
        if character == "\x1b" and line[place : place + 1] == "[":
            character, place = "\x9b", place + 1
        if character == "\x9b":
            values = between = final = ""
            while place < len(line) and line[place] in "0123456789:;<=>?":
                values, place = values + line[place], place + 1
            while place < len(line) and line[place] in " !\"#$%&'()*+,-./":
                between, place = between + line[place], place + 1
            if place < len(line) and "@" <= line[place] <= "~":
                final, place = line[place], place + 1
            if between:
                continue
            number = int(values) if values.isdigit() and len(values) < 7 else None if values else 1
            if (final in "JK" and final and values in ("", "0")) or (final == "K" and values == "2"):
                column = column if values in ("", "0") else 0
                del cells[column:]
            elif final == "C" and number is not None:
                column = min(column + number, len(cells))
            elif final == "D" and number is not None:
                column = max(column - number, 0)
            elif final == "G" and number is not None:
                column = min(number - 1, len(cells))
        elif character == "\x1b" or character in "\x90\x98\x9d\x9e\x9f":
            follows = line[place : place + 1] if character == "\x1b" else "]"
            begin = place + 1 if character == "\x1b" else place
            end = begin
            while end < len(line) and (line[end] >= "\xa0" or " " <= line[end] <= "~"):
                end += 1
            if follows and follows in "]PX^_" and line[end : end + 1] in ("\x07", "\x9c") and line[end : end + 1]:
                place = end + 1
            elif follows and follows in "]PX^_" and line[end : end + 2] == "\x1b\\":
                place = end + 2
            elif character == "\x1b":
                while place < len(line) and line[place] in " !\"#$%&'()*+,-./":
                    place += 1
                place += place < len(line) and "0" <= line[place] <= "~"
        elif character == "\r":
            column = 0
        elif character == "\b":
            column = max(column - 1, 0)
        elif character == "\t" or " " <= character <= "~" or character >= "\xa0":
            cells[column : column + 1] = [character]
            column += 1
    return "".join(cells)
