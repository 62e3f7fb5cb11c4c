"""Print the newest builds of a Travis that runs in this process, and what changes, for six seconds."""

import anyio

from aiotravis import RepositoryUpdate, Travis, safe_for_terminal
from aiotravis.testing import Demo, TravisServer


async def main() -> None:
    """Watch everything that the token's user can see."""
    async with (
        TravisServer() as server,
        Demo(server, speed=4) as demo,
        Travis(demo.token, endpoint=server.endpoint) as travis,
        travis.watch(last=3) as watch,
    ):
        with anyio.move_on_after(6):
            async for item in watch:
                shown = str(item.error or "up to date")
                if isinstance(item, RepositoryUpdate) and item.repository and item.error is None:
                    builds = ", ".join(f"#{one.number} {one.state} ({len(one.jobs)} jobs)" for one in item.builds)
                    shown = f"{item.repository.slug}: {builds}"
                print(safe_for_terminal(shown, colour=False))


anyio.run(main)
