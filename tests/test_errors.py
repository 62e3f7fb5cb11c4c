"""The exception tree: its shape, attributes, pickling and copying."""

import copy
import inspect
import pickle
import re
from datetime import UTC, datetime

import pytest

from aiotravis import errors


def classes() -> dict[str, type[errors.TravisError]]:
    return {name: getattr(errors, name) for name in errors.__all__}


def test_the_tree_in_the_docstring_is_that_of_the_classes() -> None:
    drawn: dict[str, str] = {}
    path: list[str] = []
    for line in (inspect.getdoc(errors) or "").splitlines():
        found = re.match(r"([\s│├└─]*)([A-Z]\w+)(?:\s{2,}|$)", line)
        if found and found[2] in errors.__all__:
            depth = len(found[1]) // 4 - 1  # The drawing itself is indented by 4.
            path[depth:] = [found[2]]
            drawn[found[2]] = path[-2] if len(path) > 1 else "Exception"
    real = {name: kind.__mro__[1].__name__ for name, kind in classes().items()}
    assert drawn == real


def response_error(kind: type[errors.ResponseError]) -> errors.ResponseError:
    return kind("no", status=403, method="GET", path="/x", request_id="r", excerpt="e", remedy="do")


def test_every_error_survives_pickle_with_its_attributes() -> None:
    banned = response_error(errors.BannedError)
    assert isinstance(banned, errors.BannedError)
    banned.lifted_at = datetime(2026, 1, 1, tzinfo=UTC)
    for error in (
        errors.UsageError("wrong", argument="repo"),
        errors.RequestTimeout("late", method="GET", path="/x"),
        errors.TooLargeError("large", method="GET", path="/x", limit=5),
        errors.RedirectError("away", method="GET", path="/x", location="http://y"),
        errors.WriteInterrupted("closed", method="POST", path="/x"),
        errors.LimitsUnavailable("away", method="POST", path="/x"),
        banned,
        errors.DecodeError("odd", status=200, method="GET", path="/x", excerpt="{"),
        errors.RestartDropped("nothing", build_id=7),
        errors.TriggerRejected("no", request_id=7, reason="[skip ci]", messages=["warn: unknown_key"]),
        errors.TriggerUndecided("late", request_id=7, build_id=8),
        errors.TriggerUncertain("lost", candidates=[9, 7]),
        errors.LiveUnavailable("off", code=4001),
        errors.SubscriptionError("no", channel="repo-1"),
        errors.LogGap("holes", job_id=7, missing=[1, 2]),
        errors.WebhookRejected("forged", check="mismatch"),
        errors.SignInFailed("late"),
        errors.LogUnavailable("not there", job_id=7, reason="a notice", retry_after=60.0),
    ):
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert vars(again) == vars(error)


def test_two_classes_derive_from_builtin_exceptions() -> None:
    assert issubclass(errors.UsageError, ValueError)
    assert issubclass(errors.RequestTimeout, TimeoutError)


@pytest.mark.parametrize("kind", [kind for kind in classes().values() if issubclass(kind, errors.ResponseError)])
def test_a_response_error_has_its_request_and_remedy(kind: type[errors.ResponseError]) -> None:
    error = response_error(kind)
    assert (error.status, error.method, error.path) == (403, "GET", "/x")
    assert (error.request_id, error.excerpt, error.remedy) == ("r", "e", "do")


def test_attributes_in_the_tree_are_documented_in_their_classes() -> None:
    said = re.findall(r"─ (\w+)[^\n]*?((?: \.\w+)+)$", inspect.getdoc(errors) or "", re.MULTILINE)
    assert len(said) > 10
    for name, attributes in said:
        kind = classes()[name]
        for attribute in attributes.replace(".", " ").split():
            assert re.search(rf"^ *{attribute}: ", inspect.getdoc(kind) or "", re.MULTILINE), (name, attribute)


def test_further_attributes_of_response_errors_have_defaults() -> None:
    assert (errors.NotFoundError.missing, errors.RefusedError.flash, errors.ValidationError.errors) == ((), (), ())
    assert (errors.RateLimited.retry_after, errors.BannedError.lifted_at) == (None, None)
    assert (errors.BuildLimitReached.max_requests, errors.BuildLimitReached.per_seconds) == (None, None)


def test_a_copy_is_independent() -> None:
    error = response_error(errors.RefusedError)
    assert isinstance(error, errors.RefusedError)
    error.flash = ("no",)
    again = copy.copy(error)
    assert (str(again), again.flash, again.status) == ("no", ("no",), 403)
    again.flash = ()
    assert error.flash == ("no",)


@pytest.mark.parametrize(
    "error",
    [
        errors.RequestError("no", method="GET", path="/x"),
        errors.RequestTimeout("no", method="GET", path="/x"),
        errors.TruncatedError("no", method="GET", path="/x"),
        errors.TooLargeError("no", method="GET", path="/x", limit=5),
        errors.RedirectError("no", method="GET", path="/x", location="http://y"),
    ],
)
def test_a_request_error_keeps_its_attempts_through_pickle(error: errors.RequestError) -> None:
    assert (error.attempts, error.unsent) == (1, False)
    error.attempts, error.unsent = 3, True
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), "no", vars(error))
