"""The site and the token that a command uses, and where they come from."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import aiotravis
from aiotravis.errors import UsageError

if TYPE_CHECKING:
    from aiotravis._config_file import StoredConfig

__all__ = ["Site", "config_path", "find_site", "stored_config"]


class Site(NamedTuple):
    """A site, and the token for it.

    Attributes:
        endpoint: URL of the API.
        endpoint_source: What named it, for people.
        token: The token; None if there is none.
        token_source: Where it comes from.
    """

    endpoint: str
    endpoint_source: str
    token: str | None = None
    token_source: str = "none"

    @property
    def description(self) -> str:
        """Which site and token are used, and why, for people; without the token."""
        token = "no token: 'aiotravis login' stores one" if self.token is None else f"token from {self.token_source}"
        return f"(site {self.endpoint}, from {self.endpoint_source}; {token})"

    def __repr__(self) -> str:
        """Return no token."""
        return f"Site({self.endpoint!r}, {self.endpoint_source!r}, token from {self.token_source!r})"


def config_path(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Return the file in which tokens are stored, that of the ``travis`` command; None without a home folder."""
    folder = environment.get("TRAVIS_CONFIG_PATH") or "~/.travis"
    try:
        return Path(folder).expanduser() / "config.yml"
    except RuntimeError:
        return None


def stored_config(path: Path | None) -> "StoredConfig":
    """Return what the file says; nothing if there is no file.

    Raises:
        UsageError: It cannot be read.
    """
    from aiotravis._config_file import StoredConfig, load_config

    try:
        exists = path is not None and path.exists()
    except OSError:
        # A folder of another user: as good as none.
        exists = False
    if path is not None and exists and not path.is_file():
        # A pipe would be waited for.
        raise UsageError(f"{path} is not a file.", argument="path")
    return load_config(path) if path is not None and exists else StoredConfig()


def find_site(
    *,
    endpoint: str | None,
    token: str | None,
    slug: str | None,
    option: str = "--endpoint",
    environment: Mapping[str, str] = os.environ,
    config: "StoredConfig | None" = None,
) -> Site:
    """Return the site to use: from the options, else the environment, else the file, else travis-ci.com.

    ``TRAVIS_TOKEN`` is only for ``TRAVIS_ENDPOINT``, or for travis-ci.com if that is not set. A token of the file is
    only for its own endpoint.

    Args:
        endpoint: The option: a URL, ``com``, ``org``, or the name of an Enterprise in the file.
        token: The option.
        slug: The repository: the file may name a site for it.
        option: What the option of the endpoint is called, for messages.
        environment: The environment.
        config: What the file says; it is read when it is needed if None.

    Raises:
        UsageError: An endpoint is no URL, or the file cannot be read.
    """
    from aiotravis._config_file import StoredConfig

    environment_token = environment.get("TRAVIS_TOKEN", "").strip() or None
    environment_endpoint = environment.get("TRAVIS_ENDPOINT", "").strip() or None
    token_endpoint = _url(environment_endpoint or aiotravis.COM, "TRAVIS_ENDPOINT") if environment_token else None
    if config is None:
        # What options and environment say in full needs no file, however broken it may be.
        complete = (token or token_endpoint) and (environment_endpoint or token_endpoint or endpoint)
        known = (endpoint is None and complete) or (token and endpoint is not None and _is_url(endpoint))
        config = StoredConfig() if known else stored_config(config_path(environment))
    if endpoint is not None:
        found, source = _named(endpoint.strip(), config, option), option
    elif environment_endpoint is not None:
        found, source = _url(environment_endpoint, "TRAVIS_ENDPOINT"), "TRAVIS_ENDPOINT"
    elif token_endpoint is not None:
        found, source = token_endpoint, "the default beside TRAVIS_TOKEN"
    elif slug is not None and slug in config.repositories:
        found, source = config.repositories[slug], f"the configuration file, for {slug}"
    elif config.default is not None:
        found, source = config.default, "the configuration file"
    elif len(config.tokens) == 1:
        found, source = next(iter(config.tokens)), "the configuration file"
    else:
        found, source = aiotravis.COM, "the default"
    _url(found, f"the endpoint in {source}")
    if token is not None:
        return Site(found, source, token.strip(), "--token")
    if found == token_endpoint:
        return Site(found, source, environment_token, "TRAVIS_TOKEN")
    if (stored := config.tokens.get(found)) is not None:
        return Site(found, source, stored, "the configuration file")
    return Site(found, source)


def _named(name: str, config: "StoredConfig", option: str) -> str:
    if name in {"com", "org"}:
        return aiotravis.COM if name == "com" else aiotravis.ORG
    if name in config.enterprises:
        return config.enterprises[name]
    return _url(name, option)


def _is_url(text: str) -> bool:
    return text in {"com", "org"} or "://" in text


def _url(text: str, name: str) -> str:
    from aiotravis.client._validation import validate_endpoint

    try:
        return validate_endpoint(text)
    except UsageError as exc:
        raise UsageError(str(exc).replace("endpoint", name, 1), argument="endpoint") from None
