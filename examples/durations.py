"""Draw how long the builds of a repository took, and in which groups of phases, as a page with two charts.

Without arguments it starts a Travis of its own, in this process, with a history of 200 builds:

    python examples/durations.py --out durations.html

With a real one:

    python examples/durations.py --endpoint https://api.travis-ci.com --token TOKEN --repo OWNER/NAME

The page is one file without scripts. The exit code is 0 if everything was fetched, 1 if there is no such repository or
some logs were not available, 2 after an error, 130 after Ctrl-C.
"""

import argparse
import math
import os
import random
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

import anyio

from aiotravis import COM, Build, LogText, Progress, Travis, TravisError, errors
from aiotravis.testing import Repository, TravisServer, sample_log

SLUG = "travis-ci/travis.rb"
TOKEN = "an-example-token"
PASSED, FAILED = "#2fa36b", "#c0504d"
OTHER = "other"
GROUPS = {
    "setup": "#8a63d2",
    "checkout": "#3aa7a7",
    "cache": "#c77dba",
    "install": "#e0a030",
    "script": "#2b7de9",
    "after": "#7a8f3c",
    "deploy": "#b5651d",
    OTHER: "#9aa4b2",
}
SMALL = 0.02
WIDTH, HEIGHT, LEFT = 960, 240, 80


@dataclass(frozen=True)
class MeasuredBuild:
    """A build, and where the time of its jobs went.

    Attributes:
        groups: Seconds by the group of phases, summed over its jobs; empty where no log was read.
    """

    build: Build
    groups: Mapping[str, float] = field(default_factory=dict[str, float])


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Draw how long a repository's builds took.")
    parser.add_argument("--endpoint", help=f"URL of the API, such as {COM}; without it, a Travis of this process")
    parser.add_argument("--token", default=os.environ.get("TRAVIS_TOKEN"), help="API token (default: $TRAVIS_TOKEN)")
    parser.add_argument("--repo", default=SLUG, metavar="OWNER/NAME")
    parser.add_argument("--builds", type=int, default=200, help="how many builds, the newest ones (default: 200)")
    parser.add_argument("--logs", type=int, default=40, help="of how many to read the logs (default: 40)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where the page goes (default: a temporary folder)")
    options = parser.parse_args()
    if options.out is None:
        options.out = Path(tempfile.mkdtemp(prefix="durations.")) / "durations.html"
    return options


def show(progress: Progress) -> None:
    """Show how many logs have been read."""
    waiting = f", {progress.waiting} wait for the server's rate limit" if progress.waiting else ""
    end = "\n" if progress.done == progress.total else ""
    if sys.stderr.isatty() or end:
        print(f"\rlogs {progress.done}/{progress.total}{waiting}", end=end, file=sys.stderr, flush=True)


async def measure(travis: Travis, repo: str, count: int, with_logs: int) -> tuple[Sequence[MeasuredBuild], int]:
    """Fetch the newest finished builds and the logs of the newest of them; also return how many logs are missing."""
    # A list of builds is empty for a repository that does not exist.
    await travis.repos.get(repo)
    builds: list[Build] = []
    async for build in travis.builds.list(repo, exclude_config=True):
        if build.finished and build.duration:
            builds.append(build)
        if len(builds) == count:
            break
    jobs = [number for build in builds[:with_logs] for number in build.job_ids]
    groups: dict[int, Mapping[str, float]] = {}
    missing = 0
    async with travis.map(travis.logs.text, jobs, at_once=16, progress=show) as outcomes:
        async for outcome in outcomes:
            if outcome.error is not None:
                missing += 1
                print(f"no log of job {outcome.item}: {outcome.error}", file=sys.stderr)
            else:
                log = LogText.parse(outcome.value)
                if log.dropped:
                    print(
                        f"job {outcome.item}: {log.dropped} markers and commands above the limit were not measured",
                        file=sys.stderr,
                    )
                groups[outcome.item] = {group.name: group.duration or 0.0 for group in log.groups.values()}
    measured: list[MeasuredBuild] = []
    for build in reversed(builds):
        total: Counter[str] = Counter()
        for number in build.job_ids:
            total.update(groups.get(number, {}))
        measured.append(MeasuredBuild(build, {name: seconds for name, seconds in total.items() if seconds > 0}))
    return measured, missing


def duration(seconds: float) -> str:
    """Write seconds as people read them: ``45 s``, ``2 min``, ``1 h 30 min``."""
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (rest if not hours else 0, "s")]
    return " ".join(f"{value} {unit}" for value, unit in parts if value)


def marks(longest: float) -> list[float]:
    """Return round marks of an axis, from 0 to the first one that is not below the longest bar."""
    longest = longest or 1.0
    powers = (10.0**exponent for exponent in range(-3, 1))
    steps = [digit * power for power in powers for digit in (1, 2, 5)]
    steps += [10, 15, 30, *(minutes * 60 for minutes in (1, 2, 5, 10, 15, 30)), *(h * 3600 for h in (1, 2, 5, 10, 20))]
    step = next((step for step in steps if longest <= step * 4), math.ceil(longest / 4 / 86400) * 86400.0)
    return [step * place for place in range(math.ceil(longest / step) + 1)]


def bars(title: str, columns: Sequence[tuple[str, Sequence[tuple[str, float, str]]]]) -> str:
    """Draw columns of stacked bars.

    Args:
        title: Title of the chart.
        columns: Label and pieces of each column, from the bottom: name, seconds, colour.
    """
    scale = marks(max((sum(seconds for _, seconds, _ in pieces) for _, pieces in columns), default=0.0))
    top = scale[-1]
    step = (WIDTH - LEFT) / max(1, len(columns))
    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT + 30}" role="img" aria-label="{escape(title)}">']
    for mark in scale:
        y = HEIGHT - mark / top * (HEIGHT - 20)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{duration(mark)}</text>')
    for place, (label, pieces) in enumerate(columns):
        y = float(HEIGHT)
        for name, seconds, colour in pieces:
            height = seconds / top * (HEIGHT - 20)
            y -= height
            tooltip = escape(f"{label}: {name} {seconds:.1f} s")
            parts.append(
                f'<rect x="{LEFT + place * step:.1f}" y="{y:.1f}" width="{max(1.0, step - 1):.1f}" '
                f'height="{height:.1f}" fill="{colour}"><title>{tooltip}</title></rect>'
            )
    if columns:
        parts.append(f'<text x="{LEFT}" y="{HEIGHT + 20}">{escape(columns[0][0])}</text>')
        parts.append(f'<text x="{WIDTH}" y="{HEIGHT + 20}" text-anchor="end">{escape(columns[-1][0])}</text>')
    return "\n".join([*parts, "</svg>"])


def few_groups(measured: Iterable[MeasuredBuild]) -> list[tuple[Build, Mapping[str, float]]]:
    """Return the groups of each build, in their order; those that took hardly any time of all are "other"."""
    total: Counter[str] = Counter()
    for one in measured:
        total.update(one.groups)
    large = {name for name, seconds in total.items() if seconds >= SMALL * total.total()}
    found: list[tuple[Build, Mapping[str, float]]] = []
    for one in measured:
        sums: defaultdict[str, float] = defaultdict(float)
        for name, seconds in one.groups.items():
            sums[name if name in large and name in GROUPS else OTHER] += seconds
        found.append((one.build, {name: sums[name] for name in GROUPS if name in sums}))
    return found


def page(repo: str, measured: Sequence[MeasuredBuild]) -> str:
    """Return the page as HTML."""
    outcome = {True: PASSED, False: FAILED}
    durations = [
        (f"#{one.build.number}", [(str(one.build.state), float(one.build.duration or 0), outcome[one.build.passed])])
        for one in measured
    ]
    grouped = few_groups([one for one in measured if one.groups])
    columns = [
        (f"#{build.number}", [(name, seconds, GROUPS[name]) for name, seconds in groups.items()])
        for build, groups in grouped
    ]
    legend = " ".join(
        f'<span><i style="background:{GROUPS[name]}"></i>{name}</span>'
        for name in GROUPS
        if any(name in groups for _, groups in grouped)
    )
    seconds = sorted(float(one.build.duration or 0) for one in measured)
    middle = duration(seconds[len(seconds) // 2]) if seconds else ""
    half = f"; half of them took at most {middle} of work" if middle else ""
    passed = sum(one.build.passed for one in measured)
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Durations of {escape(repo)}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }}
svg {{ width: 100%; height: auto }} text {{ fill: currentColor; font-size: 12px }}
.grid {{ stroke: currentColor; opacity: .2 }}
i {{ display: inline-block; width: .8em; height: .8em; margin-right: .3em }}
span {{ margin-right: 1em; white-space: nowrap }}
</style></head><body>
<h1>{escape(repo)}</h1>
<p>{len(measured)} builds, {passed} passed{half}.</p>
<h2>Work</h2>
{bars("Work of each build", durations)}
<h2>Where they went</h2>
<p>{legend or "No log was read."}</p>
{bars("Work in each group of phases, for each build", columns)}
</body></html>
"""


def add_history(repository: Repository) -> None:
    """Add a history whose builds take longer and longer, then start over."""
    draw = random.Random(1)  # noqa: S311 - sample data, not a secret
    for place, build in enumerate(repository.history(200, jobs=2)):
        length = 120 + place % 70 * 4 + draw.randrange(60)
        for job in build.jobs:
            job.finished_at = (job.started_at or 0.0) + length
            job.log.parts.clear()
            job.write(sample_log(job, build.state), final=True)


async def draw(travis: Travis, options: argparse.Namespace) -> int:
    """Measure the builds and write the page."""
    measured, missing = await measure(travis, options.repo, options.builds, options.logs)
    await anyio.Path(options.out).write_text(page(options.repo, measured), encoding="utf-8")
    print(f"{len(measured)} builds, {sum(bool(one.groups) for one in measured)} with their phases, in {options.out}")
    return 1 if missing else 0


async def main() -> int:
    """Draw a real Travis's builds or the embedded one's; print each error on one line."""
    options = arguments()
    try:
        if options.endpoint:
            async with Travis(options.token or None, endpoint=options.endpoint) as travis:
                return await draw(travis, options)
        async with TravisServer() as server:
            add_history(server.world.repository(SLUG, users=[server.world.user("sarah", token=TOKEN)]))
            async with Travis(TOKEN, endpoint=server.endpoint) as travis:
                return await draw(travis, options)
    except errors.NotFoundError:
        print(f"durations: {options.repo}: not found", file=sys.stderr)
        return 1
    except (TravisError, OSError) as exc:
        print(f"durations: {exc}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    try:
        sys.exit(anyio.run(main))
    except KeyboardInterrupt:
        print("\nStopped.")
        sys.exit(130)
