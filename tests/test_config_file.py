"""The configuration file of the travis command line client."""

import sys
from pathlib import Path
from typing import Any

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


ODD_FILES = [
    "endpoints: [",
    "endpoints: 2001-13-45",
    "endpoints: 2001-12-14t21:59:43.10-99:00",
    "endpoints: !!python/object:os.system t0ken",
    "endpoints: !!int t0ken",
    "endpoints: !!float t0ken",
    "endpoints: !!timestamp t0ken",
    "endpoints: !!binary t0ken-\xe9",
    "endpoints: !t0ken {}",
    "? [t0ken]\n: 1",
    "? {t0ken: 1}\n: 1",
    "endpoints: *t0ken",
    "a: &a [*a]\nendpoints: {t0ken",
    "endpoints: {<<: t0ken}",
    "endpoints: '\\x00t0ken\x00",
    "%YAML 9.9\n---\nt0ken: {}",
    "endpoints:\n\tt0ken: 1",
    "- " * 30_000,
    "[" * 30_000,
    "endpoints: " + "9" * 5000,
    "endpoints: {x: 1:99:99:99" + ":99" * 4000 + "}",
    "\ud83dt0ken",
]


@pytest.mark.parametrize("text", ODD_FILES, ids=range(len(ODD_FILES)))
def test_an_odd_file_raises_usage_error_without_its_content(file: Path, text: str) -> None:
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(errors.UsageError) as info:
        Travis.from_config(path=file)
    assert info.value.argument in {"path", "endpoint"}
    assert "t0ken" not in repr((info.value, info.value.__context__, info.value.__cause__))


ODD_VALUES = [
    "endpoints: 5",
    "endpoints: []",
    "endpoints: null",
    "endpoints: {5: {access_token: t0ken}}",
    "endpoints: {null: {access_token: t0ken}}",
    "endpoints: {'https://host': t0ken}",
    "endpoints: {'https://host': [t0ken]}",
    "endpoints: {'https://host': {access_token: 5}}",
    "endpoints: {'https://host': {access_token: null}}",
    "endpoints: {'https://host': {access_token: ''}}",
    "endpoints: {'https://host': {access_token: 'a b'}}",
    "endpoints: {'https://host': {access_token: {t0ken: 1}}}",
    "endpoints: {'https://host\\x1b[2J': {}}",
    'endpoints: {"https://host\\e[2J": {}}',
    "endpoints: {'ftp://host': {access_token: t0ken}}",
    "default_endpoint: 5\nendpoints: {}",
    "default_endpoint: 'https://other'\nendpoints: {'https://host': {access_token: t0ken}}",
]


@pytest.mark.parametrize("text", ODD_VALUES, ids=range(len(ODD_VALUES)))
def test_odd_values_in_a_file_raise_usage_error(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(errors.UsageError) as info:
        Travis.from_config(path=file)
    assert info.value.argument in {"path", "endpoint", "token"}
    assert str(info.value).isprintable()
    assert "t0ken" not in repr((info.value, info.value.__context__, info.value.__cause__))


@pytest.mark.parametrize(
    "path",
    ["~nosuchuser/config.yml", "", "\x00", "a\x00b", "\ud800", None, 5, b"x", ["x"], "/", "/dev/null/x", "x" * 5000],
)
def test_an_odd_path_raises_usage_error(path: Any) -> None:
    with pytest.raises(errors.UsageError) as info:
        Travis.from_config(path=path)
    assert info.value.argument == "path"
    assert str(info.value).isprintable()


@pytest.mark.parametrize("endpoint", ["", " ", 5, b"https://host", "\ud800", "a\x00", ["x"]])
def test_an_odd_endpoint_raises_usage_error(file: Path, endpoint: Any) -> None:
    file.write_text(TWO)
    with pytest.raises(errors.UsageError) as info:
        Travis.from_config(endpoint, path=file)
    assert info.value.argument == "endpoint"


def test_an_endpoint_is_found_in_any_spelling_of_its_host(file: Path) -> None:
    file.write_text(TWO)
    for endpoint in ("https://API.travis-ci.com", "https://api.travis-ci.com:443/", "https://api.travis-ci.com."):
        assert read_config(file, endpoint) == ("https://api.travis-ci.com", "t0ken-com")
    file.write_text("endpoints: {'https://HOST:443/api/': {access_token: abc}}\ndefault_endpoint: https://host/api")
    assert read_config(file, None) == ("https://host/api", "abc")
