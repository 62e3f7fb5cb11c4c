"""Badges and feeds that Travis serves next to its API: SVG, PNG, CCTray XML, Atom.

https://docs.travis-ci.com/user/status-images/
"""

import struct
import zlib
from collections.abc import Sequence
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from aiohttp import web

from aiotravis.testing.rest.access import Caller, ErrorResponse, not_found, read_rss_user, read_token
from aiotravis.testing.rest.routes import Handler, Routes
from aiotravis.testing.world.builds import Build, Repository
from aiotravis.testing.world.payloads import timestamp
from aiotravis.testing.world.stages import TERMINAL

__all__ = ["BadgeAndFeedRoutes"]

PAGE_SIZE: Final = 25
"""Builds in a feed."""

RESULTS: Final = {"passed": "passing", "failed": "failing", "errored": "error", "canceled": "canceled"}

STATUSES: Final = {"passed": "Success", "failed": "Failure", "errored": "Error", "canceled": "Canceled"}

GREEN, RED, GREY = 0x44CC11, 0xE05D44, 0x9F9F9F

COLOURS: Final = {"passing": GREEN, "failing": RED, "error": RED, "canceled": GREY, "unknown": GREY}


class BadgeAndFeedRoutes(Routes):
    """Routes of badges and feeds; each path has a suffix."""

    def table(self) -> Sequence[tuple[str, str, Handler]]:
        """Return method, path and handler of each route."""
        by_id, by_slug = r"/repos/{id:\d+}", "/repos/{owner}/{name}"
        return (
            *(
                ("GET", f"{path}.{kind}", self.badge)
                for path in (by_slug, "/{owner}/{name}")
                for kind in ("svg", "png")
            ),
            *(("GET", f"{repo}/cc.xml", self.cc_xml) for repo in (by_id, by_slug)),
            ("GET", "/repos/{owner}.xml", self.cc_xml_of_owner),
            ("GET", f"{by_slug}/builds.atom", self.atom),
        )

    def _caller(self, request: web.Request, *, guarded: bool = True, private: bool = False) -> Caller:
        """Accept the badge and feed token as well."""
        if read_token(request) is None:
            user = read_rss_user(request, self._server.world)
            # fact 3.22: badges and feeds of public repositories need no token, whatever the version.
            if user is not None or self._server.mode == "com":
                return Caller(user, self._server.mode in {"org", "com"})
        return super()._caller(request, guarded=guarded, private=private)

    async def badge(self, request: web.Request) -> web.StreamResponse:
        """Answer with an image of the last result, of some branches if named."""
        repository = self._visible_repository(request)
        branches = request.query.get("branch", "")
        last = next(
            (
                build
                for build in reversed(repository.builds if repository else [])
                if build.state in TERMINAL
                and build.event_type in {"push", "api", "cron"}
                and (not branches or build.commit.branch in branches.split(","))
            ),
            None,
        )
        self._show_states([last])
        # fact 3.22: a badge never fails; a hidden repository is unknown.
        result = RESULTS.get(last.state, "unknown") if last else "unknown"
        kind = request.path.rpartition(".")[2]
        body = _png(COLOURS[result]) if kind == "png" else f"<svg><text>{result}</text></svg>".encode()
        headers = {
            "Content-Type": "image/png" if kind == "png" else "image/svg+xml",
            "Content-Disposition": f'inline; filename="{result}.{kind}"',
        }
        return web.Response(body=body, headers=headers)

    async def cc_xml(self, request: web.Request) -> web.StreamResponse:
        """Answer with the state of a repository as CCTray XML."""
        repository = self._visible_repository(request)
        if repository is None:
            raise not_found()
        return self._projects([repository])

    async def cc_xml_of_owner(self, request: web.Request) -> web.StreamResponse:
        """Answer with the state of an owner's repositories as CCTray XML."""
        caller, owner = self._caller(request), request.match_info["owner"]
        every = self._server.world.repositories.values()
        return self._projects([one for one in every if one.slug.partition("/")[0] == owner and caller.can_see(one)])

    def _projects(self, repositories: Sequence[Repository]) -> web.Response:
        self._show_states(repository.last_shown for repository in repositories)
        inner = "".join(_project(one) for one in repositories)
        body = f'<?xml version="1.0"?>\n<Projects>{inner}</Projects>\n'.encode()
        return web.Response(body=body, headers={"Content-Type": "application/xml;charset=utf-8"})

    async def atom(self, request: web.Request) -> web.StreamResponse:
        """Answer with the last 25 builds of a repository as an Atom feed."""
        repository = self._visible_repository(request)
        # fact 3.22: an empty feed is a 406.
        if repository is None or not repository.builds:
            raise ErrorResponse(406)
        shown = repository.builds[: -PAGE_SIZE - 1 : -1]
        self._show_states(shown)
        entries = "".join(map(_entry, shown))
        title = f"<title>{escape(repository.slug)} Builds</title>"
        body = f'<?xml version="1.0"?>\n<feed xmlns="http://www.w3.org/2005/Atom">{title}{entries}</feed>\n'
        return web.Response(body=body.encode(), headers={"Content-Type": "application/atom+xml;charset=utf-8"})


def _entry(build: Build) -> str:
    title = escape(f"{build.repository.slug} Build #{build.number} ({build.state})")
    updated = timestamp(build.finished_at or build.started_at or build.updated_at)
    return f"<entry><id>urn:travis:build:{build.id}</id><title>{title}</title><updated>{updated}</updated></entry>"


def _project(repository: Repository) -> str:
    last = repository.last_shown
    runs = last is not None and last.state not in TERMINAL
    fields = {
        "name": repository.slug,
        "activity": "Building" if runs else "Sleeping",
        "lastBuildStatus": STATUSES.get(last.state, "Unknown") if last else "Unknown",
    }
    written = " ".join(f"{name}={quoteattr(value)}" for name, value in fields.items())
    return f"<Project {written}/>"


def _png(colour: int) -> bytes:
    """Return an image of one pixel."""

    def chunk(kind: bytes, contents: bytes) -> bytes:
        return struct.pack(">I", len(contents)) + kind + contents + struct.pack(">I", zlib.crc32(kind + contents))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixel = zlib.compress(b"\0" + colour.to_bytes(3, "big"))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixel) + chunk(b"IEND", b"")
