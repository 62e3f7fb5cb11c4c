"""The gate runner."""

import dataclasses
import sys

import pytest

from tests.__main__ import Gate, all_gates, main
from tests.lowest import lowest, pins

PASSING = Gate(name="good", title="a good one", command=(sys.executable, "-c", "print('fine')"))
FAILING = Gate(name="bad", title="a bad one", command=(sys.executable, "-c", "print('no good'); raise SystemExit(3)"))
LOUD = Gate(name="loud", title="a loud one", command=(sys.executable, "-c", "print('unbuffered')"), alone=True)
SLOW = Gate(
    name="slow",
    title="a slow one",
    command=(sys.executable, "-c", "import threading; threading.Event().wait()"),
    alone=True,
    limit=0.0,
)
ABSENT = Gate(name="absent", title="an absent one", command=("no-such-program-anywhere",))


def test_passing_gates_exit_with_0_and_one_line_each(capfd: pytest.CaptureFixture[str]) -> None:
    assert main([], [PASSING, LOUD]) == 0
    printed = capfd.readouterr().out
    assert "fine" not in printed
    assert "unbuffered" in printed
    assert printed.rstrip().endswith("gates passed: 2, failed: 0")


def test_a_failing_gate_fails_the_run_after_all_others_ran(capfd: pytest.CaptureFixture[str]) -> None:
    assert main([], [FAILING, PASSING, LOUD]) == 1
    printed = capfd.readouterr().out
    assert "no good" in printed
    assert "FAILED (exit code 3)" in printed
    assert "unbuffered" in printed
    assert printed.rstrip().endswith("gates passed: 2, failed: 1")


def test_gates_that_run_beside_others_are_reported_last(capfd: pytest.CaptureFixture[str]) -> None:
    beside = dataclasses.replace(FAILING, beside=True)
    assert main([], [beside, PASSING, LOUD]) == 1
    printed = capfd.readouterr().out
    assert printed.index("a loud one") < printed.index("no good") < printed.index("── summary")


def test_names_select_gates(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["good"], [FAILING, PASSING, LOUD]) == 0
    assert "gates passed: 1, failed: 0" in capfd.readouterr().out


def test_an_unknown_name_is_refused_with_the_known_names(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["worse"], [FAILING, PASSING])
    assert caught.value.code == 2
    assert "no such gate: worse; there are bad, good" in capfd.readouterr().err


def test_a_gate_that_exceeds_its_time_limit_fails(capfd: pytest.CaptureFixture[str]) -> None:
    assert main([], [SLOW]) == 1
    assert "FAILED (still running after 0 s)" in capfd.readouterr().out


def test_a_tool_that_is_not_installed_is_named(capfd: pytest.CaptureFixture[str]) -> None:
    assert main([], [ABSENT]) == 1
    assert "FAILED (no-such-program-anywhere is not installed)" in capfd.readouterr().out


def test_gates_store_bytecode_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    program = "import sys; raise SystemExit(sys.dont_write_bytecode)"
    assert main([], [Gate(name="good", title="a good one", command=(sys.executable, "-c", program))]) == 0


def test_all_gates_are_configured() -> None:
    names = list(dict.fromkeys(gate.name for gate in all_gates()))
    assert names == ["ruff", "pyright", "mypy", "lint-imports", "pytest", "docs", "lowest"]
    assert [gate.name for gate in all_gates() if gate.asked] == ["docs", "lowest"]


def test_a_gate_that_has_to_be_named_does_not_run_unasked(capfd: pytest.CaptureFixture[str]) -> None:
    rare = dataclasses.replace(FAILING, name="rare", asked=True)
    assert main([], [PASSING, rare]) == 0
    assert main(["rare"], [PASSING, rare]) == 1


def test_the_lowest_versions_are_those_of_the_project() -> None:
    assert lowest(["aiohttp>=3.14", "anyio>=4.12"]) == ["aiohttp==3.14", "anyio==4.12"]
    with pytest.raises(ValueError, match="names no lowest version"):
        lowest(["aiohttp"])
    assert {pin.partition("==")[0] for pin in pins()} >= {"aiohttp", "anyio", "msgspec", "pysher", "cryptography"}
