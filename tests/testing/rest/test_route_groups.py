"""All groups of routes."""

from collections import Counter

from aiotravis.testing import TravisServer
from aiotravis.testing.rest.route_groups import ROUTE_GROUPS


def test_no_group_and_no_route_is_there_twice() -> None:
    assert len(set(ROUTE_GROUPS)) == len(ROUTE_GROUPS)
    counts = Counter(TravisServer().patterns())
    assert [route for route, count in counts.items() if count > 1] == []
