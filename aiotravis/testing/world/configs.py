"""A parsed .travis.yml as Travis shows it: without secrets, with ``env`` in the forms of builds and of jobs.

https://docs.travis-ci.com/api/#builds
"""

import re
from collections.abc import Mapping
from typing import Final, cast

__all__ = ["build_config", "job_config"]

INVALID_SECURE_VARIABLE: Final = "[One of the secure variables in your .travis.yml has an invalid format.]"

SAFE_ADDONS: Final = frozenset(
    {"apt", "apt_packages", "apt_sources", "firefox", "hosts", "mariadb", "postgresql", "ssh_known_hosts"}
)
"""Addons that jobs show; others may hold secrets."""

ENV_VALUE: Final = re.compile(r"(?<==)(\"[^\"]*\"|'[^']*'|\S+)")

Config = Mapping[str, object]


def build_config(config: Config) -> dict[str, object]:
    """Return the config of a build: ``env`` as a list of strings; nested sections of it are kept."""
    filtered = {str(name): value for name, value in config.items() if name != "source_key"}
    # fact 9.15: builds have a list, jobs a string; fact 3.6: nested sections stay.
    if "env" in filtered:
        env = filtered["env"]
        filtered["env"] = env if env is None or _is_nested(env) else _entries(env)
    return filtered


def job_config(config: Config) -> dict[str, object]:
    """Return the config of a job: ``env`` and ``global_env`` as one string each, and only safe addons."""
    filtered = {str(name): value for name, value in config.items() if name != "source_key"}
    for name in ("env", "global_env"):
        if filtered.get(name) is not None:
            filtered[name] = " ".join(_entries(filtered[name]))
    addons = filtered.get("addons")
    if isinstance(addons, dict):
        addon_settings = cast("Config", addons)
        filtered["addons"] = {name: value for name, value in addon_settings.items() if name in SAFE_ADDONS}
    return filtered


def _is_nested(env: object) -> bool:
    return isinstance(env, dict) and "secure" not in env


def _entries(env: object) -> list[str]:
    entries = cast("list[object]", env) if isinstance(env, list) else [env]
    return [_entry(entry) for entry in entries]


def _entry(entry: object) -> str:
    """Return one entry; of ``{"secure": "NAME=value"}`` only the name is shown.

    Nothing is encrypted in this world, so an entry without a name stands for one that cannot be decrypted.
    """
    if not isinstance(entry, dict):
        return str(entry)
    secret = cast("Config", entry).get("secure")
    return ENV_VALUE.sub("[secure]", secret) if isinstance(secret, str) and "=" in secret else INVALID_SECURE_VARIABLE
