"""A log of 100 MB is read completely by every method, and held in memory only if a string is returned."""

import hashlib
import subprocess
import sys
from functools import partial
from pathlib import Path

import anyio.to_thread
import msgspec
import pytest
from aiohttp import web

MIB = 1 << 20

BLOCK = b"".join((f"{number:05} größe\r\n" + "x" * 40).encode() for number in range(20_000))
"""Just over a mebibyte. Python holds each of these characters in one byte."""

JOB = {"id": 7, "state": "passed", "started_at": "2014-04-08T00:17:34Z", "finished_at": "2014-04-08T00:27:12Z"}

PROGRAM = """
import hashlib, json, re, sys
from pathlib import Path
import anyio
from aiotravis import Job, LogReset, State, Travis

endpoint, folder, sizes = sys.argv[1], sys.argv[2], [int(size) for size in sys.argv[3:]]

def peak_memory():
    # ru_maxrss would include the parent process.
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) << 10

async def followed(travis, size):
    digest = hashlib.sha256()
    async with travis.follow_log(size) as log:
        async for part in log:
            assert not isinstance(part, LogReset) and len(part.content) <= 1 << 16
            digest.update(part.content.encode())
    assert log.complete
    return digest.hexdigest()

async def downloaded(travis, size):
    (file,) = await travis.logs.download([Job(id=size, state=State.PASSED)], folder)
    with file.path.open("rb") as log:
        return hashlib.file_digest(log, "sha256").hexdigest()

async def text(travis, size):
    digest, text = hashlib.sha256(), await travis.logs.text(size)
    for start in range(0, len(text), 1 << 20):
        digest.update(text[start : start + (1 << 20)].encode())
    return digest.hexdigest()

async def main():
    async with Travis(endpoint=endpoint) as travis:
        for read in (followed, downloaded, text):
            for size in sizes:
                digest = await read(travis, size)
                print(json.dumps([digest, peak_memory()]))

anyio.run(main)
"""


async def send_log(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/plain;charset=utf-8"})
    blocks = int(request.match_info["blocks"])
    response.content_length = blocks * len(BLOCK)
    await response.prepare(request)
    for _ in range(blocks):
        await response.write(BLOCK)
    return response


async def send_json(value: object, request: web.Request) -> web.Response:
    return web.json_response(value)


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is read from /proc")
async def test_a_log_of_100_mb_is_complete_in_flat_memory(tmp_path: Path) -> None:
    small, large = 1, 100 * MIB // len(BLOCK)
    app = web.Application()
    app.router.add_get("/config", partial(send_json, {"config": {}}))
    app.router.add_get("/jobs/{id}", partial(send_json, {"job": JOB}))
    app.router.add_get("/v3/job/{id}/log_parts", partial(send_json, {"log_parts": [{"number": 0, "final": True}]}))
    app.router.add_get("/jobs/{blocks}/log", send_log)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        endpoint = f"http://127.0.0.1:{runner.addresses[0][1]}"
        command = [sys.executable, "-c", PROGRAM, endpoint, str(tmp_path), str(small), str(large)]
        ended = await anyio.to_thread.run_sync(partial(subprocess.run, command, check=True, capture_output=True))
    finally:
        await runner.cleanup()
    results = [msgspec.json.decode(line, type=tuple[str, int]) for line in ended.stdout.splitlines()]
    digests = [hashlib.sha256(BLOCK * small).hexdigest(), hashlib.sha256(BLOCK * large).hexdigest()]
    assert [digest for digest, _ in results] == digests * 3
    followed_small, followed, _, downloaded, _, text = [memory for _, memory in results]
    assert followed - followed_small < 16 * MIB
    assert downloaded - followed_small < 16 * MIB
    assert text - downloaded < 100 * MIB + 16 * MIB
