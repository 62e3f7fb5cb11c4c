"""Reading what was sent to the embedded Travis."""

import aiohttp
import pytest
from aiohttp.test_utils import make_mocked_request

from aiotravis.testing import Repository, TravisServer
from aiotravis.testing.rest.parameters import is_true, page_size
from tests.conftest import TOKEN
from tests.raw import ask

HEADERS = {"Authorization": f"token {TOKEN}", "Accept": "application/vnd.travis-ci.2+json"}


@pytest.mark.parametrize(
    ("value", "read"),
    [(True, True), ("true", True), ("TRUE", False), (False, False), ("yes", False), (None, False), (1, False)],
)
def test_a_switch_is_true_or_the_text_true(value: object, read: bool) -> None:
    assert is_true({"active": value}) is read


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


@pytest.mark.parametrize(
    ("query", "size"), [("", 25), ("limit=0", 25), ("limit=x", 25), ("limit=-1", 25), ("limit=7", 7), ("limit=99", 50)]
)
def test_a_size_is_the_usual_one_unless_it_is_a_number(query: str, size: int) -> None:
    assert page_size(make_mocked_request("GET", f"/?{query}"), 25, 50) == size


async def test_what_calls_itself_nothing_says_nothing(server: TravisServer, repository: Repository) -> None:
    answer = await ask(server, "/hooks/82", method="PUT", token=TOKEN, data=b'{"hook":{"active":false}}')
    assert (answer.status, repository.active) == (500, True)
