"""What a watch yields: values to match on, compare, keep and copy."""

import copy
import pickle

from aiotravis import Build, Repository, RepositoryUpdate, WatchStatus, errors

UPDATE = RepositoryUpdate(
    repo="a/b", repository=Repository(id=82, slug="a/b"), builds=(Build(id=1, number="7"),), changed=(1,)
)


def described(item: RepositoryUpdate | WatchStatus) -> str:
    match item:
        case RepositoryUpdate(error=errors.NotFoundError(), repo=repo):
            return f"{repo} is gone"
        case RepositoryUpdate(builds=[newest, *_], error=None):
            return f"#{newest.number} {newest.state}"
        case WatchStatus(error=errors.AuthenticationError()):
            return "token"
        case _:
            return "something else"


def test_an_item_is_matched_by_what_it_tells() -> None:
    gone = errors.NotFoundError("no", status=404, method="GET", path="/")
    refused = errors.AuthenticationError("no", status=403, method="GET", path="/")
    assert described(UPDATE) == "#7 created"
    assert described(RepositoryUpdate(repo=82, error=gone)) == "82 is gone"
    assert described(WatchStatus(error=refused)) == "token"
    assert described(WatchStatus()) == "something else"


def test_an_update_is_a_value() -> None:
    assert copy.copy(UPDATE) == UPDATE == pickle.loads(pickle.dumps(UPDATE))
    assert hash(UPDATE) == hash(copy.copy(UPDATE))
    assert len({UPDATE, copy.copy(UPDATE)}) == 1
