"""Builds and jobs as people name them: ``784``, ``784.1``, a branch, an id, the address of a web page."""

import re
from typing import Final, NamedTuple

__all__ = ["Target", "parse_target"]

NUMBER: Final = re.compile(r"#?(\d{1,18})\Z", re.ASCII)
JOB: Final = re.compile(r"#?(\d{1,18})?\.(\d{1,9})\Z", re.ASCII)
PAGE: Final = re.compile(
    r"https?://[^/]+/(?:(?:github|gitlab|bitbucket|assembla|travisci)/)?"
    r"(?P<slug>[\w.-]+/[\w.-]+)/(?P<kind>builds|jobs)/(?P<id>\d{1,18})(?:[/?#].*)?\Z",
    re.ASCII,
)


class Target(NamedTuple):
    """A build or a job that somebody has named.

    Attributes:
        number: Number of the build, or an id.
        job: Number of the job within the build.
        branch: Name of a branch.
        slug: The repository, if the name contains it.
        build_id: Id of the build, if the name contains it.
        job_id: Id of the job, if the name contains it.
    """

    number: int | None = None
    job: int | None = None
    branch: str | None = None
    slug: str | None = None
    build_id: int | None = None
    job_id: int | None = None


def parse_target(text: str | None) -> Target:
    """Return what a word on the command line names; nothing is the last build. Any other word is a branch."""
    text = (text or "").strip()
    if not text:
        return Target()
    if match := PAGE.match(text):
        page, number = Target(slug=match["slug"]), int(match["id"])
        return page._replace(build_id=number) if match["kind"] == "builds" else page._replace(job_id=number)
    if match := NUMBER.match(text):
        return Target(number=int(match[1]))
    if match := JOB.match(text):
        return Target(number=None if match[1] is None else int(match[1]), job=int(match[2]))
    return Target(branch=text)
