"""``python -m benchmarks``: how fast, beside what else, interleaved in one run."""

import argparse
import json
import statistics
import time
from collections.abc import Callable

from aiotravis._http import Reply
from aiotravis.resources.builds import LIST
from aiotravis.resources.commits import joined
from benchmarks.history import history
from benchmarks.live import burst, latency, subscribing
from benchmarks.pages import page_of_builds


def timed(work: Callable[[], object], repeats: int) -> float:
    """Give the time of one call, in microseconds."""
    began = time.perf_counter()
    for _ in range(repeats):
        work()
    return (time.perf_counter() - began) / repeats * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round: shows that it runs, not how fast")
    options = parser.parse_args()
    rounds, repeats = (1, 20) if options.quick else (9, 500)

    page = page_of_builds()
    reply = Reply(200, {"content-type": "application/json;charset=utf-8"}, page)
    call = LIST.call()

    def ours() -> object:
        answer = LIST.read(call, reply)
        return joined(answer.builds, answer.commits)

    cases: dict[str, Callable[[], object]] = {"json.loads": lambda: json.loads(page), "aiotravis": ours}
    figures: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, work in cases.items():
            figures[name].append(timed(work, repeats))

    print(f"decode a page of 25 builds with commits, {len(page) / 1000:.0f} kB, median of {rounds} interleaved rounds")
    base = statistics.median(figures["json.loads"])
    for name, values in figures.items():
        median = statistics.median(values)
        print(f"  {name:12} {median:8.1f} us   {base / median:4.1f} x json.loads")

    builds, rounds = (200, 1) if options.quick else (5000, 3)
    walks = history(builds=builds, rounds=rounds)
    print(f"walk a history of {builds} builds, 20 ms from the server, median of {rounds} interleaved rounds")
    slowest = statistics.median(walks.get("TravisPy", walks["aiotravis"]))
    for name, values in walks.items():
        median = statistics.median(values)
        print(f"  {name:12} {median:8.2f} s    {slowest / median:4.1f} x TravisPy")

    for size, events in ((200, 100_000), (4000, 20_000)):
        rates = burst(events=events // 50 if options.quick else events, size=size, rounds=rounds)
        print(f"log events of {size} bytes, as many as fit, median of {rounds} interleaved rounds")
        floor = statistics.median(rate for rate, _ in rates["floor"])
        for name, pairs in rates.items():
            rate, cpu = (statistics.median(one[place] for one in pairs) for place in (0, 1))
            print(f"  {name:12} {rate:8.0f} a second, {cpu:6.1f} us of CPU each   {rate / floor:5.2f} x floor")

    print(f"2000 log events a second, from sending to hand-over, median of {rounds} interleaved rounds")
    for name, pairs in latency(events=200 if options.quick else 4000, rounds=rounds).items():
        half, most = (statistics.median(one[place] for one in pairs) for place in (0, 1))
        print(f"  {name:12} half within {half:6.2f} ms, 99 of 100 within {most:6.2f} ms")

    channels = 100 if options.quick else 5000
    print(f"subscribe {channels} channels, median of {rounds} interleaved rounds")
    for name, times in subscribing(channels=channels, rounds=rounds).items():
        print(f"  {name:22} {statistics.median(times) * 1000:8.1f} ms")


if __name__ == "__main__":
    main()
