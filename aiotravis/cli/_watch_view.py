"""How watched builds look: a line for each change, or a table of what they are now. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import aiotravis
from aiotravis.cli._formats import COLORS, branch_text, duration_text, state_piece, subject_of, time_text
from aiotravis.cli._output import Styled, single_line

if TYPE_CHECKING:
    from rich.table import Table

    from aiotravis import Build, Job, RepositoryUpdate, State

__all__ = ["Change", "ChangeLog", "build_table", "slug_of"]


class Change(NamedTuple):
    """A build or a job whose state has changed, or that is seen for the first time.

    Attributes:
        slug: The repository.
        value: The build or job.
        build: The build, or that of the job.
        before: Its state before; None the first time.
    """

    slug: str
    value: Build | Job
    build: Build
    before: State | None

    @property
    def line(self) -> tuple[str | Styled, ...]:
        """The line that tells it."""
        value = self.value
        when = value.finished_at or value.started_at or datetime.now(UTC)
        about = f"  {branch_text(self.build)}  {subject_of(self.build)}" if isinstance(value, aiotravis.Build) else ""
        name = Styled(f"{single_line(self.slug)}#{single_line(value.number)}", bold=True)
        return f"{time_text(when)} ", name, " ", state_piece(value.state), about.rstrip()

    @property
    def record(self) -> dict[str, object]:
        """What ``--json`` prints of it."""
        value, commit = self.value, self.build.commit
        return {
            "repository": self.slug, "type": "build" if isinstance(value, aiotravis.Build) else "job", "id": value.id,
            "number": value.number, "build_id": self.build.id, "state": value.state, "previous_state": self.before,
            "event_type": self.build.event_type, "branch": commit and commit.branch, "sha": commit and commit.sha,
            "subject": commit and commit.subject, "started_at": value.started_at, "finished_at": value.finished_at,
        }  # fmt: skip


class ChangeLog:
    """Finds what has changed, from the updates of repositories.

    Args:
        jobs: Whether jobs count, too.
    """

    def __init__(self, *, jobs: bool) -> None:
        self._jobs = jobs
        # Of the builds that are watched now, by repository: what leaves its list is forgotten.
        self._known: dict[int | str, dict[int, State]] = {}

    def changes(self, update: RepositoryUpdate) -> Iterator[Change]:
        """Yield what has changed since the update before, the oldest build first.

        At first, there is a change for each build, and none for its jobs. Jobs that wait are not told of.
        """
        before, slug = self._known.get(update.repo), slug_of(update)
        known = before or {}
        now: dict[int, State] = {}
        for build in reversed(update.builds):
            if known.get(build.id) != build.state:
                yield Change(slug, build, build, known.get(build.id))
            now[build.id] = build.state
            for job in build.jobs if self._jobs else ():
                if before is not None and not job.pending and known.get(job.id) != job.state:
                    yield Change(slug, job, build, known.get(job.id))
                now[job.id] = job.state
        if update.error is None or now:
            self._known[update.repo] = now


def slug_of(update: RepositoryUpdate) -> str:
    """Return the name of a repository, or how it was named."""
    return single_line(update.repository.slug if update.repository else str(update.repo))


def build_table(updates: Sequence[RepositoryUpdate], *, status: str, height: int, now: datetime) -> Table:
    """Return a table of the builds of all repositories.

    Args:
        updates: What is known of each.
        status: What is below the table.
        height: Lines that there are. Where they do not suffice, builds that have not ended are shown first.
        now: The present time.
    """
    from rich.table import Table
    from rich.text import Text

    rows = [(update, build) for update in updates for build in update.builds]
    shown = _most_important(rows, max(1, height - 4))
    more = f", {len(rows) - len(shown)} more builds" if len(rows) > len(shown) else ""
    table = Table(box=None, caption=f"{single_line(status)}{more}", caption_justify="left", padding=(0, 1), expand=True)
    for name, ratio in (("Repository", 3), ("Build", None), ("State", None), ("Branch", 2), ("Subject", 5)):
        table.add_column(name, ratio=ratio, no_wrap=True, overflow="ellipsis", header_style="bold")
    table.add_column("Jobs", justify="right", no_wrap=True, header_style="bold")
    table.add_column("Time", justify="right", no_wrap=True, header_style="bold")
    for update, build in shown:
        stale = "dim" if update.error is not None else ""
        table.add_row(
            Text(slug_of(update), style=stale),
            Text(f"#{single_line(build.number)}"),
            Text(single_line(build.state), style=COLORS.get(build.state, "cyan")),
            Text(branch_text(build)),
            Text(subject_of(build)),
            Text(_jobs_text(build.jobs)),
            Text(_elapsed_text(build, now)),
            style=stale,
        )
    return table


def _most_important(
    rows: Sequence[tuple[RepositoryUpdate, Build]], count: int
) -> Sequence[tuple[RepositoryUpdate, Build]]:
    if len(rows) <= count:
        return rows
    order = sorted(range(len(rows)), key=lambda at: (rows[at][1].finished, -rows[at][1].id))
    return [rows[at] for at in sorted(order[:count])]


def _jobs_text(jobs: Iterable[Job]) -> str:
    """Return how many jobs have ended, of how many."""
    several = list(jobs)
    return f"{sum(job.finished for job in several)}/{len(several)}" if several else ""


def _elapsed_text(build: Build, now: datetime) -> str:
    """Return the time from the start of a build to its end, or until now."""
    if build.started_at is None:
        return ""
    return duration_text((build.finished_at or now) - build.started_at)
