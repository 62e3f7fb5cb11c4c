"""Settings: requests and decoded responses."""

from typing import Any, cast

import pytest

from aiotravis.resources.settings import Settings
from tests.samples import Scripted


async def test_settings_are_a_read_only_mapping_of_any_names() -> None:
    transport = Scripted(b'{"settings":{"build_pushes":true,"maximum_number_of_builds":0,"x":"y","timeout":null}}')
    settings = await Settings(transport).get(82)
    assert settings == {"build_pushes": True, "maximum_number_of_builds": 0, "x": "y", "timeout": None}
    with pytest.raises(TypeError):
        cast("dict[str, Any]", settings)["x"] = 1


async def test_an_update_sends_only_the_changes() -> None:
    transport = Scripted(b'{"settings":{"build_pushes":false}}')
    assert (await Settings(transport).update(82, build_pushes=False, timeout_hard_limit=None))["build_pushes"] is False
    assert (transport.calls[0].method, transport.calls[0].body) == (
        "PATCH", b'{"settings":{"build_pushes":false,"timeout_hard_limit":null}}',
    )  # fmt: skip
