"""Reading what was sent to the embedded Travis."""

import aiohttp
import pytest

from aiotravis.testing import Repository, TravisServer
from aiotravis.testing.requests import yes
from tests.conftest import TOKEN
from tests.raw import ask

HEADERS = {"Authorization": f"token {TOKEN}", "Accept": "application/vnd.travis-ci.2+json"}


@pytest.mark.parametrize(
    ("value", "read"),
    [(True, True), ("true", True), ("TRUE", True), (False, False), ("yes", False), (None, False), (1, False)],
)
def test_a_switch_is_true_or_the_text_true(value: object, read: bool) -> None:
    assert yes({"active": value}) is read


async def test_forms_with_brackets_are_read_as_json_is(server: TravisServer, repository: Repository) -> None:
    path = f"{server.endpoint}/hooks/{repository.id}"
    async with aiohttp.ClientSession(headers=HEADERS) as session:
        async with session.put(path, data={"hook[active]": "false", "plain": "x"}) as response:
            assert await response.json() == {"result": True}
        assert repository.active is False
        async with session.put(path, data=b"{", headers={"Content-Type": "application/json"}) as response:
            assert (response.status, await response.read()) == (400, b'{"error":"Failed to parse body as JSON"}')
        async with session.put(path) as response:
            assert response.status == 500


async def test_a_path_that_wants_a_number_finds_nothing_else(server: TravisServer) -> None:
    assert (await ask(server, "/requests/x")).status == 404
