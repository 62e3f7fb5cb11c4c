"""The whole API's documented refusals, of each call, against the embedded Travis."""

from collections.abc import Awaitable, Callable

import pytest

from aiotravis import Travis, errors
from aiotravis.testing import Build, Repository, TravisServer
from tests.api.conftest import PEM

Call = Callable[[Travis, Repository, Build], Awaitable[object]]

TOKENLESS, RIGHTLESS, HIDDEN = errors.AuthenticationError, errors.PermissionDenied, errors.NotFoundError

# A call, and what it is refused with for a reader, and for a stranger.
REFUSALS: dict[str, tuple[Call, type[errors.TravisError] | None, type[errors.TravisError]]] = {
    "accounts.list": (lambda t, r, b: t.accounts.list(), None, TOKENLESS),
    "broadcasts.list": (lambda t, r, b: t.broadcasts.list(), None, TOKENLESS),
    "hooks.list": (lambda t, r, b: t.hooks.list(), None, TOKENLESS),
    "hooks.enable": (lambda t, r, b: t.hooks.enable(r.id), RIGHTLESS, TOKENLESS),
    "permissions.get": (lambda t, r, b: t.permissions.get(), None, TOKENLESS),
    "users.me": (lambda t, r, b: t.users.me(), None, TOKENLESS),
    "users.sync": (lambda t, r, b: t.users.sync(), None, TOKENLESS),
    "users.update": (lambda t, r, b: t.users.update(1, locale="de"), HIDDEN, TOKENLESS),
    "builds.cancel": (lambda t, r, b: t.builds.cancel(b.id), None, errors.ServerError),
    "builds.restart": (lambda t, r, b: t.builds.restart(r.builds[0].id), errors.RefusedError, errors.RefusedError),
    "jobs.cancel": (lambda t, r, b: t.jobs.cancel(b.jobs[0].id), None, errors.ServerError),
    "jobs.restart": (lambda t, r, b: t.jobs.restart(r.builds[0].jobs[0].id), errors.RefusedError, errors.RefusedError),
    "logs.remove": (lambda t, r, b: t.logs.remove(r.builds[0].jobs[0].id), RIGHTLESS, TOKENLESS),
    "caches.list": (lambda t, r, b: t.caches.list(r.slug), RIGHTLESS, TOKENLESS),
    "caches.delete": (lambda t, r, b: t.caches.delete(r.slug), RIGHTLESS, TOKENLESS),
    "repository_keys.regenerate": (lambda t, r, b: t.repository_keys.regenerate(r.id), HIDDEN, TOKENLESS),
    "settings.get": (lambda t, r, b: t.settings.get(r.id), HIDDEN, HIDDEN),
    "settings.update": (lambda t, r, b: t.settings.update(r.id, build_pushes=True), HIDDEN, TOKENLESS),
    "env_vars.list": (lambda t, r, b: t.env_vars.list(r.id), HIDDEN, TOKENLESS),
    "env_vars.get": (lambda t, r, b: t.env_vars.get(r.id, "1-2"), HIDDEN, TOKENLESS),
    "env_vars.create": (lambda t, r, b: t.env_vars.create(r.id, "A", "b"), HIDDEN, TOKENLESS),
    "env_vars.set": (lambda t, r, b: t.env_vars.set(r.id, "A", "b"), HIDDEN, TOKENLESS),
    "env_vars.update": (lambda t, r, b: t.env_vars.update(r.id, "1-2", value="b"), HIDDEN, TOKENLESS),
    "env_vars.delete": (lambda t, r, b: t.env_vars.delete(r.id, "1-2"), HIDDEN, TOKENLESS),
    "requests.create": (lambda t, r, b: t.requests.create(r.id), RIGHTLESS, TOKENLESS),
    "repos.activate": (lambda t, r, b: t.repos.activate(r.slug), RIGHTLESS, TOKENLESS),
    "repos.deactivate": (lambda t, r, b: t.repos.deactivate(r.id), RIGHTLESS, TOKENLESS),
    "trigger": (lambda t, r, b: t.trigger(r.slug), RIGHTLESS, TOKENLESS),
    "annotations.list": (lambda t, r, b: t.annotations.list(b.jobs[0].id), HIDDEN, HIDDEN),
    "ssh_keys.get": (lambda t, r, b: t.ssh_keys.get(r.id), HIDDEN, HIDDEN),
    "ssh_keys.update": (lambda t, r, b: t.ssh_keys.update(r.id, PEM), HIDDEN, HIDDEN),
    "ssh_keys.delete": (lambda t, r, b: t.ssh_keys.delete(r.id), HIDDEN, HIDDEN),
}


@pytest.mark.parametrize("name", REFUSALS)
async def test_each_refused_call_raises_the_right_error(
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
async def test_unknown_entities_raise_not_found(travis: Travis, name: str) -> None:
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
async def test_an_invalid_argument_is_named_before_anything_is_sent(
    server: TravisServer, travis: Travis, name: str
) -> None:
    call, argument = WRONG[name]
    with pytest.raises(errors.UsageError) as info:
        await call(travis)
    assert info.value.argument == argument
    assert server.requests == []


V3_REFUSALS: dict[str, tuple[str, type[errors.TravisError], str]] = {
    "unknown": ("/v3/repo/9/requests", errors.NotFoundError, "repository not found"),
    "no such route": ("/v3/no/such", errors.NotFoundError, "not found, or hidden"),
    "no such method": ("/v3/repo/{}", errors.ResponseError, "method not allowed. This route has other methods"),
    "inactive": ("/v3/repo/{}/requests", errors.RepositoryInactive, "inactive repository. Activate it"),
    "debugging": ("/v3/job/{}/debug", errors.PermissionDenied, "debugging is not enabled"),
    "cron": ("/v3/repo/{}/branch/main/cron", errors.ValidationError, "Interval must be"),
}


@pytest.mark.parametrize("by", ["prefix", "header"])
@pytest.mark.parametrize("name", V3_REFUSALS)
async def test_refusals_of_v3_are_those_of_the_tree_for_any_request(
    travis: Travis, repository: Repository, name: str, by: str
) -> None:
    repository.active = False
    build = repository.build().start().finish()
    path, kind, told = V3_REFUSALS[name]
    path = path.format(build.jobs[0].id if "job" in path else repository.id)
    headers = {} if by == "prefix" else {"Travis-API-Version": "3"}
    with pytest.raises(kind, match=told) as info:
        await travis.request("POST", path if by == "prefix" else path.removeprefix("/v3"), json={}, headers=headers)
    assert type(info.value) is kind
