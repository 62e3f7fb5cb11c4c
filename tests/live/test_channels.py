"""Which channels carry which events."""

import itertools

import pytest

from aiotravis import Build, Job, errors, events
from aiotravis.live.channels import ChannelSelection, channels_for, is_channel_name, is_private, repository_of

OWN = ("private-user-7",)


@pytest.mark.parametrize(
    ("selection", "private", "own", "channels"),
    [
        (ChannelSelection(repositories=frozenset({82})), False, (), {"repo-82"}),
        (ChannelSelection(repositories=frozenset({82})), False, OWN, {"repo-82", *OWN}),
        (ChannelSelection(repositories=frozenset({82})), True, OWN, {*OWN}),
        (ChannelSelection(repositories=frozenset({82})), False, ("common",), {"repo-82", "common"}),
        (ChannelSelection(jobs=frozenset({5}), parent_repositories=frozenset({82})), False, (), {"job-5", "repo-82"}),
        (
            ChannelSelection(jobs=frozenset({5}), parent_repositories=frozenset({82})),
            True,
            OWN,
            {"private-job-5", *OWN},
        ),
        (ChannelSelection(jobs=frozenset({5})), True, (), {"private-job-5"}),
        (ChannelSelection(builds=frozenset({5}), parent_repositories=frozenset({82})), False, (), {"repo-82"}),
        (ChannelSelection(channels=frozenset({"common"})), True, (), {"common"}),
        (ChannelSelection(), False, OWN, {*OWN}),
        (ChannelSelection(), True, OWN, {*OWN}),
    ],
)
def test_channels_follow_from_deployment_and_user(
    selection: ChannelSelection, private: bool, own: tuple[str, ...], channels: set[str]
) -> None:
    assert channels_for(selection, private=private, own=own) == channels


def test_a_private_deployment_without_a_token_raises_live_unavailable() -> None:
    with pytest.raises(errors.LiveUnavailable, match="Pass a token"):
        channels_for(ChannelSelection(repositories=frozenset({1})), private=True, own=())


def test_an_empty_selection_without_a_token_raises_usage_error() -> None:
    with pytest.raises(errors.UsageError, match="Without a token"):
        channels_for(ChannelSelection(), private=False, own=())


def test_private_channels_need_a_signature() -> None:
    assert [is_private(name) for name in ("private-job-1", "presence-x", "repo-1")] == [True, True, False]


def test_a_selection_includes_the_events_of_its_ids_and_channels() -> None:
    job = Job(id=5, build_id=3, repository_id=82)
    build = Build(id=3, repository_id=82, job_ids=(5, 6))
    about_job, about_build = events.JobStarted(channel="c", job=job), events.BuildStarted(channel="c", build=build)
    log = events.JobLog(channel="job-5", job_id=5)
    odd = events.UnknownEvent(channel="c", name="x")
    for selection, included in (
        (ChannelSelection(repositories=frozenset({82})), (True, True, False, True)),
        (ChannelSelection(repositories=frozenset({83})), (False, False, False, True)),
        (ChannelSelection(builds=frozenset({3})), (True, True, False, True)),
        (ChannelSelection(jobs=frozenset({5})), (True, True, True, True)),
        (ChannelSelection(jobs=frozenset({9})), (False, False, False, True)),
        (ChannelSelection(channels=frozenset({"c"})), (True, True, False, True)),
        (ChannelSelection(channels=frozenset({"job-5"})), (False, False, True, True)),
        (ChannelSelection(), (True, True, False, True)),
    ):
        assert tuple(selection.includes(event) for event in (about_job, about_build, log, odd)) == included


ONES = frozenset({1, 2})


@pytest.mark.parametrize("own", [(), OWN, ("common",), ("private-user-7", "user-7")])
@pytest.mark.parametrize("private", [False, True])
@pytest.mark.parametrize("ids", list(itertools.product((frozenset[int](), ONES), repeat=4)))
@pytest.mark.parametrize("names", [frozenset[str](), frozenset({"workers"})])
def test_channels_for_every_selection_deployment_and_user(
    ids: tuple[frozenset[int], ...], names: frozenset[str], private: bool, own: tuple[str, ...]
) -> None:
    repositories, builds, jobs, parent_repositories = ids
    selection = ChannelSelection(
        repositories=repositories, builds=builds, jobs=jobs, parent_repositories=parent_repositories, channels=names
    )
    everything = not (repositories or builds or jobs or names)
    states = everything or bool(repositories or builds or parent_repositories)
    if states and not own and (everything or private):
        with pytest.raises(errors.UsageError if everything else errors.LiveUnavailable):
            channels_for(selection, private=private, own=own)
        return
    channels = channels_for(selection, private=private, own=own)
    logs = {f"private-job-{job}" if private else f"job-{job}" for job in jobs}
    public = set[str]() if private else {f"repo-{one}" for one in repositories | parent_repositories}
    assert channels == names | logs | public | (set(own) if states else set[str]())
    assert not any(name.startswith("private-repo-") for name in channels), "these have been silent since 2017"


@pytest.mark.parametrize("kind", [events.JobCreated, events.JobFinished])
@pytest.mark.parametrize("about", ["repositories", "builds", "jobs"])
def test_an_event_with_ids_alone_is_included_by_the_ids_it_has(kind: type[events.JobEvent], about: str) -> None:
    ids_alone = kind(channel="private-user-7", job=Job(id=5, build_id=3), complete=False)
    selections = {
        "repositories": ChannelSelection(repositories=frozenset({82})),
        "builds": ChannelSelection(builds=frozenset({3})),
        "jobs": ChannelSelection(jobs=frozenset({5})),
    }
    included = selections[about].includes(ids_alone)
    assert included is (about != "repositories")


def test_a_build_without_a_repository_uses_the_users_own_channel() -> None:
    assert channels_for(ChannelSelection(builds=frozenset({5})), private=False, own=OWN) == {*OWN}


@pytest.mark.parametrize(
    ("channel", "repository"),
    [
        ("repo-82", 82), ("private-repo-82", 82), ("user-82", None), ("job-82", None), ("repo-", None),
        ("repo-x", None), ("repo-²", None), ("repo-" + "9" * 150, None), ("common", None), (None, None),
    ],
)  # fmt: skip
def test_the_channel_of_a_repository_names_its_id(channel: str | None, repository: int | None) -> None:
    assert repository_of(channel) == repository


@pytest.mark.parametrize("name", ["repo-1", "private-user-7", "!", "~" * 164, "presence-a@b;c,d.e=f"])
def test_printable_ascii_without_spaces_is_a_channel_name(name: str) -> None:
    assert is_channel_name(name)


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "a\x00", "a\n", "\x1b[2J", "gr\u00f6\u00dfe", "\ud800", "x" * 165, None, 5, b"x"]
)
def test_anything_else_is_no_channel_name(name: object) -> None:
    assert not is_channel_name(name)
