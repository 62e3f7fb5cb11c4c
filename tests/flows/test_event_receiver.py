"""A feed that is received on behalf of several: when its events do not arrive."""

import pytest

from aiotravis import Travis
from aiotravis.flows.event_receiver import EventReceiver
from aiotravis.testing import Repository, TravisServer
from tests.waiting import until


@pytest.mark.instant
async def test_events_are_unavailable_only_once_the_feed_is_open_and_not_live(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    feed = travis.events(repository.id)
    receiver = EventReceiver[int](feed)
    assert not receiver.live_unavailable
    async with feed:
        receiver.opened = True
        assert not receiver.live_unavailable
        server.faults.live("pusher:subscribe").refuse()
        await server.pusher.disconnect(1001)
        await until(lambda: receiver.live_unavailable)
