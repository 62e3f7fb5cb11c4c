"""``repos``, ``open``: repositories, and their pages."""

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import click

import aiotravis
from aiotravis.cli._command import async_command
from aiotravis.cli._output import Styled, single_line
from aiotravis.cli._session import Session
from aiotravis.cli._targets import parse_target
from aiotravis.errors import UsageError

if TYPE_CHECKING:
    from aiotravis import Build, Hook, Job

__all__ = ["open_command", "repos_command"]

COM_PAGES = "https://app.travis-ci.com/github"
"""Where travis-ci.com shows repositories today; its older addresses lead there."""

ORG_PAGES = "https://travis-ci.org"


@async_command("repos", repository=False)
@click.option("-m", "--match", metavar="PATTERN", help="Only where owner/name matches, such as 'travis-*/*'.")
@click.option("-o", "--owner", metavar="LOGIN", help="Only of this owner.")
@click.option("-n", "--name", help="Only with this name.")
@click.option("-a/-A", "--active/--inactive", default=None, help="Only those that Travis builds, or does not.")
@click.option("-d/-D", "--admin/--no-admin", default=None, help="Only with your admin rights, or without.")
async def repos_command(
    session: Session,
    match: str | None,
    owner: str | None,
    name: str | None,
    active: bool | None,
    admin: bool | None,
) -> None:
    """List repositories that you have access to.

    PATTERN, LOGIN and NAME can contain * and ?; capitals make no difference.
    """
    session.require_token()
    output = session.output
    wanted = (("slug", match), ("owner_name", owner), ("name", name))

    def fits(hook: "Hook") -> bool:
        texts = all(
            pattern is None or fnmatchcase(str(getattr(hook, field)).lower(), pattern.lower())
            for field, pattern in wanted
        )
        return texts and active in {None, bool(hook.active)} and admin in {None, bool(hook.admin)}

    hooks = [hook for hook in await session.travis.hooks.list(all=admin is not True) if fits(hook)]
    for hook in sorted(hooks, key=lambda hook: hook.slug.lower()):
        if output.json:
            output.record(hook)
        elif output.terminal:
            color = "green" if hook.active else "yellow"
            about = f" (active: {_yes(hook.active)}, admin: {_yes(hook.admin)}, private: {_yes(hook.private)})"
            output.line(Styled(hook.slug, color, bold=True), Styled(about, color))
            output.line(f"Description: {single_line(hook.description) or '???'}")
            output.line("")
        else:
            output.line(hook.slug)
    if not hooks:
        output.notice(
            "no repositories like that" if (match, owner, name, active, admin) != (None,) * 5 else "no repositories"
        )


def _yes(value: bool | None) -> str:
    return "yes" if value else "no"


@async_command("open")
@click.argument("build", required=False)
@click.option("-g", "--github", is_flag=True, help="The page on GitHub.")
@click.option("-p", "--print", "print_only", is_flag=True, help="Print the address, and open nothing.")
async def open_command(session: Session, build: str | None, github: bool, print_only: bool) -> None:
    """Open the page of the repository, of BUILD or of a job in the browser."""
    output = session.output
    found = None if build is None else await session.find(build)
    slug = await _slug_of(session, build, found)
    url = _github_page(slug, found) if github else await _travis_page(session, slug, found)
    if output.json:
        output.record({"url": url})
    elif print_only:
        output.line(*(("web view: ", Styled(url, bold=True)) if output.terminal else (url,)))
    if print_only or output.json:
        return
    import webbrowser

    import anyio.to_thread

    # Some browsers only return when they are closed.
    if not await anyio.to_thread.run_sync(webbrowser.open, url, abandon_on_cancel=True):
        raise UsageError(f"No browser can be opened here. The address is {url} (-p prints it).")


async def _travis_page(session: Session, slug: str, found: "Build | Job | None") -> str:
    pages = await _pages(session)
    if found is None:
        return f"{pages}/{slug}"
    return f"{pages}/{slug}/{'jobs' if isinstance(found, aiotravis.Job) else 'builds'}/{found.id}"


def _github_page(slug: str, found: "Build | Job | None") -> str:
    compare_url = (found.commit.compare_url if found is not None and found.commit is not None else None) or ""
    # It comes from others, and a browser opens more than web pages.
    if compare_url.startswith(("https://", "http://")):
        return compare_url
    return f"https://github.com/{slug}"


async def _slug_of(session: Session, text: str | None, found: "Build | Job | None") -> str:
    if isinstance(found, aiotravis.Job) and found.repository_slug:
        return found.repository_slug
    number = parse_target(text).number
    if number is None or found is None or found.number.partition(".")[0] == str(number):
        return session.slug
    # It was an id, which can be one of another repository.
    return (await session.travis.repos.get(found.repository_id or 0)).slug


async def _pages(session: Session) -> str:
    known = {aiotravis.COM: COM_PAGES, aiotravis.ORG: ORG_PAGES}.get(session.site.endpoint)
    if known is not None:
        return known
    host = (await session.travis.config.get()).host
    if not host or not host.replace(".", "").replace("-", "").replace(":", "").isalnum():
        raise UsageError(f"{session.site.endpoint} does not say where its website is.")
    return f"https://{host}"
