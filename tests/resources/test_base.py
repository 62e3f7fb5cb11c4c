"""What all entities share."""

import pickle
from typing import Any

import msgspec
import pytest

from aiotravis import Build, Commit, Job, errors, number_key
from aiotravis.resources._base import id_of, ids_of, read_in_parts, slug_of, text_query
from aiotravis.resources.repositories import repo_part, repo_query
from tests.samples import BUILD, COMMIT

build = msgspec.json.decode(BUILD, type=Build)


def test_an_entity_compares_hashes_and_pickles() -> None:
    again = pickle.loads(pickle.dumps(build))
    assert again == build
    assert hash(again) == hash(build)
    assert len({build, again}) == 1
    with pytest.raises(AttributeError):
        build.number = "1"  # type: ignore[misc]


def test_the_repr_shows_fields_with_values_and_no_raw_json() -> None:
    shown = repr(build)
    assert shown.startswith("Build(id=1, repository_id=82, commit_id=5, number='784', state=<State.PASSED: 'passed'>")
    assert "config" not in shown
    assert "None" not in shown


def test_to_dict_uses_the_keys_of_travis() -> None:
    plain = build.to_dict()
    assert (plain["config"]["language"], plain["started_at"]) == ("ruby", "2014-04-08T00:17:34Z")
    assert msgspec.json.decode(build.to_json(), type=Build).to_dict() == plain


def test_id_of_accepts_an_id_or_an_entity() -> None:
    assert id_of(7, "build") == id_of(msgspec.structs.replace(build, id=7), "build", Build) == 7
    assert ids_of([build, 7, 7], "builds", Build) == [1, 7, 7]


@pytest.mark.parametrize("wrong", [0, -1, 2**63, True, None, "7", 1.0, [7]])
def test_id_of_refuses_anything_else_and_names_the_argument(wrong: object) -> None:
    with pytest.raises(errors.UsageError, match="thing must be") as info:
        id_of(wrong, "thing")
    assert info.value.argument == "thing"


@pytest.mark.parametrize("wrong", ["123", b"123", 7, None, build])
def test_ids_of_refuses_a_string_and_a_single_value(wrong: Any) -> None:
    with pytest.raises(errors.UsageError, match="builds must be several ids, not ") as info:
        ids_of(wrong, "builds")
    assert info.value.argument == "builds"


@pytest.mark.parametrize("wrong", [0, -1, 2**63, True, None, "7", 1.0])
def test_ids_of_refuses_one_wrong_id_among_many(wrong: Any) -> None:
    with pytest.raises(errors.UsageError, match="builds must be a positive id"):
        ids_of([*range(1, 1000), wrong], "builds")
    assert ids_of(iter(range(1, 1000)), "builds") == list(range(1, 1000))
    assert ids_of([], "builds") == []


def test_a_repository_is_identified_by_slug_or_id() -> None:
    assert repo_part("a/b.c") == ("a", "b.c") == slug_of("a/b.c", "repo")
    assert repo_part(82) == 82
    assert repo_query("a/b") == ("slug", "a/b")
    assert repo_query(82) == ("repository_id", "82")


@pytest.mark.parametrize(
    "wrong",
    ["", "a", "a/", "/b", "a/b/c", "a b/c", "a/b?c", "a/b#c", "a%2Fb/c", "a/\n", "a\\b/c", "a/..", "../x", "a/."],
)
def test_an_invalid_slug_is_refused(wrong: str) -> None:
    with pytest.raises(errors.UsageError, match="'owner/name'"):
        repo_part(wrong)


def test_text_query_omits_none_and_refuses_empty_values() -> None:
    assert text_query(branch="x", match=None) == [("branch", "x")]
    with pytest.raises(errors.UsageError, match="match must be a string that is not empty"):
        text_query(branch="x", match=" ")


def test_number_key_sorts_numerically() -> None:
    assert sorted(["10", "9.10", "9.2", "9", ""], key=number_key) == ["", "9", "9.2", "9.10", "10"]


def test_an_entity_without_configuration_hashes_after_pickling() -> None:
    commit = msgspec.json.decode(COMMIT, type=Commit)
    assert hash(commit) == hash(pickle.loads(pickle.dumps(commit)))


def test_id_of_refuses_an_entity_of_another_type() -> None:
    with pytest.raises(errors.UsageError, match="job must be"):
        id_of(build, "job", Job)


@pytest.mark.parametrize("bad", [set[int](), {1}, {3, 4}, {1, 8}, set(range(1, 9))])
async def test_reading_in_parts_fails_for_the_ids_concerned_alone(bad: set[int]) -> None:
    done: list[int] = []

    async def read(ids: list[int]) -> None:
        if not bad.isdisjoint(ids):
            raise errors.DecodeError("odd", status=200, method="GET", path="/jobs", excerpt='{"jobs":[')
        done.extend(ids)

    failed = await read_in_parts(read, list(range(1, 9)))
    assert set(failed) == bad
    assert done == [number for number in range(1, 9) if number not in bad]
    assert await read_in_parts(read, []) == {}


@pytest.mark.parametrize("excerpt", ["", "<html>", "ok"])
async def test_reading_in_parts_does_not_repeat_what_was_no_json_at_all(excerpt: str) -> None:
    calls: list[list[int]] = []

    async def read(ids: list[int]) -> None:
        calls.append(ids)
        raise errors.DecodeError("a web page", status=200, method="GET", path="/jobs", excerpt=excerpt)

    with pytest.raises(errors.DecodeError):
        await read_in_parts(read, [1, 2, 3])
    assert calls == [[1, 2, 3]]


def server_error(status: int) -> errors.ServerError:
    return errors.ServerError("Sorry", status=status, method="GET", path="/jobs")


@pytest.mark.parametrize("bad", [{1}, {100}, {50}, {40, 41}, {3, 77, 99}])
async def test_a_record_that_makes_travis_fail_fails_alone(bad: set[int]) -> None:
    done: list[int] = []

    async def read(ids: list[int]) -> None:
        if not bad.isdisjoint(ids):
            raise server_error(500)
        done.extend(ids)

    failed = await read_in_parts(read, list(range(1, 101)))
    assert set(failed) == bad
    assert done == [number for number in range(1, 101) if number not in bad]


@pytest.mark.parametrize(("status", "count", "most"), [(500, 1, 1), (500, 2, 3), (500, 100, 9), (503, 100, 1)])
async def test_a_travis_that_fails_altogether_is_not_asked_for_each_id(status: int, count: int, most: int) -> None:
    calls: list[list[int]] = []

    async def read(ids: list[int]) -> None:
        calls.append(ids)
        raise server_error(status)

    with pytest.raises(errors.ServerError):
        await read_in_parts(read, list(range(count)))
    assert len(calls) <= most
