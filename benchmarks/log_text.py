"""``python -m benchmarks.log_text``: how fast a log becomes structure, part by part, and whether it stays as fast."""

import argparse
import random
import statistics
import time
from collections.abc import Callable, Mapping

from aiotravis import LogText

__all__ = ["cases", "ordinary", "speeds"]

PART = 1600
"""Characters of a part: about what a worker sends at once."""

MB = 1_000_000


def ordinary(size: int) -> str:
    """Give a log of about that many characters: 200 commands, colours, progress bars; lines end as from a terminal."""
    draw = random.Random(size)
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
    pieces = [
        "travis_fold:start:worker_info\r\x1b[0K\x1b[33;1mWorker information\x1b[0m\r\n",
        "travis_fold:end:worker_info\r\x1b[0K",
    ]
    output: list[str] = []
    for _ in range(500):
        line = " ".join(draw.choices(words, k=draw.randint(1, 16)))
        output.append(f"\x1b[32m{line}\x1b[0m\r\n" if draw.random() < 0.2 else f"{line}\r\n")
    output.append("".join(f"{n}% [{'=' * n:100}]\r" for n in range(0, 101, 10)) + "\r\n")
    for number in range(200):
        pieces.append(f"travis_time:start:{number:08x}\r\x1b[0K$ make number-{number}\r\n")
        length = 0
        while length < size // 200:
            pieces.append(draw.choice(output))
            length += len(pieces[-1])
        pieces.append(
            f"travis_time:end:{number:08x}:start=1,finish={number + 2},duration={number + 1},event=script\r\x1b[0K\r\n"
            f'\x1b[32;1mThe command "make number-{number}" exited with 0.\x1b[0m\r\n'
        )
    return "".join(pieces)


def cases() -> Mapping[str, Callable[[int], str]]:
    """Give what makes a text of so many characters: an ordinary log, and such as should never be."""

    def of(piece: str) -> Callable[[int], str]:
        return lambda size: piece * (size // len(piece))

    return {
        "ordinary log": ordinary,
        "one line": of("x"),
        "progress bar in one line": of("Receiving objects:  35% (1234/3525)\r"),
        "writing over in one line": of("\rx"),
        "folds that never close": of("travis_fold:start:a\r\x1b[0K\n"),
        "timers that never end": of("travis_time:start:0a1b2c3d\r\x1b[0K\n"),
        "halves of markers": of("travis_fold:start:"),
        "commands": of("$ make\n"),
        "colours": of("\x1b[31mx\x1b[0m"),
        "titles that never end": of("\x1b]0;"),
        "newlines": of("\n"),
    }


def speeds(text: str, *, rounds: int) -> tuple[float, float, float]:
    """Give MB a second of feeding it part by part, of its plain text, and of the text of each line; medians."""
    figures: list[tuple[float, float, float]] = []
    for _ in range(rounds):
        began = time.perf_counter()
        log = LogText()
        for place in range(0, len(text), PART):
            log.feed(text[place : place + PART])
        log.close()
        fed = time.perf_counter()
        assert len(log.plain) <= 2 * len(text)
        stripped = time.perf_counter()
        for line in log.lines:
            line.terminal()
        figures.append((fed - began, stripped - fed, time.perf_counter() - stripped))
    feed, plain, lines = (statistics.median(one[place] for one in figures) for place in range(3))
    return len(text) / MB / feed, len(text) / MB / plain, len(text) / MB / lines


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.log_text", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small logs: shows that it runs, not how fast")
    options = parser.parse_args()
    few = (0.01, 0.1) if options.quick else (1.0, 10.0)
    print(
        f"MB a second in parts of {PART} characters: feed, then plain text of all, then each line safe for a terminal"
    )
    for name, make in cases().items():
        many = () if options.quick or name != "ordinary log" else (100.0,)
        for size in (*few, *many):
            text = make(int(size * MB))
            feed, plain, lines = speeds(text, rounds=1 if size > 1 else 5)
            print(f"  {name:26} {size:6.2f} MB {feed:8.1f} {plain:8.1f} {lines:8.1f}")


if __name__ == "__main__":
    main()
