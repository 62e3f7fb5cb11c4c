"""Stock TravisPy as an independent client of the embedded Travis: every call that it has.

| Call | What it returns here |
|---|---|
| ``TravisPy.github_auth(token, uri)`` | a client that is signed in |
| ``user()``, ``user.sync()`` | the token's user; True |
| ``accounts()``, ``account(id)`` | the user's account among others; the one of that id |
| ``repo(slug)``, ``repo(id)``, ``repos(owner_name=)`` | the repository, with its last build; a list of it |
| ``repo.last_build`` | the build with the highest number |
| ``builds(slug=)``, ``builds(repository_id=, after_number=)`` | builds, newest first; those before the number |
| ``build(id)``, its ``commit``, ``repository``, ``jobs`` | the build; what it was made from; where; its jobs |
| ``job(id)``, its ``build``; ``jobs(ids=)`` | the job; its build; the last id's alone (it repeats the parameter) |
| ``log(id)``, its ``body``, its ``job`` | the log; its text; its job |
| ``branch(name, slug)``, ``branches(slug=)`` | the branch's last build; one for each branch |
| ``hooks()``, ``broadcasts()`` | the repository's hook; a list |
| ``build.restart()``, ``build.cancel()``, ``job.restart()``, ``job.cancel()`` | True, and the world has moved |
| ``build(unknown)``, ``builds(slug=unknown)`` | ``TravisError`` with 404; an empty list |
"""

from collections.abc import AsyncGenerator
from functools import partial
from typing import Any

import pytest
from anyio import to_thread

from aiotravis.testing import Build, Repository, TravisServer, User
from tests.conftest import TOKEN

# It warns of fields that servers have gained since it was written.
pytestmark = pytest.mark.filterwarnings("ignore:Unknown .* attribute:UserWarning")

travispy: Any = pytest.importorskip("travispy")


@pytest.fixture
async def server() -> AsyncGenerator[TravisServer]:
    async with TravisServer() as server:
        yield server


@pytest.fixture
def user(server: TravisServer) -> User:
    return server.world.user("sarah", token=TOKEN, name="Sarah Example")


@pytest.fixture
def repository(server: TravisServer, user: User) -> Repository:
    return server.world.repository("travis-ci/travis.rb", users=[user])


@pytest.fixture
def build(repository: Repository) -> Build:
    repository.history(3)
    build = repository.build(jobs=2, message="Fix it", branch="develop")
    build.start()
    for job in build.jobs:
        job.write("größe\n", final=True)
    build.finish("failed")
    return build


@pytest.fixture
def client(server: TravisServer, user: User) -> Any:
    client = travispy.TravisPy(uri=server.endpoint)
    client._session.headers["Authorization"] = f"token {TOKEN}"
    return client


async def in_thread(call: Any, *arguments: Any, **named: Any) -> Any:
    """Call a blocking function in a thread."""
    return await to_thread.run_sync(partial(call, *arguments, **named))


async def test_sign_in_with_a_github_token(server: TravisServer, user: User) -> None:
    server.world.github_tokens["github-token"] = user
    client = await in_thread(travispy.TravisPy.github_auth, "github-token", server.endpoint)
    assert (await in_thread(client.user)).login == "sarah"


async def test_user_and_accounts(client: Any, repository: Repository) -> None:
    found = await in_thread(client.user)
    assert (found.login, found.name, found.is_syncing) == ("sarah", "Sarah Example", False)
    assert await in_thread(found.sync) is True
    accounts = await in_thread(client.accounts)
    assert "sarah" in [account.login for account in accounts]
    assert (await in_thread(client.account, accounts[0].id)).id == accounts[0].id


async def test_repositories(client: Any, repository: Repository, build: Build) -> None:
    by_slug = await in_thread(client.repo, "travis-ci/travis.rb")
    by_id = await in_thread(client.repo, repository.id)
    assert (by_slug.id, by_slug.slug, by_slug.last_build_number) == (repository.id, repository.slug, "4")
    assert (by_id.slug, by_id.failed, by_id.color) == (repository.slug, True, "red")
    assert [one.id for one in await in_thread(client.repos, owner_name="travis-ci")] == [repository.id]
    assert (await in_thread(lambda: by_id.last_build)).id == build.id


async def test_builds(client: Any, repository: Repository, build: Build) -> None:
    builds = await in_thread(client.builds, slug=repository.slug)
    assert [one.number for one in builds] == ["4", "3", "2", "1"]
    assert [one.number for one in await in_thread(client.builds, repository_id=repository.id, after_number=3)] == [
        "2",
        "1",
    ]
    found = await in_thread(client.build, build.id)
    assert (found.state, found.failed, found.green, found.pull_request) == ("failed", True, False, False)
    assert (found.commit.message, found.commit.branch, found.commit.sha) == ("Fix it", "develop", build.commit.sha)
    assert (await in_thread(lambda: found.repository)).slug == repository.slug
    assert [job.id for job in await in_thread(lambda: found.jobs)] == [job.id for job in build.jobs]


async def test_jobs_and_logs(client: Any, repository: Repository, build: Build) -> None:
    first, second = build.jobs
    found = await in_thread(client.job, first.id)
    assert (found.number, found.state, found.queue) == ("4.1", "failed", "builds.gce")
    assert (await in_thread(lambda: found.build)).id == build.id
    # It repeats the parameter, of which the server keeps the last one.
    assert [one.id for one in await in_thread(client.jobs, ids=[first.id, second.id])] == [second.id]
    assert found.log_id == first.log.id
    first.log.unavailable_reads = 0
    log = await in_thread(client.log, first.log.id)
    assert (log.job_id, await in_thread(lambda: log.body)) == (first.id, "größe\n")
    assert (await in_thread(lambda: log.job)).id == first.id


async def test_branches(client: Any, repository: Repository, build: Build) -> None:
    branch = await in_thread(client.branch, "develop", repository.slug)
    assert (branch.number, branch.failed) == ("4", True)
    branches = await in_thread(client.branches, slug=repository.slug)
    assert {one.number for one in branches} == {"4", "3"}


async def test_hooks_and_broadcasts(client: Any, repository: Repository) -> None:
    hooks = await in_thread(client.hooks)
    assert [(hook.name, hook.owner_name, hook.active) for hook in hooks] == [("travis.rb", "travis-ci", True)]
    assert isinstance(await in_thread(client.broadcasts), list)


async def test_restart_and_cancel_change_the_world(client: Any, build: Build) -> None:
    found = await in_thread(client.build, build.id)
    assert await in_thread(found.restart) is True
    assert [(await in_thread(client.build, build.id)).state for _ in range(2)] == ["failed", "created"]
    assert await in_thread(found.cancel) is True
    assert build.state == "canceled"
    job = await in_thread(client.job, build.jobs[0].id)
    assert await in_thread(job.restart) is True
    assert [(await in_thread(client.job, job.id)).state for _ in range(2)] == ["canceled", "created"]
    assert await in_thread(job.cancel) is True
    assert build.jobs[0].state == "canceled"


async def test_missing_build_raises_and_missing_list_is_empty(client: Any) -> None:
    with pytest.raises(travispy.errors.TravisError, match="404"):
        await in_thread(client.build, 999)
    assert await in_thread(client.builds, slug="no/such") == []
