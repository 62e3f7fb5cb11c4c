"""Instructions of the CPU for one item, counted by valgrind where it is installed: seconds wander, these hardly do.

Two runs with different numbers of items are compared, so that start and import do not count.
``python -m benchmarks.instructions CLIENT COUNT [ENDPOINT]`` is one such run.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from typing import Final

from benchmarks.holding import decoders
from benchmarks.pages import FIRST_ID, page_of_builds
from benchmarks.rest import clients
from benchmarks.rest_server import serving

__all__ = ["Counts", "of_clients", "of_decoders"]

AT_ONCE: Final = 16

Counts = dict[str, list[float]]
"""Thousands of instructions for one item, one figure per round, by client; empty without valgrind."""


def of_clients(names: Sequence[str], *, rounds: int) -> Counts:
    """Count what a build takes that is fetched alone, 16 at once.

    Args:
        names: Clients of `benchmarks.rest.clients`.
        rounds: Number of pairs of runs of each.
    """
    few, many = 200, 1200
    with serving(builds=many) as endpoint:
        return _counts(names, few, many, rounds, endpoint)


def of_decoders(names: Sequence[str], *, rounds: int) -> Counts:
    """Count what a page of 25 builds with commits takes.

    Args:
        names: Decoders of `benchmarks.holding.decoders`; those of peers that are not installed are left out.
        rounds: Number of pairs of runs of each.
    """
    return _counts([name for name in names if name in decoders()], 20, 120, rounds)


def _counts(names: Sequence[str], few: int, many: int, rounds: int, *arguments: str) -> Counts:
    figures: Counts = {}
    for name in list(names) * rounds if shutil.which("valgrind") else ():
        more = _total(name, many, *arguments) - _total(name, few, *arguments)
        figures.setdefault(name, []).append(more / (many - few) / 1000)
    return figures


def _total(name: str, count: int, *arguments: str) -> int:
    command = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
    command += [sys.executable, "-m", "benchmarks.instructions", name, str(count), *arguments]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    completed = subprocess.run(command, check=True, env=environment, stderr=subprocess.PIPE, text=True)
    found = re.search(r"I +refs: +([\d,]+)", completed.stderr)
    assert found is not None, completed.stderr
    return int(found[1].replace(",", ""))


def _run(name: str, count: int, endpoint: str) -> None:
    if endpoint:
        clients()[name](endpoint, range(FIRST_ID, FIRST_ID + count), AT_ONCE)
        return
    page, decode = page_of_builds(), decoders()[name]
    for _ in range(count):
        decode(page)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("client")
    parser.add_argument("count", type=int)
    parser.add_argument("endpoint", nargs="?", default="")
    options = parser.parse_args()
    _run(options.client, options.count, options.endpoint)
