"""What all entities share."""

import pickle
from typing import Any

import msgspec
import pytest

from aiotravis import Build, Commit, Job, errors, number_key
from aiotravis.resources._base import id_of, ids_of, slug_of, text_of, within
from aiotravis.resources.repositories import repo_part, repo_query
from tests.samples import BUILD, COMMIT

build = msgspec.json.decode(BUILD, type=Build)


def test_a_value_compares_hashes_and_pickles() -> None:
    again = pickle.loads(pickle.dumps(build))
    assert again == build
    assert hash(again) == hash(build)
    assert len({build, again}) == 1
    with pytest.raises(AttributeError):
        build.number = "1"  # type: ignore[misc]


def test_a_value_shows_what_it_carries_and_no_raw_json() -> None:
    shown = repr(build)
    assert shown.startswith("Build(id=1, repository_id=82, commit_id=5, number='784', state=<State.PASSED: 'passed'>")
    assert "config" not in shown
    assert "None" not in shown


def test_a_value_becomes_a_dictionary_with_the_names_that_travis_uses() -> None:
    plain = build.to_dict()
    assert (plain["config"]["language"], plain["started_at"]) == ("ruby", "2014-04-08T00:17:34Z")
    assert msgspec.json.decode(build.to_json(), type=Build).to_dict() == plain


def test_an_id_is_taken_from_a_number_or_a_value() -> None:
    assert id_of(7, "build") == id_of(msgspec.structs.replace(build, id=7), "build", Build) == 7
    assert ids_of([build, 7, 7], "builds", Build) == [1, 7, 7]


@pytest.mark.parametrize("wrong", [0, -1, 2**63, True, None, "7", 1.0, [7]])
def test_what_is_no_id_is_named(wrong: object) -> None:
    with pytest.raises(errors.UsageError, match="thing must be") as info:
        id_of(wrong, "thing")
    assert info.value.argument == "thing"


def test_several_ids_are_no_string() -> None:
    wrong: Any = "123"
    with pytest.raises(errors.UsageError, match="several ids"):
        ids_of(wrong, "builds")


def test_a_repository_is_named_by_slug_id_or_itself() -> None:
    assert repo_part("a/b.c") == ("a", "b.c") == slug_of("a/b.c", "repo")
    assert repo_part(82) == 82
    assert repo_query("a/b") == ("slug", "a/b")
    assert repo_query(82) == ("repository_id", "82")


@pytest.mark.parametrize(
    "wrong",
    ["", "a", "a/", "/b", "a/b/c", "a b/c", "a/b?c", "a/b#c", "a%2Fb/c", "a/\n", "a\\b/c", "a/..", "../x", "a/."],
)
def test_what_is_no_slug_is_refused(wrong: str) -> None:
    with pytest.raises(errors.UsageError, match="'owner/name'"):
        repo_part(wrong)


@pytest.mark.parametrize("wrong", ["", "  ", None, 5])
def test_an_empty_text_is_refused_without_being_quoted(wrong: object) -> None:
    with pytest.raises(errors.UsageError, match="value must be a text"):
        text_of(wrong, "value")
    assert text_of("x", "value") == "x"


def test_numbers_sort_as_numbers() -> None:
    assert sorted(["10", "9.10", "9.2", "9", ""], key=number_key) == ["", "9", "9.2", "9.10", "10"]


def test_a_commit_without_a_config_still_hashes() -> None:
    commit = msgspec.json.decode(COMMIT, type=Commit)
    assert hash(commit) == hash(pickle.loads(pickle.dumps(commit)))


def test_a_value_of_another_kind_is_no_id() -> None:
    with pytest.raises(errors.UsageError, match="job must be"):
        id_of(build, "job", Job)


@pytest.mark.parametrize("wrong", [0, 51, True, 2.5, "5", None])
def test_how_many_is_a_whole_number_in_bounds(wrong: object) -> None:
    with pytest.raises(errors.UsageError, match="limit must be a whole number between 1 and 50"):
        within(wrong, "limit", 50)
    assert within(50, "limit", 50) == 50
