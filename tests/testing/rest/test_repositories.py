"""Repositories and their keys, in raw bytes."""

from aiotravis.testing import Repository, TravisServer
from tests.conftest import TOKEN
from tests.raw import ask


async def test_repositories_are_found_by_id_slug_owner_and_parameters(
    server: TravisServer, repository: Repository
) -> None:
    other = server.world.repository("sarah/notes", users=repository.users)
    other.active = False
    by_id = (await ask(server, f"/repos/{repository.id}")).json["repo"]
    assert by_id == (await ask(server, "/repos/Travis-CI/Travis.rb")).json["repo"]
    assert by_id["last_build_state"] == ""
    questions = {
        "/repos": ["travis-ci/travis.rb"],
        "/repos?limit=0": ["travis-ci/travis.rb"],
        "/repos?limit=1&search=S": ["travis-ci/travis.rb"],
        "/repos/sarah": ["sarah/notes"],
        "/repos?owner_name=sarah": ["sarah/notes"],
        "/repos?slug=sarah/notes": ["sarah/notes"],
        "/repos?search=otes": ["sarah/notes"],
        "/repos?member=nobody": [],
        f"/repos?ids={repository.id},{other.id}": ["travis-ci/travis.rb", "sarah/notes"],
    }
    for question, slugs in questions.items():
        answer = await ask(server, question, token=TOKEN)
        assert [repo["slug"] for repo in answer.json["repos"]] == slugs, question


async def test_repositories_list_needs_a_token_on_org(server: TravisServer) -> None:
    for path in ("/repos", "/repos/", "/repos?owner_name=sarah"):
        answer = await ask(server, path)
        assert (answer.status, answer.body) == (403, b"")
    newer = await ask(server, "/repos", accept="application/vnd.travis-ci.2.1+json")
    assert (newer.status, newer.body) == (401, b"")
    assert (await ask(server, "/repos/sarah")).json == {"repos": []}


async def test_a_key_comes_without_an_envelope(server: TravisServer, repository: Repository) -> None:
    assert set((await ask(server, "/repos/82/key")).json) == {"key", "fingerprint"}
    assert (await ask(server, "/repos/9/key")).status == 404
    repository.readers += repository.users
    refused = await ask(server, "/repos/82/key", method="POST", token=TOKEN)
    assert (refused.status, refused.body) == (404, b'{"file":"not found"}')


async def test_new_key_replaces_the_old_one(server: TravisServer, repository: Repository) -> None:
    first = (await ask(server, "/repos/82/key")).json
    made = (await ask(server, "/repos/82/key", method="POST", token=TOKEN)).json
    assert made != first
    assert (await ask(server, "/repos/82/key")).json == made


async def test_running_repositories_are_listed_before_finished_ones(
    server: TravisServer, repository: Repository
) -> None:
    for slug, finished in (("a/ended", True), ("a/running", False)):
        build = server.world.repository(slug, users=repository.users).build().start()
        if finished:
            build.finish()
    listed = (await ask(server, "/repos", token=TOKEN)).json["repos"]
    assert [one["slug"] for one in listed] == ["a/running", "a/ended", "travis-ci/travis.rb"]
