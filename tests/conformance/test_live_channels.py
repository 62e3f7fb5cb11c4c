"""Which events are on which channel, for servers of each age: section 7.6 of the facts."""

from dataclasses import dataclass

import pytest

from aiotravis.testing import Dialect, Job, LiveMode
from tests.conformance.live import EACH, Scene, connect, covers, rows, travis

STATES = ["job:received", "job:started", "build:started", "job:finished", "build:finished"]


@dataclass(frozen=True)
class Row:
    """One row: a kind of channel, a server, whose repository, and what comes of all that is to be received.

    Attributes:
        channel: May hold ``{sarah}``, ``{josh}``, ``{repo}``, ``{job}``.
        hears: ``states``, ``log`` or nothing.
    """

    channel: str
    hears: str = ""
    mode: LiveMode = "head"
    private: bool = False
    secure: bool = False


ROWS = {
    "common, 2013, public": Row("common", "states", "2013"),
    "common, 2013, private": Row("common", "states", "2013", private=True),
    "common, 2014, public": Row("common", "states", "2014"),
    "common, 2014, private": Row("common", "", "2014", private=True),
    "common, 2016, public": Row("common", "states", "2016"),
    "common, 2017": Row("common", "", "2017"),
    "common, today": Row("common"),
    "repo-ID, 2013": Row("repo-{repo}", "", "2013"),
    "repo-ID, 2014": Row("repo-{repo}", "", "2014"),
    "repo-ID, 2016": Row("repo-{repo}", "states", "2016"),
    "repo-ID, 2017": Row("repo-{repo}", "states", "2017"),
    "repo-ID, today": Row("repo-{repo}", "states"),
    "repo-ID, private": Row("repo-{repo}", private=True),
    "repo-ID, secure": Row("repo-{repo}", secure=True),
    "private-repo-ID, 2013": Row("private-repo-{repo}", "", "2013", private=True),
    "private-repo-ID, 2014": Row("private-repo-{repo}", "states", "2014", private=True),
    "private-repo-ID, 2016": Row("private-repo-{repo}", "states", "2016", private=True),
    "private-repo-ID, 2017": Row("private-repo-{repo}", "states", "2017", private=True),
    "private-repo-ID, 2016, public": Row("private-repo-{repo}", "", "2016"),
    "private-repo-ID, 2016, public, secure": Row("private-repo-{repo}", "states", "2016", secure=True),
    "private-repo-ID, today": Row("private-repo-{repo}", private=True),
    "user-ID, 2016": Row("user-{sarah}", "", "2016"),
    "user-ID, 2017": Row("user-{sarah}", "states", "2017"),
    "user-ID, today": Row("user-{sarah}"),
    "private-user-ID, 2017": Row("private-user-{sarah}", "", "2017"),
    "private-user-ID, today": Row("private-user-{sarah}", "states"),
    "private-user-ID, private": Row("private-user-{sarah}", "states", private=True),
    "private-user-ID, secure": Row("private-user-{sarah}", "states", secure=True),
    "private-user-ID, of somebody without a permission": Row("private-user-{josh}"),
    "job-ID, 2013": Row("job-{job}", "log", "2013"),
    "job-ID, today": Row("job-{job}", "log"),
    "job-ID, private": Row("job-{job}", "log", private=True),
    "job-ID, secure": Row("job-{job}", secure=True),
    "private-job-ID, today": Row("private-job-{job}", private=True),
    "private-job-ID, secure": Row("private-job-{job}", "log", secure=True),
    "private-job-ID, 2014, secure": Row("private-job-{job}", "log", "2014", secure=True),
    "workers": Row("workers"),
}


def run_job(job: Job) -> None:
    """Take a job through all of its states."""
    job.receive().start()
    job.write("text")
    job.write("", final=True)
    job.finish()


def named(row: Row, scene: Scene, job: Job) -> str:
    return row.channel.format(sarah=scene.sarah.id, josh=scene.josh.id, repo=job.repository.id, job=job.id)


@rows("7.6", ROWS)
async def test_a_channel_carries_the_events_of_the_facts(row: Row) -> None:
    async with travis(live_mode=row.mode, secure=row.secure) as scene, connect(scene.server) as socket:
        repository = scene.private if row.private else scene.public
        (job,) = repository.build(quiet=True).jobs
        channel = named(row, scene, job)
        await socket.subscribe_all(channel)
        run_job(job)
        received = await socket.events()
    expected = {"states": STATES, "log": ["job:log", "job:log"], "": []}[row.hears]
    assert received == [(channel, event) for event in expected]


@pytest.mark.parametrize("dialect", EACH)
@covers("7.6", "each event twice on two channels")
async def test_an_event_arrives_once_per_channel_with_the_same_payload(dialect: Dialect) -> None:
    async with travis(dialect=dialect) as scene, connect(scene.server) as socket:
        channels = [f"private-user-{scene.sarah.id}", f"repo-{scene.public.id}"]
        await socket.subscribe_all(*channels)
        scene.job().receive()
        first, second = await socket.received()
    assert [first["channel"], second["channel"]] == channels
    assert (first["event"], first["data"]) == (second["event"], second["data"])


@covers("7.6", "every user with a permission")
async def test_every_user_with_a_permission_has_a_channel() -> None:
    async with travis() as scene, connect(scene.server) as socket:
        users = [scene.server.world.user(f"user-{number}", token=f"token-{number}") for number in range(25)]
        repository = scene.server.world.repository("a/large", private=True, users=users)
        channels = [f"private-user-{user.id}" for user in users]
        await socket.subscribe_all(*channels)
        repository.build()
        received = await socket.events()
    assert sorted(received) == sorted((one, event) for one in channels for event in ("build:created", "job:created"))
