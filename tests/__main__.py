"""Every gate of this repository: ``python -m tests``."""

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

PYTEST_LIMIT = 1800.0
"""Seconds after which pytest is considered to hang."""

WORKERS = 3 * (os.cpu_count() or 2)
"""Processes that pytest runs tests in: three times as many as there are cores, since most tests wait for a socket."""


@dataclass(frozen=True, kw_only=True)
class Gate:
    """One check that has to pass.

    Attributes:
        name: The name that selects it on the command line; several gates may share one.
        title: The name that is printed.
        command: Program and arguments. The program is searched first in the folder of the running Python.
        alone: Whether it runs by itself and prints its own output. Other gates run side by side.
        beside: Whether it runs beside all others, after those like it: tests wait for sockets, type checkers do not.
        limit: Timeout in seconds, or None.
        asked: Whether it runs only if it is named.
    """

    name: str
    title: str
    command: tuple[str, ...]
    alone: bool = False
    beside: bool = False
    limit: float | None = None
    asked: bool = False


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The result of a gate.

    Attributes:
        gate: The gate.
        failure: Why it failed; empty if it passed.
        seconds: Wall-clock time in seconds.
        output: What it printed, unless it printed by itself.
    """

    gate: Gate
    failure: str
    seconds: float
    output: str = ""

    def __str__(self) -> str:
        verdict = f"FAILED ({self.failure})" if self.failure else "ok"
        return f"{self.gate.title:<28} {self.seconds:6.1f} s  {verdict}"


def all_gates() -> Iterator[Gate]:
    """Yield every gate, in the order in which they run."""
    yield Gate(name="ruff", title="ruff check", command=("ruff", "check", "."))
    yield Gate(name="ruff", title="ruff format", command=("ruff", "format", "--check", "."))
    # Unlike mypy, pyright does not use the environment that it is installed in unless it is named.
    pyright = ("pyright", "--pythonpath", sys.executable)
    yield Gate(name="pyright", title="pyright", command=pyright, beside=True)
    yield Gate(name="mypy", title="mypy", command=("mypy",), beside=True)
    verify_types = (*pyright, "--verifytypes", "aiotravis", "--ignoreexternal")
    yield Gate(name="pyright", title="pyright --verifytypes", command=verify_types, beside=True)
    yield Gate(name="lint-imports", title="lint-imports", command=("lint-imports",))
    # On a clean checkout, each worker of the next gate would compile all tests.
    collect = (sys.executable, "-m", "pytest", "--collect-only", "-qq")
    yield Gate(name="pytest", title="pytest --collect-only", command=collect)
    # A file stays on one worker, so that its servers and browsers are started once. tests/conftest.py orders the files.
    workers = ("-n", str(WORKERS), "--dist", "loadfile", "--no-loadscope-reorder")
    pytest = (sys.executable, "-m", "pytest", *workers, "--cov", "--cov-report=term")
    yield Gate(name="pytest", title="pytest", command=pytest, alone=True, limit=PYTEST_LIMIT)
    docs = (sys.executable, "-m", "tests.reference")
    yield Gate(name="docs", title="reference", command=docs, alone=True, asked=True)
    lowest = (sys.executable, "-m", "tests.lowest", *workers)
    yield Gate(name="lowest", title="pytest, lowest versions", command=lowest, alone=True, asked=True)


def run_gate(gate: Gate) -> Outcome:
    """Run one gate until it ends or exceeds its limit."""
    # `pyright --verifytypes` ignores --pythonpath and takes the `python` of the PATH.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path}
    # Without stored bytecode, every worker and every program that a test starts compiles everything again.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    program = shutil.which(gate.command[0], path=path)
    if program is None:
        return Outcome(gate=gate, failure=f"{gate.command[0]} is not installed", seconds=0)
    started = time.monotonic()
    output = ""
    try:
        completed = subprocess.run(
            (program, *gate.command[1:]),
            cwd=ROOT,
            env=environment,
            check=False,
            text=True,
            timeout=gate.limit,
            stdout=None if gate.alone else subprocess.PIPE,
            stderr=None if gate.alone else subprocess.STDOUT,
        )
    except subprocess.TimeoutExpired:
        failure = f"still running after {gate.limit:.0f} s"
    else:
        failure = f"exit code {completed.returncode}" if completed.returncode else ""
        output = completed.stdout or ""
    return Outcome(gate=gate, failure=failure, seconds=time.monotonic() - started, output=output)


def run_gates(gates: Iterable[Gate]) -> Iterator[Outcome]:
    """Run gates, side by side unless they run alone; yield the outcomes in the order in which they are known."""
    gates = list(gates)
    with ThreadPoolExecutor(max_workers=1) as background:
        beside = [background.submit(run_gate, gate) for gate in gates if gate.beside]
        for alone, group in groupby((gate for gate in gates if not gate.beside), lambda gate: gate.alone):
            if alone:
                for gate in group:
                    _print(f"── {gate.title}")
                    yield run_gate(gate)
            else:
                with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
                    yield from pool.map(run_gate, group)
        for future in beside:
            yield future.result()


def main(arguments: Sequence[str], gates: Sequence[Gate]) -> int:
    """Run the selected gates, print how each went, return the exit code.

    Args:
        arguments: Names of gates; none selects all but those that have to be named.
        gates: The gates to select from.
    """
    names = list(dict.fromkeys(gate.name for gate in gates))
    parser = argparse.ArgumentParser(prog="python -m tests", description="Run the gates of this repository.")
    parser.add_argument("gate", nargs="*", help=f"run only these: {', '.join(names)}")
    selected: list[str] = parser.parse_args(arguments).gate
    unknown = [name for name in selected if name not in names]
    if unknown:
        parser.error(f"no such gate: {', '.join(unknown)}; there are {', '.join(names)}")
    outcomes: list[Outcome] = []
    for outcome in run_gates(gate for gate in gates if (gate.name in selected if selected else not gate.asked)):
        # The output of a tool that found nothing is noise.
        if outcome.failure and outcome.output:
            _print(outcome.output.rstrip())
        _print(str(outcome))
        outcomes.append(outcome)
    failed = [outcome for outcome in outcomes if outcome.failure]
    _print("── summary")
    for outcome in outcomes:
        _print(str(outcome))
    _print(f"gates passed: {len(outcomes) - len(failed)}, failed: {len(failed)}")
    return 1 if failed else 0


def _print(line: str) -> None:
    # Flush, because the gates write to the same terminal themselves.
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], tuple(all_gates())))
