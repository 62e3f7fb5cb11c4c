"""Every block of code in the README and its guides is run or checked."""

import gc
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import anyio
import anyio.to_thread
import click
import pytest

from aiotravis.cli._app import app
from tests.readme_world import TOKEN, readme_world

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "examples").glob("*.md"))]

MAX_LINES = 300
"""Lines of the README: what is longer belongs in a guide, or in the reference."""

RUN = {"python"}
CHECKED = {"console", "sh", "bash"}
SHOWN = {"json", "text", "toml", "yaml"}
"""Languages of blocks that cannot be run."""

LIMIT = 30
"""Seconds that one block may take."""

FENCE = re.compile(r"(?P<indent> *)(?P<ticks>`{3,}|~{3,})(?P<language>[^\s`]*)[^`]*")


@dataclass(frozen=True, kw_only=True)
class Block:
    """A fenced block: its language, the number of its first line in its page, its text, its page."""

    language: str
    line: int
    text: str
    page: str = "README.md"

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks_of(text: str, page: str = "README.md") -> Iterator[Block]:
    """Yield the fenced blocks of a Markdown text.

    Raises:
        ValueError: A block is never closed.
    """
    lines = enumerate(text.splitlines(), start=1)
    for number, line in lines:
        opening = FENCE.fullmatch(line)
        if opening is None:
            continue
        inside: list[str] = []
        for _, inner in lines:
            if inner.strip() == opening["ticks"]:
                break
            inside.append(inner.removeprefix(opening["indent"]))
        else:
            raise ValueError(f"the block opened in line {number} is never closed")
        yield Block(language=opening["language"], line=number + 1, text="\n".join(inside), page=page)


def commands_of(block: Block) -> Iterator[str]:
    """Yield the commands of a shell block: the lines with a prompt if there are any, otherwise all but comments."""
    lines = block.text.replace("\\\n", "").splitlines()
    prompted = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    for line in prompted or lines:
        if line.strip() and not line.lstrip().startswith("#"):
            yield " ".join(line.split())


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


BLOCKS = [block for page in PAGES for block in blocks_of(page.read_text("utf-8"), _name(page))]
PROGRAMS = [block for block in BLOCKS if block.language in RUN]
OUTPUT = next(block.text for block in BLOCKS if block.language == "text")
"""What the first program prints."""


def test_every_block_is_in_a_known_language() -> None:
    unknown = [f"{block}: {block.language!r}" for block in BLOCKS if block.language not in RUN | CHECKED | SHOWN]
    assert unknown == []


def test_the_readme_is_short_and_its_first_program_says_what_it_prints() -> None:
    assert len(README.read_text("utf-8").splitlines()) <= MAX_LINES
    assert OUTPUT


def test_links_between_the_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)", page.read_text("utf-8")):
            file = page.parent / target if target else page
            assert file.exists(), f"{_name(page)}: {target}"
            headings = re.findall(r"(?m)^#+ (.+)$", file.read_text("utf-8")) if anchor else []
            slugs = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert not anchor or anchor in slugs, f"{_name(page)}: {target}#{anchor}"


@pytest.mark.parametrize("block", PROGRAMS, ids=str)
async def test_programs_of_the_pages_run_as_they_stand(
    block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Empty lines before it, so that a traceback shows the line in the page.
    program = compile("\n" * (block.line - 1) + block.text, str(ROOT / block.page), "exec")
    monkeypatch.chdir(tmp_path)
    async with readme_world() as server:
        monkeypatch.setenv("TRAVIS_ENDPOINT", server.endpoint)
        monkeypatch.setenv("TRAVIS_TOKEN", TOKEN)
        with anyio.fail_after(LIMIT):
            # In a thread, it has an event loop of its own.
            await anyio.to_thread.run_sync(exec, program, {"__name__": "__main__"}, abandon_on_cancel=True)
    # An unclosed session fails the test.
    gc.collect()
    out, err = capsys.readouterr()
    assert err == ""
    if block == PROGRAMS[0]:
        assert out.strip() == OUTPUT


def test_two_commands_do_all_the_set_up() -> None:
    commands = [command for block in BLOCKS if block.language in CHECKED for command in commands_of(block)]
    setup = [command for command in commands if "-m venv" in command]
    assert len(setup) == 2
    example, gates = setup
    assert example.endswith("examples/live_build.py")
    assert gates.endswith("-m tests")
    # It installs programs beside, and without bytecode.
    lines = (ROOT / ".ci" / "run").read_text("utf-8").replace(" --no-compile", "").splitlines()
    assert [line for line in lines if line.startswith(("python3 ", ".venv/"))] == gates.split(" && ")


def test_command_lines_of_the_pages_are_understood() -> None:
    seen: list[str] = []
    for block in BLOCKS:
        for command in commands_of(block) if block.language in CHECKED else ():
            for part in re.split(r"&&|\|", command):
                program, *words = shlex.split(part, comments=True)
                if program == "aiotravis":
                    found = app.get_command(click.Context(app), words[0])
                    assert found is not None, command
                    found.make_context(words[0], words[1:])
                    seen.append(words[0])
    assert {"wait", "logs", "trigger", "restart", "watch"} <= set(seen)


def test_blocks_are_found_with_line_and_language_and_without_indent() -> None:
    text = 'One\n```python\nprint("a")\n```\n- two\n  ~~~console extra words\n  $ ls \\\n    -l\n  a ``` b\n  ~~~\n'
    first, second = blocks_of(text)
    assert first == Block(language="python", line=3, text='print("a")')
    assert second == Block(language="console", line=7, text="$ ls \\\n  -l\na ``` b")
    assert list(commands_of(second)) == ["ls -l"]


def test_commands_of_a_console_exclude_their_output() -> None:
    assert list(commands_of(Block(language="console", line=1, text="$ ls\na.py\n$ pwd\n/"))) == ["ls", "pwd"]


def test_commands_of_a_script_are_its_lines_without_comments() -> None:
    assert list(commands_of(Block(language="sh", line=1, text="# why\nls\n\npwd  -P\n"))) == ["ls", "pwd -P"]


def test_a_block_that_is_never_closed_is_named() -> None:
    with pytest.raises(ValueError, match="opened in line 2 is never closed"):
        list(blocks_of("One\n```python\npass\n"))
