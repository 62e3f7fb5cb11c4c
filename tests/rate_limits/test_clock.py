"""The clock of the limits."""

import time
from pathlib import Path

import pytest

from aiotravis.rate_limits import clock


def test_the_clock_goes_on_whatever_is_done_to_the_date(monkeypatch: pytest.MonkeyPatch) -> None:
    before = clock.seconds()
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert before <= clock.seconds() < before + 5


def test_with_its_offset_it_is_the_time_since_the_epoch() -> None:
    assert abs(clock.seconds() + clock.EPOCH_OFFSET - time.time()) < 5


def test_the_run_of_the_machine_has_an_id_where_the_system_knows_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "boot_id"
    file.write_text("14c6f317\n")
    monkeypatch.setattr(clock, "_BOOT_CLOCK", 7)
    monkeypatch.setattr(clock, "_BOOT_ID", file)
    assert clock.boot_id() == "14c6f317"
    file.write_bytes(b"\xff")
    assert clock.boot_id() is None
    monkeypatch.setattr(clock, "_BOOT_ID", tmp_path / "none")
    assert clock.boot_id() is None
    monkeypatch.setattr(clock, "_BOOT_CLOCK", None)
    assert clock.boot_id() is None
    assert clock.seconds() > 0
