"""What a watch yields: values to match on, compare, keep and copy."""

import copy
import pickle

import pytest

from aiotravis import Build, Repository, RepositoryUpdate, WatchStatus, errors
from aiotravis.flows.repository_update import is_same_failure

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


def failed(status: int, request_id: str, path: str = "/repos") -> errors.ServerError:
    return errors.ServerError(request_id, status=status, method="GET", path=path, request_id=request_id)


def unsent(message: str) -> errors.RequestError:
    return errors.RequestError(message, method="GET", path="/repos")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (None, None, True),
        (failed(500, "a"), failed(500, "b", "/builds"), True),
        (failed(500, "a"), failed(503, "a"), False),
        (failed(500, "a"), None, False),
        (None, failed(500, "a"), False),
        (unsent("after 1 attempt"), unsent("after 3 attempts"), True),
        (unsent("no"), errors.TravisError("no"), False),
        (errors.TravisError("a"), errors.TravisError("a"), True),
        (errors.TravisError("a"), errors.TravisError("b"), False),
    ],
)
def test_a_failure_is_the_same_whatever_request_met_it(
    one: errors.TravisError | None, other: errors.TravisError | None, same: bool
) -> None:
    assert is_same_failure(one, other) is same
