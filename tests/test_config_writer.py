"""Changing the configuration file of the travis command line client."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from aiotravis import COM, ORG, errors
from aiotravis._config_file import load_config
from aiotravis._config_writer import check_changeable, store_default, store_token

HOST = "https://travis.example.org/api"

FULL = """---
endpoints:
  https://api.travis-ci.org/: {access_token: t-org, insecure: true}
  https://TRAVIS.example.org:443/api: &host
    access_token: t-host
    enterprise: work
  https://copy.example.org/api/: *host
repos:
  me/app: {endpoint: "https://api.travis-ci.org/"}
enterprise: {work: "https://travis.example.org/api"}
last_check: {etag: 'W/"x"', version: 1.8.0, at: 2021-01-01 00:00:01.50 +01:00}
checked_completion: true
completion_version: 0o17
:symbol: 017
"ünknown \\u202e": [1, ~, .inf, !!str 2, 'it''s', "1.0", {a: [b]}]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.yml"


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_first_token_makes_a_folder_and_a_file_for_the_user_alone(tmp_path: Path) -> None:
    file = tmp_path / ".travis" / "config.yml"
    assert store_token(file, COM, "t-com")
    assert file.read_text() == "---\nendpoints:\n  https://api.travis-ci.com/:\n    access_token: t-com\n"
    assert (mode_of(file), mode_of(file.parent)) == (0o600, 0o700)
    assert [one.name for one in file.parent.iterdir()] == ["config.yml"]


@pytest.mark.parametrize("endpoint", [HOST, f"{HOST}/", "https://travis.EXAMPLE.org/api/"])
def test_a_token_is_replaced_in_any_spelling_and_nothing_else_changes(file: Path, endpoint: str) -> None:
    file.write_text(FULL)
    file.chmod(0o644)
    assert store_token(file, endpoint, "new")
    before, after = yaml.safe_load(FULL), yaml.safe_load(file.read_text())
    before["endpoints"]["https://TRAVIS.example.org:443/api"] = {"access_token": "new", "enterprise": "work"}
    assert after == before
    assert list(after) == list(before)
    # Ruby reads these differently once they are quoted or tagged.
    for line in (":symbol: 017\n", "  at: 2021-01-01 00:00:01.50 +01:00\n", "completion_version: 0o17\n"):
        assert line in file.read_text()
    assert mode_of(file) == 0o600


def test_a_token_that_is_there_already_changes_nothing(file: Path) -> None:
    file.write_text(FULL)
    assert not store_token(file, ORG, "t-org")
    assert not store_token(file, COM, None)
    assert file.read_text() == FULL


def test_removing_a_token_keeps_the_endpoint_and_its_other_entries(file: Path) -> None:
    file.write_text(FULL)
    assert store_token(file, ORG, None)
    assert not store_token(file, ORG, None)
    entries = yaml.safe_load(file.read_text())["endpoints"]
    assert entries["https://api.travis-ci.org/"] == {"insecure": True}
    assert len(entries) == 3
    store_token(file, HOST, None)
    assert load_config(file).tokens == {ORG: None, HOST: None, "https://copy.example.org/api": "t-host"}


def test_removing_a_token_makes_no_file(file: Path) -> None:
    assert not store_token(file, COM, None)
    assert not file.exists()


@pytest.mark.parametrize("token", ["123", "1e5", "true", "null", "~", "2021-01-01", "-", "#x", "a: b", "{x}", "=", "é"])
def test_a_token_stays_a_text_whatever_it_looks_like(file: Path, token: str) -> None:
    store_token(file, COM, token)
    assert load_config(file).tokens == {COM: token}


def test_the_default_endpoint_is_stored_as_the_travis_command_does(file: Path) -> None:
    file.write_text(FULL)
    assert store_default(file, "https://API.travis-ci.com:443/")
    assert not store_default(file, COM)
    assert yaml.safe_load(file.read_text())["default_endpoint"] == "https://api.travis-ci.com/"
    assert load_config(file).default == COM


DAMAGED = [
    "endpoints: [",
    "[1]",
    "text",
    "5",
    "endpoints: 5",
    "endpoints: [t0ken]",
    "endpoints: {'https://api.travis-ci.com': t0ken}",
    "endpoints: !t0ken {}",
    "a: 1\n---\nb: 2",
    "endpoints: {<<: t0ken}",
    "\x00",
    "[" * 5000,
    "x: &x {access_token: t0ken}\nendpoints: {'https://api.travis-ci.com': {<<: *x, access_token: t0ken}}\n",
]


@pytest.mark.parametrize("text", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_file_is_refused_and_stays_as_it_is(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(errors.UsageError) as info:
        store_token(file, COM, None if "<<: *x" in text else "new")
    assert "t0ken" not in repr((info.value, info.value.__context__, info.value.__cause__))
    assert file.read_text() == text


@pytest.mark.parametrize(
    "text", ["", "---\n", "# nothing\n", "~", "endpoints:", "endpoints: {'https://api.travis-ci.com':}"]
)
def test_what_is_empty_is_filled(file: Path, text: str) -> None:
    file.write_text(text)
    check_changeable(file)
    assert store_token(file, COM, "new")
    assert load_config(file).tokens == {COM: "new"}


def test_a_link_stays_a_link_and_its_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    target, link = tmp_path / "dotfiles" / "travis.yml", tmp_path / "config.yml"
    link.symlink_to(target)
    store_token(link, COM, "one")
    store_token(link, ORG, "two")
    assert link.is_symlink()
    assert load_config(target).tokens == {COM: "one", ORG: "two"}
    assert mode_of(target) == 0o600


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "folder", Path(os.devnull), "\x00"):
        with pytest.raises(errors.UsageError):
            store_token(path, COM, "new")
    with pytest.raises(OSError, match=r"File exists|Not a directory"):
        store_token("/dev/null/config.yml", COM, "new")


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(FULL)

    def full_disk(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match=r"No space left.*config\.yml'\Z"):
        store_token(file, COM, "new")
    assert file.read_text() == FULL
    assert [one.name for one in file.parent.iterdir()] == ["config.yml"]


def test_processes_that_write_at_the_same_time_lose_nothing(file: Path) -> None:
    program = (
        "import sys; from aiotravis._config_writer import store_token\n"
        "for number in range(20): store_token(sys.argv[1], f'https://{sys.argv[2]}-{number}/api', 'token')"
    )
    writers = [subprocess.Popen([sys.executable, "-c", program, str(file), name]) for name in ("a", "b")]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    assert len(load_config(file).tokens) == 40


def test_without_pyyaml_the_extra_is_named(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(errors.UsageError, match=r"aiotravis\[config\]"):
        check_changeable(file)
