"""Permissions: requests and decoded responses."""

from aiotravis.resources.permissions import PermissionsResource
from tests.samples import Scripted


async def test_permissions_have_no_envelope() -> None:
    transport = Scripted(b'{"permissions":[1,2],"admin":[1],"pull":[2],"push":[1,2]}')
    rights = await PermissionsResource(transport).get()
    assert (rights.admin, rights.pull, rights.push) == (frozenset({1}), frozenset({2}), frozenset({1, 2}))
    assert transport.calls[0].target == "/users/permissions"
