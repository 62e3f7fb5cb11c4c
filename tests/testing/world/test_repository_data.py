"""Data of repositories beside builds."""

from aiotravis.testing.world.repository_data import RepositoryData


def test_each_repository_has_its_own_data() -> None:
    first, second = RepositoryData(), RepositoryData()
    first.settings["build_pushes"] = False
    first.env_vars.clear()
    assert second.settings["build_pushes"] is True
    assert first.key.startswith("-----BEGIN PUBLIC KEY-----")
