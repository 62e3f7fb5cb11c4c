"""Content negotiation: Accept headers, versions, path suffixes."""

import pytest

from aiotravis.testing import Repository, TravisServer
from aiotravis.testing.rest.content_negotiation import parse_accept, split_suffix
from tests.raw import ask


async def test_unacceptable_media_type_is_an_empty_406(server: TravisServer) -> None:
    server.world.repository("a/b")
    answer = await ask(server, "/repos/a/b", accept="image/png")
    assert (answer.status, answer.content_type, answer.body) == (406, "application/json", b"")


@pytest.mark.parametrize(
    ("accept", "best"),
    [
        ("application/json; chunked=true; version=2, application/json; version=2, text/plain", "application/json"),
        ("text/plain, application/json;version=2", "application/json"),
        ("text/plain, application/json;q=0.9", "text/plain"),
        ("text/plain;q=0.5, application/json;q=0.9", "application/json"),
        ("*/*, text/plain", "text/plain"),
        ("text/*, */*", "text/*"),
        ("*/*;q=1, text/plain;q=0.1", "*/*"),
        ("text/plain;q=nonsense, */*", "text/plain"),
    ],
)
def test_media_types_are_sorted_by_quality_asterisks_and_parameters(accept: str, best: str) -> None:
    assert parse_accept(accept)[0].name == best


async def test_quality_decides_between_text_and_json(server: TravisServer, repository: Repository) -> None:
    job = repository.build().jobs[0]
    job.write("text")
    for accept, kind in (
        ("text/plain;q=0.5, application/json;q=0.9", "application/json;charset=utf-8"),
        ("text/plain;q=0.9, application/json;q=0.5", "text/plain;charset=utf-8"),
        ("*/*", "text/plain;charset=utf-8"),
        ("application/json;q=0, text/plain", "text/plain;charset=utf-8"),
    ):
        assert (await ask(server, f"/jobs/{job.id}/log", accept=accept)).content_type == kind
    assert (await ask(server, f"/jobs/{job.id}/log", accept="image/png")).status == 406


@pytest.mark.parametrize(
    ("entry", "version"),
    [
        ("application/vnd.travis-ci.2+json", "2"), ("application/vnd.travis-ci.2.1+json", "2.1"),
        ("text/vnd.travis-ci.2+plain", "2"), ("application/json; version=2", "2"), ("application/json", None),
        ("*/*", None), ("application/vnd.travis-ci.3+json", "3"),
    ],
)  # fmt: skip
def test_version_is_read_from_type_or_parameter(entry: str, version: str | None) -> None:
    assert parse_accept(entry)[0].version == version


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("/builds/7.json", ("/builds/7", ".json")), ("/a/b.rb", ("/a/b.rb", "")), ("/a/b.svg", ("/a/b", ".svg")),
        ("/a/b.json.txt", ("/a/b.json", ".txt")), ("/a/b.JSON", ("/a/b.JSON", "")),
    ],
)  # fmt: skip
def test_split_suffix_removes_one_known_suffix(path: str, parts: tuple[str, str]) -> None:
    assert split_suffix(path) == parts
