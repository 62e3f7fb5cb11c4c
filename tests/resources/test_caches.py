"""Caches: requests and decoded responses."""

from datetime import UTC, datetime

from aiotravis.resources.caches import Caches
from tests.samples import Scripted

SAMPLE = b"""{"caches":[{"repository_id":82,"size":1994815,"slug":"cache--rvm-2.0.0","branch":null,
"last_modified":"2013-11-04T13:45:44Z"}]}"""


async def test_caches_are_listed_and_deleted() -> None:
    transport = Scripted(SAMPLE)
    caches = Caches(transport)
    cache = (await caches.list("a/b", branch="x/y", match="rvm"))[0]
    assert (cache.size, cache.branch, cache.last_modified) == (
        1994815,
        None,
        datetime(2013, 11, 4, 13, 45, 44, tzinfo=UTC),
    )
    assert len(await caches.delete(82)) == 1
    assert [(call.method, call.target) for call in transport.calls] == [
        ("GET", "/repos/a/b/caches?branch=x%2Fy&match=rvm"), ("DELETE", "/repos/82/caches"),
    ]  # fmt: skip
