"""Which channels carry what."""

import pytest

from aiotravis import Build, Job, errors, events
from aiotravis.live.channels import Interest, channels_for, is_private

OWN = ("private-user-7",)


@pytest.mark.parametrize(
    ("interest", "private", "own", "channels"),
    [
        (Interest(repositories=frozenset({82})), False, (), {"repo-82"}),
        (Interest(repositories=frozenset({82})), False, OWN, {"repo-82", *OWN}),
        (Interest(repositories=frozenset({82})), True, OWN, {*OWN}),
        (Interest(repositories=frozenset({82})), False, ("common",), {"repo-82", "common"}),
        (Interest(jobs=frozenset({5}), homes=frozenset({82})), False, (), {"job-5", "repo-82"}),
        (Interest(jobs=frozenset({5}), homes=frozenset({82})), True, OWN, {"private-job-5", *OWN}),
        (Interest(jobs=frozenset({5})), True, (), {"private-job-5"}),
        (Interest(builds=frozenset({5}), homes=frozenset({82})), False, (), {"repo-82"}),
        (Interest(channels=frozenset({"common"})), True, (), {"common"}),
        (Interest(), False, OWN, {*OWN}),
        (Interest(), True, OWN, {*OWN}),
    ],
)
def test_channels_follow_from_deployment_and_user(
    interest: Interest, private: bool, own: tuple[str, ...], channels: set[str]
) -> None:
    assert channels_for(interest, private=private, own=own) == channels


def test_a_private_deployment_tells_strangers_nothing() -> None:
    with pytest.raises(errors.LiveUnavailable, match="Pass a token"):
        channels_for(Interest(repositories=frozenset({1})), private=True, own=())


def test_everything_of_nobody_is_no_question() -> None:
    with pytest.raises(errors.UsageError, match="Without a token"):
        channels_for(Interest(), private=False, own=())


def test_private_channels_need_a_signature() -> None:
    assert [is_private(name) for name in ("private-job-1", "presence-x", "repo-1")] == [True, True, False]


def test_an_interest_wants_what_it_is_about() -> None:
    job = Job(id=5, build_id=3, repository_id=82)
    build = Build(id=3, repository_id=82, job_ids=(5, 6))
    about_job, about_build = events.JobStarted(channel="c", job=job), events.BuildStarted(channel="c", build=build)
    log = events.JobLog(channel="job-5", job_id=5)
    odd = events.UnknownEvent(channel="c", name="x")
    for interest, wanted in (
        (Interest(repositories=frozenset({82})), (True, True, False, True)),
        (Interest(repositories=frozenset({83})), (False, False, False, True)),
        (Interest(builds=frozenset({3})), (True, True, False, True)),
        (Interest(jobs=frozenset({5})), (True, True, True, True)),
        (Interest(jobs=frozenset({9})), (False, False, False, True)),
        (Interest(channels=frozenset({"c"})), (True, True, False, True)),
        (Interest(channels=frozenset({"job-5"})), (False, False, True, True)),
        (Interest(), (True, True, False, True)),
    ):
        assert tuple(interest.wants(event) for event in (about_job, about_build, log, odd)) == wanted
