"""``login``, ``logout``, ``whoami``, ``accounts``, ``token``, ``endpoint``: who uses which site."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from aiotravis.cli._command import async_command, timeout_option
from aiotravis.cli._input import secret_value, stdin_is_terminal
from aiotravis.cli._output import Output, Styled, single_line
from aiotravis.cli._session import Session
from aiotravis.cli._site import config_path, find_site
from aiotravis.errors import UsageError

if TYPE_CHECKING:
    import aiotravis

__all__ = [
    "accounts_command",
    "endpoint_command",
    "login_command",
    "logout_command",
    "token_command",
    "whoami_command",
]

TOO_FEW_SCOPES = "Travis's own access to GitHub lacks scopes: sign in on the website once, which renews it"


@async_command("login", repository=False)
@click.option("--browser", is_flag=True, help="Sign in with the browser [default on a terminal].")
@click.option(
    "--github-token", metavar="TOKEN|-", callback=secret_value, help="Exchange a token of GitHub; - reads it unseen."
)
@timeout_option
async def login_command(session: Session, browser: bool, github_token: str | None) -> None:
    """Sign in, and store the token.

    It is stored for the site, in the file of the travis command. To store a token that you have, pass it with --token:
    Travis is asked whose it is.
    """
    given = session.options.token
    if browser + (github_token is not None) + (given is not None) > 1:
        raise UsageError("Choose one of --browser, --github-token and --token.")
    if not browser and github_token is None and given is None and not stdin_is_terminal():
        raise UsageError("Nobody can be asked here: pass --github-token -, --token -, or --browser.")
    from aiotravis._config_writer import check_changeable, store_token

    path, endpoint = _stored_at(), session.site.endpoint
    # A sign-in that cannot be stored is lost, and the next one has to wait for five minutes.
    check_changeable(path)
    anonymous = session.travis.with_options(token=None)
    if given is not None:
        token, user = given.strip(), await session.travis.users.me()
    elif github_token is not None:
        token = await anonymous.auth.github(github_token)
        user = await session.travis.with_options(token=token).users.me()
    else:
        token, user = await _sign_in_with_browser(anonymous, session.output)
    store_token(path, endpoint, token)
    output = session.output
    output.notice(f"signed in to {endpoint} as {user.login}; the token is in {path}")
    if user.correct_scopes is False:
        output.notice(TOO_FEW_SCOPES)
    used = find_site(endpoint=None, token=None, slug=None)
    if used.endpoint != endpoint:
        output.notice(
            f"without -e, commands use {used.endpoint}, from {used.endpoint_source} "
            f"(change it: aiotravis endpoint --set {endpoint})"
        )
    elif used.token != token:
        output.notice(f"{used.token_source} is set, and comes before the stored token")


async def _sign_in_with_browser(anonymous: "aiotravis.Travis", output: Output) -> "tuple[str, aiotravis.User]":
    import webbrowser

    from aiotravis.web import sign_in

    def open_browser(url: str) -> None:
        # Printed, too: a browser that opens nothing says so nowhere.
        output.notice(f"sign in with a browser of this machine: {url}")
        webbrowser.open(url)

    signed_in = await sign_in(anonymous, open_browser=open_browser)
    return signed_in.token, signed_in.user


def _stored_at() -> Path:
    path = config_path()
    if path is None:
        raise UsageError("There is no home folder to store it in: set TRAVIS_CONFIG_PATH to a folder of yours.")
    return path


@async_command("logout", repository=False)
async def logout_command(session: Session) -> None:
    """Forget the stored token of the site.

    Nothing is sent: the token itself stays valid.
    """
    from aiotravis._config_writer import store_token

    site, path, output = session.site, config_path(), session.output
    removed = path is not None and store_token(path, site.endpoint, None)
    output.notice(
        f"the token for {site.endpoint} is forgotten" if removed else f"no token for {site.endpoint} is stored"
    )
    if site.token_source == "TRAVIS_TOKEN":
        output.notice("TRAVIS_TOKEN is still set for this site")


@async_command("whoami", repository=False)
async def whoami_command(session: Session) -> None:
    """Print whose token is used."""
    session.require_token()
    user, output = await session.travis.users.me(), session.output
    if output.json:
        output.record(user)
    elif output.terminal:
        output.line("You are ", Styled(user.login, bold=True), f" ({user.name})" if user.name else "")
    else:
        output.line(user.login)
    if user.correct_scopes is False:
        output.notice(TOO_FEW_SCOPES)


@async_command("accounts", repository=False)
@click.option("--all", "everything", is_flag=True, help="Also accounts without admin rights.")
async def accounts_command(session: Session, everything: bool) -> None:
    """List accounts: yourself, and organisations."""
    session.require_token()
    output = session.output
    for account in await session.travis.accounts.list(all=everything):
        if output.json:
            output.record(account)
            continue
        login = single_line(account.login)
        details = ["educational account"] if account.education else []
        if account.subscribed is not None and not details:
            details.append("subscribed" if account.subscribed else "not subscribed")
        if (count := account.repos_count) is not None:
            details.append(f"{count} repositor{'y' if count == 1 else 'ies'}")
        name = single_line(account.name) or login.capitalize()
        output.line(
            Styled(login, "green" if account.subscribed else None, bold=True), f" ({name}): {', '.join(details)}"
        )


@async_command("token", repository=False)
async def token_command(session: Session) -> None:
    """Print the token that is used for the site."""
    token, output = session.require_token(), session.output
    if output.json:
        output.record({"endpoint": session.site.endpoint, "token": token})
    elif output.terminal:
        output.line("Your access token is ", Styled(token, bold=True))
    else:
        output.line(token)
    output.notice(f"for {session.site.endpoint}, from {session.site.token_source}")


@async_command("endpoint")
@click.option("--set", "default", metavar="com|org|URL", help="Store another default.")
async def endpoint_command(session: Session, default: str | None) -> None:
    """Print which site is used, and why; or store another default.

    The site is the first of: --endpoint, TRAVIS_ENDPOINT, that of the repository or the default in the configuration
    file, the only one in it, travis-ci.com. TRAVIS_TOKEN is for TRAVIS_ENDPOINT, or else for travis-ci.com alone.
    """
    site, output = session.site, session.output
    if default is not None:
        from aiotravis._config_writer import store_default

        site, path = find_site(endpoint=default, token=None, slug=None, option="--set"), _stored_at()
        store_default(path, site.endpoint)
        output.notice(f"the default is now {site.endpoint}, in {path}")
        used = find_site(endpoint=None, token=None, slug=None)
        if used.endpoint != site.endpoint:
            output.notice(f"{used.endpoint_source} comes before it")
        return
    if output.json:
        output.record({"endpoint": site.endpoint, "source": site.endpoint_source, "token_source": site.token_source})
    elif output.terminal:
        output.line("API endpoint: ", Styled(site.endpoint, bold=True))
    else:
        output.line(site.endpoint)
    output.notice(f"from {site.endpoint_source}; token: {site.token_source}")
