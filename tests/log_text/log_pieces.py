"""Random logs made of meaningful pieces, and their visible text, computed character by character."""

import re

from hypothesis import strategies as st

from aiotravis.log_text._reader import LogReader

CLEAR = "\r\x1b[0K"

MARKERS = (
    *(f"travis_fold:{kind}:{name}{CLEAR}" for kind in ("start", "end") for name in ("install", "git.io", "a.2", "")),
    *(f"travis_time:start:{number:08x}{CLEAR}" for number in range(3)),
    *(f"travis_time:end:{number:08x}:start=1,finish=3000000001,duration=3000000000{CLEAR}" for number in range(3)),
    f"travis_time:end:00000001:start=1,finish=9,duration=8,event=script{CLEAR}",
    "travis_time:end:00000002:start=1,finish=9,duration=8,event=\r",
    f"travis_time:end:00000002:start=x,finish={'9' * 5000},,=\r",
    "travis_fold:start:package cache\r", "travis_fold:start:a\x1b[0K", "travis_fold:end:a",
)  # fmt: skip

TEXTS = (
    "\n", "\r\n", "$ make\n", "$ ", "x", "längs 💎", '\nThe command "make" exited with 1.\n', '" exited with 0.\n',
    'The command "if\n', "\nDone. Your build exited with 1.\n", "travis_",
    'The command "make" failed and exited with 2 during .\n', "Your build has been stopped.\n", "Done: Job Cancelled\n",
    "\nNo output has been received in the last 10m0s, this\n", 'The command "make" failed. Retrying, 2 of 3.\n',
    'The command "eval x" failed 3 times.\n', "\nDone. Your build exited with 0.\n",
    "travis_fold:", "}", "\t", "<script>",
    "\ufffd", "\udc80\udcff", "\ud83d", "\ufeff", "\u200b", "e\u0301", "\xa0", "\u2028", "😀😀",
)  # fmt: skip

CONTROLS = (
    "\r", "\r\r", "\r" * 50, "10%\r20%\r100%\r", "\r\n\r\r\n", "\b", "\b" * 20, "x\b", "\x1b[31ma\x1b[0m\b",
    "\r\x1b[K", "\r\x1b[0K\x1b[2K", "\r\x1b[0m\n", "\r\x1b[0m\r\n", "\x1b[3;4G", "\x1b[1;2D", "\x1b[0J",
    "\x00", "\x07", "\x1b", "\x7f", "\x85", "\x9b", "\x9c", "\x1b[", "\x1b]", "\x1b[K", "\x1b[2K",
    "\x1b[1K", "\x1b[J", "\x1b[2J", "\x1b[1000D", "\x1b[2C", "\x1b[3G", "\x1b[99999999999G", "\x1b[31m", "\x1b[0m",
    "\x1b[1;38;5;200m", "\x1b[48:2::1:2:3m", "\x9b4m", "\x1b[m", "\x1b]0;title\x07", "\x1b]8;;http://x\x1b\\",
    "\x9dx\x9c", "\x1bPq#\x1b\\", "\x1b^x", "\x1b(B", "\x1bM", "\x1b[?25l", "\x1b[ q", "\x1b[>4;1m", "\u202e", "\u2066",
)  # fmt: skip

lines = st.lists(st.sampled_from((*CONTROLS, "a", "bc", "def ", "[", "0", "m")), max_size=30).map(
    lambda pieces: "".join(pieces).replace("\n", "")
)

pieces = st.one_of(*map(st.sampled_from, (MARKERS, TEXTS, CONTROLS)))

_names = st.sampled_from(("install", "install.1", "a.2", "script", "git.checkout"))


def _folded(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Wrap text in a fold and in a timer; any of the markers may be missing, or belong to another."""
    about = st.lists(inner, max_size=4).map("".join)
    end = st.sampled_from((CLEAR, "\r", "\n", ""))
    opening = st.builds("travis_fold:start:{}{}".format, _names, end) | st.just("")
    closing = st.builds("travis_fold:end:{}{}".format, _names, end) | st.just("")
    timer = st.sampled_from((*(one for one in MARKERS if "time:" in one), ""))
    command = st.sampled_from(("$ make\n", "$ make", "out\n", ""))
    return st.tuples(opening, timer, command, about, timer, closing).map("".join)


stories = st.recursive(pieces, _folded, max_leaves=20)
"""Nested folds and timers, both valid and invalid."""

logs = st.lists(pieces, max_size=40).map("".join) | st.lists(stories, max_size=4).map("".join)

_AGAIN = "(?:travis_(?:fold|time):)"

_NAME = rf"(?:(?!{_AGAIN})[\w.-])+"

_ENDS = rf"(?=[\r\x1b\[^\ufffd]|$|{_AGAIN})"

_CUT = rf"(?:(?:(?!{_AGAIN})(?:(?<![a-z0-9])[\w.-]|[a-z0-9_.-]))+)"
"""A name that may have lost its carriage return: it ends before a capital letter that follows another character."""

_KNOWN = r"(?:(?:install|script|git\.checkout)(?:[._-]\d+(?!\d))?(?![\d._-]))"
"""Or after a name that Travis uses; these are those of the pieces."""

MARKER = re.compile(
    rf"travis_(?:fold:(?:start|end):(?:{_NAME}(?: {_NAME})*(?=\r)|{_NAME}(?![\w.-]){_ENDS}|{_NAME}{_ENDS}"
    rf"|{_KNOWN}|{_CUT})"
    rf"|time:(?:start|end):(?:{_NAME}(?=[:])|{_NAME}{_ENDS}|[0-9a-f]{{8}}(?=[a-z])|{_CUT})"
    rf"(?::(?:[\w.=,-]*(?![\w.=,-]){_ENDS}|(?:[a-z]+=\d+(?!\d),?)*(?:event=(?:{_KNOWN}|(?![A-Z]){_CUT})?)?))?)"
    r"(?P<end>(?:\r|\^M)?(?:(?:\x1b|\^\[|\ufffd)?\[0?K)?)",
    re.ASCII,
)


def _pieces_of(line: str) -> tuple[list[str], bool]:
    """Return the texts between the markers of a line, and whether there are markers."""
    texts = [""]
    parts = re.split("(?=travis_(?:fold|time):)", line)
    for at, begun in enumerate(parts, 1):
        if found := MARKER.match(begun):
            after, before = begun[found.end() :], texts[-1]
            # A marker without a control character may only be quoted; a carriage return may be that of the line's end.
            if not found["end"] or (found["end"] == "\r" and not after and at == len(parts)):
                quoted = re.search(r"(?:[\"'`]|\b(?:echo|printf)(?: -\w+)? )$", before) or after[:1] in tuple(
                    "\\\"'`;)"
                )
                if quoted or re.match(r"(?:\$|\++) ", before):
                    found = None
        if found:
            texts.append(begun[found.end() :])
        else:
            texts[-1] += begun
    return texts, len(texts) > 1


def expected_text(log: str) -> str:
    """Return the visible text of a log. A line of nothing but markers and sequences does not count."""
    log = log.removeprefix("\ufeff")
    output = "".join(
        begun[found.end() :] if (found := MARKER.match(begun)) else begun
        for begun in re.split("(?=travis_(?:fold|time):)", log)
    )
    if "\n" not in log and "\r" in output and (output != log or "\r$ " in log):
        log = re.sub(r"\r(?!\x1b\[0?K)", "\n", log)
    reader = LogReader()
    reader.add_lines(f"\n{log}\n")
    *whole, last = log.split("\n")
    shown_lines: list[str] = []
    for line in [*whole, last] if last else whole:
        before, rest = reader.split(line)
        texts, marked = _pieces_of(rest)
        if marked:
            at = next((at for at, text in enumerate(texts) if text), None)
            if at is not None:
                texts[at] = before + texts[at]
        else:
            texts = [line]
        shown = [shown_by_terminal(text) for text in texts]
        shown_lines += [text for text in shown if text or not marked]
    return "".join(f"{line}\n" for line in shown_lines)


def shown_by_terminal(line: str) -> str:
    """Return a line as the website shows it: as a terminal does, but that a carriage return clears the line."""
    return "".join(character for character, _ in cells_of(line))


def cells_of(line: str) -> list[tuple[str, int]]:
    """Return the characters that the website shows of a line, each with its index in the line."""
    cells: list[tuple[str, int]] = []
    column = place = 0
    returned = False
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
            column, returned = 0, True
        elif character == "\b":
            column = max(column - 1, 0)
        elif character == "\t" or " " <= character <= "~" or character >= "\xa0":
            if returned:
                # The website clears a line when something is printed after a carriage return.
                cells, column, returned = [], 0, False
            cells[column : column + 1] = [(character, place - 1)]
            column += 1
    return cells
