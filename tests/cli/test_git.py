"""What git knows about the current folder."""

import subprocess
from pathlib import Path

import pytest

from aiotravis import errors
from aiotravis.cli._git import GuessedRepository, current_commit, guess_repository, slug_of_url


def git(*arguments: str) -> str:
    names = ["-c", "user.name=A", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
    return subprocess.run(["git", *names, *arguments], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in (("HOME", str(tmp_path)), ("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_CEILING_DIRECTORIES", "/")):
        monkeypatch.setenv(name, value)
    folder = tmp_path / "clone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    git("init", "-q")
    return folder


@pytest.mark.parametrize(
    ("url", "slug"),
    [
        ("https://github.com/me/app.git", "me/app"),
        ("https://github.com/me/app", "me/app"),
        ("https://github.com/me/app/", "me/app"),
        ("https://user:secret@github.com:8443/me/app.git", "me/app"),
        ("git@github.com:me/app.git", "me/app"),
        ("github.com:me/app.git", "me/app"),
        ("git@github.com:/me/app.git", "me/app"),
        ("ssh://git@github.com:22/me/app.git", "me/app"),
        ("git://github.com/me/travis.rb.git", "me/travis.rb"),
        ("git+ssh://git@github.com/me/app", "me/app"),
        ("git@gitlab.com:group/sub/app.git", None),
        ("/srv/git/app.git", None),
        ("../app", None),
        ("file:///srv/me/app.git", None),
        ("C:\\\\code\\\\app", None),
        ("", None),
    ],
)
def test_a_remote_url_contains_the_slug(url: str, slug: str | None) -> None:
    assert slug_of_url(url) == slug


def test_the_remote_of_the_branch_comes_before_origin(clone: Path) -> None:
    git("remote", "add", "origin", "git@github.com:fork/app.git")
    assert guess_repository() == GuessedRepository("fork/app", "git remote origin")
    git("remote", "add", "upstream", "https://github.com/owner/app")
    git("config", "branch.main.remote", "upstream")
    assert guess_repository() == GuessedRepository("owner/app", "git remote upstream")
    git("config", "travis.slug", "other/app")
    assert guess_repository() == GuessedRepository("other/app", "git config travis.slug")


def test_the_only_remote_is_used_whatever_its_name(clone: Path) -> None:
    git("remote", "add", "github", "git@github.com:me/app.git")
    assert guess_repository().slug == "me/app"
    git("remote", "add", "backup", "/srv/app.git")
    with pytest.raises(errors.UsageError, match=r"The git remotes here \(backup, github\) do not tell .*: pass -r"):
        guess_repository()


def test_a_clone_without_remote_and_no_clone_say_so(
    clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(errors.UsageError, match="The git clone here has no remote: pass -r owner/name"):
        guess_repository()
    with pytest.raises(errors.UsageError, match="There is no commit here: pass --commit SHA"):
        current_commit()
    monkeypatch.chdir(clone.parent)
    with pytest.raises(errors.UsageError, match="This folder is not a git clone"):
        guess_repository()


def test_without_git_the_error_says_what_to_pass(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(clone))
    with pytest.raises(errors.UsageError, match="git is not installed: pass -r owner/name"):
        guess_repository()


def test_the_current_commit_is_head_also_when_detached(clone: Path) -> None:
    git("commit", "-q", "--allow-empty", "-m", "one")
    sha = current_commit()
    assert len(sha) == 40
    git("checkout", "-q", "--detach")
    assert current_commit() == sha
    git("remote", "add", "origin", "git@github.com:me/app.git")
    assert guess_repository().slug == "me/app"
