"""The client as its user has it: made, shown, opened, closed."""

import pytest

from aiotravis import COM, ORG, Travis
from tests.conftest import TOKEN


def test_a_trailing_slash_does_not_matter_and_the_token_does_not_show() -> None:
    assert Travis(endpoint="https://host/api/").endpoint == "https://host/api"
    assert repr(Travis(TOKEN)) == f"Travis({COM!r}, with a token)"
    assert repr(Travis(endpoint=ORG)) == f"Travis({ORG!r}, without a token)"


def test_the_environment_is_read_only_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAVIS_TOKEN", TOKEN)
    monkeypatch.setenv("TRAVIS_ENDPOINT", ORG)
    assert repr(Travis()) == f"Travis({COM!r}, without a token)"
    assert repr(Travis.from_env()) == f"Travis({ORG!r}, with a token)"
    monkeypatch.setenv("TRAVIS_TOKEN", "")
    monkeypatch.delenv("TRAVIS_ENDPOINT")
    assert repr(Travis.from_env()) == f"Travis({COM!r}, without a token)"
