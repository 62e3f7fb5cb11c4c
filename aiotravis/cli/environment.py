"""``env``, ``encrypt``: environment variables of jobs, in the repository's settings and for a .travis.yml."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import click

from aiotravis.cli._command import async_command
from aiotravis.cli._input import read_input, read_secret, stdin_is_terminal
from aiotravis.cli._output import Output, single_line
from aiotravis.cli._session import Session, not_found
from aiotravis.errors import UsageError

if TYPE_CHECKING:
    from aiotravis import EnvVar

__all__ = ["Assignment", "encrypt_command", "env_command", "parse_assignments", "shell_escape", "shell_risks"]

NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")

SAFE: Final = re.compile(r"[^A-Za-z0-9_\-.,:+/@\n]")
"""What Ruby's Shellwords.escape, which the travis command uses, puts a backslash before."""

AFTER_DASHES: Final = "What begins with - comes after --: env set NAME -- -value."


class _SecretArguments(click.Command):
    """A command whose arguments are secrets: one that looks like an option is not quoted."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption:
            pass
        raise click.UsageError(f"No such option. {AFTER_DASHES}", ctx)


class Assignment(NamedTuple):
    """A variable to set.

    Attributes:
        name: Name.
        value: Value, not yet escaped.
    """

    name: str
    value: str

    def __repr__(self) -> str:
        """Return no value."""
        return f"Assignment({self.name!r})"


def shell_escape(value: str) -> str:
    """Return a value so that bash takes it literally, in the same way as the travis command."""
    return SAFE.sub(r"\\\g<0>", value).replace("\n", "'\n'") or "''"


def shell_risks(code: str) -> Iterator[str]:
    """Yield what bash would make of a value that is not escaped, other than taking it literally."""
    quote, escaped, found = "", False, set[str]()
    for character in code:
        if escaped:
            escaped = False
        elif quote == "'":
            quote = "" if character == "'" else quote
        elif character == "\\":
            escaped = True
        elif character == quote:
            quote = ""
        elif character in "'\"" and not quote:
            quote = character
        elif character in "$`":
            found.add(character)
        elif not quote and character in " \t\n":
            found.add(" ")
        elif not quote and character in ";&|<>()":
            found.add(";")
    if quote or escaped:
        yield "a quote or a backslash at its end is open: the build fails, and may print the value"
    if found & {"$", "`"}:
        yield "bash replaces $NAME, $(...) and `...` in it: put it in single quotes, or escape them"
    if found & {" ", ";"}:
        yield "it has spaces or operators of bash, so that only its beginning is the value: put it in quotes"


def parse_assignments(words: Sequence[str], read_value: Callable[[str], str] = read_secret) -> list[Assignment]:
    """Return what ``NAME VALUE``, ``NAME -`` or any number of ``NAME=VALUE`` say.

    Args:
        words: The arguments.
        read_value: Called for the value ``-`` with what to read.

    Raises:
        UsageError: They are something else, or a name is none of a variable. The message contains no value.
    """
    if len(words) == 2 and "=" not in words[0]:
        name, value = words
        found = [Assignment(_checked(name), value)]
        if value == "-":
            found = [Assignment(name, read_value(f"the value of {name}"))]
    else:
        pairs = [word.partition("=") for word in words]
        if not words or not all(equals for _, equals, _ in pairs):
            raise UsageError(f"Pass NAME VALUE, or NAME=VALUE for each variable. {AFTER_DASHES}")
        found = [Assignment(_checked(name), value) for name, _, value in pairs]
    names = [name for name, _ in found]
    if len(set(names)) < len(names):
        raise UsageError("Name each variable once.")
    if any("\0" in value for _, value in found):
        raise UsageError("No variable can contain a NUL.")
    return found


def _checked(name: str) -> str:
    if not NAME.match(name):
        # It may be a value: nothing of it is shown.
        raise UsageError("Names of variables consist of letters, digits and _, and begin with no digit.")
    return name


def _assignments(ctx: click.Context, _: click.Parameter, words: tuple[str, ...]) -> list[Assignment]:
    # Standard input is read before the event loop runs, so that Ctrl-C works as everywhere.
    return [] if ctx.resilient_parsing else parse_assignments(words)


def _warn(output: Output, name: str, value: str, *, escaped: bool) -> None:
    if not escaped:
        for risk in shell_risks(value):
            output.notice(f"{name}: {risk}")
    elif len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        output.notice(f"{name}: the quotes become a part of the value (-u passes it to bash as it is)")


branch_option: Final = click.option("-b", "--branch", help="Only for builds of this branch.")


@async_command("list")
async def list_command(session: Session) -> None:
    """List environment variables.

    Travis tells nobody the values of those that are not public.
    """
    session.require_token()
    travis, slug, output = session.travis, session.slug, session.output
    env_vars = await travis.env_vars.list(await travis.repos.get(slug))
    if not output.json:
        output.line(f"# environment variables for {slug}")
    for one in env_vars:
        if output.json:
            output.record(one)
        else:
            branch = f"  # branch {single_line(one.branch)}" if one.branch else ""
            output.line(f"{single_line(one.name)}={(one.value or '') if one.public else '[secure]'}{branch}")


@async_command("set", cls=_SecretArguments)
@click.argument("assignments", nargs=-1, callback=_assignments, metavar="NAME VALUE | NAME=VALUE...")
@click.option("-P/-p", "--public/--private", default=False, help="Whether logs show the value  [default: private]")
@click.option("-u", "--unescaped", is_flag=True, help="Pass the values to bash as they are.")
@branch_option
async def set_command(
    session: Session, assignments: list[Assignment], public: bool, unescaped: bool, branch: str | None
) -> None:
    """Set environment variables.

    Values are escaped, so that builds see them literally. The value - is read from standard input, or unseen on a
    terminal. Values that begin with - come after --: env set NAME -- -value.
    """
    session.require_token()
    travis, output = session.travis, session.output
    for name, value in assignments:
        _warn(output, name, value, escaped=not unescaped)
    repo = await travis.repos.get(session.slug)
    existing = [one for one in await travis.env_vars.list(repo) if one.branch == branch]
    known = [(name, [one for one in existing if one.name == name]) for name, _ in assignments]
    for name, several in known:
        if len(several) > 1:
            raise UsageError(f"{name} is set {len(several)} times for this branch: unset it first.")
    # Only what is new takes a POST, of which Travis allows few.
    for (name, same), (_, given) in zip(known, assignments, strict=True):
        value = given if unescaped else shell_escape(given)
        output_line = f"[+] setting environment variable ${name}"
        if same:
            done = await travis.env_vars.update(repo, same[0], value=value, public=public)
        else:
            done = await travis.env_vars.create(repo, name, value, public=public, branch=branch)
        _tell(output, output_line, done)


@async_command("unset")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@branch_option
async def unset_command(session: Session, names: tuple[str, ...], branch: str | None) -> None:
    """Remove environment variables, for all branches unless one is named."""
    session.require_token()
    travis, slug, output = session.travis, session.slug, session.output
    repo = await travis.repos.get(slug)
    existing = [one for one in await travis.env_vars.list(repo) if branch is None or one.branch == branch]
    missing = [name for name in names if name not in {one.name for one in existing}]
    if missing:
        raise not_found(f"{slug} has no variable {', '.join(missing)}; nothing was removed", slug)
    for one in existing:
        if one.name in names:
            _tell(output, f"[x] removing environment variable ${one.name}", await travis.env_vars.delete(repo, one))


def _tell(output: Output, text: str, env_var: "EnvVar") -> None:
    if output.json:
        output.record(env_var)
    else:
        output.line(text)


env_command: Final = click.Group(
    "env",
    commands=[list_command, set_command, unset_command],
    help="List, set and unset environment variables in the settings of a repository.",
)


def _values(ctx: click.Context, _: click.Parameter, words: tuple[str, ...]) -> list[str]:
    if words or ctx.resilient_parsing:
        return list(words)
    if stdin_is_terminal():
        Output().notice("reading what to encrypt from standard input; end it with Ctrl-D")
    text = read_input("what to encrypt").removesuffix("\n").removesuffix("\r")
    if not text:
        raise UsageError("Standard input is empty: pass what to encrypt as arguments, or there.")
    return [text]


@async_command("encrypt", cls=_SecretArguments)
@click.argument("values", nargs=-1, callback=_values, metavar="[NAME=VALUE]...")
async def encrypt_command(session: Session, values: list[str]) -> None:
    """Encrypt values for the .travis.yml, and print a line to paste for each.

    Without arguments, one value is read from standard input. No file is changed. Only builds of the repository can
    decrypt it. Bash reads NAME=VALUE as it is: quote what is special to it.
    """
    output = session.output
    for number, value in enumerate(values, 1):
        name, equals, rest = value.partition("=")
        if equals and NAME.match(name):
            _warn(output, name if len(values) == 1 else f"value {number}, {name}", rest, escaped=False)
    key = await session.travis.repository_keys.get(session.slug)
    try:
        encrypted = [key.encrypt(value) for value in values]
    except UsageError as exc:
        if exc.argument == "value":
            exc.add_note("Longer ones fit into a variable (aiotravis env set), or into an encrypted file.")
        raise
    for text in encrypted:
        if output.json:
            output.record({"secure": text})
        else:
            output.line(f'  secure: "{text}"')
