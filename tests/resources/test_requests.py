"""Requests: requests sent and decoded responses."""

from aiotravis.resources.requests import Requests
from tests.samples import COMMIT, Scripted

ONE = b"""{"id":7,"commit_id":5,"repository_id":82,"created_at":"2014-04-08T00:17:34Z","owner_id":1,
"owner_type":"Organization","event_type":"push","base_commit":null,"head_commit":null,"result":"rejected",
"message":"branch not included","pull_request":false,"pull_request_number":null,"pull_request_title":null,
"branch":"master","tag":null}"""


async def test_a_request_is_fetched_past_caches() -> None:
    transport = Scripted(b'{"request":' + ONE + b',"commit":' + COMMIT + b"}")
    request = await Requests(transport).get(7)
    assert (request.rejected, request.accepted, request.message) == (True, False, "branch not included")
    assert request.commit is not None
    assert (request.build_id, transport.calls[0].headers) == (None, (("Cache-Control", "no-cache"),))


async def test_a_list_is_requested_with_limit_and_older_than() -> None:
    transport = Scripted(b'{"requests":[' + ONE + b"]}")
    page = await Requests(transport).list("a/b", limit=100, older_than=9)
    assert page[0].commit is None
    assert transport.calls[0].query == (("slug", "a/b"), ("limit", "100"), ("older_than", "9"))
