"""Every call of the whole API, and what it does to the embedded Travis."""

import hashlib
import random
from typing import Any

import pytest

from aiotravis import State, Travis, errors
from aiotravis.testing import Build, Repository, TravisServer
from aiotravis.testing.world.repository_data import Cache, Request
from tests.api.conftest import PEM
from tests.conftest import TOKEN

FINGERPRINT = hashlib.md5(PEM.encode()).digest().hex(":")


async def test_accounts_list_the_user_first(server: TravisServer, travis: Travis, reader: Travis) -> None:
    assert [(one.type, one.login) for one in await travis.accounts.list()] == [
        ("user", "sarah"), ("organization", "travis-ci"),
    ]  # fmt: skip
    assert [one.login for one in await reader.accounts.list()] == ["josh"]
    assert [one.login for one in await reader.accounts.list(all=True)] == ["josh", "travis-ci"]
    assert [request.path for request in server.requests] == ["/accounts", "/accounts", "/accounts?all=true"]


async def test_broadcasts_come_newest_first(server: TravisServer, travis: Travis) -> None:
    server.world.broadcasts += ["old", "new"]
    assert [one.message for one in await travis.broadcasts.list()] == ["new", "old"]


async def test_hooks_switch_repositories(travis: Travis, repository: Repository, reader: Travis) -> None:
    hook = (await travis.hooks.list(owner_name="travis-ci", name="travis.rb"))[0]
    assert (hook.slug, hook.active, hook.admin) == ("travis-ci/travis.rb", True, True)
    assert await travis.hooks.disable(hook)
    assert (await travis.repos.get(repository.id)).active is False
    assert await travis.hooks.enable(repository.id)
    assert (await travis.repos.get(repository.id)).active is True
    assert await reader.hooks.list() == ()
    assert len(await reader.hooks.list(all=True)) == 1


async def test_permissions_are_ids_by_right(travis: Travis, reader: Travis, repository: Repository) -> None:
    rights = await travis.permissions.get()
    assert (rights.permissions, rights.push) == (frozenset({repository.id}), frozenset({repository.id}))
    assert (await reader.permissions.get()).push == frozenset()


async def test_a_user_can_sync_once_and_change_the_language(server: TravisServer, travis: Travis) -> None:
    assert await travis.users.sync()
    assert (await travis.users.me()).is_syncing
    with pytest.raises(errors.ConflictError, match="Sync already in progress"):
        await travis.users.sync()
    me = await travis.users.me()
    assert (await travis.users.update(me, locale="de")).locale == "de"
    assert (await travis.users.update(me.id, locale="xx")).locale == "de"


async def test_a_github_token_becomes_an_api_token(stranger: Travis) -> None:
    assert await stranger.auth.github(f"github-{TOKEN}") == TOKEN
    for token, told in (("github-unknown", "not a Travis user"), ("narrow", "too few scopes")):
        with pytest.raises(errors.AuthenticationError, match=told):
            await stranger.auth.github(token)


async def test_logging_out_revokes_the_token(server: TravisServer, travis: Travis, stranger: Travis) -> None:
    await travis.auth.logout()
    with pytest.raises(errors.AuthenticationError) as info:
        await travis.users.me()
    assert TOKEN not in str(info.value)
    with pytest.raises(errors.UsageError, match="no token"):
        await stranger.auth.logout()


async def test_builds_come_without_their_configuration_on_request(travis: Travis, repository: Repository) -> None:
    repository.build().config["language"] = "ruby"
    with_config = [build async for build in travis.builds.list(repository.id)]
    without = [build async for build in travis.builds.list(repository.id, exclude_config=True)]
    assert with_config[0].config["language"] == "ruby"
    assert [(build.id, build.config) for build in without] == [(build.id, {}) for build in with_config]


async def test_the_last_build_of_each_branch(travis: Travis, repository: Repository) -> None:
    for branch in ("main", "feature/x", "main"):
        repository.build(branch=branch)
    last = await travis.builds.last_per_branch("travis-ci/travis.rb")
    assert len({build.commit and build.commit.branch for build in last}) == len(last)
    assert {(build.commit and build.commit.branch): build.number for build in last}["main"] == max(
        (build.number for build in last), key=int
    )


async def test_a_history_of_2000_builds_with_repeated_numbers_is_whole_while_builds_arrive(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    # fact 10.1: numbers are not unique.
    chance = random.Random(16)
    number = 0
    while len(repository.builds) < 2000:
        number += 1
        for _ in range(chance.randint(2, 60) if chance.random() < 0.1 else 1):
            repository.build(number=number, event_type=chance.choice(["push", "pull_request"]), quiet=True)
    expected = [build.id for build in reversed(repository.builds)]
    pushes = [build.id for build in reversed(repository.builds) if build.event_type == "push"]
    seen: list[int] = []
    async for build in travis.builds.list(repository.id, exclude_config=True):
        seen.append(build.id)
        if len(seen) % 100 == 0:
            number += 1
            for event_type in ("push", "pull_request"):
                repository.build(number=number, event_type=event_type, quiet=True)
    assert seen == expected
    assert len(server.requests_to("/builds")) <= 1.5 * len(expected) / 24
    listed = await travis.builds.list(repository.id, event_type="push", exclude_config=True, after_number=500).to_list()
    below_500 = {build.id for build in repository.builds if build.number < 500}
    assert [build.id for build in listed] == [build_id for build_id in pushes if build_id in below_500]


async def test_builds_that_share_a_number_are_found(travis: Travis, repository: Repository, build: Build) -> None:
    second = repository.build(number=3, event_type="pull_request")
    repository.build(number=30)
    assert [one.id for one in await travis.builds.find_all(repository.id, 3)] == [second.id, build.id]
    assert (await travis.builds.find(repository.id, 3)).id == second.id
    assert await travis.builds.find_all("no/such", 3) == []


async def test_builds_are_found_canceled_and_restarted(travis: Travis, repository: Repository, build: Build) -> None:
    found = await travis.builds.find("travis-ci/travis.rb", 3)
    assert (found.id, found.commit and found.commit.sha) == (build.id, build.commit.sha)
    with pytest.raises(errors.NotFoundError, match="number=99"):
        await travis.builds.find(repository.id, "99")
    with pytest.raises(errors.RefusedError, match="can not be restarted") as refused:
        await travis.builds.restart(found)
    assert len(refused.value.flash) == 1
    await travis.builds.cancel(found)
    assert (await travis.builds.get(found)).state == State.CANCELED
    with pytest.raises(errors.RefusedError, match="can't be canceled"):
        await travis.builds.cancel(found)
    assert await travis.builds.restart(found) == "The build was successfully restarted."
    # fact 10.1: what is read right after a restart is of the run before.
    states = [(await travis.builds.get(found)).state for _ in range(3)]
    assert states[-1] == State.CREATED
    assert [one.number for one in await travis.builds.recent()] == ["2", "1"]
    await travis.builds.recent(running=True)


async def test_a_server_of_2014_refuses_a_restart_with_a_good_status(
    server: TravisServer, travis: Travis, build: Build
) -> None:
    server.log_mode = "2014"
    with pytest.raises(errors.RefusedError, match="can not be restarted") as info:
        await travis.builds.restart(build.id)
    assert info.value.status == 200
    await travis.jobs.cancel(build.jobs[0].id)
    assert await travis.jobs.restart(build.jobs[0].id) == "The job was successfully restarted."


async def test_somebody_elses_build_cannot_be_canceled(server: TravisServer, travis: Travis) -> None:
    other = server.world.repository("a/b").build()
    with pytest.raises(errors.PermissionDenied, match="have access to cancel build"):
        await travis.builds.cancel(other.id)


async def test_jobs_are_listed_canceled_and_restarted(travis: Travis, build: Build) -> None:
    first, second = build.jobs
    await travis.jobs.cancel(first.id)
    assert {job.id for job in await travis.jobs.list()} == {second.id}
    assert {job.id for job in await travis.jobs.list(state="canceled")} == {first.id}
    both = await travis.jobs.list(state=[State.CANCELED, State.CREATED])
    assert {job.id for job in both} == {first.id, second.id}
    assert len(await travis.jobs.list(queue="builds.gce")) == 6
    assert await travis.jobs.restart(first.id) == "The job was successfully restarted."


async def test_branches_are_listed_fetched_and_named_by_their_commit(travis: Travis, repository: Repository) -> None:
    repository.build(branch="feature/slash ä")
    repository.build()
    names = [one.name for one in await travis.branches.list(repository.id)]
    assert sorted(str(name) for name in names) == ["feature/slash ä", "master"]
    branch = await travis.branches.get("travis-ci/travis.rb", "feature/slash ä")
    assert (branch.name, branch.number) == ("feature/slash ä", "1")
    assert [one.id for one in await travis.branches.many([branch])] == [branch.id]
    assert await travis.branches.many([]) == ()
    with pytest.raises(errors.NotFoundError):
        await travis.branches.get(repository.id, "gone")


async def test_caches_are_narrowed_and_deleted(travis: Travis, repository: Repository) -> None:
    repository.data.caches += [
        Cache("master", "rvm-3.2", 100, 1e9), Cache("other", "rvm-3.3", 200, 1e9), Cache(None, "apt", 1, 1e9),
    ]  # fmt: skip
    assert [one.size for one in await travis.caches.list(repository.slug, match="rvm")] == [100, 200]
    assert [one.slug for one in await travis.caches.delete(repository.id, branch="master")] == ["rvm-3.2"]
    assert len(await travis.caches.list(repository.id)) == 2


async def test_settings_are_patched_and_unknown_names_are_ignored(travis: Travis, repository: Repository) -> None:
    before = await travis.settings.get(repository.id)
    after = await travis.settings.update(repository.id, maximum_number_of_builds=3, no_such_setting=True)
    assert after == {**before, "maximum_number_of_builds": 3}
    with pytest.raises(errors.ValidationError) as info:
        await travis.settings.update(repository.id, timeout_hard_limit=500)
    assert info.value.errors[0][0] == "timeout_hard_limit"


async def test_environment_variables_are_set_by_name_and_branch(travis: Travis, repository: Repository) -> None:
    made = await travis.env_vars.create(repository.id, "A", "secret")
    assert (made.name, made.value, made.public) == ("A", None, False)
    assert (await travis.env_vars.set(repository.id, "A", "new", public=True)).value == "new"
    other = await travis.env_vars.set(repository.id, "A", "x", branch="dev")
    assert (other.branch, len(await travis.env_vars.list(repository.id))) == ("dev", 2)
    assert (await travis.env_vars.update(repository.id, other, name="B")).name == "B"
    assert (await travis.env_vars.get(repository.id, other.id)).name == "B"
    assert (await travis.env_vars.delete(repository.id, other)).id == other.id
    with pytest.raises(errors.NotFoundError, match="requested setting"):
        await travis.env_vars.get(repository.id, other)
    await travis.env_vars.create(repository.id, "A", "twice")
    with pytest.raises(errors.UsageError, match="A is set 2 times"):
        await travis.env_vars.set(repository.id, "A", "which?")


async def test_ssh_keys_where_a_site_has_them() -> None:
    async with TravisServer(mode="com") as server:
        user = server.world.user("sarah", token=TOKEN)
        repository = server.world.repository("a/b", users=[user])
        async with Travis(TOKEN, endpoint=server.endpoint) as travis:
            for call in (travis.ssh_keys.get, travis.ssh_keys.delete):
                with pytest.raises(errors.NotFoundError):
                    await call(repository.id)
            for value, code in (("no key", "not_a_private_key"), (f"{PEM} ENCRYPTED", "key_with_a_passphrase")):
                with pytest.raises(errors.ValidationError) as info:
                    await travis.ssh_keys.update(repository.id, value)
                assert info.value.errors == (("value", code),)
            assert (await travis.ssh_keys.update(repository.id, PEM, description="deploy")).description == "deploy"
            assert (await travis.ssh_keys.get(repository.id)).fingerprint == FINGERPRINT
            assert (await travis.ssh_keys.delete(repository.id)).description == "deploy"


async def test_requests_with_and_without_a_commit(travis: Travis, repository: Repository, build: Build) -> None:
    data = repository.data
    data.requests += [Request(n, "push", "rejected", 1e9, message="not on master") for n in range(1, 31)]
    data.requests.append(Request(31, "push", "accepted", 1e9, build_id=build.id, commit_id=build.commit.id))
    page = await travis.requests.list("travis-ci/travis.rb")
    assert [one.id for one in page] == list(range(31, 6, -1))
    assert page[0].accepted
    assert page[0].commit is not None
    assert page[1].rejected
    assert page[1].commit is None
    assert [one.id for one in await travis.requests.list(repository.id, older_than=page[-1])] == list(range(6, 0, -1))
    assert len(await travis.requests.list(repository.id, limit=3)) == 3
    assert (await travis.requests.get(31)).commit == page[0].commit
    assert (await travis.requests.get(page[1])).commit is None


async def test_a_log_is_removed_once(
    server: TravisServer, travis: Travis, repository: Repository, build: Build
) -> None:
    job = repository.builds[0].jobs[0]
    with pytest.raises(errors.ConflictError, match="is not finished"):
        await travis.logs.remove(build.jobs[0].id)
    await travis.logs.remove(job.id, reason="a password in it")
    log = await travis.logs.get(job.id)
    assert log.removed is not None
    assert "Log removed by Sarah" in log.text
    with pytest.raises(errors.ConflictError, match="already been removed"):
        await travis.logs.remove(job.id)
    await travis.logs.remove(999)


async def test_lint_warns(travis: Travis) -> None:
    assert "unknown key scripts" in (await travis.lint.check("scripts: make"))[0].message
    assert await travis.lint.check("script: make") == ()
    assert await travis.lint.check(b"language: ruby") == ()


async def test_a_site_is_up_or_tells_why_not(server: TravisServer, travis: Travis) -> None:
    assert await travis.config.uptime() == "OK"
    server.respond("GET", "/uptime", status=500, body=b"Error: database")
    with pytest.raises(errors.ServerError, match="Error: database"):
        await travis.config.uptime()


async def test_badges_and_cc_xml(travis: Travis, repository: Repository) -> None:
    repository.history(1)
    assert b"passing" in await travis.repos.badge("travis-ci/travis.rb", branch="master", rss_token="t")
    assert b"unknown" in await travis.repos.badge("no/such")
    assert b"passing" in await travis.repos.badge(await travis.repos.get(repository.id))
    assert 'lastBuildStatus="Success"' in await travis.repos.cc_xml(repository.id)


async def test_annotations_of_an_old_server(server: TravisServer, travis: Travis) -> None:
    body = (
        b'{"annotations":[{"id":1,"job_id":2,"description":"slow","url":null,"status":"passed","provider_name":"x"}]}'
    )
    server.respond("GET", "/jobs/2/annotations", body=body)
    server.respond("POST", "/jobs/2/annotations", status=204)
    assert (await travis.annotations.list(2))[0].description == "slow"
    fields: dict[str, Any] = {"username": "u", "key": "k", "description": "d", "status": "s", "url": "https://x"}
    await travis.annotations.create(2, **fields)
    assert server.requests[-1].body == b'{"username":"u","key":"k","description":"d","status":"s","url":"https://x"}'
    with pytest.raises(errors.NotFoundError):
        await travis.annotations.create(3, **fields)
