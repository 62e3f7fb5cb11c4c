"""The whole API through the client against the embedded Travis: each route, its success and its documented refusals."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import pytest

from aiotravis import State, Travis, errors
from aiotravis.testing import Build, Repository, TravisServer
from aiotravis.testing.belongings import Cache, Request
from tests.conftest import TOKEN

READER = "a-reader-that-may-not-push"


@pytest.fixture
async def reader(server: TravisServer, repository: Repository) -> AsyncGenerator[Travis]:
    """A client of somebody who may look at the repository, and nothing else."""
    user = server.world.user("josh", token=READER)
    repository.users.append(user)
    repository.readers.append(user)
    async with Travis(READER, endpoint=server.endpoint) as travis:
        yield travis


@pytest.fixture
async def stranger(server: TravisServer) -> AsyncGenerator[Travis]:
    """A client without a token."""
    async with Travis(endpoint=server.endpoint) as travis:
        yield travis


@pytest.fixture
def build(repository: Repository) -> Build:
    repository.history(2, jobs=2)
    return repository.build(jobs=2)


# Refusals: a call, and what it is refused with for a reader, and for a stranger

Call = Callable[[Travis, Repository, Build], Awaitable[object]]
TOKENLESS, RIGHTLESS, HIDDEN = errors.AuthenticationError, errors.PermissionDenied, errors.NotFoundError
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMII"

REFUSALS: dict[str, tuple[Call, type[errors.TravisError] | None, type[errors.TravisError]]] = {
    "accounts.list": (lambda t, r, b: t.accounts.list(), None, TOKENLESS),
    "broadcasts.list": (lambda t, r, b: t.broadcasts.list(), None, TOKENLESS),
    "hooks.list": (lambda t, r, b: t.hooks.list(), None, TOKENLESS),
    "hooks.enable": (lambda t, r, b: t.hooks.enable(r.id), RIGHTLESS, TOKENLESS),
    "permissions.get": (lambda t, r, b: t.permissions.get(), None, TOKENLESS),
    "users.me": (lambda t, r, b: t.users.me(), None, TOKENLESS),
    "users.sync": (lambda t, r, b: t.users.sync(), None, TOKENLESS),
    "users.update": (lambda t, r, b: t.users.update(1, locale="de"), HIDDEN, TOKENLESS),
    "builds.cancel": (lambda t, r, b: t.builds.cancel(b.id), None, TOKENLESS),
    "builds.restart": (lambda t, r, b: t.builds.restart(r.builds[0].id), errors.RefusedError, TOKENLESS),
    "jobs.cancel": (lambda t, r, b: t.jobs.cancel(b.jobs[0].id), None, TOKENLESS),
    "jobs.restart": (lambda t, r, b: t.jobs.restart(r.builds[0].jobs[0].id), errors.RefusedError, TOKENLESS),
    "logs.remove": (lambda t, r, b: t.logs.remove(r.builds[0].jobs[0].id), RIGHTLESS, TOKENLESS),
    "caches.list": (lambda t, r, b: t.caches.list(r.slug), RIGHTLESS, TOKENLESS),
    "caches.delete": (lambda t, r, b: t.caches.delete(r.slug), RIGHTLESS, TOKENLESS),
    "repository_keys.regenerate": (lambda t, r, b: t.repository_keys.regenerate(r.id), HIDDEN, TOKENLESS),
    "settings.get": (lambda t, r, b: t.settings.get(r.id), HIDDEN, TOKENLESS),
    "settings.update": (lambda t, r, b: t.settings.update(r.id, build_pushes=True), HIDDEN, TOKENLESS),
    "env_vars.list": (lambda t, r, b: t.env_vars.list(r.id), HIDDEN, TOKENLESS),
    "env_vars.get": (lambda t, r, b: t.env_vars.get(r.id, "1-2"), HIDDEN, TOKENLESS),
    "env_vars.create": (lambda t, r, b: t.env_vars.create(r.id, "A", "b"), HIDDEN, TOKENLESS),
    "env_vars.set": (lambda t, r, b: t.env_vars.set(r.id, "A", "b"), HIDDEN, TOKENLESS),
    "env_vars.update": (lambda t, r, b: t.env_vars.update(r.id, "1-2", value="b"), HIDDEN, TOKENLESS),
    "env_vars.delete": (lambda t, r, b: t.env_vars.delete(r.id, "1-2"), HIDDEN, TOKENLESS),
    "annotations.list": (lambda t, r, b: t.annotations.list(b.jobs[0].id), HIDDEN, HIDDEN),
    "ssh_keys.get": (lambda t, r, b: t.ssh_keys.get(r.id), HIDDEN, HIDDEN),
    "ssh_keys.update": (lambda t, r, b: t.ssh_keys.update(r.id, PEM), HIDDEN, HIDDEN),
    "ssh_keys.delete": (lambda t, r, b: t.ssh_keys.delete(r.id), HIDDEN, HIDDEN),
}


@pytest.mark.parametrize("name", REFUSALS)
async def test_each_is_refused_truthfully(
    server: TravisServer, reader: Travis, stranger: Travis, repository: Repository, build: Build, name: str
) -> None:
    call, for_reader, for_stranger = REFUSALS[name]
    if for_reader is None:
        await call(reader, repository, build)
    else:
        with pytest.raises(for_reader):
            await call(reader, repository, build)
    with pytest.raises(for_stranger):
        await call(stranger, repository, build)
    async with Travis("unknown-token", endpoint=server.endpoint) as unknown:
        if name not in {"annotations.list", "ssh_keys.get", "ssh_keys.update", "ssh_keys.delete"}:
            with pytest.raises(errors.AuthenticationError, match="does not know this token"):
                await call(unknown, repository, build)


UNKNOWN: dict[str, Callable[[Travis], Awaitable[object]]] = {
    "branches.get": lambda t: t.branches.get("no/such", "master"),
    "builds.find": lambda t: t.builds.find("no/such", 1),
    "builds.cancel": lambda t: t.builds.cancel(9),
    "builds.restart": lambda t: t.builds.restart(9),
    "jobs.cancel": lambda t: t.jobs.cancel(9),
    "jobs.restart": lambda t: t.jobs.restart(9),
    "requests.list": lambda t: t.requests.list("no/such"),
    "requests.get": lambda t: t.requests.get(9),
    "repository_keys.get": lambda t: t.repository_keys.get("no/such"),
    "settings.get": lambda t: t.settings.get(9),
    "env_vars.list": lambda t: t.env_vars.list(9),
    "repos.cc_xml": lambda t: t.repos.cc_xml("no/such"),
}


@pytest.mark.parametrize("name", UNKNOWN)
async def test_what_does_not_exist_is_not_found(travis: Travis, name: str) -> None:
    with pytest.raises(errors.NotFoundError):
        await UNKNOWN[name](travis)


WRONG: dict[str, tuple[Callable[[Travis], Awaitable[object]], str]] = {
    "branches.get": (lambda t: t.branches.get(1, ""), "branch"),
    "branches.get, a comma": (lambda t: t.branches.get(1, "a,b"), "branch"),
    "branches.get, an ending": (lambda t: t.branches.get(1, "a.json"), "branch"),
    "branches.list": (lambda t: t.branches.list("x"), "repo"),
    "branches.many": (lambda t: t.branches.many([0]), "builds"),
    "annotations.list": (lambda t: t.annotations.list(0), "job"),
    "annotations.create": (
        lambda t: t.annotations.create(1, username="", key="k", description="d", status="s"), "username",
    ),
    "auth.github": (lambda t: t.auth.github(""), "github_token"),
    "builds.find": (lambda t: t.builds.find(1, "x"), "number"),
    "builds.last_per_branch": (lambda t: t.builds.last_per_branch("x"), "repo"),
    "builds.cancel": (lambda t: t.builds.cancel(0), "build"),
    "builds.restart": (lambda t: t.builds.restart(-1), "build"),
    "caches.list": (lambda t: t.caches.list(1, branch=""), "branch"),
    "caches.delete": (lambda t: t.caches.delete(1, match=" "), "match"),
    "env_vars.list": (lambda t: t.env_vars.list(0), "repo"),
    "env_vars.get": (lambda t: t.env_vars.get(1, "a/b"), "env_var"),
    "env_vars.create": (lambda t: t.env_vars.create(1, "", "v"), "name"),
    "env_vars.set": (lambda t: t.env_vars.set(1, " ", "v"), "name"),
    "env_vars.update": (lambda t: t.env_vars.update(1, "1-2"), "value"),
    "env_vars.update, published": (lambda t: t.env_vars.update(1, "1-2", public=True), "value"),
    "env_vars.delete": (lambda t: t.env_vars.delete(1, ""), "env_var"),
    "hooks.list": (lambda t: t.hooks.list(owner_name=""), "owner_name"),
    "hooks.enable": (lambda t: t.hooks.enable(0), "repo"),
    "hooks.disable": (lambda t: t.hooks.disable(True), "repo"),
    "jobs.list": (lambda t: t.jobs.list(state="", ), "state"),
    "jobs.list, no states": (lambda t: t.jobs.list(state=[]), "state"),
    "jobs.list, both": (lambda t: t.jobs.list(state="failed", queue="q"), "queue"),
    "jobs.cancel": (lambda t: t.jobs.cancel(0), "job"),
    "jobs.restart": (lambda t: t.jobs.restart(0), "job"),
    "lint.check": (lambda t: t.lint.check(" "), "content"),
    "lint.check, bytes": (lambda t: t.lint.check(b"\xff"), "content"),
    "logs.remove": (lambda t: t.logs.remove(0), "job"),
    "logs.remove, reason": (lambda t: t.logs.remove(1, reason=""), "reason"),
    "repository_keys.get": (lambda t: t.repository_keys.get("x"), "repo"),
    "repository_keys.regenerate": (lambda t: t.repository_keys.regenerate(0), "repo"),
    "repos.badge": (lambda t: t.repos.badge(5), "repo"),  # type: ignore[arg-type]
    "repos.cc_xml": (lambda t: t.repos.cc_xml(0), "repo"),
    "requests.get": (lambda t: t.requests.get(0), "request"),
    "requests.list": (lambda t: t.requests.list(1, limit=101), "limit"),
    "requests.list, older": (lambda t: t.requests.list(1, older_than=0), "older_than"),
    "settings.get": (lambda t: t.settings.get(0), "repo"),
    "settings.update": (lambda t: t.settings.update(1), "changes"),
    "ssh_keys.get": (lambda t: t.ssh_keys.get(0), "repo"),
    "ssh_keys.update": (lambda t: t.ssh_keys.update(1, ""), "value"),
    "ssh_keys.delete": (lambda t: t.ssh_keys.delete(0), "repo"),
    "users.update": (lambda t: t.users.update(0, locale="de"), "user"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
async def test_a_wrong_argument_is_named_and_nothing_is_sent(server: TravisServer, travis: Travis, name: str) -> None:
    call, argument = WRONG[name]
    with pytest.raises(errors.UsageError) as info:
        await call(travis)
    assert info.value.argument == argument
    assert server.requests == []


# Successes ------------------------------------------------------------------------------------------------------------


async def test_accounts_begin_with_the_user(server: TravisServer, travis: Travis, reader: Travis) -> None:
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
    assert (await travis.builds.get(found)).state == State.CREATED
    assert [one.number for one in await travis.builds.recent()] == ["2", "1"]
    await travis.builds.recent(running=True)


async def test_a_server_of_2014_refuses_a_restart_with_a_good_status(
    server: TravisServer, travis: Travis, build: Build
) -> None:
    server.log_mode = "2017"
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
    repository.belongings.caches += [
        Cache("master", "rvm-3.2", 100, 1e9), Cache("other", "rvm-3.3", 200, 1e9), Cache(None, "apt", 1, 1e9),
    ]  # fmt: skip
    assert [one.size for one in await travis.caches.list(repository.slug, match="rvm")] == [100, 200]
    assert [one.slug for one in await travis.caches.delete(repository.id, branch="master")] == ["rvm-3.2"]
    assert len(await travis.caches.list(repository.id)) == 2


async def test_settings_change_in_part_and_unknown_names_show_by_their_absence(
    travis: Travis, repository: Repository
) -> None:
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
            assert (await travis.ssh_keys.get(repository.id)).fingerprint == "ef:39:56"
            assert (await travis.ssh_keys.delete(repository.id)).description == "deploy"


async def test_requests_with_and_without_a_commit(travis: Travis, repository: Repository, build: Build) -> None:
    belongings = repository.belongings
    belongings.requests += [Request(n, "push", "rejected", 1e9, message="not on master") for n in range(1, 31)]
    belongings.requests.append(Request(31, "push", "accepted", 1e9, build_id=build.id, commit_id=build.commit.id))
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
    assert "Log removed by sarah" in log.text
    with pytest.raises(errors.ConflictError, match="already been removed"):
        await travis.logs.remove(job.id)
    await travis.logs.remove(999)


async def test_lint_warns(travis: Travis) -> None:
    assert "missing language" in (await travis.lint.check("script: make"))[0].message
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
