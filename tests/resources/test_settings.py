"""Settings: what is asked and what is made of the answer."""

from typing import Any, cast

import pytest

from aiotravis.resources.settings import Settings
from tests.samples import Scripted


async def test_names_and_values_are_open() -> None:
    transport = Scripted(b'{"settings":{"build_pushes":true,"maximum_number_of_builds":0,"x":"y","timeout":null}}')
    settings = await Settings(transport).get(82)
    assert settings == {"build_pushes": True, "maximum_number_of_builds": 0, "x": "y", "timeout": None}
    with pytest.raises(TypeError):
        cast("dict[str, Any]", settings)["x"] = 1


async def test_a_change_is_partial() -> None:
    transport = Scripted(b'{"settings":{"build_pushes":false}}')
    assert (await Settings(transport).update(82, build_pushes=False, timeout_hard_limit=None))["build_pushes"] is False
    assert (transport.calls[0].method, transport.calls[0].body) == (
        "PATCH", b'{"settings":{"build_pushes":false,"timeout_hard_limit":null}}',
    )  # fmt: skip
