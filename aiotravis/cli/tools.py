"""``lint``, ``limits``, ``raw``: checking a .travis.yml, the rate limits, and any other request."""

import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

import click

from aiotravis.cli._command import async_command
from aiotravis.cli._exit_codes import ExitCode
from aiotravis.cli._formats import fields
from aiotravis.cli._input import MAX_INPUT, read_input
from aiotravis.cli._output import Output, Styled, single_line
from aiotravis.cli._session import Session
from aiotravis.errors import UsageError

if TYPE_CHECKING:
    from aiotravis.rate_limits.shared_state import RecordedUse

__all__ = ["limits_command", "lint_command", "parse_words", "raw_command"]

METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
ABSOLUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|[/\\]{2}|\\")

NO_STORE: Final = {
    "none": "Nothing is limited here: the endpoint is on this machine or an Enterprise, or TRAVIS_RATE_LIMITS is off.",
    "memory": "TRAVIS_RATE_LIMITS is memory: each process counts for itself, and nothing is remembered.",
    "redis": "TRAVIS_RATE_LIMITS names a Redis, which counts for the fleet: what this machine remembers is not used.",
}


def _content(ctx: click.Context, _: click.Parameter, name: str) -> tuple[str, str | bytes]:
    if ctx.resilient_parsing:
        return name, ""
    if name == "-":
        return "standard input", read_input("a .travis.yml")
    with Path(name).open("rb") as file:
        content = file.read(MAX_INPUT + 1)
    if len(content) > MAX_INPUT:
        raise UsageError(f"{name} is longer than {MAX_INPUT} bytes: that is not a .travis.yml.")
    return name, content


@async_command("lint", repository=False)
@click.argument("file", default=".travis.yml", callback=_content, metavar="[FILE|-]")
@click.option("-x", "--exit-code", is_flag=True, help="End with 1 if there are warnings.")
async def lint_command(session: Session, file: tuple[str, str | bytes], exit_code: bool) -> int:
    """Check a .travis.yml with Travis  [default: the one in this folder]."""
    (name, content), output = file, session.output
    warnings = await session.travis.lint.check(content)
    if output.terminal and not output.json:
        output.line(Styled(f"Warnings for {name}:" if warnings else f"Hooray, {name} looks valid :)", bold=True))
    elif not warnings and not output.json:
        output.line("valid")
    for warning in warnings:
        if output.json:
            output.record(warning)
        else:
            place = f"in {'.'.join(warning.key)} section: " if warning.key else ""
            output.line(Styled("[x]", "red"), f" {single_line(place + warning.message)}")
    return ExitCode.FAILED if warnings and exit_code else ExitCode.DONE


@async_command("limits", repository=False)
@click.option("--clear", is_flag=True, help="Forget what is remembered: after a ban that Travis has lifted.")
async def limits_command(session: Session, clear: bool) -> None:
    """Show what this machine remembers about the rate limits of the token.

    All processes of yours share it: POSTs, sign-ins, pauses after too many requests, bans. Nothing is sent.
    """
    from aiotravis.rate_limits.machine import forget_recorded_use, recorded_use

    site, output, store = session.site, session.output, session.travis.limits.store
    if clear:
        forget_recorded_use(site.endpoint, site.token)
        output.notice(f"forgotten for {site.endpoint} (Travis itself still counts)")
        return
    use = recorded_use(site.endpoint, site.token)
    if store in NO_STORE:
        output.notice(NO_STORE[store])
    if output.json:
        until = use.banned_until.isoformat() if use.banned_until is not None else None
        output.record({"endpoint": site.endpoint, "store": store, **asdict(use), "banned_until": until})
        return
    for line in fields(_use_rows(use)):
        output.line(*line)


def _use_rows(use: "RecordedUse") -> Iterator[tuple[str, str | Styled]]:
    from aiotravis.rate_limits.rules import AUTHENTICATED

    yield "POSTs", f"{use.posts} of {AUTHENTICATED.max_posts} in {AUTHENTICATED.post_window:g} s"
    yield "Next POST", _after(use.next_post)
    yield "Next sign-in", _after(use.next_sign_in)
    yield "Paused", Styled(f"for {use.paused:.0f} s", "yellow") if use.paused else "no"
    until = use.banned_until
    yield "Banned", Styled(f"until {until.astimezone():%Y-%m-%d %H:%M:%S}", "red") if until is not None else "no"


def _after(seconds: float) -> str:
    return f"in {seconds:.0f} s" if seconds > 0 else "at once"


def parse_words(words: tuple[str, ...], *, data: bool) -> tuple[str, str, list[tuple[str, str]]]:
    """Return method, path and parameters of ``[METHOD] PATH``.

    Args:
        words: The arguments.
        data: Whether a body is sent: then the method is POST unless it is named.

    Raises:
        UsageError: They are something else, or the path leads to another host, to which the token must not go.
    """
    if len(words) not in {1, 2} or words[-1] in METHODS:
        raise UsageError("Pass [METHOD] PATH, such as GET /repos/owner/name.")
    method = words[0] if len(words) == 2 else "POST" if data else "GET"
    path, _, query = words[-1].partition("?")
    if ABSOLUTE.match(path):
        raise UsageError("PATH must be a path of the site (-e chooses it): the token goes to no other address.")
    return method.upper(), path if path.startswith("/") else f"/{path}", parse_qsl(query, keep_blank_values=True)


def _json_value(ctx: click.Context, _: click.Parameter, text: str | None) -> object:
    import msgspec

    if text is None or ctx.resilient_parsing:
        return msgspec.UNSET
    try:
        return msgspec.json.decode(read_input("JSON") if text == "-" else text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        # Outside the handler: the exception may quote a secret.
        pass
    raise UsageError("--data must be JSON, or - to read it from standard input.")


@async_command("raw", repository=False)
@click.argument("words", nargs=-1, required=True, metavar="[METHOD] PATH")
@click.option("--data", metavar="JSON|-", callback=_json_value, help="Send this JSON; - reads it. POST by default.")
async def raw_command(session: Session, words: tuple[str, ...], data: object) -> None:
    """Send any request of API v2, or of API v3 below /v3, and print the answer's body.

    It is printed as it is, JSON on a terminal in lines.
    """
    import msgspec

    method, path, query = parse_words(words, data=data is not msgspec.UNSET)
    answer = await session.travis.request(method, path, query=query, json=data)
    _print_body(session.output, answer.body)


def _print_body(output: Output, body: bytes) -> None:
    import msgspec

    if not output.terminal and not output.json:
        output.write_bytes(body)
        return
    text = body.decode("utf-8", "replace")
    try:
        if output.json:
            output.record(msgspec.json.decode(body))
            return
        text = msgspec.json.format(text, indent=2)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        if output.json:
            output.record(text)
            return
    for line in text.splitlines():
        output.line(line)
