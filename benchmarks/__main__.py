"""``python -m benchmarks``: aiotravis beside other clients, interleaved in one run."""

import argparse
import json
import platform
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.fan_out import of_one_user, on_one_channel
from benchmarks.followers import following_many
from benchmarks.history import history
from benchmarks.holding import decoding, held, importing, starting
from benchmarks.instructions import Counts, of_clients, of_decoders
from benchmarks.limits import calls, permits
from benchmarks.live import burst, bursts, latency, subscribing
from benchmarks.logs import following
from benchmarks.report import Case, as_json, as_markdown, as_text, chart
from benchmarks.rest import Figures, by_ids, one_by_one
from benchmarks.scale import CASES, grow, verdict
from benchmarks.turns import LIMIT, SHAPES, longest_turns
from benchmarks.waiters import waiting

CHARTED = {"P2", "P3", "P7", "P8"}
"""Goals whose charts the README shows."""


def _rates(figures: Figures) -> tuple[dict[str, list[float]], dict[str, str]]:
    """Split pairs of rate and CPU time per item."""
    rates = {name: [rate for rate, _ in pairs] for name, pairs in figures.items()}
    cpu = {name: f"{statistics.median(cpu for _, cpu in pairs):.1f} us of CPU each" for name, pairs in figures.items()}
    return rates, cpu


def _with_instructions(notes: dict[str, str], counts: Counts, base: str) -> dict[str, str]:
    """Add instructions for one item, in thousands, with half of their spread, and how many times those of the base."""
    medians = {name: statistics.median(figures) for name, figures in counts.items()}
    for name, figures in counts.items():
        spread = (max(figures) - min(figures)) / 2 / medians[name]
        counted = f"{medians[name]:,.0f},000 instructions ±{spread:.1%}, {medians[name] / medians[base]:.2f} x {base}"
        notes[name] = "; ".join(filter(None, [notes.get(name), counted]))
    return notes


def rest(*, quick: bool) -> Iterator[Case]:
    """Measure REST."""
    count, rounds = (40, 1) if quick else (2000, 5)
    near, cpu = _rates(one_by_one(builds=count, at_once=16, latency=0.0, rounds=rounds))
    if not quick:
        cpu = _with_instructions(cpu, of_clients(("aiotravis", "aiotravis, get", "floor"), rounds=3), "floor")
    yield Case(goal="P1", title=f"{count} builds one by one, 16 at once", unit="a second", figures=near,
               base="TravisPy" if "TravisPy" in near else "floor", notes=cpu)  # fmt: skip
    far, cpu = _rates(one_by_one(builds=count, at_once=200, latency=0.02, rounds=rounds, peers=not quick))
    yield Case(goal="P2", title=f"{count} builds one by one, 20 ms away, 200 at once", unit="a second", figures=far,
               base="TravisPy" if "TravisPy" in far else "floor", notes=cpu)  # fmt: skip
    builds = 200 if quick else 5000
    walks = history(builds=builds, rounds=1 if quick else 3)
    yield Case(goal="P3", title=f"a history of {builds} builds, 20 ms away", unit="s", figures=walks,
               base="TravisPy" if "TravisPy" in walks else "aiotravis", more_is_better=False)  # fmt: skip
    many, cpu = _rates(by_ids(builds=count, at_once=16, latency=0.02, rounds=rounds))
    yield Case(goal="P4", title=f"{count} builds by their ids, 20 ms away", unit="a second", figures=many,
               base="TravisPy" if "TravisPy" in many else "floor", notes=cpu)  # fmt: skip


def holding(*, quick: bool) -> Iterator[Case]:
    """Measure decoding, memory, import."""
    pages = decoding(repeats=20 if quick else 500, rounds=1 if quick else 9)
    counts = {} if quick else of_decoders(("aiotravis", "bare decoder", "orjson"), rounds=3)
    yield Case(goal="P5", title="decode a page of 25 builds with commits", unit="us", figures=pages,
               base="json.loads", more_is_better=False,
               notes=_with_instructions({}, counts, "bare decoder"))  # fmt: skip
    count = 250 if quick else 10_000
    sizes = held(builds=count)
    notes = {name: f"{pause:.0f} ms for a full collection" for name, (_, pause) in sizes.items()}
    yield Case(goal="P6", title=f"hold {count} builds with commits", unit="MB", more_is_better=False,
               figures={name: [size] for name, (size, _) in sizes.items()}, base="json.loads", notes=notes)  # fmt: skip
    imports = importing(rounds=1 if quick else 9)
    yield Case(goal="P13", title="import, in a fresh interpreter", unit="ms", figures=imports,
               base="its four dependencies", more_is_better=False)  # fmt: skip
    yield Case(goal="C1", title="start of the command line, user CPU", unit="ms",
               figures=starting(rounds=1 if quick else 15), base="import click", more_is_better=False)  # fmt: skip


def live(*, quick: bool) -> Iterator[Case]:
    """Measure the live channel."""
    # More rounds where only the CPU counts: its speed varies most.
    rounds, often = (1, 1) if quick else (5, 10)
    for goal, size, events in (("P7", 200, 100_000), ("P8", 4000, 20_000)):
        # A quick run starts each of the other clients once for each kind of work.
        peers = not quick or goal == "P7"
        rates, cpu = _rates(burst(events=events // 50 if quick else events, size=size, rounds=often, peers=peers))
        yield Case(goal=goal, title=f"log events of {size} bytes, as many as fit", unit="a second", figures=rates,
                   base="floor", notes=cpu)  # fmt: skip
    for goal, together, times in (("P7b", 300, 10), ("P7c", 1000, 5), ("P7d", 1000, 10)):
        size = 50 if quick else together
        count, pace, peers = size * (4 if quick else 10), size * times, not quick or goal == "P7b"
        waves = bursts(events=count, together=size, pace=pace, rounds=rounds, peers=peers)
        title = f"{size:,} log events of 200 bytes at once, {times} times a second, median from sending to delivery"
        yield Case(goal=goal, title=title, unit="ms", figures=waves, base="floor", more_is_better=False)
    paced = latency(events=200 if quick else 4000, rounds=rounds)
    notes = {
        name: f"99 of 100 within {statistics.median(most for _, most in pairs):.2f} ms" for name, pairs in paced.items()
    }
    yield Case(goal="P9", title="2,000 log events a second, median from sending to delivery", unit="ms",
               figures={name: [half for half, _ in pairs] for name, pairs in paced.items()}, base="floor",
               more_is_better=False, notes=notes)  # fmt: skip
    followed = following(parts=500 if quick else 6250, size=1680, rounds=often)
    amount = "800 kB" if quick else "10 MB"
    yield Case(goal="P10", title=f"follow a log of {amount} in parts of 1,600 bytes", unit="s", figures=followed,
               base="floor", more_is_better=False)  # fmt: skip
    count = 100 if quick else 5000
    yield Case(goal="P12", title=f"subscribe {count} channels", unit="s", base="floor", more_is_better=False,
               figures=subscribing(channels=count, rounds=often))  # fmt: skip
    yield from _fan_out(quick=quick)


def flows(*, quick: bool) -> Iterator[Case]:
    """Measure ten thousand waiters, and a thousand followers."""
    count = 200 if quick else 10_000
    result, weighed = waiting(waiters=count), waiting(waiters=count, weigh=True)
    notes = {
        "aiotravis": f"{result.requests} requests, {result.sockets} socket, {result.cpu:.0f} us of CPU each; "
        f"{weighed.held - weighed.bare:.0f} bytes each beside {weighed.bare:.0f} of its task"
    }
    title = f"{count} waiters for {count} builds, from first end to last result"
    yield Case(goal="P11", title=title, unit="s", notes=notes,
               figures={"aiotravis": [result.notifying]}, base="aiotravis", more_is_better=False)  # fmt: skip
    logs, pace = (20, 0.01) if quick else (1000, 0.5)
    followed, held = following_many(logs=logs, pace=pace), following_many(logs=logs, pace=pace, weigh=True).held
    notes = {
        "aiotravis": f"{followed.sockets} socket; {held:.0f} bytes each with its task; "
        f"every log had begun {followed.first:.1f} s after its first part"
    }
    title = f"{logs} logs followed at once, 21 parts each over {20 * pace:.0f} s"
    yield Case(goal="P18", title=title, unit="requests", notes=notes,
               figures={"aiotravis": [followed.requests]}, base="aiotravis", more_is_better=False)  # fmt: skip


def _fan_out(*, quick: bool) -> Iterator[Case]:
    """Measure many feeds on one channel."""
    feeds, events, rounds = (100, 100, 1) if quick else (10_000, 5000, 5)
    names = {"aiotravis": feeds, f"aiotravis, {feeds // 100:,} feeds": feeds // 100}
    costs = {name: [of_one_user(feeds=count, events=events) for _ in range(rounds)] for name, count in names.items()}
    title = f"an event on the channel of a user, {feeds:,} feeds about a repository each, CPU"
    yield Case(goal="P14", title=title, unit="us", figures=costs, base="aiotravis", more_is_better=False)
    consumers = 50 if quick else 1000
    figures = on_one_channel(consumers=consumers, events=20 if quick else 200, rounds=rounds)
    notes = {"aiotravis": f"{statistics.median(rate for _, rate in figures):,.0f} deliveries a second"}
    title = f"longest turn of the event loop, {consumers:,} consumers of one channel at full speed, CPU"
    yield Case(goal="P16", title=title, unit="ms", figures={"aiotravis": [longest for longest, _ in figures]},
               base="aiotravis", more_is_better=False, notes=notes)  # fmt: skip


def turns(*, quick: bool) -> Iterator[Case]:
    """Measure how long a large response keeps the event loop from everything else."""
    size, rounds = (LIMIT // 64, 1) if quick else (LIMIT, 5)
    for goal, shape in zip(("T1", "T2", "T3"), SHAPES, strict=True):
        figures, count = longest_turns(shape, size=size, rounds=rounds)
        base = next(name for name in figures if not name.startswith("aiotravis"))
        amount = "256 KiB" if quick else "16 MiB"
        yield Case(goal=goal, title=f"longest turn of the event loop, {amount} of {shape} fetched and decoded, CPU",
                   unit="ms", figures=figures, base=base, more_is_better=False,
                   notes={"aiotravis": f"{count} turns; goal: at most 100 ms", base: "one call"})  # fmt: skip


def limits(*, quick: bool) -> Iterator[Case]:
    """Measure what the stores of the rate limits cost."""
    count, rounds = (20, 1) if quick else (1500, 15)
    for goal, title, post in (("R1", "one read's permit, CPU", False), ("R2", "one POST's permit, CPU", True)):
        figures = permits(count=count, rounds=rounds, post=post)
        yield Case(goal=goal, title=title, unit="us", figures=figures, base="none", more_is_better=False)
    yield Case(goal="R3", title="one read, CPU, by store", unit="us", base="none", more_is_better=False,
               figures=calls(count=count if quick else 400, rounds=rounds))  # fmt: skip


def scale(*, quick: bool) -> Iterator[Case]:
    """Measure whether an item costs the same however many there are."""
    for name in list(CASES)[::4] if quick else CASES:
        growths = grow(name, (0.05,) if quick else (1, 10, 100))
        names = [f"{growth.count:,} items" for growth in growths]
        notes = {
            name: f"longest turn {growth.turn:.1f} ms, {growth.memory:,.0f} bytes each"
            for name, growth in zip(names, growths, strict=True)
        }
        if not quick and (problem := verdict(growths)):
            notes[names[-1]] += f": {problem}"
        yield Case(goal="S", title=f"{name}, CPU an item", unit="us", base=names[0], more_is_better=False, notes=notes,
                   figures={name: [growth.cost] for name, growth in zip(names, growths, strict=True)})  # fmt: skip


PARTS: dict[str, Callable[..., Iterator[Case]]] = {
    "rest": rest,
    "holding": holding,
    "turns": turns,
    "live": live,
    "flows": flows,
    "limits": limits,
    "scale": scale,
}


def main() -> None:
    """Run the benchmarks and print the results."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="parts to run; all by default")
    parser.add_argument("--quick", action="store_true", help="one short round, to check that everything runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to this file")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="also write the tables to this file")
    parser.add_argument("--charts", type=Path, metavar="FOLDER", help="draw the charts of the README into this folder")
    options = parser.parse_args()
    cases: list[Case] = []
    for name in options.parts or PARTS:
        for case in PARTS[name](quick=options.quick):
            print(as_text(case), flush=True)
            cases.append(case)
    machine = {"python": platform.python_version(), "machine": platform.machine(), "system": platform.system()}
    if options.json:
        options.json.write_text(json.dumps({"machine": machine, "cases": as_json(cases)}, indent=1) + "\n")
    if options.markdown:
        options.markdown.write_text(as_markdown(cases))
    if options.charts:
        options.charts.mkdir(parents=True, exist_ok=True)
        for case in cases:
            if case.goal in CHARTED:
                (options.charts / f"{case.goal}.svg").write_text(chart(case))


if __name__ == "__main__":
    main()
