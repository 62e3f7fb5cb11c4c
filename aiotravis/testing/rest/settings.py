"""The routes of the embedded Travis for a repository's settings: general ones, environment variables, the SSH key.

https://docs.travis-ci.com/api/#settings-general
"""

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from typing import Final

from aiohttp import web

from aiotravis.testing.rest.access import Refusal, not_found, token_from
from aiotravis.testing.rest.parameters import Fields, raw_nested
from aiotravis.testing.rest.routes import Handler, Routes, answer, hand_made, invalid, unchanged
from aiotravis.testing.world.builds import Repository
from aiotravis.testing.world.repository_data import EnvVar, SshKey

__all__ = ["SettingRoutes", "trouble_with"]

MOST: Final[Mapping[str, tuple[int, str]]] = {
    "timeout_hard_limit": (180, "Invalid hard_limit timeout value (allowed: 0 - 180)"),
    "timeout_log_silence": (60, "Invalid log_silence timeout value (allowed: 0 - 60)"),
    "api_builds_rate_limit": (200, "can't be more than 200"),
}


class SettingRoutes(Routes):
    """The routes."""

    def table(self) -> Sequence[tuple[str, str, Handler]]:
        """List method, path and handler of each route."""
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

    def _configured(self, request: web.Request) -> Repository:
        return self._pushed(request, Refusal(404, b'{"error":"Couldn\'t find repository"}'))

    async def settings(self, request: web.Request) -> web.StreamResponse:
        """``GET /repos/{id}/settings``; who has no token is led to the route of owner and name, and finds nothing."""
        self._visitor(request)
        if token_from(request) is None:
            raise not_found()
        return answer({"settings": self._configured(request).data.settings})

    async def change(self, request: web.Request) -> web.StreamResponse:
        """``PATCH /repos/{id}/settings``: all or nothing; unknown names are ignored."""
        repository = self._configured(request)
        refused = unchanged(request, repository, self._site.mode)
        if refused is not None:
            return refused
        changes = await raw_nested(request, "settings")
        if changes is None:
            return hand_made({"error": "Settings must be passed with a request"}, status=422)
        settings = repository.data.settings
        known = {name: value for name, value in changes.items() if name in settings}
        for name, value in known.items():
            code = trouble_with(name, value)
            if code is not None:
                return invalid(name, code)
        # No time is no limit.
        zeros = {name: None for name in ("timeout_hard_limit", "timeout_log_silence") if known.get(name) == 0}
        settings.update(known | zeros)
        return answer({"settings": settings})

    # Environment variables --------------------------------------------------------------------------------------------

    async def env_vars(self, request: web.Request) -> web.StreamResponse:
        """List them."""
        repository = self._pushed(request, Refusal(404), guarded=False)
        return answer({"env_vars": [_env_var(one, repository) for one in repository.data.env_vars]})

    async def add_env_var(self, request: web.Request) -> web.StreamResponse:
        """Add one; that is a 200."""
        repository = self._pushed(request, Refusal(404), guarded=False)
        made = EnvVar(str(uuid.uuid4()), "", None, public=False, branch=None)
        refused = unchanged(request, repository, self._site.mode) or _apply(made, await raw_nested(request, "env_var"))
        if refused is not None:
            return refused
        repository.data.env_vars.append(made)
        return answer({"env_var": _env_var(made, repository)})

    async def env_var(self, request: web.Request) -> web.StreamResponse:
        """Give, change or delete one; deleting gives it back."""
        repository = self._pushed(request, Refusal(404), guarded=False)
        owned = repository.data.env_vars
        found = next((one for one in owned if one.id == request.match_info["uuid"]), None)
        if found is None:
            return hand_made({"error": "Could not find a requested setting"}, status=404)
        if request.method in {"PATCH", "DELETE"}:
            refused = unchanged(request, repository, self._site.mode)
            if refused is None and request.method == "PATCH":
                refused = _apply(found, await raw_nested(request, "env_var"))
            if refused is not None:
                return refused
        if request.method == "DELETE":
            owned.remove(found)
        return answer({"env_var": _env_var(found, repository)})

    # SSH key ----------------------------------------------------------------------------------------------------------

    async def ssh_key(self, request: web.Request) -> web.StreamResponse:
        """Give, set or delete the key, where the installation has them."""
        has_them = self._site.switches.ssh_keys
        if not (self._site.mode != "org" if has_them is None else has_them):
            raise not_found()
        repository = self._pushed(request, not_found())
        found = repository.data.ssh_key
        if request.method == "PATCH":
            fields = await raw_nested(request, "ssh_key") or {}
            refused = unchanged(request, repository, self._site.mode)
            if refused is None and (found is None or "value" in fields):
                refused = _no_key(str(fields.get("value") or ""))
            if refused is not None:
                return refused
            found = _ssh_key(found, fields)
            repository.data.ssh_key = found
        elif found is None:
            if request.method == "DELETE":
                raise not_found()
            return hand_made({"error": "Could not find a requested setting"}, status=404)
        elif request.method == "DELETE":
            repository.data.ssh_key = None
        shown = {"id": repository.id, "description": found.description, "fingerprint": found.fingerprint}
        return answer({"ssh_key": shown})


def trouble_with(name: str, value: object) -> str | None:
    """Give what is wrong with the value of a setting, as a code or as a sentence; None: nothing."""
    if name == "maximum_number_of_builds" and (not isinstance(value, int) or isinstance(value, bool)):
        return "missing_field" if value in {None, ""} else "not_a_number"
    if name in MOST and value is not None:
        most, sentence = MOST[name]
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
            return sentence
    return None


def _env_var(one: EnvVar, repository: Repository) -> dict[str, object]:
    shown: dict[str, object] = {"id": one.id, "name": one.name}
    if one.public:
        shown["value"] = one.value
    return {**shown, "public": one.public, "branch": one.branch, "repository_id": repository.id}


def _apply(one: EnvVar, sent: Fields | None) -> web.Response | None:
    """Change a variable, unless it would have no name. Made public without a value, it loses the one it had."""
    fields = sent or {}
    name = str(fields.get("name", one.name) or "")
    if not name.strip():
        return invalid("name", "missing_field")
    public = bool(fields.get("public", one.public))
    if "value" in fields:
        one.value = None if fields["value"] is None else str(fields["value"])
    elif public and not one.public:
        one.value = None
    one.name, one.public = name, public
    if "branch" in fields:
        one.branch = str(fields["branch"]) if fields["branch"] else None
    return None


def _no_key(value: str) -> web.Response | None:
    if "PRIVATE KEY" not in value:
        return invalid("value", "not_a_private_key" if value else "missing_field")
    return invalid("value", "key_with_a_passphrase") if "ENCRYPTED" in value else None


def _ssh_key(known: SshKey | None, fields: Fields) -> SshKey:
    """Make the key that was sent, or the one that is known with another description."""
    described = fields.get("description")
    description = str(described) if described else None
    if "value" not in fields and known is not None:
        return SshKey(description, known.fingerprint)
    digest = hashlib.md5(str(fields["value"]).encode(), usedforsecurity=False).digest()
    return SshKey(description if "description" in fields or known is None else known.description, digest.hex(":"))
