"""Finds the ids that selections lack, over REST, for many selections at once."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

import anyio

from aiotravis.errors import TravisError
from aiotravis.live.channels import ChannelSelection
from aiotravis.live.subscription import LiveResources
from aiotravis.resources._base import read_in_parts
from aiotravis.resources.builds import Builds
from aiotravis.resources.jobs import Jobs

__all__ = ["resolve"]

AT_ONCE: Final = 20
"""Most requests for single repositories, builds or jobs in progress."""


async def resolve(
    selections: Sequence[ChannelSelection], resources: LiveResources
) -> list[ChannelSelection | TravisError]:
    """Return selections with the ids of their repositories, each requested once; or what has failed.

    fact 3.10, 3.12: builds and jobs can be requested by the hundred, repositories by slug only one by one.
    """
    ids: dict[str, int | TravisError | None] = {}
    of_builds: dict[int, int | TravisError | None] = {}
    of_jobs: dict[int, int | TravisError | None] = {}
    limiter = anyio.CapacityLimiter(AT_ONCE)

    async def find_slug(slug: str) -> None:
        async with limiter:
            try:
                ids[slug] = (await resources.repositories.get(slug)).id
            except TravisError as exc:
                ids[slug] = exc

    async with anyio.create_task_group() as group:
        for slug in {slug for one in selections for slug in one.slugs}:
            group.start_soon(find_slug, slug)
        builds = {number for one in selections for number in one.orphan_builds}
        jobs = {number for one in selections for number in one.orphan_jobs}
        group.start_soon(_find_parents, resources.builds, sorted(builds), of_builds, limiter)
        group.start_soon(_find_parents, resources.jobs, sorted(jobs), of_jobs, limiter)
    resolved: list[ChannelSelection | TravisError] = []
    for one in selections:
        repositories = [ids[slug] for slug in one.slugs]
        parents = [of_builds[number] for number in one.orphan_builds]
        parents += [of_jobs[number] for number in one.orphan_jobs]
        error = next((found for found in [*repositories, *parents] if isinstance(found, TravisError)), None)
        resolved.append(error or _with_ids(one, repositories, parents))
    return resolved


def _with_ids(one: ChannelSelection, repositories: Iterable[object], parents: Iterable[object]) -> ChannelSelection:
    return replace(
        one,
        repositories=one.repositories.union(found for found in repositories if isinstance(found, int)),
        parent_repositories=one.parent_repositories.union(found for found in parents if isinstance(found, int)),
        slugs=frozenset(),
        orphan_builds=frozenset(),
        orphan_jobs=frozenset(),
    )


async def _find_parents(
    resource: Builds | Jobs, ids: list[int], found: dict[int, int | TravisError | None], limiter: anyio.CapacityLimiter
) -> None:
    """Find the repositories of builds or jobs."""

    async def read(some: list[int]) -> None:
        async for one in resource.many(some, missing_ok=True):
            found[one.id] = one.repository_id

    async def read_one(number: int) -> None:
        async with limiter:
            try:
                found[number] = (await resource.get(number)).repository_id
            except TravisError as exc:
                found[number] = exc

    if len(ids) > 1:
        try:
            found.update(await read_in_parts(read, ids))
        except TravisError as exc:
            found.update(dict.fromkeys(ids, exc) | found)
    async with anyio.create_task_group() as group:
        for number in ids:
            if number not in found:
                # Alone, or missing among the others: its own response tells why.
                group.start_soon(read_one, number)
