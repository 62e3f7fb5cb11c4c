"""The commands, imported when they are used, and how each ends."""

import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, cast

import click

__all__ = ["COMMANDS", "app", "run_app"]


class Entry(NamedTuple):
    """Where a command is, and what ``--help`` says of it without importing it."""

    section: str
    module: str
    summary: str


BUILDS: Final = "Builds and jobs"
LOGS: Final = "Logs"
REPOSITORIES: Final = "Repositories"
ACCOUNT: Final = "Account and site"

COMMANDS: Final = {
    "status": Entry(BUILDS, "builds", "Tell the state of the last build, or of another."),
    "show": Entry(BUILDS, "builds", "Show a build and its jobs, or a job."),
    "history": Entry(BUILDS, "builds", "List builds, newest first."),
    "branches": Entry(BUILDS, "builds", "List the last build of each branch."),
    "requests": Entry(BUILDS, "builds", "List requests for builds, with the reasons of those rejected."),
    "wait": Entry(BUILDS, "waiting", "Wait until a build, a job or the build of a commit has ended."),
    "watch": Entry(BUILDS, "watch", "Watch builds of repositories live."),
    "trigger": Entry(BUILDS, "actions", "Request a build."),
    "restart": Entry(BUILDS, "actions", "Restart a build or a job."),
    "cancel": Entry(BUILDS, "actions", "Cancel a build or a job."),
    "logs": Entry(LOGS, "logs", "Print the log of a job, also while it runs."),
    "download": Entry(LOGS, "logs", "Download logs into files."),
    "repos": Entry(REPOSITORIES, "repositories", "List repositories."),
    "env": Entry(REPOSITORIES, "environment", "List, set and unset environment variables."),
    "encrypt": Entry(REPOSITORIES, "environment", "Encrypt values for the .travis.yml."),
    "lint": Entry(REPOSITORIES, "tools", "Check a .travis.yml."),
    "open": Entry(REPOSITORIES, "repositories", "Open the page of a repository, build or job in the browser."),
    "login": Entry(ACCOUNT, "account", "Sign in, and store the token."),
    "logout": Entry(ACCOUNT, "account", "Forget the stored token."),
    "whoami": Entry(ACCOUNT, "account", "Tell whose token is used."),
    "accounts": Entry(ACCOUNT, "account", "List accounts: users and organisations."),
    "token": Entry(ACCOUNT, "account", "Print the token."),
    "endpoint": Entry(ACCOUNT, "account", "Tell which site is used, and why."),
    "limits": Entry(ACCOUNT, "tools", "Show what the rate limits leave, or forget what is remembered."),
    "raw": Entry(ACCOUNT, "tools", "Send any request, and print the answer."),
}

COMPLETION: Final = "_AIOTRAVIS_COMPLETE"
"""Variable that shells set to complete a line: ``_AIOTRAVIS_COMPLETE=bash_source aiotravis`` prints what they need."""

EPILOG: Final = """\b
Exit codes:
  0  passed, or done          7  the request was rejected
  1  failed                   8  not finished yet (status)
  2  wrong usage             69  Travis cannot be reached, or no log
  3  no right, or bad token  70  internal error
  4  not found               74  a file cannot be read or written
  5  canceled                75  throttled or banned
  6  errored                124  timed out
130, 143, 129: ended by Ctrl-C, by SIGTERM, or with its terminal (SIGHUP).
Outcomes (1, 5, 6) are told by wait, status, logs -f, trigger --wait and
restart --wait; every other command ends with 0 when it did its work.
"""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are used: ``--help`` and ``--version`` import none."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command = getattr(importlib.import_module(f"aiotravis.cli.{entry.module}"), f"{cmd_name}_command")
        return cast("click.Command", command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by section."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for name, entry in COMMANDS.items():
            sections.setdefault(entry.section, []).append((name, entry.summary))
        for section, rows in sections.items():
            with formatter.section(section):
                formatter.write_dl(rows)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """Complete the names of commands without importing them."""
        from click.shell_completion import CompletionItem

        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        return [
            CompletionItem(name, help=entry.summary) for name, entry in COMMANDS.items() if name.startswith(incomplete)
        ]


def _print_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        from aiotravis._version import __version__

        click.echo(f"aiotravis {__version__}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
    no_args_is_help=True,
)
@click.option(
    "--version", is_flag=True, expose_value=False, is_eager=True, callback=_print_version, help="Print the version."
)
def app() -> None:
    """Builds, logs and settings on Travis CI.

    The repository is that of the git clone in this folder, or -r owner/name. BUILD is a number (784), a job (784.1), a
    branch, an id, or the address of a web page.
    """


def run_app(arguments: Sequence[str]) -> int:
    """Run a command line, and return its exit code."""
    instruction = os.environ.get(COMPLETION)
    try:
        if instruction:
            from click.shell_completion import shell_complete

            return shell_complete(app, {}, "aiotravis", COMPLETION, instruction)
        with app.make_context("aiotravis", list(arguments)) as context:
            result = app.invoke(context)
        # An error of the last write has to be known before the exit code.
        sys.stdout.flush()
        return int(result or 0)
    except click.exceptions.Exit as exc:
        return exc.exit_code
    except click.ClickException as exc:
        exc.show()
        return 2
    except (KeyboardInterrupt, click.Abort):
        return 130
    except Exception as exc:  # noqa: BLE001 - each has an exit code and a line
        return _end(exc)
    finally:
        _give_up_closed_output()


def _end(exc: Exception) -> int:
    """Print what went wrong, and return the exit code."""
    from aiotravis.cli._exit_codes import ExitCode, exit_code_of_error
    from aiotravis.cli._output import Output, OutputClosed, error_text
    from aiotravis.errors import BannedError

    if isinstance(exc, OutputClosed | BrokenPipeError):
        return ExitCode.DONE
    code = exit_code_of_error(exc)
    if code is ExitCode.INTERNAL:
        if os.environ.get("AIOTRAVIS_TRACEBACK"):
            traceback.print_exc()
        Output().error(f"internal error: {type(exc).__name__}: {exc} (AIOTRAVIS_TRACEBACK=1 shows where)")
    else:
        # What is banned by the limits of this machine says until when.
        lifted_at = exc.lifted_at if isinstance(exc, BannedError) and " until " not in str(exc) else None
        until = f" It should end at {lifted_at.astimezone():%Y-%m-%d %H:%M:%S}." if lifted_at is not None else ""
        # Whatever else is written, or read, names its file.
        text = error_text(exc, "standard output") if isinstance(exc, OSError) else str(exc)
        Output().error(" ".join([f"{text}{until}", *getattr(exc, "__notes__", ())]))
    return code


def _give_up_closed_output() -> None:
    """Silence the interpreter's last flush of a closed pipe, or of a full disk."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        try:
            descriptor = os.open(os.devnull, os.O_WRONLY)
            os.dup2(descriptor, sys.stdout.fileno())
            os.close(descriptor)
        except (OSError, ValueError):
            return
