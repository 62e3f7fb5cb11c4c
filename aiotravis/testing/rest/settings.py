"""Routes of settings: general settings, environment variables, SSH keys.

https://docs.travis-ci.com/api/#settings-general
"""

import hashlib
import math
import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Final, cast

from aiohttp import web

from aiotravis.testing.rest.access import ErrorResponse, not_found, read_token
from aiotravis.testing.rest.parameters import Fields, read_raw_object
from aiotravis.testing.rest.routes import (
    Handler,
    Routes,
    SerializedResponse,
    json_response,
    validation_error,
)
from aiotravis.testing.world.builds import Repository
from aiotravis.testing.world.repository_data import DEFAULT_SETTINGS, EnvVar, SshKey

__all__ = ["SettingRoutes", "coerced_setting", "setting_error"]

# fact 9.27: the code of an error may be a sentence.
MAX_VALUES: Final[Mapping[str, tuple[int, str]]] = {
    "timeout_hard_limit": (180, "Invalid hard_limit timeout value (allowed: 0 - 180)"),
    "timeout_log_silence": (60, "Invalid log_silence timeout value (allowed: 0 - 60)"),
    "api_builds_rate_limit": (200, "can't be more than 200"),
}

TRUE: Final[frozenset[object]] = frozenset({"1", "on", "t", "true", "y", "yes", 1})

FALSE: Final[frozenset[object]] = frozenset({"0", "off", "f", "false", "n", "no", 0})
"""Values that count as booleans, texts in any case."""

NUMBER: Final = re.compile(r"[-+]?\d+(\.\d+)?(e[-+]?\d+)?", re.IGNORECASE | re.ASCII)
"""Texts that count as numbers."""


class SettingRoutes(Routes):
    """Routes of settings."""

    def table(self) -> Sequence[tuple[str, str, Handler]]:
        """Return method, path and handler of each route."""
        general, variable, key = r"/repos/{id:\d+}/settings", "/settings/env_vars/{uuid}", r"/settings/ssh_key/{id:\d+}"
        return (
            ("GET", general, self.settings),
            ("PATCH", general, self.change),
            ("GET", "/settings/env_vars", self.env_vars),
            ("POST", "/settings/env_vars", self.add_env_var),
            *((method, variable, self.env_var) for method in ("GET", "PATCH", "DELETE")),
            *((method, key, self.ssh_key) for method in ("GET", "PATCH", "DELETE")),
        )

    # General ----------------------------------------------------------------------------------------------------------

    def _settings_repository(self, request: web.Request) -> Repository:
        return self._writable_repository(request, ErrorResponse(404, b'{"error":"Couldn\'t find repository"}'))

    async def settings(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /repos/{id}/settings``."""
        self._caller(request)
        if read_token(request) is None:
            # fact 1.5: without a token, the id in the path is read as an owner.
            raise not_found()
        return SerializedResponse({"settings": self._settings_repository(request).data.settings})

    async def change(self, request: web.Request) -> web.StreamResponse:
        """Answer ``PATCH /repos/{id}/settings``: change all or nothing."""
        repository = self._settings_repository(request)
        self._check_not_migrated(request, repository)
        changes = await read_raw_object(request, "settings")
        if changes is None:
            return json_response({"error": "Settings must be passed with a request"}, status=422)
        settings = repository.data.settings
        # fact 3.15: unknown names are ignored.
        known = {name: coerced_setting(name, value) for name, value in changes.items() if name in settings}
        for name, value in known.items():
            code = setting_error(name, value)
            if code is not None:
                return validation_error(name, code)
        # fact 3.15: 0 is stored as null.
        zeros = {name: None for name in ("timeout_hard_limit", "timeout_log_silence") if known.get(name) == 0}
        settings.update(known | zeros)
        return SerializedResponse({"settings": settings})

    # Environment variables --------------------------------------------------------------------------------------------

    async def env_vars(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /settings/env_vars``."""
        repository = self._writable_repository(request, ErrorResponse(404), guarded=False)
        return SerializedResponse({"env_vars": [_env_var_json(one, repository) for one in repository.data.env_vars]})

    async def add_env_var(self, request: web.Request) -> web.StreamResponse:
        """Answer ``POST /settings/env_vars``."""
        repository = self._writable_repository(request, ErrorResponse(404), guarded=False)
        self._check_not_migrated(request, repository)
        created = EnvVar(str(uuid.uuid4()), "", None, public=False, branch=None)
        error = _update_env_var(created, await read_raw_object(request, "env_var"))
        if error is not None:
            return error
        repository.data.env_vars.append(created)
        # fact 9.26: 200, not 201.
        return SerializedResponse({"env_var": _env_var_json(created, repository)})

    async def env_var(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET``, ``PATCH`` and ``DELETE /settings/env_vars/{uuid}``."""
        repository = self._writable_repository(request, ErrorResponse(404), guarded=False)
        env_vars = repository.data.env_vars
        found = next((env_var for env_var in env_vars if env_var.id == request.match_info["uuid"]), None)
        if found is None:
            return json_response({"error": "Could not find a requested setting"}, status=404)
        if request.method in {"PATCH", "DELETE"}:
            self._check_not_migrated(request, repository)
        if request.method == "PATCH":
            error = _update_env_var(found, await read_raw_object(request, "env_var"))
            if error is not None:
                return error
        if request.method == "DELETE":
            env_vars.remove(found)
        return SerializedResponse({"env_var": _env_var_json(found, repository)})

    # SSH key ----------------------------------------------------------------------------------------------------------

    async def ssh_key(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET``, ``PATCH`` and ``DELETE /settings/ssh_key/{id}``."""
        enabled = self._server.switches.ssh_keys
        if not (self._server.mode != "org" if enabled is None else enabled):
            raise not_found()
        repository = self._writable_repository(request, not_found())
        found = repository.data.ssh_key
        if request.method == "PATCH":
            fields = await read_raw_object(request, "ssh_key") or {}
            self._check_not_migrated(request, repository)
            if found is None or "value" in fields:
                error = _key_error(str(fields.get("value") or ""))
                if error is not None:
                    return error
            found = _updated_ssh_key(found, fields)
            repository.data.ssh_key = found
        elif found is None:
            if request.method == "DELETE":
                raise not_found()
            return json_response({"error": "Could not find a requested setting"}, status=404)
        elif request.method == "DELETE":
            repository.data.ssh_key = None
        fields = {"id": repository.id, "description": found.description, "fingerprint": found.fingerprint}
        return SerializedResponse({"ssh_key": fields})


def coerced_setting(name: str, value: object) -> object:
    """Return the value of a setting as its type, as far as that is possible; else as it is."""
    # fact 10.4: virtus coerces.
    if isinstance(DEFAULT_SETTINGS.get(name), bool):
        key = value.lower() if isinstance(value, str) else value
        return key in TRUE if isinstance(key, str | int) and key in TRUE | FALSE else value
    if value is None:
        # fact 3.15: the others may be unset.
        return None if name in MAX_VALUES else 0
    if isinstance(value, str) and NUMBER.fullmatch(value):
        value = int(value) if value.lstrip("+-").isdecimal() else float(value)
    return int(value) if isinstance(value, float) and math.isfinite(value) else value


def setting_error(name: str, value: object) -> str | None:
    """Return what is wrong with the coerced value of a setting; None if nothing is."""
    if isinstance(DEFAULT_SETTINGS.get(name), bool):
        return None
    is_number = isinstance(value, int) and not isinstance(value, bool)
    if name in MAX_VALUES and value is None:
        return None
    if name in MAX_VALUES and value != "":
        maximum, sentence = MAX_VALUES[name]
        return None if is_number and 0 <= cast("int", value) <= maximum else sentence
    return None if is_number else "not_a_number"


def _env_var_json(env_var: EnvVar, repository: Repository) -> dict[str, object]:
    fields: dict[str, object] = {"id": env_var.id, "name": env_var.name}
    if env_var.public:  # fact 9.25
        fields["value"] = env_var.value
    return {**fields, "public": env_var.public, "branch": env_var.branch, "repository_id": repository.id}


def _update_env_var(env_var: EnvVar, body: Fields | None) -> web.Response | None:
    """Change a variable; return the error if it would have no name."""
    fields = body or {}
    name = str(fields.get("name", env_var.name) or "")
    if not name.strip():
        return validation_error("name", "missing_field")
    public = bool(fields.get("public", env_var.public))
    if "value" in fields:
        env_var.value = None if fields["value"] is None else str(fields["value"])
    elif public and not env_var.public:
        # fact 9.25: publishing without a value erases it.
        env_var.value = None
    env_var.name, env_var.public = name, public
    if "branch" in fields:
        env_var.branch = str(fields["branch"]) if fields["branch"] else None
    return None


def _key_error(value: str) -> web.Response | None:
    if "PRIVATE KEY" not in value:
        return validation_error("value", "not_a_private_key" if value else "missing_field")
    return validation_error("value", "key_with_a_passphrase") if "ENCRYPTED" in value else None


def _updated_ssh_key(known: SshKey | None, fields: Fields) -> SshKey:
    """Return the new key, or the known one with another description."""
    description = str(fields["description"]) if fields.get("description") else None
    if "value" not in fields and known is not None:
        return SshKey(description, known.fingerprint)
    digest = hashlib.md5(str(fields["value"]).encode(), usedforsecurity=False).digest()
    return SshKey(description if "description" in fields or known is None else known.description, digest.hex(":"))
