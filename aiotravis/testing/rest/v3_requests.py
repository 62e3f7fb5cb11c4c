"""Routes of requests in API v3: trigger a build, and see what became of it.

https://developer.travis-ci.com/resource/request
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, cast

from aiohttp import web

from aiotravis.testing.rest.actions import KNOWN_KEYS
from aiotravis.testing.rest.parameters import path_id
from aiotravis.testing.rest.routes import Handler
from aiotravis.testing.rest.v3 import V3Routes, error_v3, minimal_commit, pretty, read_parameters
from aiotravis.testing.world.builds import Repository
from aiotravis.testing.world.models import User
from aiotravis.testing.world.payloads import timestamp
from aiotravis.testing.world.repository_data import Request, RequestMessage

__all__ = ["V3RequestRoutes"]

PER_SECONDS: Final = 3600
DEFAULT_LIMIT: Final = 10
MAX_LIMIT: Final = 200

PARAMETERS: Final = ("branch", "sha", "tag_name", "message", "config", "merge_mode", "configs", "token", "user")

GITHUB_ID: Final = 44_000_000
"""Ids of repositories on GitHub, less those on Travis."""

LEVELS: Final = ("alert", "error", "warn", "info", None)


class V3RequestRoutes(V3Routes):
    """Routes of requests in version 3."""

    def table(self) -> Sequence[tuple[str, str, Handler]]:
        """Return method, path and handler of each route."""
        return (
            ("POST", "/v3/repo/{repo}/requests", self.create),
            ("GET", "/v3/repo/{repo}/requests", self.requests),
            ("GET", "/v3/repo/{repo}/request/{id}", self.request),
            ("GET", "/v3/repo/{repo}/request/{id}/messages", self.messages),
        )

    async def create(self, request: web.Request) -> web.StreamResponse:
        """Answer ``POST /v3/repo/{repo}/requests``: note a request, on which the gatekeeper decides later."""
        repository, user = self._changeable(request, "create_request")
        minimal = self._minimal_repository(request, repository)
        if not repository.active:
            message = "cannot create requests on an inactive repository"
            raise error_v3(406, "repository_inactive", message, repository=minimal)
        world, data = self._server.world, repository.data
        given, warnings = await read_parameters(request, "request", PARAMETERS)
        # fact 11.5: by anybody, of any result, within the last hour.
        since = world.clock() - PER_SECONDS
        used = sum(one.event_type == "api" and one.created_at > since for one in data.requests)
        setting = data.settings.get("api_builds_rate_limit")
        limit = min(setting, MAX_LIMIT) if isinstance(setting, int) else DEFAULT_LIMIT
        if used >= limit:
            raise error_v3(
                429, "request_limit_reached", "request limit reached for resource",
                max_requests=limit, per_seconds=PER_SECONDS, repository=minimal,
            )  # fmt: skip
        made = self._note(repository, given)
        if self._server.instant:
            self._decide(repository, made)
        # fact 11.1: no prefix in the body of a 202. fact 11.5: the count is that of before this request.
        minimal["@href"] = f"/repo/{repository.id}"
        body = {
            "@type": "pending",
            "remaining_requests": limit - used,
            "repository": minimal,
            "request": _accepted(repository, user, made, given),
            "resource_type": "request",
            **({"@warnings": warnings} if warnings else {}),
        }
        return pretty(body, 202)

    def _note(self, repository: Repository, given: Mapping[str, object]) -> Request:
        """Add the request, with messages about its configurations."""
        world = self._server.world
        made = Request(world.next_request_id(), "api", None, world.clock(), is_queued=True)
        made.branch = str(given.get("branch") or "master")
        made.tag = _text(given.get("tag_name"))
        made.sha, made.commit_message = _text(given.get("sha")), _text(given.get("message"))
        for config, mode in _configs(given):
            made.configs.append((config, mode))
            made.messages += [
                RequestMessage(world.next_request_id(), "warn", "root", "unknown_key", {"key": key}, "api", line)
                for key, line in _unknown_keys(config)
            ]
        repository.data.requests.append(made)
        return made

    async def requests(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /v3/repo/{repo}/requests``: newest first."""
        repository = self._repository_v3(request, self._caller_v3(request))
        found = sorted(repository.data.requests, key=lambda one: -one.id)
        page, envelope = self._page(request, "requests", f"/repo/{repository.id}/requests", found)
        self._show_requests(repository, page)
        return pretty({**envelope, "requests": [self._request_json(request, repository, one) for one in page]})

    def _find(self, request: web.Request) -> tuple[Repository, Request]:
        """Return the request of the path, with its repository.

        Raises:
            ErrorResponse: 404: it is unknown or hidden.
        """
        caller, number = self._caller_v3(request), path_id(request)
        # fact 11.6: found by id alone.
        for repository in self._server.world.repositories.values():
            for one in repository.data.requests:
                if one.id == number and caller.can_see(repository):
                    self._show_requests(repository, [one])
                    return repository, one
        raise self._not_found("request")

    async def request(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /v3/repo/{repo}/request/{id}``."""
        repository, one = self._find(request)
        return pretty(self._request_json(request, repository, one))

    async def messages(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /v3/repo/{repo}/request/{id}/messages``: the worst first."""
        repository, one = self._find(request)
        path = f"/repo/{repository.id}/request/{one.id}/messages"
        page, envelope = self._page(request, "messages", path, _shown_messages(one))
        return pretty({**envelope, "messages": [_message_json(message) for message in page]})

    def _request_json(self, request: web.Request, repository: Repository, one: Request) -> dict[str, object]:
        build = None if one.build_id is None else self._server.world.builds.get(one.build_id)
        owner, is_pending = self._server.world.owner(repository.slug), one.state == "pending"
        return {
            "@type": "request",
            "@href": self._href(request, f"/repo/{repository.id}/request/{one.id}"),
            "@representation": "standard",
            "id": one.id,
            "state": one.state,
            "result": one.result,
            "message": one.message,
            "pull_request_mergeable": None,
            "repository": self._minimal_repository(request, repository),
            "branch_name": None if build is None else build.commit.branch,
            "commit": None if build is None else minimal_commit(build),
            "builds": [] if build is None else [self._short_build(request, build)],
            "owner": {
                "@type": "user" if isinstance(owner, User) else "organization",
                "@representation": "minimal",
                "id": owner.id,
                "login": owner.login,
            },
            "created_at": timestamp(one.created_at),
            "event_type": one.event_type,
            "base_commit": one.base_commit,
            "head_commit": one.head_commit,
            "messages": [] if is_pending else [_message_json(message) for message in _shown_messages(one)],
            "config": {} if build is None else {"language": build.config.get("language")},
            "raw_configs": []
            if is_pending
            else [
                {
                    "@type": "request_raw_configuration", "@representation": "minimal", "config": config,
                    "source": "api", "merge_mode": mode,
                }
                for config, mode in one.configs
            ],
        }  # fmt: skip


def _accepted(repository: Repository, user: User, made: Request, given: Mapping[str, object]) -> dict[str, object]:
    """Return the request as the 202 shows it: what was not given is absent, but for the branch."""
    owner, _, name = repository.slug.partition("/")
    github = {
        "id": GITHUB_ID + repository.id, "vcs_type": "GithubRepository", "owner_name": owner, "name": name,
    }  # fmt: skip
    shown: dict[str, object] = {"repository": github, "user": {"id": user.id}, "id": made.id}
    if made.commit_message is not None:
        shown["message"] = made.commit_message
    shown["branch"] = made.branch
    shown.update({name: given[name] for name in ("tag_name", "sha", "merge_mode") if given.get(name) is not None})
    if "configs" in given:
        shown["configs"] = [{"config": config, "mode": mode} for config, mode in made.configs]
    elif made.configs:
        shown["config"] = made.configs[0][0]
    return shown


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _configs(given: Mapping[str, object]) -> Iterator[tuple[str, str | None]]:
    """Yield each configuration as text, with its merge mode."""
    several = given.get("configs")
    if isinstance(several, list):
        # fact 11.5: several configurations win over a single one.
        for one in cast("list[Mapping[str, object]]", several):
            yield _config_text(one.get("config")), _text(one.get("mode")) or _text(one.get("merge_mode"))
    elif given.get("config") is not None:
        yield _config_text(given["config"]), _text(given.get("merge_mode"))


def _config_text(config: object) -> str:
    return config if isinstance(config, str) else json.dumps(config, separators=(",", ":"))


def _unknown_keys(config: str) -> Iterator[tuple[str, int]]:
    """Yield the keys at the left margin that the parser does not know, each with its line, from 0."""
    try:
        value: object = json.loads(config)
    except ValueError:
        keys = [(found[1], config.count("\n", 0, found.start())) for found in re.finditer(r"(?m)^(\w[\w-]*):", config)]
    else:
        keys = [(key, 0) for key in cast("Mapping[str, object]", value)] if isinstance(value, dict) else []
    yield from ((key, line) for key, line in keys if key not in KNOWN_KEYS)


def _shown_messages(request: Request) -> list[RequestMessage]:
    return sorted(request.messages, key=lambda one: LEVELS.index(one.level))


def _message_json(message: RequestMessage) -> dict[str, object]:
    return {
        "@type": "message", "@representation": "minimal", "id": message.id, "level": message.level, "key": message.key,
        "code": message.code, "args": message.args, "src": message.src, "line": message.line,
    }  # fmt: skip
