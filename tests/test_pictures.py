"""The pictures of the README and the cookbook: present, small, drawn as the screen was."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from tests.pictures import drawing

ROOT = Path(__file__).resolve().parent.parent

PICTURES = [
    ((page.parent / source).relative_to(ROOT).as_posix(), description)
    for page in (ROOT / "README.md", ROOT / "examples" / "README.md")
    for source, description in re.findall(r'<img src="([^"]+)" alt="([^"]*)"', page.read_text("utf-8"))
]

MAX_SIZE = 200_000
"""Largest size of a picture in bytes."""


def test_the_pages_show_the_dashboards_and_the_charts() -> None:
    names = {Path(path).name for path, _ in PICTURES}
    assert {"wall.png", "phone.png", "dashboard_terminal.svg", "durations.png"} <= names


@pytest.mark.parametrize(("path", "description"), PICTURES)
def test_a_picture_is_present_small_and_described(path: str, description: str) -> None:
    assert 0 < (ROOT / path).stat().st_size < MAX_SIZE
    assert len(description) > 20


def test_a_screen_is_drawn_with_its_colours_in_their_places() -> None:
    pyte: Any = pytest.importorskip("pyte")
    screen = pyte.Screen(20, 2)
    pyte.Stream(screen).feed("a \x1b[1;31mred\x1b[0m <&>\r\n\x1b[38;2;1;2;3mrgb")
    texts = list(ET.fromstring(drawing(screen, "A & B")).iter("{http://www.w3.org/2000/svg}text"))
    drawn = [(text.text, text.get("fill"), text.get("font-weight"), text.get("x")) for text in texts]
    assert [(text.strip() if text else "", fill, weight) for text, fill, weight, _ in drawn] == [
        ("a", "#d7dbe3", None), ("red", "#ff7b7b", "bold"), ("<&>", "#d7dbe3", None), ("rgb", "#010203", None),
    ]  # fmt: skip
    assert [x for *_, x in drawn] == ["12.0", "28.8", "54.0", "12.0"]
    assert texts[3].get("y") != texts[0].get("y")
