"""The ids that selections lack."""

import pytest

from aiotravis import Travis, errors
from aiotravis.live.channels import ChannelSelection
from aiotravis.live.resolver import resolve
from aiotravis.testing import Repository, TravisServer


def paths(server: TravisServer) -> list[str]:
    return [seen.path.partition("?")[0] for seen in server.requests]


def jobs(*ids: int) -> ChannelSelection:
    return ChannelSelection(jobs=frozenset(ids), orphan_jobs=frozenset(ids))


def builds(*ids: int) -> ChannelSelection:
    return ChannelSelection(builds=frozenset(ids), orphan_builds=frozenset(ids))


def slugs(*names: str) -> ChannelSelection:
    return ChannelSelection(slugs=frozenset(names))


async def test_what_many_selections_lack_is_requested_once(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    other = server.world.repository("sarah/notes")
    first, second = repository.build(jobs=2), other.build()
    wanted = [slugs("sarah/notes")] * 50 + [jobs(job.id) for job in first.jobs] * 50
    wanted += [builds(first.id), builds(second.id)] * 20
    found = await resolve(wanted, travis._subscriber._resources)
    assert all(isinstance(one, ChannelSelection) and one.resolved for one in found)
    assert found[0] == ChannelSelection(repositories=frozenset({other.id}))
    assert found[50] == ChannelSelection(
        jobs=frozenset({first.jobs[0].id}), parent_repositories=frozenset({repository.id})
    )
    assert sorted(paths(server)) == ["/builds", "/jobs", "/repos/sarah/notes"]


@pytest.mark.parametrize("count", [1, 3])
async def test_what_cannot_be_found_concerns_its_own_selections_alone(
    server: TravisServer, travis: Travis, repository: Repository, count: int
) -> None:
    build = repository.build()
    missing = range(900, 900 + count)
    wanted = [jobs(build.jobs[0].id), *map(jobs, missing), builds(build.id), *map(builds, missing)]
    wanted += [slugs("no/such", repository.slug), slugs(repository.slug)]
    found = await resolve(wanted, travis._subscriber._resources)
    kinds = [isinstance(one, errors.NotFoundError) for one in found]
    assert kinds == [False] + [True] * count + [False] + [True] * count + [True, False]
    assert [type(one) for one in found].count(errors.NotFoundError) == 2 * count + 1


async def test_a_job_without_a_readable_repository_is_known_by_its_own_channel(
    server: TravisServer, travis: Travis
) -> None:
    server.respond("GET", "/jobs/5", body=b'{"job":{"id":5,"repository_id":"x"}}')
    (found,) = await resolve([jobs(5)], travis._subscriber._resources)
    assert found == ChannelSelection(jobs=frozenset({5}))


async def test_a_failed_batch_fails_what_it_was_for(server: TravisServer, travis: Travis) -> None:
    server.respond("GET", "/jobs", status=500, body=b"Sorry", headers={"Content-Type": "text/plain"})
    server.world.repository("a/b")
    found = await resolve([jobs(5), jobs(6), slugs("a/b")], travis._subscriber._resources)
    assert [type(one) for one in found] == [errors.ServerError, errors.ServerError, ChannelSelection]
