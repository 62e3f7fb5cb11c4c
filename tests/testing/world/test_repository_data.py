"""What repositories have beside builds."""

from aiotravis.testing import World
from aiotravis.testing.world.repository_data import RepositoryData


def test_each_repository_has_its_own() -> None:
    first, second = RepositoryData(), RepositoryData()
    first.settings["build_pushes"] = False
    first.env_vars.clear()
    assert second.settings["build_pushes"] is True
    assert first.key.startswith("-----BEGIN PUBLIC KEY-----")


def test_readers_may_not_push() -> None:
    world = World()
    sarah, josh = world.user("sarah", token="a"), world.user("josh", token="b")
    repository = world.repository("a/b", users=[sarah, josh])
    repository.readers.append(josh)
    assert [repository.may_push(user) for user in (sarah, josh, None)] == [True, False, False]
