"""The routes about what repositories have, in raw bytes."""

from aiotravis.testing import Repository, TravisServer
from aiotravis.testing.belongings import Request
from tests.conftest import TOKEN
from tests.raw import ask


async def test_a_branch_is_a_build_without_three_keys(server: TravisServer, repository: Repository) -> None:
    build = repository.build(branch="a/b")
    repository.build(branch="a/b", event_type="pull_request")
    for path in ("/repos/82/branches/a/b", "/repos/travis-ci/travis.rb/branches/a%2Fb"):
        answer = (await ask(server, path)).json
        assert (answer["branch"]["id"], answer["commit"]["branch"]) == (build.id, "a/b")
        assert not {"event_type", "pull_request_title", "pull_request_number"} & set(answer["branch"])
        assert "tag" not in answer["commit"]
    listed = (await ask(server, "/repos/82/branches")).json
    assert [one["id"] for one in listed["branches"]] == [build.id]
    assert (await ask(server, "/branches?slug=no/such")).json == {"branches": [], "commits": []}
    assert (await ask(server, "/repos/82/branches/gone")).status == 404


async def test_caches_are_forbidden_with_an_empty_object(server: TravisServer, repository: Repository) -> None:
    repository.readers += repository.users
    answer = await ask(server, "/repos/travis-ci/travis.rb/caches", token=TOKEN)
    assert (answer.status, answer.body) == (403, b"{}")


async def test_a_key_comes_without_an_envelope(server: TravisServer, repository: Repository) -> None:
    assert set((await ask(server, "/repos/82/key")).json) == {"key", "fingerprint"}
    assert (await ask(server, "/repos/9/key")).status == 404
    repository.readers += repository.users
    refused = await ask(server, "/repos/82/key", method="POST", token=TOKEN)
    assert (refused.status, refused.body) == (404, b'{"file":"not found"}')


async def test_settings_refuse_in_two_shapes(server: TravisServer, repository: Repository) -> None:
    assert (await ask(server, "/repos/9/settings", token=TOKEN)).json == {"error": "Couldn't find repository"}
    answer = await ask(server, "/repos/82/settings", method="PATCH", token=TOKEN, json={})
    assert (answer.status, answer.json) == (422, {"error": "Settings must be passed with a request"})


async def test_a_private_variable_shows_no_value_and_loses_it_when_published(
    server: TravisServer, repository: Repository
) -> None:
    path = "/settings/env_vars?repository_id=82"
    made = await ask(server, path, method="POST", token=TOKEN, json={"env_var": {"name": "A", "value": "s"}})
    assert made.status == 200
    assert "value" not in made.json["env_var"]
    one = f"/settings/env_vars/{made.json['env_var']['id']}?repository_id=82"
    published = await ask(server, one, method="PATCH", token=TOKEN, json={"env_var": {"public": True}})
    assert published.json["env_var"]["value"] is None
    for way, json in ((path, {}), (one, {"env_var": {"name": " "}})):
        method = "POST" if way is path else "PATCH"
        answer = await ask(server, way, method=method, token=TOKEN, json=json)
        assert (answer.status, answer.json["errors"]) == (422, [{"field": "name", "code": "missing_field"}])
    assert (await ask(server, one.replace("=82", "=9"), token=TOKEN)).body == b""


async def test_org_has_no_ssh_keys(server: TravisServer, repository: Repository) -> None:
    assert (await ask(server, "/settings/ssh_key/82", token=TOKEN)).body == b'{"file":"not found"}'


async def test_requests_are_good_for_a_year_and_pages_for_25(server: TravisServer, repository: Repository) -> None:
    repository.belongings.requests += [Request(n, "push", None, 1e9) for n in range(1, 40)]
    listed = (await ask(server, "/requests?repository_id=82&older_than=30&limit=3")).json
    assert [one["id"] for one in listed["requests"]] == list(range(29, 4, -1))
    single = await ask(server, "/requests/1")
    assert list(single.json) == ["request"]
    unknown = await ask(server, "/requests")
    assert (unknown.status, unknown.json) == (404, {"error": "Repository could not be found"})


async def test_a_badge_never_fails(server: TravisServer, repository: Repository) -> None:
    for path, shown in (("/repos/no/such.svg", b"unknown"), ("/repos/travis-ci/travis.rb.svg", b"unknown")):
        answer = await ask(server, path, accept="image/svg+xml")
        assert (answer.status, answer.content_type) == (200, "image/svg+xml")
        assert shown in answer.body
    assert b'lastBuildStatus="Unknown"' in (await ask(server, "/repos/82/cc.xml")).body
