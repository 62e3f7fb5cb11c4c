"""The folder of the state file."""

import os
import stat
import tempfile
from pathlib import Path

import pytest

from aiotravis import Travis
from aiotravis.errors import UsageError
from aiotravis.rate_limits import state_folder as module
from aiotravis.rate_limits.state_folder import check_owner, folder_lock, state_folder


def test_the_folder_is_the_same_for_logins_cron_and_services(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TRAVIS_STATE_DIR")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert state_folder() == Path(f"/tmp/aiotravis-{os.geteuid()}")
    monkeypatch.setattr(module, "SHARED_TEMPORARY", tmp_path / "none")
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    assert state_folder() == tmp_path / f"aiotravis-{os.geteuid()}"
    monkeypatch.delattr(os, "geteuid")
    assert state_folder() == tmp_path / "aiotravis"
    monkeypatch.setenv("TRAVIS_STATE_DIR", str(tmp_path / "mine"))
    assert state_folder() == tmp_path / "mine"
    monkeypatch.setenv("TRAVIS_STATE_DIR", "~/here")
    assert state_folder() == Path.home() / "here"


def test_what_another_user_may_have_put_there_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, link = tmp_path / "folder", tmp_path / "link"
    folder.mkdir(mode=0o700)
    link.symlink_to(folder)
    check_owner(folder.lstat(), stat.S_ISDIR, "a folder")
    with pytest.raises(PermissionError, match="is a link"):
        check_owner(link.lstat(), stat.S_ISDIR, "a folder")
    with pytest.raises(PermissionError, match="is not a file"):
        check_owner(folder.lstat(), stat.S_ISREG, "a file")
    folder.chmod(0o777)
    with pytest.raises(PermissionError, match="every user can write"):
        check_owner(folder.lstat(), stat.S_ISDIR, "a folder")
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(PermissionError, match="another user"):
        check_owner(folder.lstat(), stat.S_ISDIR, "a folder")


def test_the_lock_of_a_folder_can_be_taken_again(tmp_path: Path) -> None:
    for _ in range(2):
        with folder_lock(tmp_path):
            pass


@pytest.mark.parametrize("given", ["state", "./state", "../state", ".", "~no-such-user-here/state"])
def test_a_folder_that_depends_on_the_working_directory_is_refused(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAVIS_STATE_DIR", given)
    with pytest.raises(UsageError, match="TRAVIS_STATE_DIR must be an absolute path"):
        Travis("a-token", endpoint="https://api.travis-ci.com", rate_limits="machine")
