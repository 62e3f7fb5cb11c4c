"""``lint``, ``limits``, ``raw``."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import aiotravis.rate_limits.clock as clock
from aiotravis import COM
from aiotravis.cli.tools import parse_words
from aiotravis.errors import UsageError
from aiotravis.rate_limits.bans import Ban
from aiotravis.rate_limits.machine import machine_at
from aiotravis.rate_limits.rules import AUTHENTICATED, Kind, identity
from tests.cli.conftest import SLUG, TOKEN, Run, Travis
from tests.cli.standard_input import piped, sent, terminal_screen

GOOD, BAD = "language: ruby\n", "language: ruby\nlangage: x\nsrcipt: y\n"


def test_lint_checks_the_file_of_the_folder(travis: Travis, run: Run, environment: Path) -> None:
    (environment / ".travis.yml").write_text(GOOD)
    assert run("lint") == (0, "valid\n", "")
    assert sent(travis) == ["POST /lint"]
    (environment / "other.yml").write_text(BAD)
    ended = run("lint", "other.yml")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == (
        "[x] [warn] on root: unknown key langage (see https://docs.travis-ci.com)\n"
        "[x] [warn] on root: unknown key srcipt (see https://docs.travis-ci.com)\n"
    )
    assert run("lint", "-x", "other.yml").code == 1
    assert run("lint", "-x").code == 0
    assert [list(json.loads(line)) for line in run("lint", "other.yml", "--json").out.splitlines()] == [
        ["key", "message"],
        ["key", "message"],
    ]


def test_lint_greets_on_a_terminal(run: Run, environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (environment / ".travis.yml").write_text(GOOD)
    screen = terminal_screen(monkeypatch)
    run("lint")
    assert screen() == "Hooray, .travis.yml looks valid :)\n"
    (environment / ".travis.yml").write_text(BAD)
    screen = terminal_screen(monkeypatch)
    run("lint")
    assert screen().startswith("Warnings for .travis.yml:\n[x] [warn] on root: ")


def test_lint_reads_standard_input(travis: Travis, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    piped(monkeypatch, BAD)
    assert run("lint", "-", "-x").code == 1
    assert json.loads(travis.server.requests[0].body) == {"content": BAD}


def test_lint_names_the_section_and_is_safe_for_terminals(travis: Travis, run: Run, environment: Path) -> None:
    (environment / ".travis.yml").write_text(GOOD)
    body = json.dumps({"lint": {"warnings": [{"key": ["deploy", "s3"], "message": "bad\x1b[2J\nkey"}]}}).encode()
    travis.run(lambda: travis.server.respond("POST", "/lint", body=body))
    assert run("lint").out == "[x] in deploy.s3 section: bad key\n"


@pytest.mark.parametrize(
    ("content", "code"), [(None, 74), (b"", 2), (b"\xff", 2), (b"#" * ((1 << 20) + 1), 2)], ids=range(4)
)
def test_lint_sends_nothing_for_a_file_that_is_none(
    travis: Travis, run: Run, environment: Path, content: bytes | None, code: int
) -> None:
    if content is not None:
        (environment / ".travis.yml").write_bytes(content)
    ended = run("lint")
    assert (ended.code, ended.out, ended.err.count("\n")) == (code, "", 1)
    assert not travis.server.requests


def test_lint_needs_no_token(run: Run, environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (environment / ".travis.yml").write_text(GOOD)
    monkeypatch.delenv("TRAVIS_TOKEN")
    assert run("lint").code == 0


@pytest.fixture
def recorded(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two POSTs and a sign-in of a token on travis-ci.com, which is then paused and banned."""
    monkeypatch.setenv("TRAVIS_STATE_DIR", str(environment / "state"))
    file, me = machine_at(environment / "state").file, identity(COM, "me")
    for kind in (Kind.POST, Kind.POST, Kind.SIGN_IN):
        key = file.post(me, kind, AUTHENTICATED).key
        assert key is not None
        file.settle(key)
    file.pause(me, clock.seconds() + 20.5)
    file.ban(me, Ban(clock.seconds() + 600, datetime.now(UTC) + timedelta(seconds=600), "Wait."))


ME = ("-e", "com", "-t", "me")


@pytest.mark.usefixtures("recorded")
def test_limits_shows_what_the_machine_remembers_of_this_token(travis: Travis, run: Run) -> None:
    ended = run("limits", *ME)
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0] == "POSTs:         3 of 40 in 32 s"
    assert lines[1] == "Next POST:     at once"
    assert lines[2].startswith("Next sign-in:  in 30")
    assert lines[3].startswith("Paused:        for 2")
    assert lines[4].startswith("Banned:        until 20")
    record = json.loads(run("limits", "--json", *ME).out)
    assert (record["endpoint"], record["store"], record["posts"]) == (COM, "machine", 3)
    assert 590 < (datetime.fromisoformat(record["banned_until"]) - datetime.now(UTC)).total_seconds() < 601
    assert run("limits", "-e", "com", "-t", "another").out.startswith("POSTs:         0 of 40 in 32 s\nNext POST: ")
    assert not travis.server.requests


@pytest.mark.usefixtures("recorded")
def test_limits_clear_forgets_what_is_remembered_of_this_token(travis: Travis, run: Run) -> None:
    assert run("limits", "--clear", "-e", "com", "-t", "another").code == 0
    assert "Banned:        until" in run("limits", *ME).out
    ended = run("limits", "--clear", *ME)
    assert (ended.code, ended.out) == (0, "")
    assert "Travis itself still counts" in ended.err
    assert run("limits", *ME).out == (
        "POSTs:         0 of 40 in 32 s\nNext POST:     at once\nNext sign-in:  at once\n"
        "Paused:        no\nBanned:        no\n"
    )


def test_limits_makes_no_file_and_says_where_none_count(
    run: Run, environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAVIS_STATE_DIR", str(environment / "state"))
    assert "Nothing is limited here" in run("limits").err
    monkeypatch.setenv("TRAVIS_RATE_LIMITS", "memory")
    assert "each process counts for itself" in run("limits", *ME).err
    run("limits", "--clear")
    assert not (environment / "state").exists()


def test_limits_tells_why_the_file_cannot_be_used(run: Run, environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (environment / "state").mkdir(mode=0o777)
    (environment / "state").chmod(0o777)
    (environment / "state" / "limits.sqlite3").write_bytes(b"")
    monkeypatch.setenv("TRAVIS_STATE_DIR", str(environment / "state"))
    for command in (("limits",), ("limits", "--clear")):
        ended = run(*command, *ME)
        assert (ended.code, ended.out) == (2, "")
        assert "every user can write to it" in ended.err


def test_raw_prints_the_body_as_it_is(travis: Travis, run: Run) -> None:
    body = b'{ "a" :\t"\\u001b[2J\xc3\xa9" }\n\n'
    travis.run(lambda: travis.server.respond("GET", "/x", body=body))
    assert run("raw", "/x") == (0, body.decode(), "")
    assert run("raw", "--json", "get", "x").out == '{"a":"\\u001b[2Jé"}\n'
    assert sent(travis) == ["GET /x", "GET /x"]


def test_raw_prints_json_in_lines_on_a_terminal_and_safely(
    travis: Travis, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for body, shown in (
        (
            '{"a":[1,{"b":"\x9b2J\u202e"}]}'.encode(),
            '{\n  "a": [\n    1,\n    {\n      "b": "<U+202E>"\n    }\n  ]\n}\n',
        ),
        (b"text \x1b[2Jof\r\na log\n", "text of\na log\n"),
        (b"", ""),
    ):
        travis.run(lambda body=body: travis.server.respond("GET", "/x", body=body))  # type: ignore[misc]
        screen = terminal_screen(monkeypatch)
        assert run("raw", "/x").code == 0
        assert screen() == shown


def test_raw_sends_methods_queries_and_json(travis: Travis, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert json.loads(run("raw", f"repos/{SLUG}").out)["repo"]["slug"] == SLUG
    assert json.loads(run("raw", f"/v3/repo/{SLUG.replace('/', '%2F')}").out)["slug"] == SLUG
    assert run("raw", "/lint", "--data", '{"content":"x: 1"}').code == 0
    piped(monkeypatch, '{"content": "x: 1"}')
    assert run("raw", "put", "/lint?a=b%20c&d=", "--data", "-").code == 0
    assert sent(travis)[2:] == ["POST /lint", "PUT /lint?a=b+c&d="]
    assert {seen.headers["authorization"] for seen in travis.server.requests} == {f"token {TOKEN}"}


def test_raw_tells_a_refusal_by_its_exit_code(run: Run) -> None:
    ended = run("raw", "/repos/no/such")
    assert (ended.code, ended.out) == (4, "")
    assert run("raw", "DELETE", "/users").code != 0


@pytest.mark.parametrize(
    "words",
    [
        ("https://evil.example/x",), ("//evil.example/x",), ("http:/x",), ("\\\\evil.example",), ("\\evil",),
        ("/\\evil.example",), ("ftp:x",), ("GET", "HTTPS://evil.example"), (), ("GET", "/x", "/y"),
    ],
)  # fmt: skip
def test_raw_sends_the_token_to_no_other_address(words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        parse_words(words, data=False)


@pytest.mark.parametrize("path", ["/../x", "/a/%2e%2e/b", "/x#y", "/a b", "/x\r\nHost: evil", "///x", "@evil.example"])
def test_raw_sends_no_odd_path(travis: Travis, run: Run, path: str) -> None:
    ended = run("raw", path)
    assert ended.out == ""
    assert ended.code in {2, 4}
    assert all(seen.path == "/@evil.example" for seen in travis.server.requests)


def test_raw_refuses_what_is_no_json_without_its_text(travis: Travis, run: Run) -> None:
    for data in ("s3cret", '{"a": s3cret}', "[" * 100_000, ""):
        ended = run("raw", "/lint", "--data", data)
        assert (ended.code, ended.out) == (2, "")
        assert "s3cret" not in ended.err
    assert not travis.server.requests


@pytest.mark.parametrize("words", [("GET",), ("DELETE",), ("GET", "POST")])
def test_raw_needs_a_path_besides_the_method(words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="PATH"):
        parse_words(words, data=False)
