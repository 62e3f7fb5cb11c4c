"""The site and the token, and where they come from."""

import os
from pathlib import Path

import pytest

from aiotravis import COM, ORG, errors
from aiotravis._config_file import StoredConfig
from aiotravis.cli._site import config_path, find_site, stored_config

HOST = "https://travis.example.org/api"

CONFIG = StoredConfig({COM: "com-t", ORG: "org-t", HOST: "host-t"}, ORG, {"me/app": HOST}, {"work": HOST})


def found(
    environment: dict[str, str] | None = None,
    *,
    endpoint: str | None = None,
    token: str | None = None,
    slug: str | None = None,
    config: StoredConfig = CONFIG,
) -> tuple[str, str | None]:
    site = find_site(endpoint=endpoint, token=token, slug=slug, environment=environment or {}, config=config)
    return site.endpoint, site.token


def test_the_option_comes_before_the_environment_and_that_before_the_file() -> None:
    both = {"TRAVIS_ENDPOINT": HOST, "TRAVIS_TOKEN": "env-t"}
    assert found() == (ORG, "org-t")
    assert found(both) == (HOST, "env-t")
    assert found(both, endpoint="com") == (COM, "com-t")
    assert found(both, endpoint=HOST + "/", token="opt-t") == (HOST, "opt-t")
    assert found(both, endpoint="com", config=StoredConfig()) == (COM, None)
    assert found(config=StoredConfig()) == (COM, None)


def test_a_token_of_the_environment_goes_to_no_other_site() -> None:
    alone = {"TRAVIS_TOKEN": "env-t"}
    assert found(alone) == (COM, "env-t")
    assert found(alone, slug="me/app") == (COM, "env-t")
    for endpoint in ("org", ORG, "work", HOST):
        assert found(alone, endpoint=endpoint)[1] != "env-t"
    assert found({"TRAVIS_ENDPOINT": HOST}) == (HOST, "host-t")
    assert found({"TRAVIS_ENDPOINT": "https://elsewhere/api"}) == ("https://elsewhere/api", None)


def test_a_token_of_the_file_goes_only_to_its_own_endpoint() -> None:
    assert found(endpoint="https://api.travis-ci.com.evil.example") == ("https://api.travis-ci.com.evil.example", None)
    assert found(endpoint="http://api.travis-ci.com") == ("http://api.travis-ci.com", None)


def test_the_file_names_sites_for_repositories_and_for_names() -> None:
    assert found(slug="me/app") == (HOST, "host-t")
    assert found(slug="me/other") == (ORG, "org-t")
    assert found(endpoint="work") == (HOST, "host-t")
    assert found(config=StoredConfig({HOST: "host-t"})) == (HOST, "host-t")


@pytest.mark.parametrize("endpoint", ["nonsense", "ftp://host", "https://", "travis-ci.com"])
def test_an_odd_endpoint_is_refused_where_it_was_said(endpoint: str) -> None:
    with pytest.raises(errors.UsageError, match=r"^--endpoint"):
        found(endpoint=endpoint)
    with pytest.raises(errors.UsageError, match=r"^TRAVIS_ENDPOINT"):
        found({"TRAVIS_ENDPOINT": endpoint})


def test_an_odd_endpoint_of_the_file_is_refused_by_the_name_of_the_file() -> None:
    for config in (StoredConfig({}, "nonsense"), StoredConfig({"nonsense": "t"})):
        with pytest.raises(errors.UsageError, match=r"^the endpoint in the configuration file must begin"):
            found(config=config)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_folder_or_a_pipe_is_no_configuration_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(errors.UsageError, match="is not a file"):
            stored_config(path)


def test_no_site_shows_its_token() -> None:
    site = find_site(endpoint=None, token="t0ken", slug=None, environment={}, config=CONFIG)
    assert "t0ken" not in repr(site)
    assert "-t" not in repr(CONFIG)


def test_a_broken_file_stops_nothing_that_does_not_need_it(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text("endpoints: [")
    environment = {"TRAVIS_CONFIG_PATH": str(tmp_path)}
    with pytest.raises(errors.UsageError, match="is not a YAML file"):
        find_site(endpoint=None, token=None, slug=None, environment=environment)
    complete = {**environment, "TRAVIS_TOKEN": "t"}
    assert find_site(endpoint=None, token=None, slug=None, environment=complete).token == "t"
    assert find_site(endpoint=HOST, token="t", slug=None, environment=environment).token == "t"


def test_without_a_home_folder_there_is_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    assert config_path({}) == Path("~/.travis/config.yml").expanduser()
    assert config_path({"TRAVIS_CONFIG_PATH": "/x"}) == Path("/x/config.yml")
    monkeypatch.setattr(Path, "expanduser", missing_home)
    assert config_path({}) is None
    assert stored_config(None) == StoredConfig()


def missing_home(path: Path) -> Path:
    raise RuntimeError("Could not determine home directory.")
