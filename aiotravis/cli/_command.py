"""Declaring commands: an async function with the options that all share, run with a deadline and with clean ends."""

import contextlib
import inspect
import logging
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Final

import click

from aiotravis.cli._exit_codes import ExitCode
from aiotravis.cli._input import secret_value
from aiotravis.cli._output import Output
from aiotravis.cli._session import Options, Session, open_session
from aiotravis.errors import ResponseError

__all__ = ["Count", "async_command", "event_type_option", "run_session", "timeout_option"]

Function = Callable[..., Awaitable[int | None]]
"""Takes a `Session`, then the arguments and options by name."""

WRONG_SITE: Final = frozenset({401, 403, 404})
"""What a site answers that does not know a token or a repository, which another site may know."""

logger: Final = logging.getLogger("aiotravis")


class Count(click.IntRange):
    """A whole number from a minimum on, without a word about that in ``--help``."""

    name = "number"

    def _describe_range(self) -> str:
        return ""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            most = "" if self.max is None else f" to {self.max}"
            self.fail(f"{value!r} is not a whole number from {self.min}{most or ' on'}.", param, ctx)


class _Seconds(click.FloatRange):
    name = "seconds"

    def _describe_range(self) -> str:
        return ""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        seconds = 0.0
        with contextlib.suppress(ValueError):
            seconds = float(value)
        # NaN is not above 0 either.
        if not seconds > 0:
            self.fail(f"{value!r} is not a number of seconds above 0.", param, ctx)
        return seconds


LIMITS_INTERVAL: Final = 0.5
"""Seconds between two looks at whether requests wait for the rate limits."""

timeout_option: Final = click.option(
    "--timeout",
    type=_Seconds(),
    metavar="SECONDS",
    help="Give up after this time: exit code 124.",
)

event_type_option: Final = click.option(
    "--type",
    "event_type",
    type=click.Choice(["push", "pull_request", "api", "cron"]),
    metavar="TYPE",
    help="Only push, pull_request, api or cron builds.",
)


def _shared(*, repository: bool) -> list[click.Parameter]:
    """Return the options that commands share; the repository only where one is meant."""
    repo = click.Option(["-r", "--repo"], metavar="OWNER/NAME", help="Repository.  [default: that of the git clone]")
    return [
        *((repo,) if repository else ()),
        click.Option(["-e", "--endpoint"], metavar="URL|com|org", help="Site.  [default: see 'aiotravis endpoint']"),
        click.Option(
            ["-t", "--token"],
            metavar="TOKEN|-",
            callback=secret_value,
            help="Token; - reads it.  [default: of 'login']",
        ),
        click.Option(["--json"], is_flag=True, help="Print JSON Lines."),
        click.Option(["-q", "--quiet"], is_flag=True, help="Print no notices and no progress."),
        click.Option(["-v", "--verbose"], is_flag=True, help="Print retries, pauses and reconnects."),
        click.Option(["--color"], type=click.Choice(["auto", "always", "never"]), default="auto", help="Use colours."),
    ]


def async_command(
    name: str, *, repository: bool = True, cls: type[click.Command] = click.Command, **attributes: Any
) -> Callable[[Function], click.Command]:
    """Make a command of an async function that takes a `Session` first, and returns an exit code or None.

    Args:
        name: Its name.
        repository: Whether it has the option ``--repo``.
        cls: Its class.
        attributes: Further ones of `click.Command`.
    """

    def decorate(function: Function) -> click.Command:
        def command(**values: Any) -> int:
            shared = {key: values.pop(key) for key in list(values) if key in Options.__dataclass_fields__}
            options = Options(**shared)
            output = Output(json=options.json, quiet=options.quiet, color=options.color)
            return run_session(options, output, lambda session: function(session, **values))

        # What `click.option` has noted below, from the last to the first.
        own: list[click.Parameter] = list(reversed(getattr(function, "__click_params__", [])))
        params = [*own, *_shared(repository=repository)]
        return cls(name, callback=command, params=params, help=inspect.getdoc(function), **attributes)

    return decorate


def run_session(options: Options, output: Output, work: Callable[[Session], Awaitable[int | None]]) -> int:
    """Run a command's work in an event loop of its own, and return its exit code.

    Raises:
        KeyboardInterrupt: After Ctrl-C, once everything is closed.
    """
    import asyncio

    import anyio

    ended_by = 0

    async def main() -> int:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()

        def end(number: int) -> None:
            nonlocal ended_by
            ended_by = number
            if task is not None:
                task.cancel()

        # Closed like after Ctrl-C: a download leaves no half of a file behind. What nohup ignores stays ignored.
        if sys.platform != "win32":
            for number in (signal.SIGTERM, signal.SIGHUP):
                if signal.getsignal(number) is not signal.SIG_IGN:
                    loop.add_signal_handler(number, end, number)
        with anyio.move_on_after(options.timeout):
            async with open_session(options, output) as session:
                telling = asyncio.create_task(_tell_of_limits(session))
                try:
                    return await work(session) or ExitCode.DONE
                except ResponseError as exc:
                    if exc.status in WRONG_SITE:
                        exc.add_note(session.site.description)
                    raise
                finally:
                    telling.cancel()
        output.error(f"gave up after {options.timeout:g} s")
        return ExitCode.TIMED_OUT

    with _NoticesOfTheLibrary(output, verbose=options.verbose):
        try:
            return asyncio.run(main())
        except asyncio.CancelledError:
            if ended_by:
                # As shells tell it.
                return ExitCode(128 + ended_by)
            raise


async def _tell_of_limits(session: Session) -> None:
    """Print once why nothing seems to happen."""
    import asyncio

    while not session.travis.statistics().waiting_for_limits:  # noqa: ASYNC110 - the client has no event for it
        await asyncio.sleep(LIMITS_INTERVAL)
    session.output.notice("waiting for the rate limits of Travis, which this machine has used up for now")


class _NoticesOfTheLibrary(logging.Handler):
    """Prints the warnings of the library; with ``--verbose`` everything that it logs, such as retries."""

    def __init__(self, output: Output, *, verbose: bool) -> None:
        super().__init__(logging.DEBUG if verbose else logging.WARNING)
        self._output = output
        self._level = logger.level
        self._propagated = logger.propagate

    def __enter__(self) -> None:
        logger.addHandler(self)
        logger.setLevel(self.level)
        logger.propagate = False

    def __exit__(self, *_: object) -> None:
        logger.removeHandler(self)
        logger.setLevel(self._level)
        logger.propagate = self._propagated

    def emit(self, record: logging.LogRecord) -> None:
        self._output.notice(record.getMessage())
