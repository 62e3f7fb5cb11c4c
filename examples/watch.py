"""Print the newest builds of a Travis that runs in this process, and what changes, for six seconds."""

import anyio

from aiotravis import RepositoryUpdate, Travis, WatchStatus, safe_for_terminal
from aiotravis.testing import Demo, TravisServer


async def main() -> None:
    """Watch everything that the token's user can see."""
    async with (
        TravisServer() as server,
        Demo(server, speed=4) as demo,
        Travis(demo.token, endpoint=server.endpoint) as t,
    ):
        with anyio.move_on_after(6):
            async with t.watch(last=3) as watch:
                async for item in watch:
                    match item:
                        case RepositoryUpdate(repository=repository, builds=builds, error=None) if repository:
                            shown = ", ".join(f"#{one.number} {one.state} ({len(one.jobs)} jobs)" for one in builds)
                            print(safe_for_terminal(f"{repository.slug}: {shown}", colour=False), flush=True)
                        case RepositoryUpdate(repo=repo, error=error):
                            print(f"{repo}: {error}")
                        case WatchStatus(error=error):
                            print(error or "up to date again")


anyio.run(main)
