"""Badges and feeds, in raw bytes."""

import struct
import zlib

from aiotravis.testing import Repository, TravisServer
from tests.conftest import TOKEN
from tests.raw import ask


async def test_badge_of_a_missing_repository_or_build_is_unknown(server: TravisServer, repository: Repository) -> None:
    for path, shown in (("/repos/no/such.svg", b"unknown"), ("/repos/travis-ci/travis.rb.svg", b"unknown")):
        answer = await ask(server, path, accept="image/svg+xml")
        assert (answer.status, answer.content_type) == (200, "image/svg+xml")
        assert shown in answer.body
    assert b'lastBuildStatus="Unknown"' in (await ask(server, "/repos/82/cc.xml")).body


async def test_png_badge_is_a_valid_image(server: TravisServer, repository: Repository) -> None:
    repository.history(1)
    body = (await ask(server, "/travis-ci/travis.rb.png")).body
    assert body.startswith(b"\x89PNG\r\n\x1a\n")
    kinds: list[bytes] = []
    at = 8
    while at < len(body):
        size, kind = struct.unpack(">I4s", body[at : at + 8])
        contents = body[at + 8 : at + 8 + size]
        assert struct.unpack(">I", body[at + 8 + size : at + 12 + size]) == (zlib.crc32(kind + contents),)
        kinds.append(kind)
        if kind == b"IDAT":
            assert zlib.decompress(contents) == b"\0\x44\xcc\x11"
        at += 12 + size
    assert kinds == [b"IHDR", b"IDAT", b"IEND"]


async def test_atom_feed_escapes_slugs(server: TravisServer) -> None:
    server.world.repository("a/b&c").history(1)
    body = (await ask(server, "/repos/a/b&c/builds.atom")).body
    assert b"<title>a/b&amp;c Build #1 (passed)</title>" in body


async def test_unknown_rss_token_is_ignored(server: TravisServer, repository: Repository) -> None:
    assert b"unknown" in (await ask(server, "/travis-ci/travis.rb.svg?token=x", token=TOKEN)).body
