"""What routes of API v3 share: who asks, errors, envelopes, pages, parameters.

https://developer.travis-ci.com
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar, cast

from aiohttp import web

from aiotravis.testing.rest.access import Caller, ErrorResponse, access_denied
from aiotravis.testing.rest.parameters import Fields, read_fields
from aiotravis.testing.rest.routes import Routes
from aiotravis.testing.rest.routing import WITHOUT_PREFIX
from aiotravis.testing.world.builds import Build, Job, Repository
from aiotravis.testing.world.models import User
from aiotravis.testing.world.payloads import timestamp
from aiotravis.testing.world.webhook_targets import previous_state

__all__ = ["V3Routes", "error_v3", "minimal_commit", "pretty", "read_parameters"]

T = TypeVar("T")

DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE = 25, 100

MIGRATED: Final = (
    "This repository has been migrated to travis-ci.com. Modifications to repositories, builds, and jobs are disabled "
    "on travis-ci.org."
)


def pretty(value: object, status: int = 200) -> web.Response:
    """Return JSON as version 3 writes it: indented, its type without a charset."""
    return web.Response(
        status=status, body=json.dumps(value, indent=2).encode(), headers={"Content-Type": "application/json"}
    )


def error_v3(status: int, error_type: str, message: str, **more: object) -> ErrorResponse:
    """Return an error of version 3."""
    value = {"@type": "error", "error_type": error_type, "error_message": message, **more}
    return ErrorResponse(status, json.dumps(value, indent=2).encode())


def minimal_commit(build: Build) -> dict[str, object]:
    """Return the minimal representation of the commit of a build."""
    commit = build.commit
    return {
        "@type": "commit",
        "@representation": "minimal",
        "id": commit.id,
        "sha": commit.sha,
        "ref": f"refs/tags/{commit.tag}" if commit.tag else f"refs/heads/{commit.branch}",
        "message": commit.message,
        "compare_url": commit.compare_url,
        "committed_at": timestamp(commit.committed_at),
    }


class V3Routes(Routes):
    """A group of routes of version 3."""

    def _caller_v3(self, request: web.Request) -> Caller:
        """Return who sent a request.

        Raises:
            ErrorResponse: 403: the header has another scheme, or an unknown token.
        """
        # fact 11.2: only the header counts, and only its scheme in lower case.
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        public = self._server.mode in {"org", "com"}
        if not scheme:
            return Caller(None, public)
        if scheme != "token":
            raise error_v3(403, "wrong_credentials", "access denied")
        user = self._server.world.by_token(value.strip().strip('"'))
        if user is None:
            raise access_denied()
        return Caller(user, public)

    def _user_v3(self, request: web.Request) -> tuple[Caller, User]:
        """Return who sent a request that needs a token.

        Raises:
            ErrorResponse: 403: without a token, or with a wrong one.
        """
        caller = self._caller_v3(request)
        if caller.user is None:
            raise error_v3(403, "login_required", "login required")
        return caller, caller.user

    def _repository_v3(self, request: web.Request, caller: Caller) -> Repository:
        """Return the repository that the path names by its id or its slug.

        Raises:
            ErrorResponse: 404: there is none, or it is hidden.
        """
        named, world = request.match_info["repo"], self._server.world
        found = world.repositories.get(int(named)) if named.isdecimal() else world.find(named)
        if found is None or not caller.can_see(found):
            raise self._not_found("repository")
        return found

    def _changeable(self, request: web.Request, permission: str) -> tuple[Repository, User]:
        """Return the repository of the path, and the user who may do something with it.

        Raises:
            ErrorResponse: They may not.
        """
        caller, user = self._user_v3(request)
        repository = self._repository_v3(request, caller)
        if not repository.may_push(user):
            message = f"operation requires {permission} access to repository"
            minimal = self._minimal_repository(request, repository)
            more = {"resource_type": "repository", "permission": permission, "repository": minimal}
            raise error_v3(403, "insufficient_access", message, **more)
        if repository.migrated and self._server.mode == "org":
            raise error_v3(403, "repo_migrated", MIGRATED)
        return repository, user

    def _not_found(self, resource: str) -> ErrorResponse:
        message = f"{resource} not found (or insufficient access)"
        return error_v3(404, "not_found", message, resource_type=resource)

    def _href(self, request: web.Request, path: str) -> str:
        # fact 11.1: with the prefix only where the request had it; a front proxy's comes before.
        front = "/api" if self._server.mode == "enterprise" else ""
        return front + ("" if request.get(WITHOUT_PREFIX) else "/v3") + path

    def _minimal_repository(self, request: web.Request, repository: Repository) -> dict[str, object]:
        name = repository.slug.partition("/")[2]
        href = self._href(request, f"/repo/{repository.id}")
        return {**_head("repository", "minimal", href), "id": repository.id, "name": name, "slug": repository.slug}

    def _minimal(self, request: web.Request, target: Build | Job) -> dict[str, object]:
        kind = "build" if isinstance(target, Build) else "job"
        return {**_head(kind, "minimal", self._href(request, f"/{kind}/{target.id}")), "id": target.id}

    def _short_build(self, request: web.Request, build: Build) -> dict[str, object]:
        """Return the minimal representation of a build, which has more than an id."""
        return {
            **self._minimal(request, build),
            "number": str(build.number),
            "state": build.state,
            "duration": build.duration,
            "event_type": build.event_type,
            "previous_state": previous_state(build),
            "pull_request_title": build.pull_request_title,
            "pull_request_number": build.pull_request_number,
            "started_at": timestamp(build.started_at),
            "finished_at": timestamp(build.finished_at),
            "private": build.repository.private,
            "priority": False,
        }

    def _page(self, request: web.Request, name: str, path: str, items: Sequence[T]) -> tuple[Sequence[T], Any]:
        """Return the items of a page, and its envelope without them.

        Raises:
            ErrorResponse: 400: limit or offset is no integer.
        """
        limit, offset = _integer(request, "limit", DEFAULT_PAGE_SIZE), max(0, _integer(request, "offset", 0))
        limit = DEFAULT_PAGE_SIZE if limit < 0 else min(limit or MAX_PAGE_SIZE, MAX_PAGE_SIZE)
        count = len(items)
        last = max(0, (count - 1) // limit * limit)

        def link(start: int) -> dict[str, object]:
            href = self._href(request, f"{path}?limit={limit}" + (f"&offset={start}" if start else ""))
            return {"@href": href, "offset": start, "limit": limit}

        pagination: dict[str, object] = {
            "limit": limit, "offset": offset, "count": count,
            "is_first": offset == 0, "is_last": offset + limit >= count,
            "next": link(offset + limit) if offset + limit < count else None,
            "prev": link(max(0, offset - limit)) if offset else None, "first": link(0), "last": link(last),
        }  # fmt: skip
        envelope = {**_head(name, "standard", self._href(request, path)), "@pagination": pagination}
        return items[offset : offset + limit], envelope


def _head(kind: str, representation: str, href: str | None) -> dict[str, object]:
    link = {} if href is None else {"@href": href}
    return {"@type": kind, **link, "@representation": representation}


def _integer(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name)
    if text is None:
        return default
    try:
        return int(text)
    except ValueError:
        raise error_v3(400, "wrong_params", f"{name} must be an integer") from None


async def read_parameters(
    request: web.Request, resource: str, known: Iterable[str]
) -> tuple[dict[str, object], list[dict[str, object]]]:
    """Return the parameters of a resource, and the warnings about unknown ones.

    Args:
        request: The request.
        resource: The resource; F may be ``R.F``, ``R: {F: ...}``, or plain ``F`` (fact 11.1).
        known: Names of the parameters.
    """
    fields: Fields = await read_fields(request)
    given: dict[str, object] = {}
    for name, value in fields.items():
        if name == resource and isinstance(value, Mapping):
            given.update(cast("Mapping[str, object]", value))
        elif name.startswith(f"{resource}."):
            given[name.partition(".")[2]] = value
        elif not name.startswith("@"):
            given.setdefault(name, value)
    names = frozenset(known)
    warnings: list[dict[str, object]] = [
        {
            "@type": "warning", "message": f"query parameter {name} not safelisted, ignored",
            "warning_type": "ignored_parameter", "parameter": name,
        }
        for name in given
        if name not in names
    ]  # fmt: skip
    return {name: value for name, value in given.items() if name in names}, warnings
