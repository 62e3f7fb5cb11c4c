"""What a package index shows of this project."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_the_description_on_a_package_index_has_no_relative_links_and_pictures() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    hook = project["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]
    assert project["project"]["dynamic"] == ["readme", "version"]
    text = "".join((ROOT / fragment["path"]).read_text("utf-8") for fragment in hook["fragments"])
    text += "\n![a chart](chart.svg) [a file](examples/x.py#L1) [a section](#more) [a site](https://example.org/x)\n"
    for substitution in hook["substitutions"]:
        text = re.sub(substitution["pattern"], substitution["replacement"], text)
    links: list[str] = re.findall(r'\]\(([^)\s]*)\)|(?:src|href)="([^"]*)"', text)
    assert [link for pair in links for link in pair if link and not link.startswith(("https://", "http://", "#"))] == []
    assert text.endswith("\n a file [a section](#more) [a site](https://example.org/x)\n".removeprefix("\n"))
    # Tables and code remain.
    assert text.count("```") == (ROOT / "README.md").read_text("utf-8").count("```")


def test_what_a_release_holds_is_listed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    included = project["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    assert [name for name in included if not (ROOT / name).exists()] == []
