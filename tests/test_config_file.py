"""The file of the travis command line client."""

import sys
from pathlib import Path

import pytest

from aiotravis import Travis, errors
from aiotravis._config_file import read_config

TWO = """endpoints:
  https://api.travis-ci.org/:
    access_token: t0ken-org
  https://api.travis-ci.com/:
    access_token: t0ken-com
  https://travis.example.org/api/: {}
last_check: {at: 2021-01-01}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.yml"


def test_the_token_of_an_endpoint_is_found_with_or_without_its_slash(file: Path) -> None:
    file.write_text(TWO)
    for endpoint in ("https://api.travis-ci.org", "https://api.travis-ci.org/"):
        assert read_config(file, endpoint) == ("https://api.travis-ci.org", "t0ken-org")
    file.write_text(f"{TWO}default_endpoint: https://api.travis-ci.com/\n")
    assert read_config(str(file), None) == ("https://api.travis-ci.com", "t0ken-com")
    assert repr(Travis.from_config(path=file)) == "Travis('https://api.travis-ci.com', with a token)"


def test_the_only_endpoint_needs_no_name(file: Path) -> None:
    file.write_text("endpoints: {'https://host/api/': {access_token: abc}}")
    assert read_config(file, None) == ("https://host/api", "abc")


@pytest.mark.parametrize(
    ("text", "endpoint", "told"),
    [
        (TWO, None, "names 3 endpoints and no default"),
        (TWO, "https://travis.example.org/api", "has no token for https://travis.example.org/api; it has some for: "),
        (TWO, "https://elsewhere", "has no token for https://elsewhere"),
        ("", None, "names 0 endpoints"),
        ("[1]", "https://x", "it has some for: none"),
        ("t0ken: [", None, "is no YAML file"),
    ],
)
def test_what_is_not_there_is_told_without_any_token(file: Path, text: str, endpoint: str | None, told: str) -> None:
    file.write_text(text)
    with pytest.raises(errors.UsageError) as info:
        read_config(file, endpoint)
    assert told in str(info.value)
    assert "t0ken" not in str(info.value)


def test_a_file_that_is_missing_and_an_extra_that_is(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(errors.UsageError, match="cannot be read"):
        read_config(file, None)
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(errors.UsageError, match=r"aiotravis\[config\]"):
        read_config(file, None)
