"""Reading the file in which the ``travis`` command line client stores its tokens."""

import importlib
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from aiotravis._http.redirects import normalized
from aiotravis._validation import is_text, validate_text
from aiotravis.errors import UsageError

if TYPE_CHECKING:
    import yaml

__all__ = [
    "StoredConfig", "config_of_content", "file_at", "load_config", "parse_config", "read_config", "require_yaml",
    "usual_spelling",
]  # fmt: skip


class StoredConfig(NamedTuple):
    """What the file says. All endpoints are normalized.

    Attributes:
        tokens: Endpoints and their tokens; None for an endpoint without a token.
        default: The default endpoint.
        repositories: Slugs and the endpoint to use for each.
        enterprises: Names and endpoints of Travis CI Enterprise installations.
    """

    tokens: Mapping[str, str | None] = {}
    default: str | None = None
    repositories: Mapping[str, str] = {}
    enterprises: Mapping[str, str] = {}

    def __repr__(self) -> str:
        """Return no token."""
        return f"StoredConfig(endpoints={list(self.tokens)}, default={self.default!r})"


def load_config(path: str | PathLike[str]) -> StoredConfig:
    """Return what a file says; odd entries count as missing.

    Raises:
        UsageError: The extra ``config`` is not installed, or the file cannot be read.
    """
    return _load(file_at(path))


def file_at(path: object) -> Path:
    file = _expanded(path)
    if file is None:
        raise UsageError("path must be a file of an existing user.", argument="path")
    return file


def _load(file: Path) -> StoredConfig:
    return config_of_content(parse_config(file)[0])


def config_of_content(content: object) -> StoredConfig:
    config = _mapping(content)
    tokens: dict[str, str | None] = {}
    for url, entry in _mapping(config.get("endpoints")).items():
        token = _mapping(entry).get("access_token")
        tokens[usual_spelling(str(url))] = token if isinstance(token, str) else None
    default = config.get("default_endpoint")
    repositories = {str(slug): _mapping(entry).get("endpoint") for slug, entry in _mapping(config.get("repos")).items()}
    return StoredConfig(
        tokens,
        usual_spelling(default) if isinstance(default, str) else None,
        {slug: usual_spelling(url) for slug, url in repositories.items() if isinstance(url, str)},
        {
            str(name): usual_spelling(url)
            for name, url in _mapping(config.get("enterprise")).items()
            if isinstance(url, str)
        },
    )


def read_config(path: str | PathLike[str], endpoint: str | None) -> tuple[str, str]:
    """Return an endpoint and its token.

    Args:
        path: The file; ``~`` is the user's home.
        endpoint: URL of the endpoint; None for the file's default, or its only one.

    Raises:
        UsageError: The extra ``config`` is not installed, the file cannot be read, or it has no token for the endpoint.
    """
    file = file_at(path)
    if endpoint is not None:
        validate_text(endpoint, "endpoint")
    config = _load(file)
    tokens = config.tokens
    default = config.default
    if default is None and len(tokens) == 1:
        default = next(iter(tokens))
    endpoint = default if endpoint is None else usual_spelling(endpoint)
    if endpoint is None:
        raise UsageError(f"{file} names {len(tokens)} endpoints and no default: pass endpoint=.", argument="endpoint")
    token = tokens.get(endpoint)
    if token is None:
        known = ", ".join(tokens) or "none"
        raise UsageError(f"{file} has no token for {endpoint}. Endpoints in it: {known}.", argument="endpoint")
    return endpoint, token


def usual_spelling(url: str) -> str:
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


def parse_config(file: Path) -> "tuple[object, yaml.Node | None]":
    """Return the content of a file as values and as nodes, which keep what the values lose.

    Raises:
        UsageError: PyYAML is missing, or the file cannot be read.
    """
    require_yaml()
    import yaml

    try:
        text = file.read_text(encoding="utf-8")
        return cast("object", yaml.safe_load(text)), yaml.compose(text, Loader=yaml.SafeLoader)
    except OSError as exc:
        message = f"{file} cannot be read ({exc.strerror}). 'aiotravis login' and 'travis login' create it."
    except Exception:  # noqa: BLE001 - PyYAML raises many kinds for an odd date, number, key, depth or character
        message = f"{file} is not a YAML file."
    # Outside the handlers: the exception may quote a token.
    raise UsageError(message, argument="path")


def require_yaml() -> None:
    try:
        importlib.import_module("yaml")
    except ImportError:
        raise UsageError("Using this file requires the extra config: pip install 'aiotravis[config]'.") from None


def _mapping(value: object) -> Mapping[object, object]:
    return cast("Mapping[object, object]", value) if isinstance(value, dict) else {}
