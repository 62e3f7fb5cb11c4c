"""The keyword arguments that every way to make a client takes."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import get_type_hints

import pytest

from aiotravis import ORG, ClientOptions, Travis
from tests.conftest import TOKEN


def test_the_options_are_the_arguments_of_a_client_with_their_types() -> None:
    hints = get_type_hints(Travis.__init__)
    arguments = {name: hints[name] for name in inspect.signature(Travis.__init__).parameters if name in hints}
    del arguments["token"], arguments["endpoint"]
    assert get_type_hints(ClientOptions) == arguments


def from_environment(patch: pytest.MonkeyPatch, folder: Path, options: ClientOptions) -> Travis:
    patch.setenv("TRAVIS_TOKEN", f"{TOKEN}\n")
    patch.setenv("TRAVIS_ENDPOINT", f"{ORG}\n")
    return Travis.from_env(**options)


def from_file(patch: pytest.MonkeyPatch, folder: Path, options: ClientOptions) -> Travis:
    file = folder / "config.yml"
    file.write_text(f"endpoints: {{'{ORG}/': {{access_token: {TOKEN}}}}}")
    return Travis.from_config(path=file, **options)


@pytest.mark.parametrize("make", [from_environment, from_file])
def test_a_client_is_made_with_options_from_where_its_token_is(
    make: Callable[[pytest.MonkeyPatch, Path, ClientOptions], Travis], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    travis = make(monkeypatch, tmp_path, {"proxy": "http://p:1", "attempts": 7, "user_agent": "me/1"})
    assert (travis.endpoint, travis._transport.identity.token) == (ORG, TOKEN)
    config = travis._transport.config
    assert (config.proxy, config.attempts, travis._transport.pool.user_agent[:5]) == ("http://p:1", 7, "me/1 ")


def test_the_endpoint_of_the_environment_can_be_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAVIS_ENDPOINT", ORG)
    monkeypatch.setenv("TRAVIS_TOKEN", "\n")
    assert repr(Travis.from_env("https://host/api")) == "Travis('https://host/api', without a token)"
