"""Settings: requests and decoded responses."""

import pytest

from aiotravis.resources.settings import Settings
from tests.samples import Scripted


async def test_settings_are_a_mapping_of_any_names() -> None:
    transport = Scripted(b'{"settings":{"build_pushes":true,"maximum_number_of_builds":0,"x":"y","timeout":null}}')
    settings = await Settings(transport).get(82)
    assert settings == {"build_pushes": True, "maximum_number_of_builds": 0, "x": "y", "timeout": None}


async def test_an_update_sends_only_the_changes() -> None:
    transport = Scripted(b'{"settings":{"build_pushes":false}}')
    assert (await Settings(transport).update(82, build_pushes=False, timeout_hard_limit=None))["build_pushes"] is False
    assert (transport.calls[0].method, transport.calls[0].body) == (
        "PATCH", b'{"settings":{"build_pushes":false,"timeout_hard_limit":null}}',
    )  # fmt: skip


@pytest.mark.parametrize("value", ["1e400", "NaN", "-Infinity", "9" * 5000, '"\\ud800"', '{"a":[1e400]}'])
async def test_one_odd_value_leaves_the_other_settings(value: str) -> None:
    body = f'{{"settings":{{"build_pushes":true,"odd":{value},"maximum_number_of_builds":3}}}}'.encode()
    for settings in (await Settings(Scripted(body)).get(82), await Settings(Scripted(body)).update(82, odd=1)):
        assert {**settings, "odd": None} == {"build_pushes": True, "odd": None, "maximum_number_of_builds": 3}
