"""Helper that follows a log to its end."""

from aiotravis import Travis
from aiotravis.testing import Job


async def follow(travis: Travis, job: Job) -> str:
    async with travis.follow_log(job.id) as log:
        text = "".join([part.content or "" async for part in log])
    assert log.complete
    return text
