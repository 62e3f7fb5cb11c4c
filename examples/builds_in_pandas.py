"""Builds as a table of pandas: `msgspec.structs.asdict` makes rows, whose dates stay dates.

Without arguments it reads from a Travis of its own, in this process (needs pandas):

    python examples/builds_in_pandas.py

With a real one:

    TRAVIS_TOKEN=TOKEN python examples/builds_in_pandas.py OWNER/NAME
"""

import sys
from collections.abc import Iterable

import anyio
import msgspec
import pandas as pd

from aiotravis import Build, Travis
from aiotravis.testing import TravisServer

COLUMNS = ["number", "state", "started_at", "finished_at", "duration", "event_type"]


def frame_of(builds: Iterable[Build]) -> pd.DataFrame:
    """Return a table with a row for each build, and some fields of its commit."""
    builds = list(builds)
    frame = pd.DataFrame([msgspec.structs.asdict(build) for build in builds], columns=["id", *COLUMNS])
    frame["state"] = frame["state"].astype("category")
    frame["branch"] = [build.commit.branch if build.commit else None for build in builds]
    # Where no build has started, too.
    for name in ("started_at", "finished_at"):
        frame[name] = pd.to_datetime(frame[name], utc=True)
    return frame.set_index("id")


async def read(travis: Travis, slug: str) -> pd.DataFrame:
    """Read the newest builds of a repository."""
    return frame_of(await travis.builds.list(slug, limit=200).to_list())


async def main(slug: str | None = None) -> None:
    """Print how long the builds took, month by month."""
    if slug:
        async with Travis.from_env() as travis:
            frame = await read(travis, slug)
    else:
        async with TravisServer() as server, Travis(endpoint=server.endpoint) as travis:
            server.world.repository("travis-ci/travis.rb").history(50)
            frame = await read(travis, "travis-ci/travis.rb")
    print(frame.dtypes.to_string())
    frame["took"] = frame["finished_at"] - frame["started_at"]
    print(frame.groupby(["branch", "state"], observed=True)["took"].agg(["count", "mean"]).to_string())


if __name__ == "__main__":
    anyio.run(main, sys.argv[1] if sys.argv[1:] else None)
