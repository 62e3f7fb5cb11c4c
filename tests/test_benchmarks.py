"""The benchmarks run and print what they measured in every form; how fast is not tested."""

import json
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import anyio
import pytest


@pytest.mark.timeout(600)
async def test_the_quick_run_measures_everything(tmp_path: Path) -> None:
    out, tables, charts = tmp_path / "out.json", tmp_path / "tables.md", tmp_path / "charts"
    command = [sys.executable, "-m", "benchmarks", "--quick", "--json", str(out)]
    command += ["--markdown", str(tables), "--charts", str(charts)]
    completed = await anyio.run_process(command, check=False)
    assert (completed.returncode, completed.stderr) == (0, b"")
    cases = json.loads(out.read_text())["cases"]
    assert [case["goal"] for case in cases] == [
        "P1", "P2", "P3", "P4", "P5", "P6", "P13", "C1", "T1", "T2", "T3", "P7", "P8", "P7b", "P7c", "P7d", "P9",
        "P10", "P12", "P14", "P16", "P11", "P18", "R1", "R2", "R3",
        *["S"] * 8,
    ]  # fmt: skip
    for case in cases:
        if case["goal"] != "S":
            assert ("memory" if case["goal"].startswith("R") else "aiotravis") in case["figures"]
        assert all(figure > 0 for figures in case["figures"].values() for figure in figures)
        assert case["ratios"][case["base"]] == 1
        assert f"### {case['goal']}: {case['title']}\n" in tables.read_text()
        assert f"{case['goal']}  {case['title']}\n" in completed.stdout.decode()
    for path in charts.iterdir():
        texts = [text.text for text in ET.parse(path).getroot().iter("{http://www.w3.org/2000/svg}text")]
        assert "aiotravis" in texts
    assert sorted(path.name for path in charts.iterdir()) == ["P2.svg", "P3.svg", "P7.svg", "P8.svg"]


def test_no_coverage_is_measured_where_the_bound_holds_without_it() -> None:
    assert sys.gettrace() is None
