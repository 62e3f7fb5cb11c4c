"""Reading the file in which the ``travis`` command line client stores its tokens."""

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import cast

from aiotravis._http.redirects import normalized
from aiotravis._validation import is_text, validate_text
from aiotravis.errors import UsageError

__all__ = ["read_config"]


def read_config(path: str | PathLike[str], endpoint: str | None) -> tuple[str, str]:
    """Return an endpoint and its token.

    Args:
        path: The file; ``~`` is the user's home.
        endpoint: URL of the endpoint; None for the file's default, or its only one.

    Raises:
        UsageError: The extra ``config`` is not installed, the file cannot be read, or it has no token for the endpoint.
    """
    file = _expanded(path)
    if file is None:
        raise UsageError("path must be a file of an existing user.", argument="path")
    if endpoint is not None:
        validate_text(endpoint, "endpoint")
    config = _mapping(_parse(file))
    entries = {_normalized(str(url)): _mapping(entry) for url, entry in _mapping(config.get("endpoints")).items()}
    default = config.get("default_endpoint")
    if not isinstance(default, str):
        default = next(iter(entries)) if len(entries) == 1 else None
    endpoint = default if endpoint is None else endpoint
    if endpoint is None:
        raise UsageError(f"{file} names {len(entries)} endpoints and no default: pass endpoint=.", argument="endpoint")
    endpoint = _normalized(endpoint)
    token = entries.get(endpoint, {}).get("access_token")
    if not isinstance(token, str):
        known = ", ".join(entries) or "none"
        raise UsageError(f"{file} has no token for {endpoint}. Endpoints in it: {known}.", argument="endpoint")
    return endpoint, token


def _normalized(url: str) -> str:
    try:
        return normalized(url)
    except ValueError:
        return url


def _expanded(path: object) -> Path | None:
    if not isinstance(path, str | PathLike):
        return None
    try:
        file = Path(cast("str | PathLike[str]", path))
        return file.expanduser() if is_text(str(file)) else None
    except (RuntimeError, TypeError, ValueError):
        # There is no such user, or the path is of bytes.
        return None


def _parse(file: Path) -> object:
    try:
        import yaml
    except ImportError:
        raise UsageError("Reading this file requires the extra config: pip install 'aiotravis[config]'.") from None
    try:
        with file.open(encoding="utf-8") as stream:
            return cast("object", yaml.safe_load(stream))
    except OSError as exc:
        message = f"{file} cannot be read ({exc.strerror}). 'travis login' creates it."
    except Exception:  # noqa: BLE001 - PyYAML raises many kinds for an odd date, number, key, depth or character
        message = f"{file} is not a YAML file."
    # Outside the handlers: the exception may quote a token.
    raise UsageError(message, argument="path")


def _mapping(value: object) -> Mapping[object, object]:
    return cast("Mapping[object, object]", value) if isinstance(value, dict) else {}
