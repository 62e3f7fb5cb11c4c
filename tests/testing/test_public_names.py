"""Public names of `aiotravis.testing`."""

import inspect
import typing
from collections.abc import Iterator

import pytest

from aiotravis import testing
from aiotravis.testing import Demo, FaultProxy, TravisServer


def types_in(hint: object) -> Iterator[type]:
    """Yield the classes of this project that an annotation names."""
    for one in (hint, typing.get_origin(hint)):
        if isinstance(one, type) and one.__module__.startswith("aiotravis."):
            yield one
    for argument in typing.get_args(hint):
        yield from types_in(argument)


def annotated_types(owner: type) -> Iterator[type]:
    """Yield the classes that public attributes and methods of a class take or return."""
    for name, member in inspect.getmembers(owner):
        function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
        if inspect.isfunction(function) and (not name.startswith("_") or name == "__init__"):
            for hint in typing.get_type_hints(function).values():
                yield from types_in(hint)
    for name, hint in typing.get_type_hints(owner).items():
        if not name.startswith("_"):
            yield from types_in(hint)


PUBLIC_TYPES = [value for value in map(vars(testing).get, testing.__all__) if isinstance(value, type)]


def test_dir_shows_public_names_only() -> None:
    assert dir(testing) == sorted(testing.__all__)
    assert all(hasattr(testing, name) for name in testing.__all__)


@pytest.mark.parametrize("owner", PUBLIC_TYPES)
def test_types_of_public_members_are_public(owner: type) -> None:
    assert set(annotated_types(owner)) <= set(PUBLIC_TYPES)


async def test_types_of_attributes_are_public() -> None:
    async with TravisServer(rate_rules=True) as server:
        assert server.rates is not None
        owners = (server, server.world, server.pusher, server.rates, Demo(server), FaultProxy(server.port))
        for value in (value for owner in owners for name, value in vars(owner).items() if not name.startswith("_")):
            if type(value).__module__.startswith("aiotravis."):
                assert type(value) in PUBLIC_TYPES


@pytest.mark.parametrize("owner", PUBLIC_TYPES)
def test_public_types_have_docstrings(owner: type) -> None:
    members = [owner, *(member for name, member in vars(owner).items() if not name.startswith("_"))]
    missing = [
        one for one in members if (inspect.isroutine(one) or isinstance(one, type | property)) and not one.__doc__
    ]
    assert missing == []
