"""The file in which the ``travis`` command line client keeps its tokens."""

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import cast

from aiotravis.errors import UsageError

__all__ = ["read_config"]


def read_config(path: str | PathLike[str], endpoint: str | None) -> tuple[str, str]:
    """Read an endpoint and its token.

    Args:
        path: The file; ``~`` is the user's home.
        endpoint: Which endpoint; the file's default, or its only one, if None.

    Raises:
        UsageError: The extra ``config`` is not installed, the file cannot be read, or it has no token for the endpoint.
    """
    file = Path(path).expanduser()
    read = _mapping(_parsed(file))
    known = {str(url).rstrip("/"): _mapping(entry) for url, entry in _mapping(read.get("endpoints")).items()}
    default = read.get("default_endpoint")
    if endpoint is None and isinstance(default, str):
        endpoint = default
    if endpoint is None and len(known) == 1:
        endpoint = next(iter(known))
    if endpoint is None:
        raise UsageError(f"{file} names {len(known)} endpoints and no default: pass endpoint=.", argument="endpoint")
    chosen = endpoint.rstrip("/")
    token = known.get(chosen, {}).get("access_token")
    if not isinstance(token, str):
        there = ", ".join(known) or "none"
        raise UsageError(f"{file} has no token for {chosen}; it has some for: {there}.", argument="endpoint")
    return chosen, token


def _parsed(file: Path) -> object:
    try:
        import yaml
    except ImportError:
        raise UsageError("Reading this file needs the extra config: pip install 'aiotravis[config]'.") from None
    try:
        with file.open(encoding="utf-8") as stream:
            parsed: object = yaml.safe_load(stream)
    except OSError as exc:
        raise UsageError(f"{file} cannot be read ({exc.strerror}). 'travis login' makes it.", argument="path") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        # What is wrong is not quoted: it may stand beside a token.
        raise UsageError(f"{file} is no YAML file.", argument="path") from None
    return parsed


def _mapping(value: object) -> Mapping[object, object]:
    return cast("Mapping[object, object]", value) if isinstance(value, dict) else {}
