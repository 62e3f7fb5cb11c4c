"""Builds since an earlier iteration: which history a cursor belongs to."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import anyio
import msgspec
import pytest

from aiotravis import Build, Repository, Travis, errors
from aiotravis.bulk.cursor import Boundary, Position
from aiotravis.resources._build_history import history_start
from aiotravis.resources.builds import Builds
from aiotravis.testing import Repository as WorldRepository
from aiotravis.testing import TravisServer
from tests.samples import Scripted

SITE = "https://api.travis-ci.com"
KNOWN = Position(known=Boundary(number=7))
REPO = Repository(id=82, slug="A/b")


def cursor(repo: int | str | Repository, *, site: str = SITE, event_type: str | None = None, build_of: int = 82) -> str:
    """Return the cursor of a history in which a build was seen."""
    start = history_start(site, repo, event_type, None, None)
    start.expect(build_of)
    return start.encode(KNOWN)


@pytest.mark.parametrize(
    ("made_with", "repo"),
    [
        ("a/b", "a/b"),
        ("a/b", "A/B"),
        ("a/b", 82),
        ("a/b", REPO),
        (82, 82),
        (82, REPO),
        (REPO, "a/b"),
        (REPO, 82),
        (REPO, Repository(id=82, slug="renamed/b")),
    ],
)
def test_a_cursor_fits_its_repository_however_it_is_named(made_with: Any, repo: Any) -> None:
    start = history_start(SITE, repo, None, None, cursor(made_with))
    assert start.position == KNOWN
    again = history_start(SITE, 82, None, None, start.encode(Position()))
    assert again.position == Position()


@pytest.mark.parametrize(
    ("made_with", "repo", "message"),
    [
        ("a/b", "a/c", r"cursor is of repository 82 \(a/b\); repo is another\. If a/b was renamed, pass the id"),
        ("a/b", 83, r"cursor is of repository 82 \(a/b\); repo is another"),
        (82, 83, r"cursor is of repository 82 \(by id\); repo is another"),
        (82, "a/b", r"cursor is of repository 82 \(by id\); repo is another\. Pass the id"),
        (REPO, "a/c", r"cursor is of repository 82 \(a/b\); repo is another\. If a/b was renamed, pass the id"),
        (REPO, Repository(id=83, slug="a/b"), r"cursor is of repository 82 \(a/b\); repo is another"),
    ],
)
def test_a_cursor_of_another_repository_is_refused_before_anything_is_sent(
    made_with: Any, repo: Any, message: str
) -> None:
    transport = Scripted(b"")
    with pytest.raises(errors.UsageError, match=message) as info:
        Builds(transport, site=SITE).list(repo, cursor=cursor(made_with))
    assert (info.value.argument, transport.calls) == ("cursor", [])


@pytest.mark.parametrize(
    "site",
    [
        "https://api.travis-ci.org",
        "http://api.travis-ci.com",
        "https://api.travis-ci.com:8443",
        "https://api.travis-ci.com/api",
        "https://[::1]",
    ],
)
def test_a_cursor_of_another_site_is_refused_before_anything_is_sent(site: str) -> None:
    transport = Scripted(b"")
    with pytest.raises(errors.UsageError, match=f"cursor is of {SITE}, not of") as info:
        Builds(transport, site=site).list(82, cursor=cursor(82))
    assert (info.value.argument, transport.calls) == ("cursor", [])


@pytest.mark.parametrize("site", ["https://API.Travis-CI.com", "https://api.travis-ci.com:443"])
def test_a_cursor_fits_its_site_however_that_is_spelled(site: str) -> None:
    assert history_start(site, 82, None, None, cursor(82)).position == KNOWN


@pytest.mark.parametrize(("made_with", "event_type"), [(None, "push"), ("push", None), ("push", "cron")])
def test_a_cursor_of_another_filter_is_refused(made_with: str | None, event_type: str | None) -> None:
    with pytest.raises(errors.UsageError, match="cursor is of a list with event_type="):
        Builds(Scripted(b""), site=SITE).list(82, event_type=event_type, cursor=cursor(82, event_type=made_with))


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({"cursor": "damaged"}, "cursor"),
        ({"cursor": ""}, "cursor"),
        ({"cursor": cursor(82), "since": 7}, "since"),
        ({"cursor": cursor(82), "after_number": 7}, "after_number"),
        ({"since": True}, "since"),
        ({"since": -1}, "since"),
        ({"since": 1.5}, "since"),
        ({"since": ""}, "since"),
        ({"since": "soon"}, "since"),
        ({"since": "9" * 5000}, "since"),
        ({"since": date(2026, 11, 27)}, "since"),
        ({"since": datetime(2026, 11, 27)}, "since"),  # noqa: DTZ001 - what is refused
        ({"since": Build(id=7)}, "since"),
        ({"since": Build(id=7, number="7", repository_id=83)}, "repo"),
        ({"since": [7]}, "since"),
        ({"after_number": "9" * 5000}, "after_number"),
        ({"progress": anyio.sleep}, "progress"),
    ],
)
def test_a_wrong_start_is_refused_before_anything_is_sent(options: dict[str, Any], argument: str) -> None:
    transport = Scripted(b"")
    with pytest.raises(errors.UsageError) as info:
        Builds(transport, site=SITE).list(82, **options)
    assert (info.value.argument, transport.calls) == (argument, [])


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        (7, [9, 8]),
        ("7", [9, 8]),
        (0, [9, 8, 7]),
        (Build(id=8, number="8"), [9]),
        (datetime(2026, 11, 27, 12, tzinfo=UTC), [9, 8]),
        (datetime(2026, 11, 27, 12, 0, 0, 999_999, UTC), [9, 8]),  # Travis's times have whole seconds.
        (datetime(2026, 11, 27, 13, tzinfo=timezone(timedelta(hours=1))), [9, 8]),
        (datetime(2026, 11, 27, 13, tzinfo=UTC), [9]),
        # The last and the first day that there is, which UTC may not have.
        (datetime.max.replace(tzinfo=timezone(-timedelta(hours=23))), [9]),
        (datetime.min.replace(tzinfo=timezone(timedelta(hours=23))), [9, 8, 7]),
    ],
)
async def test_since_takes_a_build_a_number_or_a_time(since: Any, expected: list[int]) -> None:
    builds = b"""{"builds":[{"id":9,"number":"9","started_at":null},
    {"id":8,"number":"8","started_at":"2026-11-27T12:00:00Z"},
    {"id":7,"number":"7","started_at":"2026-11-27T11:59:59Z"}]}"""
    transport = Scripted(lambda request: b'{"builds":[]}' if "after_number" in request.target else builds)
    found = await Builds(transport, site=SITE).list(82, since=since).to_list()
    assert [build.id for build in found] == expected


async def test_a_slug_that_has_gone_to_another_repository_is_noticed() -> None:
    transport = Scripted(b'{"builds":[{"id":1,"number":"1","repository_id":99}]}')
    builds = Builds(transport, site=SITE)
    since = Build(id=7, number="7", repository_id=82)
    for pages in (builds.list("a/b", cursor=cursor("a/b")), builds.list("a/b", since=since)):
        with pytest.raises(errors.UsageError, match="is of repository 82, and repo is repository 99"):
            await pages.to_list()


# With a server --------------------------------------------------------------------------------------------------------


async def test_a_stored_cursor_goes_on_with_another_client(server: TravisServer, repository: WorldRepository) -> None:
    repository.history(60)
    running = repository.build().start()
    async with Travis(endpoint=server.endpoint) as travis:
        pages = travis.builds.list(repository.slug, exclude_config=True)
        assert len(await pages.to_list()) == 61
        assert pages.unreadable == ()
        stored = pages.cursor
    repository.forget(repository.builds[40])
    repository.builds[3].restart()
    async with Travis(endpoint=server.endpoint) as travis:
        assert await travis.builds.list(repository.slug, cursor=stored).to_list() == []
        running.finish()
        repeated = repository.build(number=running.number)
        pages = travis.builds.list(repository.slug, cursor=stored, exclude_config=True)
        found = await pages.to_list()
        assert [(build.id, build.state) for build in found] == [(running.id, "passed"), (repeated.id, "created")]
        assert [build.config for build in found] == [{}, {}]
        repeated.finish()
        again = await travis.builds.list(repository.id, cursor=pages.cursor).to_list()
        assert [(build.id, build.finished) for build in again] == [(repeated.id, True)]
        with pytest.raises(errors.UsageError, match="cursor is of repository"):
            travis.builds.list("other/repository", cursor=pages.cursor)
    async with Travis(endpoint="https://travis.example/api") as elsewhere:
        with pytest.raises(errors.UsageError, match=r"not of https://travis.example/api"):
            elsewhere.builds.list(repository.slug, cursor=stored)


async def test_a_cursor_goes_on_after_its_repository_was_renamed(
    server: TravisServer, travis: Travis, repository: WorldRepository
) -> None:
    repository.history(3)
    slug = repository.slug
    pages = travis.builds.list(slug)
    await pages.to_list()
    repository.slug = "moved/elsewhere"
    newest = repository.build()
    again = travis.builds.list(slug, cursor=pages.cursor)
    assert [build.id for build in await again.to_list()] == [newest.id]
    # Another one gets the old name: it is not the one that is mined.
    server.world.repository(slug).history(30)
    assert await travis.builds.list(slug, cursor=again.cursor).to_list() == []


@pytest.mark.parametrize("named", ["slug", "id"])
async def test_a_cursor_of_a_repository_that_is_gone_is_an_error(
    server: TravisServer, travis: Travis, repository: WorldRepository, named: str
) -> None:
    # fact 9.4: the list of an unknown repository is empty.
    repository.history(3)
    pages = travis.builds.list(getattr(repository, named))
    await pages.to_list()
    del server.world.repositories[repository.id]
    gone = travis.builds.list(getattr(repository, named), cursor=pages.cursor)
    with pytest.raises(errors.NotFoundError, match=f"GET /repos/{repository.id} answered 404"):
        await gone.to_list()
    stored = gone.cursor
    server.world.repositories[repository.id] = repository
    newest = repository.build()
    for again in (gone, travis.builds.list(repository.id, cursor=stored)):
        assert [build.id for build in await again.to_list()] == [newest.id]


async def test_a_repository_whose_builds_were_all_deleted_has_none_that_are_new(
    travis: Travis, repository: WorldRepository
) -> None:
    repository.history(3)
    pages = travis.builds.list(repository.slug)
    await pages.to_list()
    for build in list(repository.builds):
        repository.forget(build)
    again = travis.builds.list(repository.slug, cursor=pages.cursor)
    assert await again.to_list() == []
    newest = repository.build()
    again = travis.builds.list(repository.slug, cursor=again.cursor)
    assert [build.id for build in await again.to_list()] == [newest.id]


async def test_the_cursor_of_a_repository_without_builds_fits_its_id() -> None:
    transport = Scripted(b'{"builds":[]}')
    pages = Builds(transport, site=SITE).list("a/b")
    assert await pages.to_list() == []
    assert await Builds(transport, site=SITE).list(82, cursor=pages.cursor).to_list() == []


def test_a_build_from_another_list_is_a_start() -> None:
    build = msgspec.json.decode(b'{"id":7,"number":" 7 ","repository_id":82}', type=Build)
    start = Builds(Scripted(b""), site=SITE).list(82, since=build)
    assert start.cursor.startswith("v1.")
