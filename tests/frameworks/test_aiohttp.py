"""The recipe for aiohttp.web."""

import pytest

from examples import aiohttp_service


async def test_the_recipe_answers_with_values(capsys: pytest.CaptureFixture[str]) -> None:
    await aiohttp_service.main()
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("#5 failed, started 20")
    assert printed[5:] == ["no such build: 404"]
