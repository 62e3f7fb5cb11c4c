"""What commands read from standard input."""

import io
import sys

import click
import pytest

from aiotravis.cli._input import MAX_INPUT, read_input, read_secret, secret_value, stdin_is_terminal
from aiotravis.errors import UsageError
from tests.cli.conftest import Run
from tests.cli.standard_input import on_terminal, piped


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a b\n", "a b"),
        ("a\n\n", "a\n"),
        ("a\r\n", "a"),
        ("\ufeffa", "a"),
        (" a ", " a "),
        ("ö", "ö"),
        ("a\nb", "a\nb"),
    ],
)
def test_a_secret_of_a_pipe_loses_its_last_newline_alone(
    monkeypatch: pytest.MonkeyPatch, content: str, expected: str
) -> None:
    piped(monkeypatch, content)
    assert read_secret("the value") == expected


@pytest.mark.parametrize("content", ["", "\n", b"\xffs3cret", "s3cret" + "x" * MAX_INPUT], ids=range(4))
def test_what_can_be_no_secret_is_refused_without_quoting_it(
    monkeypatch: pytest.MonkeyPatch, content: str | bytes
) -> None:
    piped(monkeypatch, content)
    with pytest.raises(UsageError, match="the value") as info:
        read_secret("the value")
    assert "s3cret" not in repr((info.value, info.value.__context__, info.value.__cause__))


def test_a_closed_standard_input_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.TextIOWrapper(io.BytesIO())
    closed.close()
    for stream in (None, closed):
        monkeypatch.setattr(sys, "stdin", stream)
        assert not stdin_is_terminal()
        with pytest.raises(UsageError, match="Standard input is closed"):
            read_input("a value")


def test_a_person_is_asked_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = on_terminal(monkeypatch, "typed")
    assert read_secret("the value of A") == "typed"
    assert asked == ["The value of A"]
    piped(monkeypatch, "piped")
    assert read_secret("the value of A") == "piped"
    assert len(asked) == 1


def test_a_secret_option_is_read_for_a_dash_and_not_while_completing(monkeypatch: pytest.MonkeyPatch) -> None:
    option = click.Option(["--github-token"])
    command = click.Command("x", params=[option])
    piped(monkeypatch, " read\n")
    assert secret_value(click.Context(command, resilient_parsing=True), option, "-") == "-"
    assert secret_value(click.Context(command), option, "given") == "given"
    assert secret_value(click.Context(command), option, None) is None
    assert secret_value(click.Context(command), option, "-") == "read"


def test_every_command_reads_its_token_from_a_pipe(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    piped(monkeypatch, "unknown\n")
    assert run("whoami", "-t", "-").code == 3


def test_ctrl_c_at_a_prompt_ends_with_130(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    on_terminal(monkeypatch)

    def interrupted(*_: object, **__: object) -> str:
        raise click.Abort

    monkeypatch.setattr(click, "prompt", interrupted)
    assert run("whoami", "-t", "-").code == 130
