"""Parameters of requests."""

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
def test_is_true_accepts_true_and_the_string_true(value: object, read: bool) -> None:
    assert is_true({"active": value}) is read


async def test_form_with_brackets_is_read_like_json(server: TravisServer, repository: Repository) -> None:
    path = f"{server.endpoint}/hooks/{repository.id}"
    async with aiohttp.ClientSession(headers=HEADERS) as session:
        async with session.put(path, data={"hook[active]": "false", "plain": "x"}) as response:
            assert await response.json() == {"result": True}
        assert repository.active is False
        async with session.put(path, data=b"{", headers={"Content-Type": "application/json"}) as response:
            assert (response.status, await response.read()) == (400, b'{"error":"Failed to parse body as JSON"}')
        async with session.put(path) as response:
            assert response.status == 500


async def test_id_in_a_path_must_be_a_number(server: TravisServer) -> None:
    assert (await ask(server, "/requests/x")).status == 404


@pytest.mark.parametrize(
    ("query", "size"), [("", 25), ("limit=0", 25), ("limit=x", 25), ("limit=-1", 25), ("limit=7", 7), ("limit=99", 50)]
)
def test_page_size_is_the_limit_up_to_the_maximum_or_the_default(query: str, size: int) -> None:
    assert page_size(make_mocked_request("GET", f"/?{query}"), 25, 50) == size


async def test_body_without_content_type_is_ignored(server: TravisServer, repository: Repository) -> None:
    answer = await ask(server, "/hooks/82", method="PUT", token=TOKEN, data=b'{"hook":{"active":false}}')
    assert (answer.status, repository.active) == (500, True)
