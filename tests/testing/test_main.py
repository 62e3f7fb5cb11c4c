"""``python -m aiotravis.testing``."""

import asyncio
import signal
import socket
import sys

import aiohttp
import anyio
import pytest

from aiotravis import Travis


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
async def test_program_serves_a_demo_until_a_signal(signal_number: signal.Signals) -> None:
    command = [sys.executable, "-m", "aiotravis.testing", "--port", "0", "--speed", "100"]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        output = dict[str, str]()
        while not (line := (await process.stdout.readline()).decode()).startswith("Press Ctrl-C"):
            name, _, value = line.strip().partition(" ")
            output[name] = value.strip()
        async with aiohttp.ClientSession() as session, session.get(f"{output['Travis']}/config") as reply:
            assert "pusher" in (await reply.json())["config"]
        async with Travis(output["token"], endpoint=output["Travis"]) as travis:
            assert {repo.slug for repo in await travis.repos.list()} >= set(output["repos"].split(", ")[:2])
            async with travis.events() as feed:
                with anyio.fail_after(20):
                    await anext(feed)
        process.send_signal(signal_number)
        with anyio.fail_after(10):
            assert await process.wait() == 0
        assert await process.stderr.read() == b""
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_program_reports_errors_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = await anyio.run_process([sys.executable, "-m", "aiotravis.testing", "--port", str(port)], check=False)
    assert (result.returncode, result.stderr.count(b"\n")) == (2, 1)
    assert f"cannot listen on port {port}".encode() in result.stderr
    result = await anyio.run_process([sys.executable, "-m", "aiotravis.testing", "--speed", "0"], check=False)
    assert result.returncode == 2
