"""The arguments of `Travis.trigger`; the flow has tests of its own."""

from typing import Any

import pytest

from aiotravis import Build, Travis, errors
from aiotravis.testing import Repository, TravisServer
from tests.conftest import TOKEN


async def plain(_: object) -> None:
    pass


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"repo": "a"}, "repo"),
    ({"repo": 0}, "repo"),
    ({"repo": None}, "repo"),
    ({"repo": Build(id=7)}, "repo"),
    ({"repo": "a/.."}, "repo"),
    ({"branch": ""}, "branch"),
    ({"sha": "main"}, "sha"),
    ({"tag": 1}, "tag"),
    ({"message": "\ud800"}, "message"),
    ({"config": ["script: true"]}, "config"),
    ({"config": "[1]"}, "config"),
    ({"config": {}, "merge_mode": "x"}, "merge_mode"),
    ({"merge_mode": "merge"}, "merge_mode"),
    ({"configs": "x"}, "configs"),
    ({"configs": {"config": {}}}, "configs"),
    ({"configs": [{}]}, "configs"),
    ({"configs": 5}, "configs"),
    ({"appear_within": -1}, "appear_within"),
    ({"appear_within": float("nan")}, "appear_within"),
    ({"appear_within": "5"}, "appear_within"),
    ({"on_request": plain}, "on_request"),
    ({"on_request": 5}, "on_request"),
]


@pytest.mark.parametrize(("wrong", "argument"), WRONG)
async def test_wrong_arguments_are_refused_before_anything_is_sent(
    server: TravisServer, repository: Repository, wrong: dict[str, Any], argument: str
) -> None:
    arguments: dict[str, Any] = {"repo": repository.slug, **wrong}
    async with Travis(TOKEN, endpoint=server.endpoint) as travis:
        with pytest.raises(errors.UsageError) as info:
            await travis.trigger(**arguments)
    assert info.value.argument == argument
    assert server.requests == []
    assert repository.data.requests == []


async def test_a_closed_client_triggers_nothing(server: TravisServer, repository: Repository) -> None:
    travis = Travis(TOKEN, endpoint=server.endpoint)
    await travis.aclose()
    with pytest.raises(errors.UsageError, match="closed"):
        await travis.trigger(repository.id)
    assert server.requests == []
