"""Wild values in every field of every event, while feeds, waits, restarts and followed logs run."""

import random

import anyio
import pytest

from aiotravis import events
from aiotravis.events import EVENTS_BY_NAME
from aiotravis.live.decoding import read_event
from aiotravis.live.protocol import Message
from tests.live.wild_events import VALUES, changed, run, text_of


def test_no_wild_event_ends_anything_and_the_good_ones_all_arrive() -> None:
    kinds = anyio.run(run, 20_000, 1)
    assert {one.__name__ for one in EVENTS_BY_NAME.values()} | {"UnknownEvent", "JobLog"} <= set(kinds)
    assert kinds["restarts"] > 0
    assert kinds["unreadable"] > 1000


JOB = {"id": 501, "repository_id": 82, "build_id": 500, "number": "1.1", "state": "started", "commit": {"id": 1}}


@pytest.mark.parametrize("field", ["repository_id", "build_id", "number", "state", "commit", "updated_at", "stage"])
def test_an_event_with_a_readable_id_keeps_its_class_whatever_its_other_fields(field: str) -> None:
    for value in VALUES:
        wild = changed(random.Random(1), {field: 0}, (value,))
        data = text_of({**{name: one for name, one in JOB.items() if name != field}, **wild})
        job = read_event(Message(event="job:started", channel="c", data=data))
        assert isinstance(job, events.JobStarted)
        assert job.job.id == 501
        build = read_event(Message(event="build:started", channel="c", data=f'{{"build":{data},"commit":null}}'))
        assert isinstance(build, events.BuildStarted)
        assert build.build.id == 501
