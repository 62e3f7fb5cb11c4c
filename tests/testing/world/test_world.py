"""Users, organizations and repositories of the embedded Travis."""

from aiotravis.testing import World


def test_builds_and_jobs_share_one_sequence_of_ids(world: World) -> None:
    first = world.repository("a/b").build(jobs=2)
    second = world.repository("a/b").build()
    ids = [first.id, *(job.id for job in first.jobs), second.id, second.jobs[0].id]
    assert ids == list(range(ids[0], ids[0] + 5))
    assert [job.number for job in first.jobs] == ["1.1", "1.2"]
    assert second.number == 2


def test_known_users_and_repositories_are_returned_not_added(world: World) -> None:
    assert world.user("sarah", token="t") is world.user("sarah", token="other")
    assert world.repository("A/b") is world.repository("a/B")
    assert world.user("josh", token="u").id != world.user("sarah", token="t").id
    assert world.by_token("t") is world.user("sarah", token="t")
    assert world.by_token("no") is None


def test_world_without_a_server_publishes_nothing() -> None:
    build = World().repository("a/b").build()
    build.start()
    assert build.state == "started"


def test_owner_is_a_user_or_else_an_organization(world: World) -> None:
    sarah = world.user("sarah", token="t")
    assert world.owner("sarah/notes") is sarah
    first = world.owner("travis-ci/travis.rb")
    assert first is world.owner("travis-ci/other") is world.organization("travis-ci")
    # Their ids are no names: a user has the same.
    assert (sarah.id, first.id) == (201, 201)
    assert world.organization(None) is not world.organization(None)


def test_rss_token_finds_its_user_and_empty_tokens_find_nobody(world: World) -> None:
    sarah = world.user("sarah", token="")
    assert world.by_rss_token(sarah.rss_token) is sarah
    assert (world.by_rss_token("t"), world.by_token("")) == (None, None)
    sarah.rss_token = ""
    assert world.by_rss_token("") is None
