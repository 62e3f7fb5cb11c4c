"""Actions of API v3."""

import pytest

from aiotravis.testing import TravisServer
from tests.conftest import TOKEN
from tests.raw import ask


@pytest.mark.parametrize(("private", "status"), [(False, 403), (True, 202)])
async def test_private_repositories_may_be_debugged_by_default(
    server: TravisServer, private: bool, status: int
) -> None:
    user = server.world.user("sarah", token=TOKEN)
    job = server.world.repository("x/y", private=private, users=[user]).build().start().finish().jobs[0]
    answer = await ask(server, f"/v3/job/{job.id}/debug", method="POST", token=TOKEN, json={"quiet": True})
    assert (answer.status, job.state) == (status, "created" if private else "passed")
