"""The examples: without arguments, and with a server that is not their own."""

import asyncio
import io
import json
import os
import re
import runpy
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import anyio
import pytest

from aiotravis import LogText
from aiotravis.testing import TravisServer, sample_log
from tests.programs import python
from tests.terminal import started
from tests.waiting import until

EXAMPLES = Path(__file__).parent.parent / "examples"
EXAMPLE = str(EXAMPLES / "live_build.py")
LISTEN = str(EXAMPLES / "listen.py")

PRINTED = {
    "listen.py": ("(live channel: reconnecting)", "Back after", "build #5 passed", "duplicates; 1 gap."),
    "webhook_service.py": ("answered 403", "#1 started (new)", "(duplicate)", "exited with 0.", "build #1 passed"),
    "sign_in_web.py": ("Hello sarah, this is /builds.", "signed in as sarah."),
}
"""What examples without arguments print at least."""

LIMIT = 30
"""Seconds that an example without arguments may take."""


async def run_here(path: str, *arguments: str, check: bool = False) -> "subprocess.CompletedProcess[bytes]":
    """Run an example in this process, which takes a tenth of the time of a process of its own."""
    written, complaints = io.BytesIO(), io.BytesIO()
    out, errors = io.TextIOWrapper(written, "utf-8"), io.TextIOWrapper(complaints, "utf-8")
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(errors):
        patch.setattr(sys, "argv", [path, *arguments])
        patch.setenv("TRAVIS_TOKEN", "")
        try:
            code: int = await runpy.run_path(path, run_name="example")["main"]()
        except SystemExit as exc:
            # That of argparse is a number.
            code = int(exc.code or 0)
    out.flush()
    errors.flush()
    ended = subprocess.CompletedProcess(arguments, code, written.getvalue(), complaints.getvalue())
    if check:
        ended.check_returncode()
    return ended


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("[!_]*.py")), ids=lambda path: path.name)
async def test_an_example_runs_without_arguments(path: Path) -> None:
    with anyio.fail_after(LIMIT):
        ended = await anyio.run_process(
            [sys.executable, str(path)], check=False, env={**os.environ, "TRAVIS_TOKEN": ""}
        )
    assert ended.returncode == 0, ended.stderr.decode()
    assert [line for line in PRINTED.get(path.name, ()) if line not in ended.stdout.decode()] == []


@pytest.mark.parametrize(("state", "code"), [("passed", 0), ("failed", 1)])
async def test_live_build_follows_a_real_endpoint_byte_for_byte(state: str, code: int) -> None:
    async with TravisServer() as server:
        user = server.world.user("sarah", token="an-example-token")
        repository = server.world.repository("a/b", users=[user])
        repository.history(3)
        build = repository.build()

        async def play() -> None:
            # Wait for the example: on a busy machine it takes longer to start than the build takes to finish.
            await until(lambda: bool(server.requests), 30)
            await server.play(build, speed=4, state=state)

        command = [*python(), EXAMPLE, "--endpoint", server.endpoint, "--token", user.token, "--repo", "a/b"]
        playing = asyncio.ensure_future(play())
        ended = await anyio.run_process(command, check=False)
        await playing
    assert ended.stderr == b""
    assert ended.returncode == code
    assert build.jobs[0].log.text.encode() in ended.stdout
    assert f"Build #4 {state}, 1 jobs".encode() in ended.stdout


async def test_live_build_prints_an_error_on_one_line() -> None:
    async with TravisServer() as server:
        command = [*python(), EXAMPLE, "--endpoint", server.endpoint, "--repo", "no/such"]
        ended = await anyio.run_process(command, check=False, env={**os.environ, "TRAVIS_TOKEN": ""})
    assert ended.returncode == 2
    assert ended.stderr.startswith(b"live_build: GET /repos/no/such answered 404: ")
    assert ended.stderr.count(b"\n") == 1
    for arguments in (["--endpoint", "https://host"], ["--speed", "0"]):
        assert (await run_here(EXAMPLE, *arguments)).returncode == 2


async def test_live_build_ends_cleanly_on_ctrl_c() -> None:
    command = [*python(), EXAMPLE, "--speed", "0.1"]
    async with await anyio.open_process(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        seen = b""
        while b"Following the log" not in seen:
            seen += await process.stdout.receive()
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 130
        errors = b"".join([chunk async for chunk in process.stderr])
        rest = b"".join([chunk async for chunk in process.stdout])
    assert errors == b""
    assert rest.endswith(b"Stopped.\n")


async def test_listen_prints_an_error_on_one_line() -> None:
    async with TravisServer() as server:
        command = [*python(), LISTEN, "--endpoint", server.endpoint, "--repo", "no/such"]
        ended = await anyio.run_process(command, check=False, env={**os.environ, "TRAVIS_TOKEN": ""})
    assert ended.returncode == 2
    assert ended.stderr.startswith(b"listen: GET /repos/no/such answered 404: ")
    assert ended.stderr.count(b"\n") == 1


AWAIT, FOLLOW = str(EXAMPLES / "await_build.py"), str(EXAMPLES / "follow_log.py")


async def test_await_build_returns_the_outcome_as_an_exit_code() -> None:
    async with TravisServer() as server:
        repository = server.world.repository("a/b")
        builds = [repository.build(), repository.build()]
        tasks = [
            server.play(build, speed=20, state=state) for build, state in zip(builds, ("passed", "failed"), strict=True)
        ]
        command = [*python(), AWAIT, "--endpoint", server.endpoint, *(str(build.id) for build in builds)]
        ended = await anyio.run_process(command, check=False, env={**os.environ, "TRAVIS_TOKEN": ""})
        for task in tasks:
            await task
        assert (ended.returncode, ended.stderr) == (1, b"")
        assert b"build #1 passed" in ended.stdout
        assert b"1 of 2 passed." in ended.stdout
        waiting = repository.build()
        for arguments, code, message in (
            ([str(waiting.id), "--within", "0.5"], 3, b"not ended"),
            (["9"], 2, b"GET /bui"),
        ):
            ended = await run_here(AWAIT, "--endpoint", server.endpoint, *arguments)
            assert ended.returncode == code
            assert message in ended.stderr


TRIGGER = str(EXAMPLES / "trigger_build.py")


@pytest.mark.parametrize(("state", "code"), [("passed", 0), ("failed", 1)])
async def test_trigger_build_prints_the_log_and_returns_the_outcome(state: str, code: int) -> None:
    async with TravisServer() as server:
        repository = server.world.repository("a/b", users=[server.world.user("sarah", token="an-example-token")])

        async def play() -> None:
            await until(lambda: len(repository.builds) > 0, 30)
            await server.play(repository.builds[0], speed=50, state=state)

        playing = asyncio.ensure_future(play())
        arguments = ["--repo", "a/b", "--branch", "topic", "--message", "by hand", "--script", "make"]
        ended = await run_here(TRIGGER, "--endpoint", server.endpoint, "--token", "an-example-token", *arguments)
        await playing
        assert ended.returncode == code, ended.stderr
        request = repository.data.requests[0]
        assert (request.branch, request.commit_message) == ("topic", "by hand")
        assert request.configs == [('{"script":"make"}', None)]
        log = LogText.parse(repository.builds[0].jobs[0].log.text)
        assert ended.stdout.splitlines() == log.plain.encode().splitlines()
        assert f"request {request.id} for topic; 10 left within the hour".encode() in ended.stderr
        assert f"build #1, 1 jobs: by hand\ntrigger_build: build #1 {state}\n".encode() in ended.stderr


async def test_trigger_build_tells_refusals_from_what_must_be_checked() -> None:
    async with TravisServer() as server:
        repository = server.world.repository("a/b", users=[server.world.user("sarah", token="an-example-token")])
        given = ["--endpoint", server.endpoint, "--token", "an-example-token", "--repo", "a/b"]
        server.switches.gatekeeper = "silent"
        ended = await run_here(TRIGGER, *given, "--within", "0.1")
        assert (ended.returncode, b"Do not trigger again" in ended.stderr) == (3, True)
        server.switches.gatekeeper, server.switches.rejection = "rejects", f"evil {ESCAPES}"
        ended = await run_here(TRIGGER, *given)
        assert (ended.returncode, b"Travis rejected request" in ended.stderr) == (2, True)
        assert UNSAFE.search(ended.stderr.decode()) is None
        repository.active = False
        ended = await run_here(TRIGGER, *given)
        assert (ended.returncode, ended.stderr.count(b"\n")) == (2, 1)
        assert (repository.builds, ended.stdout) == ([], b"")


INSTALL = b"bundle install --jobs=3 --retry=3 exited with 1"


@pytest.mark.parametrize(
    ("ending", "code", "says"),
    [
        ("passed", 0, b"follow_log: passed: The script passed.\n"),
        (
            "failed",
            1,
            b"follow_log: failed: The script failed: exit code 1.\nfollow_log: line 76: %b exited with 1\n"
            % b"bundle exec rake spec",
        ),
        (
            "setup-failed",
            1,
            b"follow_log: errored: Set-up failed during install: %b.\nfollow_log: line 26: %b\n" % (INSTALL, INSTALL),
        ),
        ("stalled", 1, b"follow_log: errored: Stopped: no output for 600 seconds.\n"),
        ("canceled", 1, b"follow_log: canceled: Canceled.\n"),
        ("unfinished", 1, b"follow_log: errored: The log does not say how the job ended.\n"),
    ],
)
async def test_follow_log_in_a_pipe_is_plain_and_says_how_the_job_ended(ending: str, code: int, says: bytes) -> None:
    async with TravisServer() as server:
        build = server.world.repository("a/b").build()
        task = server.play(build, speed=100, state=ending)
        arguments = ["--endpoint", server.endpoint, str(build.jobs[0].id)]
        if ending == "failed":
            command = [*python(), FOLLOW, *arguments]
            ended = await anyio.run_process(command, check=False, env={**os.environ, "TRAVIS_TOKEN": ""})
        else:
            ended = await run_here(FOLLOW, *arguments)
        await task
    assert (ended.returncode, ended.stderr) == (code, says)
    assert ended.stdout.decode() == LogText.parse(build.jobs[0].log.text).plain
    assert not {b"\x1b", b"\r", b"travis_fold", b"travis_time"} & set(re.findall(rb"\x1b|\r|travis_\w+", ended.stdout))


async def test_follow_log_prints_errors_on_one_line() -> None:
    async with TravisServer() as server:
        command = [*python(), FOLLOW, "--endpoint", server.endpoint, "9"]
        ended = await anyio.run_process(command, check=False, env={**os.environ, "TRAVIS_TOKEN": ""})
        assert ended.returncode == 2
        assert ended.stderr.startswith(b"follow_log: GET /jobs/9 answered 404")
        assert ended.stderr.count(b"\n") == 1


async def test_follow_log_says_that_the_server_has_lost_the_log() -> None:
    async with TravisServer() as server:
        # It ended over an hour ago: nobody waits for its log.
        job = server.world.repository("a/b").history(2)[0].jobs[0]
        job.log.unavailable_reads = 1000
        ended = await run_here(FOLLOW, "--endpoint", server.endpoint, str(job.id))
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert b"follow_log: passed: The log has nothing that Travis writes.\n" in ended.stderr


BULK = str(EXAMPLES / "bulk_fetch.py")


async def test_bulk_fetch_writes_every_build_and_fetches_no_log_twice(tmp_path: Path) -> None:
    async with TravisServer() as server:
        repository = server.world.repository("a/b")
        builds = repository.history(60, jobs=2)
        arguments = ["--endpoint", server.endpoint, "--repo", "a/b", "--into", str(tmp_path), "--logs", "10"]
        for fetched in (b"20 logs (20 fetched now)", b"20 logs (0 fetched now)"):
            ended = await run_here(BULK, *arguments)
            assert (ended.returncode, b"failed" in ended.stderr) == (0, False), ended.stderr
            assert b"60 builds in " in ended.stdout
            assert fetched in ended.stdout
        server.respond("GET", f"/jobs/{builds[-1].jobs[0].id}/log", status=404)
        (tmp_path / "logs" / f"{builds[-1].jobs[0].id}.txt").unlink()
        command = [*python(), BULK, *arguments]
        ended = await anyio.run_process(command, check=False, env={**os.environ, "TRAVIS_TOKEN": ""})
        assert ended.returncode == 1
        assert b"no log of job" in ended.stderr
    lines = [json.loads(line) for line in (tmp_path / "builds.jsonl").read_text().splitlines()]
    assert [line["id"] for line in lines] == [build.id for build in reversed(builds)]
    assert all([job["id"] for job in line["jobs"]] == line["job_ids"] for line in lines)


async def test_bulk_fetch_prints_an_error_on_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    command = [*python(), BULK, "--into", str(tmp_path / "file" / "folder")]
    ended = await anyio.run_process(command, check=False)
    assert ended.returncode == 2
    assert ended.stderr.startswith(b"\nbulk_fetch: ")


MINING = str(EXAMPLES / "nightly_mining.py")


async def test_nightly_mining_appends_each_build_once_it_has_ended(tmp_path: Path) -> None:
    file = tmp_path / "builds.jsonl"

    async def mine(*options: str) -> "subprocess.CompletedProcess[bytes]":
        return await run_here(MINING, "--endpoint", server.endpoint, "--into", str(file), *options)

    def mined() -> list[int]:
        return [json.loads(line)["id"] for line in file.read_text().splitlines()]

    async with TravisServer() as server:
        repository = server.world.repository("a/b")
        builds = repository.history(450, jobs=2)
        running = repository.build(jobs=2).start()
        # The jobs of the second chunk cannot be fetched: what was stored before is not fetched again.
        server.faults.rest("/jobs", after=4, times=1).status(403)
        command = [*python(), MINING, "--endpoint", server.endpoint, "--into", str(file), "--repo", "a/b"]
        ended = await anyio.run_process(command, check=False, env={**os.environ, "TRAVIS_TOKEN": ""})
        assert (ended.returncode, ended.stderr.count(b"\n")) == (2, 1)
        assert mined() == [build.id for build in reversed(builds[250:])]
        assert (await mine("--repo", "a/b")).stdout == b"250 builds have ended since the last run.\n"
        assert sorted(mined()) == [build.id for build in builds]
        running.finish("failed")
        new = repository.build().start().finish()
        assert (await mine("--repo", "a/b")).stdout == b"2 builds have ended since the last run.\n"
        assert mined()[450:] == [running.id, new.id]
        assert len(json.loads(file.read_text().splitlines()[-2])["jobs"]) == 2
        server.world.repository("a/c")
        for options, message in (
            (["--repo", "a/c"], b"nightly_mining: cursor is of repository"),
            (["--repo", "a/d"], b"nightly_mining: GET /repos/a/d answered 404"),
        ):
            ended = await mine(*options)
            assert (ended.returncode, ended.stderr.count(b"\n")) == (2, 1)
            assert ended.stderr.startswith(message)
        # A run that is killed while it writes leaves lines behind its cursor, the last of them incomplete.
        with file.open("a") as out:
            out.write('{"id":1}\n{"id":')
        last = repository.build().start().finish()
        assert (await mine("--repo", "a/b")).stdout == b"1 builds have ended since the last run.\n"
        assert mined()[450:] == [running.id, new.id, last.id]
        cursor = tmp_path / "builds.jsonl.cursor"
        stored = cursor.read_text()
        for text, size in (("damaged", None), ("", None), (f"{stored[:-9]}", None), (stored, 10)):
            cursor.write_text(text)
            if size is not None:
                os.truncate(file, size)
            ended = await mine("--repo", "a/b")
            assert (ended.returncode, ended.stderr.count(b"\n")) == (2, 1)
            assert b"cursor is damaged" in ended.stderr
        file = tmp_path / "since.jsonl"
        ended = await mine("--repo", "a/b", "--since", "2100-01-01")
        assert ended.stdout == b"0 builds have ended since the last run.\n"


DURATIONS = str(EXAMPLES / "durations.py")


async def test_durations_draws_every_build_and_the_groups_of_the_newest(tmp_path: Path) -> None:
    out = tmp_path / "durations.html"
    async with TravisServer() as server:
        repository = server.world.repository("a/b")
        for build in repository.history(30, jobs=2):
            for job in build.jobs:
                job.log.parts.clear()
                job.write(sample_log(job, build.state), final=True)
        repository.build().start()
        newest = repository.builds[-2]
        seconds = sum(LogText.parse(job.log.text).groups["script"].duration or 0.0 for job in newest.jobs)
        arguments = ["--endpoint", server.endpoint, "--repo", "a/b", "--out", str(out), "--builds", "20", "--logs", "5"]
        ended = await run_here(DURATIONS, *arguments)
        assert (ended.returncode, ended.stdout.decode()) == (0, f"20 builds, 5 with their phases, in {out}\n")
        assert f"#30: script {seconds:.1f} s" in out.read_text()
        missing = newest.jobs[0].id
        server.respond("GET", f"/jobs/{missing}/log", status=404)
        command = [*python(), DURATIONS, *arguments]
        ended = await anyio.run_process(command, check=False, env={**os.environ, "TRAVIS_TOKEN": ""})
        assert (ended.returncode, f"no log of job {missing}".encode() in ended.stderr) == (1, True)
        await run_here(DURATIONS, *arguments, "--logs", "0", check=True)
        assert "No log was read." in out.read_text()
    text = out.read_text()
    titles = re.findall(r"<title>(#[^<]*)</title>", text)
    assert sum("passed" in title or "failed" in title for title in titles) == 20
    assert "#31" not in text


@pytest.mark.parametrize("example", [DURATIONS, BULK])
async def test_a_repository_that_does_not_exist_is_not_found(example: str, tmp_path: Path) -> None:
    async with TravisServer() as server:
        folder = ["--out", str(tmp_path / "x.html")] if example == DURATIONS else ["--into", str(tmp_path)]
        ended = await run_here(example, "--endpoint", server.endpoint, "--repo", "no/such", *folder)
    assert (ended.returncode, ended.stdout) == (1, b"")
    assert ended.stderr == f"{Path(example).stem}: no/such: not found\n".encode()
    assert [path async for path in anyio.Path(tmp_path).iterdir()] == []


async def test_durations_without_arguments_draws_the_phases_of_its_logs(tmp_path: Path) -> None:
    out = tmp_path / "durations.html"
    ended = await run_here(DURATIONS, "--out", str(out))
    assert ended.returncode == 0
    text = out.read_text()
    assert "<h1>travis-ci/travis.rb</h1>" in text
    assert "200 builds, 160 passed" in text
    assert re.search(r"#200: script \d+\.\d s", text)
    ended = await run_here(DURATIONS, "--out", str(tmp_path / "no" / "file"))
    assert (ended.returncode, ended.stderr.count(b"durations: ")) == (2, 1)


ESCAPES = "\x1b]0;title\x07\x1b[2J\x9b5n\x1bP1$tx\x1b\\\u202e\r\x08evil"
"""A title, a cleared screen, a request for an answer, a device string, text turned round, and what overwrites text."""

UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]|\x1b(?!\[[0-9;]*m)")


@pytest.mark.parametrize("example", ["await_build", "listen", "live_build", "what_can_i_see"])
async def test_nothing_from_the_server_controls_the_terminal(example: str) -> None:
    async with TravisServer() as server:
        user = server.world.user("sarah", token="an-example-token", name=ESCAPES)
        repository = server.world.repository("a/b", users=[user])
        build = repository.build(message=f"evil {ESCAPES}")
        server.world.broadcasts.append(ESCAPES)
        arguments = {"await_build": [str(build.id)], "what_can_i_see": []}.get(example, ["--repo", "a/b"])
        command = [*python(), str(EXAMPLES / f"{example}.py"), *arguments]
        async with started([*command, "--endpoint", server.endpoint, "--token", user.token], 200, 50) as terminal:
            if example != "what_can_i_see":
                await until(lambda: bool(server.pusher.connections), 30)
                if example == "listen":
                    # It prints this once it is subscribed.
                    await terminal.shows(lambda text: "build #1 is" in text)
                build.jobs[0].start()
                build.jobs[0].write(f"evil {ESCAPES}\n", final=True)
                build.jobs[0].finish("passed")
            if example == "listen":
                await terminal.shows(lambda text: "passed" in text)
                terminal.process.terminate()
            await terminal.ends()
    printed = terminal.written.decode().replace("\r\n", "\n")
    assert "evil" in printed
    assert UNSAFE.search(printed) is None, ascii(printed)


async def test_an_error_that_quotes_the_server_does_not_control_the_terminal() -> None:
    async with TravisServer() as server:
        server.world.user("sarah", token="a-token")
        body = json.dumps({"error": {"message": f"evil {ESCAPES}"}}).encode()
        for path in ("/repos/a/b", "/users", "/builds/1", "/builds"):
            server.respond("GET", path, status=403, body=body, headers={"Content-Type": "application/json"})
        server.respond("GET", "/config", body=json.dumps({"config": {"host": f"evil {ESCAPES}"}}).encode())
        for example, arguments in {
            "await_build": ["1"],
            "listen": ["--repo", "a/b"],
            "live_build": ["--repo", "a/b"],
            "what_can_i_see": [],
        }.items():
            command = [*python(), str(EXAMPLES / f"{example}.py"), *arguments, "--endpoint", server.endpoint]
            async with started(command, 200, 50, {"TRAVIS_TOKEN": "a-token"}) as terminal:
                assert await terminal.ends() == 2
            printed = terminal.written.decode().replace("\r\n", "\n")
            assert "evil" in printed
            assert UNSAFE.search(printed) is None, ascii(printed)


WEBHOOKS = str(EXAMPLES / "webhook_service.py")


async def test_the_webhook_service_follows_builds_and_ends_gracefully_on_sigterm() -> None:
    async with TravisServer() as server:
        build = server.world.repository("a/b").build()
        command = [*python(), WEBHOOKS, "--endpoint", server.endpoint]
        environment = {**os.environ, "TRAVIS_TOKEN": ""}
        async with await anyio.open_process(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            seen = b""
            while b"Ctrl-C ends it.\n" not in seen:
                seen += await process.stdout.receive()
            url = seen.split()[2].decode()
            build.start()
            assert (await server.webhooks.send(build, url)).status == 204
            assert (await server.webhooks.send(build, url, payload='{"id":1}')).status == 204
            server.webhooks.renew_key()
            assert (await server.webhooks.send(build, url)).status == 403
            await until(lambda: bool(server.requests_to("/jobs/*")), 30)
            process.send_signal(signal.SIGTERM)
            # What is being followed may end.
            build.write("the last line\n", final=True).finish("passed")
            with anyio.fail_after(LIMIT):
                seen += b"".join([chunk async for chunk in process.stdout])
                assert await process.wait() == 0
    assert b"a/b #1 started (new)" in seen
    assert b"the last line" in seen
    assert seen.endswith(b"build #1 passed\n")


async def test_the_sign_in_example_checks_its_arguments() -> None:
    for arguments in (["--endpoint", "https://host"], ["--endpoint", "https://host", "--web", "--program"]):
        assert (await run_here(str(EXAMPLES / "sign_in_web.py"), *arguments)).returncode == 2
