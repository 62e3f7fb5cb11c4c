"""``python -m benchmarks.log_text``: speed and memory of parsing logs of any size, ordinary and hostile."""

import argparse
import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import count, islice

from aiotravis import LogText

__all__ = ["CASES", "Result", "flatness", "measured", "ordinary"]

PART = 1600
"""Characters of a part: about what a worker sends at a time."""

BATCH = 256
"""Parts that are made before they are fed, so that only feeding is timed."""

MB = 1_000_000

MAX_LINES_SIZE = 20 * MB
"""Bytes of a log above which only its last tenth is read line by line."""

FLAT = 1.5
"""How much longer a byte of a large log may take than one of a small log: the variation between equal runs."""

Pieces = Callable[[], Iterator[str]]


@dataclass(frozen=True, kw_only=True)
class Result:
    """The result for one log, measured in a separate process.

    Attributes:
        size: Size in bytes of UTF-8.
        feed: MB per CPU second of feeding it, part by part.
        plain: MB per CPU second of extracting its plain text.
        lines: MB per CPU second of reading its lines, each made safe for a terminal.
        fed: Peak bytes of memory per byte of the log while it was fed.
        peak: Peak bytes of memory per byte of the log over everything, with the plain text held.
    """

    size: int
    feed: float
    plain: float
    lines: float
    fed: float
    peak: float


def ordinary() -> Iterator[str]:
    """Yield an endless ordinary log: a command every 5 kB, colours, progress bars, lines that end as in a terminal."""
    draw = random.Random(1)
    words = (
        "Installing",
        "collected",
        "packages",
        "tests/unit/test_a.py",
        "PASSED",
        "ok",
        "warning:",
        "[ 42%]",
        "größe",
    )
    output: list[str] = []
    for _ in range(500):
        line = " ".join(draw.choices(words, k=draw.randint(1, 16)))
        output.append(f"\x1b[32m{line}\x1b[0m\r\n" if draw.random() < 0.2 else f"{line}\r\n")
    output.append("".join(f"{n}% [{'=' * n:100}]\r" for n in range(0, 101, 10)) + "\r\n")
    yield "travis_fold:start:worker_info\r\x1b[0K\x1b[33;1mWorker information\x1b[0m\r\n"
    yield "travis_fold:end:worker_info\r\x1b[0K"
    for number in count():
        yield f"travis_time:start:{number:08x}\r\x1b[0K$ make number-{number}\r\n"
        yield "".join(draw.choices(output, k=100))
        yield f"travis_time:end:{number:08x}:start=1,finish={number + 2},duration={number + 1},event=script\r\x1b[0K"
        yield f'\r\n\x1b[32;1mThe command "make number-{number}" exited with 0.\x1b[0m\r\n'


def repeated(piece: str) -> Pieces:
    """Return a source that repeats a piece."""

    def pieces() -> Iterator[str]:
        several = piece * (PART // len(piece) + 1)
        while True:
            yield several

    return pieces


def numbered(piece: str) -> Pieces:
    """Return a source of pieces that contain a number."""
    return lambda: (piece.format(n=n, red=n % 256, green=n // 256 % 256) for n in count())


CASES: Mapping[str, Pieces] = {
    "ordinary log": ordinary,
    "one line": repeated("x"),
    "one line, of 💎": repeated("💎"),
    "a progress bar in one line": repeated("Receiving objects:  35% (1234/3525)\r"),
    "a progress bar that erases": repeated("\r\x1b[KReceiving objects:  35% (1234/3525)"),
    "writing over in one line": repeated("\rx"),
    "carriage returns": repeated("\r"),
    "carriage returns, newlines": repeated("\r\r\n"),
    "backspaces": repeated("|\b/\b-\b"),
    "folds that never close": repeated("travis_fold:start:a\r\x1b[0K\n"),
    "folds, each of its own name": numbered("travis_fold:start:a{n}\r\x1b[0Kx\n"),
    "folds within each other": repeated(
        "travis_fold:start:a\rtravis_fold:start:b\rx\ntravis_fold:end:b\rtravis_fold:end:a\r"
    ),
    "ends of folds": repeated("travis_fold:end:a\r\x1b[0Kx\n"),
    "timers that never end": numbered("travis_time:start:{n:08x}\r\x1b[0K$ x\n"),
    "timers": numbered("travis_time:start:{n:08x}\r\x1b[0K$ x\ntravis_time:end:{n:08x}:duration=1\r\x1b[0K"),
    "halves of markers": repeated("travis_fold:start:"),
    "halves of markers, newlines": repeated("travis_fold:start:\n"),
    "commands": repeated("$ make\n"),
    "results": repeated('$ x\nThe command "x" exited with 1.\n'),
    "results of other commands": repeated('$ x\nThe command "y" exited with 1.\n'),
    "results that never end": repeated('The command "x\n'),
    "attempts": repeated('$ x\nThe command "x" failed. Retrying, 2 of 3.\n'),
    "returns that print nothing": repeated("\r\x1b[0m"),
    "colours": repeated("\x1b[31mx\x1b[0m"),
    "colours, each its own": numbered("\x1b[38;2;{red};{green};7mx\n"),
    "titles that never end": repeated("\x1b]0;"),
    "sequences that never end": repeated("\x1b[1;"),
    "newlines": repeated("\n"),
}


def parts(pieces: Iterator[str], size: int) -> Iterator[str]:
    """Cut pieces into parts, of about so many characters in total."""
    held = ""
    for _ in range(max(1, size // PART)):
        while len(held) < PART:
            held += next(pieces)
        yield held[:PART]
        held = held[PART:]


def measured(case: str, size: int) -> Result:
    """Measure a log of about so many characters in this process."""
    before = _peak()
    log, fed_bytes, spent = LogText(), 0, 0.0
    stream = parts(CASES[case](), size)
    while batch := list(islice(stream, BATCH)):
        fed_bytes += sum(len(part.encode()) for part in batch)
        began = time.process_time()
        for part in batch:
            log.feed(part)
        spent += time.process_time() - began
    began = time.process_time()
    log.close()
    spent += time.process_time() - began
    fed = _peak()
    began = time.process_time()
    plain = log.plain
    stripped = time.process_time()
    line_bytes = 0
    for place in range(len(log.lines) * 9 // 10 if fed_bytes > MAX_LINES_SIZE else 0, len(log.lines), 1000):
        for line in log.lines[place : place + 1000]:
            line.terminal()
            line_bytes += len(line.raw) + 1
    ended = time.process_time()
    assert len(plain) <= 2 * fed_bytes
    works = ((fed_bytes, spent), (fed_bytes, stripped - began), (line_bytes, ended - stripped))
    rates = [done / MB / max(seconds, 1e-6) for done, seconds in works]
    return Result(
        size=fed_bytes,
        feed=rates[0],
        plain=rates[1],
        lines=rates[2],
        fed=(fed - before) / fed_bytes,
        peak=(_peak() - before) / fed_bytes,
    )


def _peak() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def measured_apart(case: str, size: int) -> Result:
    """Measure in a separate process, whose memory is that of this log alone."""
    command = [sys.executable, "-m", "benchmarks.log_text", "--one", case, str(size)]
    return Result(**json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))


def flatness(several: list[Result]) -> float:
    """Return how much longer a byte of a larger log took than one of the smallest log; the worst of the three tasks."""
    first, *rest = several
    return max(
        slow / max(fast, 0.001)
        for one in rest
        for slow, fast in ((first.feed, one.feed), (first.plain, one.plain), (first.lines, one.lines))
        if 0 < slow < 1000
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.log_text", description=__doc__)
    parser.add_argument("cases", nargs="*", help="cases to run; all by default")
    parser.add_argument("--quick", action="store_true", help="small logs, to check that everything runs")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(asdict(measured(options.one[0], int(options.one[1])))))
        return
    sizes = (10_000, 100_000) if options.quick else (MB, 10 * MB, 100 * MB)
    print(f"| MB/s, in parts of {PART} characters | MB | feed | plain | lines | memory, fed | in all | longer a byte |")
    print("|---|---|---|---|---|---|---|---|")
    for case in options.cases or CASES:
        several: list[Result] = []
        for size in sizes:
            one = measured_apart(case, size)
            several.append(one)
            rates = " | ".join(f"{rate:,.1f}" if 0 < rate < 1000 else "-" for rate in (one.feed, one.plain, one.lines))
            longer = f"{flatness(several):.1f} x" if len(several) > 1 else ""
            title = case if len(several) == 1 else ""
            row = f"| {title} | {one.size / MB:,.2f} | {rates} | {one.fed:.1f} | {one.peak:.1f} | {longer} |"
            print(row, flush=True)
        if flatness(several) > FLAT:
            print(f"{case}: more than {FLAT} times as long a byte", file=sys.stderr)


if __name__ == "__main__":
    main()
