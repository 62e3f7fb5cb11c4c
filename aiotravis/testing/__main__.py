"""``python -m aiotravis.testing``: an embedded Travis with a demo, to try dashboards and clients on."""

import argparse
import asyncio
import signal
import sys

from aiotravis.testing.demo import Demo
from aiotravis.testing.server import TravisServer


def parse_arguments() -> argparse.Namespace:
    """Return the command line options."""
    parser = argparse.ArgumentParser(prog="python -m aiotravis.testing", description=__doc__)
    parser.add_argument("--port", type=int, default=8080, help="TCP port; 0 for a free one (default: 8080)")
    parser.add_argument("--speed", type=float, default=1.0, help="factor on the pace of builds (default: 1)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the builds (default: 1)")
    modes = ("org", "com", "com-private", "enterprise")
    parser.add_argument("--mode", choices=modes, default="org", help="kind of deployment")
    parser.add_argument(
        "--dialect", choices=("pusher", "slanger", "soketi"), default="pusher", help="server of the live channel"
    )
    parser.add_argument("--secure", action="store_true", help="publish on private channels only")
    parser.add_argument("--instant", action="store_true", help="restart and store logs without the delays of Travis")
    parser.add_argument("--rate-rules", action="store_true", help="throttle and ban as Travis does")
    options = parser.parse_args()
    if not 0 < options.speed <= 1000:
        parser.error("--speed must be between 0 and 1000")
    return options


async def main() -> int:
    """Serve until SIGINT or SIGTERM, and return the exit code."""
    options = parse_arguments()
    server = TravisServer(
        mode=options.mode,
        dialect=options.dialect,
        secure=options.secure,
        rate_rules=options.rate_rules,
        instant=options.instant,
    )
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    try:
        await server.start(options.port)
    except OSError as exc:
        print(f"aiotravis.testing: cannot listen on port {options.port}: {exc.strerror}", file=sys.stderr)
        return 2
    try:
        async with Demo(server, speed=options.speed, seed=options.seed) as demo:
            slug = demo.repositories[0].slug
            print(f"Travis   {server.endpoint}")
            print(f"token    {demo.token}")
            print("repos    " + ", ".join(repository.slug for repository in demo.repositories))
            print()
            print(f"Try      curl -H 'Authorization: token {demo.token}' {server.endpoint}/repos/{slug}")
            print(f"         python examples/listen.py --endpoint {server.endpoint} --token {demo.token} --repo {slug}")
            print("Press Ctrl-C to stop.", flush=True)
            await stopped.wait()
    finally:
        await server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
