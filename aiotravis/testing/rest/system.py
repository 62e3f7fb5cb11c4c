"""The routes of the embedded Travis about itself: its root, its configuration, its health, what one may listen to.

https://docs.travis-ci.com/api/#system-configuration
"""

import re
from collections.abc import Sequence
from typing import Final, cast

from aiohttp import web

from aiotravis.testing.rest.access import Mode, Visitor, failure, not_found
from aiotravis.testing.rest.parameters import fields_of
from aiotravis.testing.rest.routes import Handler, Routes, hand_made

__all__ = ["SystemRoutes"]

HOSTS: Final[dict[Mode, str]] = {
    "org": "travis-ci.org",
    "com": "travis-ci.com",
    "com-private": "travis-ci.com",
    "enterprise": "travis.example.org",
}


class SystemRoutes(Routes):
    """The routes."""

    def table(self) -> Sequence[tuple[str, str, Handler]]:
        """List method, path and handler of each route."""
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
        """``GET /``: a greeting, and for browsers the way to the documentation."""
        if "text/html" in request.headers.get("Accept", ""):
            return web.Response(status=302, headers={"Location": "/docs/"})
        return hand_made({"hello": "world"})

    async def docs(self, request: web.Request) -> web.StreamResponse:
        """``GET /docs/``: it has moved to a site of its own."""
        return web.Response(status=302, headers={"Location": "https://docs.travis-ci.com/api/"})

    async def uptime(self, request: web.Request) -> web.StreamResponse:
        """``GET /uptime``: text that calls itself JSON."""
        trouble = self._site.switches.uptime_error
        text = "OK" if trouble is None else f"Error: {trouble}"
        headers = {"Content-Type": "application/json"}
        return web.Response(status=200 if trouble is None else 500, body=text.encode(), headers=headers)

    async def config(self, request: web.Request) -> web.StreamResponse:
        """``GET /config``."""
        host = HOSTS[self._site.mode]
        config: dict[str, object] = {
            "host": host,
            "shorten_host": "trvs.io",
            "assets": {"host": host},
            "github": {"api_url": self._site.github_url, "scopes": ["read:org", "user:email", "repo_deployment"]},
            "notifications": {"webhook": {"public_key": None}},
        }
        pusher = self._site.pusher_config()
        if pusher is not None:
            config["pusher"] = pusher
        return hand_made({"config": config})

    async def endpoints(self, request: web.Request) -> web.StreamResponse:
        """``GET /endpoints``: every route there is, by its path."""
        listed: dict[str, list[str]] = {}
        for method, path in self._site.patterns():
            listed.setdefault(path, []).append(method)
        return hand_made(listed)

    async def error(self, request: web.Request) -> web.StreamResponse:
        """``GET /error/500``: a failure to look at."""
        raise failure()

    # Live -------------------------------------------------------------------------------------------------------------

    async def pusher_auth(self, request: web.Request) -> web.StreamResponse:
        """``POST /pusher/auth``: sign what the caller may listen to, and say nothing of the rest."""
        old = self._site.live_mode != "head"
        if old and self._site.mode == "org":
            # It came in September 2017.
            raise not_found()
        visitor = self._visitor(request, guarded=False, private=old)
        fields = await fields_of(request)
        socket_id, channels = fields.get("socket_id"), fields.get("channels")
        if not isinstance(socket_id, str) or not re.fullmatch(r"\d+\.\d+", socket_id) or not isinstance(channels, list):
            raise failure()
        names = [name for name in cast("list[object]", channels) if isinstance(name, str)]
        signed = {name: self._site.pusher.sign(socket_id, name) for name in names if self._may_hear(visitor, name)}
        return hand_made({"channels": signed})

    def _may_hear(self, visitor: Visitor, channel: str) -> bool:
        if not channel.startswith("private-"):
            return True
        kind, _, number = channel.removeprefix("private-").partition("-")
        if not number.isdecimal():
            return False
        if kind == "user":
            return visitor.user is not None and visitor.user.id == int(number)
        if kind == "repo":
            repository = self._site.world.repositories.get(int(number))
            return repository is not None and visitor.user in repository.users
        job = self._site.world.jobs.get(int(number))
        return kind == "job" and job is not None and visitor.sees_job(job)
