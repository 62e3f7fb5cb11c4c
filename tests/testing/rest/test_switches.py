"""Differences between installations."""

from aiotravis.testing import Switches, TravisServer
from tests.raw import ask


def test_each_server_has_its_own_switches() -> None:
    first, second = TravisServer(), TravisServer()
    first.switches.caching = False
    assert second.switches.caching is True


async def test_switch_can_be_changed_while_the_server_runs(server: TravisServer) -> None:
    server.world.repository("a/b")
    assert (await ask(server, "/requests?slug=a/b&limit=5")).status == 200
    server.switches.requests_fail = True
    assert (await ask(server, "/requests?slug=a/b&limit=5")).status == 500


async def test_switches_can_be_passed_to_the_server() -> None:
    async with TravisServer(switches=Switches(uptime_error="database")) as server:
        assert (await ask(server, "/uptime")).body == b"Error: database"
