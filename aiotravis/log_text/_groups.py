"""Names of phases, and the groups that they belong to. No I/O.

The names are those of the folds and timers of https://github.com/travis-ci/travis-build/tree/master/lib/travis/build
"""

from functools import lru_cache
from typing import Final

__all__ = [
    "AFTER_INSTALL",
    "GROUPS",
    "NAMES",
    "STAGES",
    "UNFOLDABLE",
    "UNNAMED",
    "group_of",
    "phase_of_fold",
    "phase_of_label",
]

GROUPS: Final = ("setup", "checkout", "cache", "install", "script", "after", "deploy", "other")
"""Groups of phases, in the order in which Travis runs them."""

AFTER_INSTALL: Final = frozenset({"install", "script", "after", "deploy"})
"""Groups of the phases before which commands outside of folds are set-up."""

STAGES: Final = frozenset({
    "before_install", "install", "before_script", "script", "before_cache", "cache", "after_success", "after_failure",
    "before_deploy", "deploy", "after_deploy", "after_script",
})  # fmt: skip
"""The phases of .travis.yml, and the cache."""

UNNAMED: Final = ("setup", "script")
"""Phases of commands outside of folds: before the install phases, and after them."""

UNFOLDABLE: Final = frozenset({"worker_info", "system_info", "git.checkout"})
"""Folds that stand in no other fold, beside those of the stages."""

# What fails in the first four groups stops the job, whose state is then errored.
_GROUP_OF: Final = {
    "checkout": "checkout", "git": "checkout", "svn": "checkout", "hg": "checkout", "p4": "checkout",
    "before_install": "install", "install": "install", "before_script": "install", "bundler": "install",
    "bundle": "install", "npm": "install", "yarn": "install", "pip": "install", "composer": "install",
    "cocoapods": "install", "R-dependencies": "install",
    "script": "script",
    "cache": "cache", "before_cache": "cache", "setup_cache": "cache", "setup_casher": "cache",
    "package cache": "cache",
    "after_success": "after", "after_failure": "after", "after_script": "after", "after_result": "after",
    "finish": "after", "before_finish": "after", "reset_state": "after", "artifacts": "after", "sbom": "after",
    "coverity_scan": "script", "agent": "setup",
    "before_deploy": "deploy", "deploy": "deploy", "after_deploy": "deploy", "dpl": "deploy", "releases": "deploy",
}  # fmt: skip

_EXCEPTIONS: Final = {"git.netrc": "setup", "agent.debug": "after"}

_SETUP_PREFIXES: Final = (
    "fix_", "rm_", "update_", "install_", "setup_", "set_", "disable_", "enable_", "uninstall_", "show_", "apt_",
    "check_", "clean_", "no_", "wait_for_", "maven_", "docker_", "home_", "put_", "ensure_", "redefine_", "deprecate_",
    "debug_", "addons_", "shell_session_", "nonblock_", "define_", "git_", "vault_",
)  # fmt: skip
"""How names of the steps begin that prepare the machine."""

_SETUP: Final = frozenset(
    """
    worker_info system_info setup configure prepare env export announce header apt apt-get services rvm rvm_use nvm nvs
    node jdk jdk_switcher php phpenv hhvm pearrc go gimme python pyenv virtualenv perlbrew ghc haskell rust rustup
    dotnet mono julia Julia-install R-install otp kerl elixir kiex dart xcode brew homebrew snap snaps yum
    pkg hosts hostname postgresql mysql mariadb rethinkdb mssql_server sauce_connect browserstack chrome firefox
    jwt ssh_known_hosts secrets resolvconf npm_registry sonarcloud sonarqube phantomjs blender transifex docker debug
    update pandoc texlive
    """.split()  # noqa: SIM905 - a list of 70 strings would be a page
)

NAMES: Final = frozenset({
    *_GROUP_OF, *_EXCEPTIONS, *_SETUP, "git.checkout", "git.submodule", "git.lfs", "nvm.install", "install.npm",
    "install.yarn", "cache.npm", "apt-get.diagnostics", "step_upload_script", "update_libssl1.0.0",
} - {"package cache"})  # fmt: skip
"""Names of folds and events, without numbers."""


@lru_cache(256)
def phase_of_fold(name: str) -> str:
    """Return the phase of a fold: ``install`` for ``install.2``, ``deploy`` for ``dpl_0``."""
    stem = name.rstrip("0123456789")
    if stem != name and stem[-1:] in (".", "-", "_") and stem[:-1]:
        # Until 2013 a hyphen stood before the number.
        stem = stem[:-1]
        if name[len(stem)] == "." or stem in STAGES or stem == "dpl":
            name = stem
    return "deploy" if name == "dpl" else name


def phase_of_label(line: str) -> str | None:
    """Return the phase of the fold whose name is all that a line shows, or None."""
    name = line.strip()
    return None if " " in name or group_of(name) is None else phase_of_fold(name)


@lru_cache(1024)
def group_of(name: str) -> str | None:
    """Return the group of a phase, or None for a name that Travis does not use."""
    if name in _EXCEPTIONS:
        return _EXCEPTIONS[name]
    for stem in (phase_of_fold(name), name.partition(".")[0]):
        if stem in _GROUP_OF:
            return _GROUP_OF[stem]
        if stem in _SETUP:
            return "setup"
    return "setup" if name.startswith(_SETUP_PREFIXES) else None
