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

EXAMPLE_LIMIT = 30.0
"""How long an example may take, in seconds."""


@dataclass(frozen=True, kw_only=True)
class Gate:
    """One thing that has to pass.

    Attributes:
        name: What selects it on the command line; several gates may share one.
        title: What is printed.
        command: Program and arguments; the program is looked for beside the running Python first.
        alone: Whether it gets the machine to itself, with its output as it comes. Other gates run side by side.
        limit: In seconds, or None.
    """

    name: str
    title: str
    command: tuple[str, ...]
    alone: bool = False
    limit: float | None = None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a gate. `trouble` is empty if it passed, `seconds` is the time on the wall."""

    gate: Gate
    trouble: str
    seconds: float
    output: str = ""

    def __str__(self) -> str:
        verdict = f"FAILED ({self.trouble})" if self.trouble else "ok"
        return f"{self.gate.title:<28} {self.seconds:6.1f} s  {verdict}"


def all_gates() -> Iterator[Gate]:
    """Give every gate, in the order in which they are run."""
    yield Gate(name="ruff", title="ruff check", command=("ruff", "check", "."))
    yield Gate(name="ruff", title="ruff format", command=("ruff", "format", "--check", "."))
    yield Gate(name="mypy", title="mypy", command=("mypy",))
    # Told where to look: unlike mypy it does not take the environment that it is installed in.
    yield Gate(name="pyright", title="pyright", command=("pyright", "--pythonpath", sys.executable))
    yield Gate(name="lint-imports", title="lint-imports", command=("lint-imports",))
    pytest = (sys.executable, "-m", "pytest", "-n", "auto", "--cov", "--cov-report=term")
    yield Gate(name="pytest", title="pytest", command=pytest, alone=True)
    for example in sorted((ROOT / "examples").glob("[!_]*.py")):
        path = example.relative_to(ROOT).as_posix()
        yield Gate(name="examples", title=path, command=(sys.executable, path), alone=True, limit=EXAMPLE_LIMIT)


def run_gate(gate: Gate) -> Outcome:
    """Run one gate to its end, whatever that is."""
    program = shutil.which(gate.command[0], path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if program is None:
        return Outcome(gate=gate, trouble=f"{gate.command[0]} is not installed", seconds=0)
    started = time.monotonic()
    output = ""
    try:
        done = subprocess.run(
            (program, *gate.command[1:]),
            cwd=ROOT,
            check=False,
            text=True,
            timeout=gate.limit,
            stdout=None if gate.alone else subprocess.PIPE,
            stderr=None if gate.alone else subprocess.STDOUT,
        )
    except subprocess.TimeoutExpired:
        trouble = f"still running after {gate.limit:.0f} s"
    else:
        trouble = f"exit code {done.returncode}" if done.returncode else ""
        output = done.stdout or ""
    return Outcome(gate=gate, trouble=trouble, seconds=time.monotonic() - started, output=output)


def run_gates(gates: Iterable[Gate]) -> Iterator[Outcome]:
    """Run gates, those that need not be alone side by side; give the outcomes in the order of the gates."""
    for alone, group in groupby(gates, lambda gate: gate.alone):
        if alone:
            for gate in group:
                _say(f"── {gate.title}")
                yield run_gate(gate)
        else:
            with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
                yield from pool.map(run_gate, group)


def main(arguments: Sequence[str], gates: Sequence[Gate]) -> int:
    """Run the gates that were asked for, say how each went, give the exit code.

    Args:
        arguments: Names of gates; none means all.
        gates: Those there are.
    """
    names = list(dict.fromkeys(gate.name for gate in gates))
    parser = argparse.ArgumentParser(prog="python -m tests", description="Run the gates of this repository.")
    parser.add_argument("gate", nargs="*", help=f"run only these: {', '.join(names)}")
    chosen: list[str] = parser.parse_args(arguments).gate
    unknown = [name for name in chosen if name not in names]
    if unknown:
        parser.error(f"no such gate: {', '.join(unknown)}; there are {', '.join(names)}")
    outcomes: list[Outcome] = []
    for outcome in run_gates(gate for gate in gates if not chosen or gate.name in chosen):
        # A tool's output is worth its lines only when it has something to object to.
        if outcome.trouble and outcome.output:
            _say(outcome.output.rstrip())
        _say(str(outcome))
        outcomes.append(outcome)
    failed = [outcome for outcome in outcomes if outcome.trouble]
    _say("── summary")
    for outcome in outcomes:
        _say(str(outcome))
    _say(f"gates passed: {len(outcomes) - len(failed)}, failed: {len(failed)}")
    return 1 if failed else 0


def _say(line: str) -> None:
    # Flushed, since the gates write to the same terminal by themselves.
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], tuple(all_gates())))
