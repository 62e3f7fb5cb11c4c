"""List what a token can see: user, accounts, permissions, repositories, and the remaining rate limit.

Without arguments it starts a Travis of its own, in this process:

    python examples/what_can_i_see.py

With a real one:

    TRAVIS_TOKEN=... python examples/what_can_i_see.py --endpoint https://api.travis-ci.com
"""

import argparse
import os
import sys

import anyio

from aiotravis import COM, Travis, TravisError, safe_for_terminal
from aiotravis.testing import TravisServer

TOKEN = "an-example-token"


def say(line: str) -> None:
    """Print a line: a name or a message must not control this terminal."""
    print(safe_for_terminal(line, colour=False))


async def show(travis: Travis) -> None:
    """Fetch everything that can be listed, and print it."""
    user = await travis.verify()
    say(f"{user.login} ({user.name}), id {user.id}, GitHub scopes sufficient: {user.correct_scopes}")
    for account in await travis.accounts.list(all=True):
        say(f"  {account.type:<13} {account.login}: {account.repos_count} repositories")
    rights = await travis.permissions.get()
    say(f"may pull {len(rights.pull)}, push to {len(rights.push)} and administer {len(rights.admin)} repositories")
    async for repo in travis.repos.many(sorted(rights.permissions), missing_ok=True):
        state = repo.last_build_state or "never built"
        say(f"  {repo.slug:<28} {'active' if repo.active else 'inactive':<9} #{repo.last_build_number or '-'} {state}")
    for message in await travis.broadcasts.list():
        say(f"Travis says: {message.message}")
    limits = travis.limits
    if limits.room is None:
        say("No rate limits here.")
    else:
        say(f"Room for {limits.room} more requests; the next window starts in {limits.next_window:.0f} s.")


async def main() -> int:
    """Use a real Travis or the embedded one."""
    parser = argparse.ArgumentParser(description="List what a token can see.")
    parser.add_argument("--endpoint", help=f"URL of the API, such as {COM}; without it, a Travis of this process")
    parser.add_argument("--token", default=os.environ.get("TRAVIS_TOKEN"), help="API token (default: $TRAVIS_TOKEN)")
    options = parser.parse_args()
    try:
        if options.endpoint:
            async with Travis(options.token or None, endpoint=options.endpoint) as travis:
                await show(travis)
            return 0
        async with TravisServer() as server:
            user = server.world.user("sarah", token=TOKEN)
            for slug, builds in (("sarah/notes", 0), ("travis-ci/travis.rb", 12), ("travis-ci/worker", 5)):
                server.world.repository(slug, users=[user]).history(builds)
            server.world.broadcasts.append("This Travis lives in your own process.")
            async with Travis(TOKEN, endpoint=server.endpoint, rate_limits=True) as travis:
                await show(travis)
    except TravisError as error:
        print(f"what_can_i_see: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    try:
        raise SystemExit(anyio.run(main))
    except KeyboardInterrupt:
        raise SystemExit(130) from None
