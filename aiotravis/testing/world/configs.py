"""How a .travis.yml that was parsed is shown: without secrets, and environments in the forms of builds and of jobs.

https://docs.travis-ci.com/api/#builds
"""

import re
from collections.abc import Mapping
from typing import Final, cast

__all__ = ["build_config", "job_config"]

UNREADABLE: Final = "[One of the secure variables in your .travis.yml has an invalid format.]"

SAFE_ADDONS: Final = frozenset(
    {"apt", "apt_packages", "apt_sources", "firefox", "hosts", "mariadb", "postgresql", "ssh_known_hosts"}
)
"""Addons that are shown of a job; others may hold what is nobody's business."""

VALUE: Final = re.compile(r"(?<==)(\"[^\"]*\"|'[^']*'|\S+)")

Config = Mapping[str, object]


def build_config(config: Config) -> dict[str, object]:
    """Show a build's: ``env`` as a list of texts; sections of it stay what they are."""
    shown = {str(name): value for name, value in config.items() if name != "source_key"}
    if "env" in shown:
        env = shown["env"]
        shown["env"] = env if env is None or _is_nested(env) else _entries(env)
    return shown


def job_config(config: Config) -> dict[str, object]:
    """Show a job's: ``env`` and ``global_env`` as one text each, its addons cut down to those that are safe."""
    shown = {str(name): value for name, value in config.items() if name != "source_key"}
    for name in ("env", "global_env"):
        if shown.get(name) is not None:
            shown[name] = " ".join(_entries(shown[name]))
    addons = shown.get("addons")
    if isinstance(addons, dict):
        known = cast("Config", addons)
        shown["addons"] = {name: value for name, value in known.items() if name in SAFE_ADDONS}
    return shown


def _is_nested(env: object) -> bool:
    return isinstance(env, dict) and "secure" not in env


def _entries(env: object) -> list[str]:
    entries = cast("list[object]", env) if isinstance(env, list) else [env]
    return [_entry(one) for one in entries]


def _entry(entry: object) -> str:
    """Show one: of ``{"secure": "NAME=value"}`` the name.

    Nothing is encrypted in this world, so what has no name in it could not have been decrypted.
    """
    if not isinstance(entry, dict):
        return str(entry)
    secret = cast("Config", entry).get("secure")
    return VALUE.sub("[secure]", secret) if isinstance(secret, str) and "=" in secret else UNREADABLE
