"""What git knows about the current folder: the repository on Travis, the commit, the branch."""

import os
import re
import subprocess
from typing import Final, NamedTuple

from aiotravis.errors import UsageError

__all__ = ["GuessedRepository", "current_commit", "guess_repository", "slug_of_url"]

TIMEOUT: Final = 10.0
"""Seconds that git may take; it only reads files."""

SLUG: Final = re.compile(r"[\w.-]+/[\w.-]+\Z", re.ASCII)

URL: Final = re.compile(
    # https://github.com/owner/name.git, ssh://git@github.com:22/owner/name, git@github.com:owner/name.git
    r"(?:[a-z+]+://(?:[^/@]*@)?[^/:]+(?::\d+)?/|(?:[^/@:]+@)?[^/:]+:/?)(?P<path>.+?)(?:\.git)?/*\Z",
    re.IGNORECASE,
)


class GuessedRepository(NamedTuple):
    """A repository that nobody has named.

    Attributes:
        slug: ``owner/name``.
        source: What it was taken from, for people.
    """

    slug: str
    source: str


def slug_of_url(url: str) -> str | None:
    """Return the ``owner/name`` in the URL of a git remote; None if there is none, as in that of a folder."""
    match = URL.match(url.strip())
    if match is None:
        return None
    slug = match["path"]
    return slug if SLUG.match(slug) else None


def guess_repository() -> GuessedRepository:
    """Return the repository that the current folder is a clone of.

    It is what ``git config travis.slug`` says, else the remote of the current branch, else ``origin``, else the only
    remote.

    Raises:
        UsageError: The folder is no clone, there is no git, or its remotes do not tell.
    """
    stored = _git("config", "travis.slug")
    if stored and SLUG.match(stored):
        return GuessedRepository(stored, "git config travis.slug")
    branch = _git("symbolic-ref", "--quiet", "--short", "HEAD")
    remotes = (_git("remote") or "").split()
    of_branch = _git("config", f"branch.{branch}.remote") if branch else None
    candidates = [of_branch, "origin", *(remotes if len(remotes) == 1 else ())]
    for remote in candidates:
        if remote in remotes and (slug := slug_of_url(_git("remote", "get-url", remote) or "")):
            return GuessedRepository(slug, f"git remote {remote}")
    problem = f"The git remotes here ({', '.join(remotes)}) do not tell which repository" if remotes else _problem()
    raise UsageError(f"{problem}: pass -r owner/name.", argument="repo")


def current_commit() -> str:
    """Return the hash of HEAD.

    Raises:
        UsageError: The folder is no clone, there is no git, or there is no commit yet.
    """
    sha = _git("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    if not sha:
        raise UsageError(f"{_problem('There is no commit here')}: pass --commit SHA.", argument="commit")
    return sha


def _problem(otherwise: str = "The git clone here has no remote") -> str:
    return otherwise if _git("rev-parse", "--git-dir") else "This folder is not a git clone, or git is not installed"


def _git(*arguments: str) -> str | None:
    """Return what git prints; None if it fails."""
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    try:
        completed = subprocess.run(  # noqa: S603 - no shell
            ["git", *arguments],  # noqa: S607 - the user's git
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return completed.stdout.decode(errors="replace").strip()
