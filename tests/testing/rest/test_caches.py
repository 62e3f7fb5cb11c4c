"""Routes of caches, in raw bytes."""

from aiotravis.testing import Repository, TravisServer
from tests.conftest import TOKEN
from tests.raw import ask


async def test_caches_without_push_right_are_403_with_an_empty_object(
    server: TravisServer, repository: Repository
) -> None:
    repository.readers += repository.users
    answer = await ask(server, "/repos/travis-ci/travis.rb/caches", token=TOKEN)
    assert (answer.status, answer.body) == (403, b"{}")


async def test_caches_are_empty_without_caching_whatever_the_rights(
    server: TravisServer, repository: Repository
) -> None:
    repository.readers += repository.users
    server.switches.caching = False
    assert (await ask(server, "/repos/82/caches", token=TOKEN)).json == {"caches": []}
