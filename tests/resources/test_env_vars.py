"""Environment variables: requests and decoded responses."""

import pytest

from aiotravis import EnvVar, errors
from aiotravis.resources.env_vars import EnvVars
from tests.samples import Scripted

ONE = b"""{"env_var":{"id":"4e9ba2b9-3b2a-4b6f-8d6b-1f8a3a0c4f5e","name":"FOO","public":false,"branch":null,
"repository_id":82}}"""
ID = "4e9ba2b9-3b2a-4b6f-8d6b-1f8a3a0c4f5e"


async def test_every_call_sends_the_repository_id() -> None:
    transport = Scripted(ONE)
    env_vars = EnvVars(transport)
    created = await env_vars.create(82, "FOO", "bar", branch="dev")
    assert (created.value, created.branch) == (None, None)
    await env_vars.get(82, created)
    await env_vars.update(82, ID, value="x", public=True, branch="dev", name="N")
    await env_vars.delete(82, ID)
    assert [(call.method, call.target) for call in transport.calls] == [
        ("POST", "/settings/env_vars?repository_id=82"),
        ("GET", f"/settings/env_vars/{ID}?repository_id=82"),
        ("PATCH", f"/settings/env_vars/{ID}?repository_id=82"),
        ("DELETE", f"/settings/env_vars/{ID}?repository_id=82"),
    ]
    assert transport.calls[0].body == b'{"env_var":{"name":"FOO","value":"bar","public":false,"branch":"dev"}}'
    assert transport.calls[2].body == b'{"env_var":{"name":"N","value":"x","public":true,"branch":"dev"}}'


async def test_making_a_variable_public_without_its_value_is_refused() -> None:
    transport = Scripted(ONE)
    with pytest.raises(errors.UsageError, match="erase the value"):
        await EnvVars(transport).update(82, ID, public=True)
    await EnvVars(transport).update(82, ID, public=False)
    assert len(transport.calls) == 1


def test_the_repr_omits_a_missing_value() -> None:
    assert repr(EnvVar(id="1", name="A")) == "EnvVar(id='1', name='A', public=False)"
