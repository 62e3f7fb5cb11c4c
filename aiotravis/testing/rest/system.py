"""Routes of the server itself: root, configuration, health, authorization of channels.

https://docs.travis-ci.com/api/#system-configuration
"""

import re
from collections.abc import Sequence
from typing import Final, cast

from aiohttp import web

from aiotravis.testing.rest.access import Caller, Mode, not_found, server_error
from aiotravis.testing.rest.parameters import read_fields
from aiotravis.testing.rest.routes import Handler, Routes, json_response

__all__ = ["SystemRoutes"]

HOSTS: Final[dict[Mode, str]] = {
    "org": "travis-ci.org",
    "com": "travis-ci.com",
    "com-private": "travis-ci.com",
    "enterprise": "travis.example.org",
}


class SystemRoutes(Routes):
    """Routes of the server itself."""

    def table(self) -> Sequence[tuple[str, str, Handler]]:
        """Return method, path and handler of each route."""
        return (
            ("GET", "/", self.root),
            ("GET", "/docs/", self.docs),
            ("GET", "/config", self.config),
            ("GET", "/uptime", self.uptime),
            ("GET", "/endpoints", self.endpoints),
            ("GET", "/error/500", self.error),
            ("POST", "/pusher/auth", self.pusher_auth),
        )

    async def root(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /``; browsers are redirected to the documentation."""
        if "text/html" in request.headers.get("Accept", ""):
            return web.Response(status=302, headers={"Location": "/docs/"})
        return json_response({"hello": "world"})

    async def docs(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /docs/`` with a redirect."""
        return web.Response(status=302, headers={"Location": "https://docs.travis-ci.com/api/"})

    async def uptime(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /uptime``."""
        error = self._server.switches.uptime_error
        text = "OK" if error is None else f"Error: {error}"
        headers = {"Content-Type": "application/json"}  # fact 9.1
        return web.Response(status=200 if error is None else 500, body=text.encode(), headers=headers)

    async def config(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /config``."""
        host = HOSTS[self._server.mode]
        config: dict[str, object] = {
            "host": host,
            "shorten_host": "trvs.io",
            "assets": {"host": host},
            "github": {"api_url": self._server.github_url, "scopes": ["read:org", "user:email", "repo_deployment"]},
            "notifications": {"webhook": {"public_key": self._server.webhooks.public_key}},
        }
        pusher = self._server.pusher_config()
        if pusher is not None:
            config["pusher"] = pusher
        return json_response({"config": config})

    async def endpoints(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /endpoints``: methods by path."""
        listed: dict[str, list[str]] = {}
        for method, path in self._server.patterns():
            listed.setdefault(path, []).append(method)
        return json_response(listed)

    async def error(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /error/500`` with a 500."""
        raise server_error()

    # Live -------------------------------------------------------------------------------------------------------------

    async def pusher_auth(self, request: web.Request) -> web.StreamResponse:
        """Answer ``POST /pusher/auth``: sign the channels that the caller may subscribe to."""
        # fact 7.7: the route needed a token until April 2018, and org lacked it before September 2017.
        is_old = self._server.live_mode != "head"
        if is_old and self._server.mode == "org":
            raise not_found()
        caller = self._caller(request, guarded=False, private=is_old)
        fields = await read_fields(request)
        socket_id, channels = fields.get("socket_id"), fields.get("channels")
        if not isinstance(socket_id, str) or not re.fullmatch(r"\d+\.\d+", socket_id) or not isinstance(channels, list):
            raise server_error()
        names = [name for name in cast("list[object]", channels) if isinstance(name, str)]
        # fact 9.39: refused channels are left out.
        allowed = [name for name in names if self._may_subscribe(caller, name)]
        return json_response({"channels": {name: self._server.pusher.sign(socket_id, name) for name in allowed}})

    def _may_subscribe(self, caller: Caller, channel: str) -> bool:
        if not channel.startswith("private-"):
            return True
        kind, _, number = channel.removeprefix("private-").partition("-")
        if not number.isdecimal():
            return False
        if kind == "user":
            return caller.user is not None and caller.user.id == int(number)
        if kind == "repo":
            repository = self._server.world.repositories.get(int(number))
            return repository is not None and caller.user in repository.users
        job = self._server.world.jobs.get(int(number))
        return kind == "job" and job is not None and caller.can_see_job(job)
