"""The configuration file of the travis command line client."""

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


def test_an_endpoint_is_found_with_or_without_its_trailing_slash(file: Path) -> None:
    file.write_text(TWO)
    for endpoint in ("https://api.travis-ci.org", "https://api.travis-ci.org/"):
        assert read_config(file, endpoint) == ("https://api.travis-ci.org", "t0ken-org")
    file.write_text(f"{TWO}default_endpoint: https://api.travis-ci.com/\n")
    assert read_config(str(file), None) == ("https://api.travis-ci.com", "t0ken-com")
    assert repr(Travis.from_config(path=file)) == "Travis('https://api.travis-ci.com', with a token)"


def test_the_only_endpoint_is_the_default(file: Path) -> None:
    file.write_text("endpoints: {'https://host/api/': {access_token: abc}}")
    assert read_config(file, None) == ("https://host/api", "abc")


@pytest.mark.parametrize(
    ("text", "endpoint", "message"),
    [
        (TWO, None, "names 3 endpoints and no default"),
        (TWO, "https://travis.example.org/api", "has no token for https://travis.example.org/api. Endpoints in it: "),
        (TWO, "https://elsewhere", "has no token for https://elsewhere"),
        ("", None, "names 0 endpoints"),
        ("[1]", "https://x", "Endpoints in it: none"),
        ("t0ken: [", None, "is not a YAML file"),
    ],
)
def test_a_missing_entry_raises_usage_error_without_any_token(
    file: Path, text: str, endpoint: str | None, message: str
) -> None:
    file.write_text(text)
    with pytest.raises(errors.UsageError) as info:
        read_config(file, endpoint)
    assert message in str(info.value)
    assert "t0ken" not in str(info.value)


def test_a_missing_file_and_a_missing_extra_raise_usage_error(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(errors.UsageError, match="cannot be read"):
        read_config(file, None)
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(errors.UsageError, match=r"aiotravis\[config\]"):
        read_config(file, None)
