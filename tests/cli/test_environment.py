"""``env``, ``encrypt``."""

import base64
import json
import shlex
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from aiotravis.cli.environment import parse_assignments, shell_escape, shell_risks
from aiotravis.errors import UsageError
from tests.cli.conftest import SLUG, Run, Travis
from tests.cli.standard_input import on_terminal, piped, sent

R = ("-r", SLUG)

VALUES = [
    "", "a b", "$HOME", "$(id)", "`id`", "'", '"', "a'b\"c", "\\", "a\\", "-v", "--", "!x", "*", "~", "#x", "a#b",
    "a=b",
    "two\nlines", "\n", "\t", "a;b|c&d<e>f", "(x)", "{a,b}", "größe", "日本", "%20", "a:b@c/d+e,f.g_h-i", "x" * 5000,
]  # fmt: skip


def stored(travis: Travis) -> dict[str, str | None]:
    return {one.name: one.value for one in travis.repository.data.env_vars}


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_bash_takes_an_escaped_value_literally(value: str) -> None:
    assert shlex.split(shell_escape(value)) == [value]
    assert list(shell_risks(shell_escape(value))) == []


def test_bash_itself_agrees() -> None:
    lines = [f"export X={shell_escape(value)}; printf '%s\\0' \"$X\"" for value in VALUES]
    printed = subprocess.run(["bash", "-c", "\n".join(lines)], capture_output=True, text=True, check=True).stdout
    assert printed.split("\0")[:-1] == VALUES


@pytest.mark.parametrize(
    ("code", "count"),
    [
        ("plain", 0), ("", 0), ("'a b'", 0), ('"a b"', 0), ("a\\ b", 0), ("'$x'", 0), ("\\$x", 0), ("'a;b'", 0),
        ("a b", 1), ("a;b", 1), ("a\nb", 1), ("(x)", 1), ("$x", 1), ('"$x"', 1), ("`x`", 1), ("'", 1), ('a"', 1),
        ("a\\", 1), ("'a\\'b'", 1), ("$(x y)", 2), ("$x 'y", 3), ("'a'\\''b'", 0),
    ],
)  # fmt: skip
def test_what_bash_would_change_is_told(code: str, count: int) -> None:
    assert len(list(shell_risks(code))) == count


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("A", "1"), [("A", "1")]),
        (("A", "1=2"), [("A", "1=2")]),
        (("A", ""), [("A", "")]),
        (("A", "-x"), [("A", "-x")]),
        (("A=1",), [("A", "1")]),
        (("A=", "B==", "_c9=x=y"), [("A", ""), ("B", "="), ("_c9", "x=y")]),
        (("A=-",), [("A", "-")]),
        (("A", "-"), [("A", "read")]),
    ],
)
def test_assignments_are_pairs_or_one_name_and_its_value(
    words: tuple[str, ...], expected: list[tuple[str, str]]
) -> None:
    assert parse_assignments(words, lambda what: "read") == expected
    assert "1" not in repr(parse_assignments(("A=1",)))


@pytest.mark.parametrize(
    "words",
    [
        (), ("A",), ("A=1", "s3cret"), ("A", "s3cret", "x"), ("9=s3cret",), ("s3-cret", "x"), ("=s3cret",), ("A b=1",),
        ("A=s3cret", "A=2"), ("", "s3cret"), ("A\n", "s3cret"), ("é", "s3cret"), ("A", "s3cret\0"),
    ],
)  # fmt: skip
def test_odd_assignments_are_refused_without_their_values(words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError) as info:
        parse_assignments(words)
    assert "s3" not in str(info.value)


def test_env_set_creates_and_updates_with_one_listing_and_few_posts(travis: Travis, run: Run) -> None:
    assert run("env", "set", "A", "old", *R).out == "[+] setting environment variable $A\n"
    ended = run("env", "set", "A=a b", "B=$x", "--public", *R)
    assert (ended.code, ended.err) == (0, "")
    assert stored(travis) == {"A": "a\\ b", "B": "\\$x"}
    assert all(one.public for one in travis.repository.data.env_vars)
    number, key = travis.repository.id, travis.repository.data.env_vars[0].id
    query = f"repository_id={number}"
    assert sent(travis) == [
        f"GET /repos/{SLUG}", f"GET /settings/env_vars?{query}", f"POST /settings/env_vars?{query}",
        f"GET /repos/{SLUG}", f"GET /settings/env_vars?{query}", f"PATCH /settings/env_vars/{key}?{query}",
        f"POST /settings/env_vars?{query}",
    ]  # fmt: skip


def test_env_set_is_private_unless_said_otherwise(travis: Travis, run: Run) -> None:
    run("env", "set", "A=1", "-P", *R)
    run("env", "set", "A=2", *R)
    assert [(one.value, one.public) for one in travis.repository.data.env_vars] == [("2", False)]


def test_env_set_keeps_variables_of_other_branches(travis: Travis, run: Run) -> None:
    for branch in ((), ("-b", "main"), ("--branch", "main")):
        assert run("env", "set", "A", "1", *branch, *R).code == 0
    assert [one.branch for one in travis.repository.data.env_vars] == [None, "main"]
    assert run("env", "list", *R).out.splitlines()[1:] == ["A=[secure]", "A=[secure]  # branch main"]


def test_env_set_takes_values_that_begin_with_a_dash(travis: Travis, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    piped(monkeypatch, "")
    assert run("env", "set", *R, "A", "--", "-value").code == 0
    assert run("env", "set", *R, "--", "B", "-").code == 2, "standard input is empty here"
    assert run("env", "set", *R, "B=-value").code == 0
    assert stored(travis) == {"A": "-value", "B": "-value"}
    before = len(travis.server.requests)
    for words in (("A", "-zs3cret"), ("A", "-q"), ("A", "--s3cret"), ("A", "-ts3cret"), ("A", "--s3cret=x")):
        ended = run("env", "set", *R, *words)
        assert (ended.code, ended.out) == (2, "")
        assert "env set" in ended.err
        assert "s3cret" not in ended.err
    assert len(travis.server.requests) == before


def test_env_set_reads_a_value_from_a_pipe_or_unseen(travis: Travis, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    piped(monkeypatch, "-----BEGIN KEY-----\nabc\n")
    assert run("env", "set", "KEY", "-", *R).code == 0
    assert on_terminal(monkeypatch, "typed") == []
    assert run("env", "set", "B", "-", *R).code == 0
    assert stored(travis) == {"KEY": "-----BEGIN\\ KEY-----'\n'abc", "B": "typed"}


def test_env_set_warns_of_what_breaks_builds_without_the_value(travis: Travis, run: Run) -> None:
    ended = run("env", "set", "-u", "A=$s3cret(", "B='s3cret", "C='fine'", *R)
    assert ended.code == 0
    assert ended.err.count("aiotravis: A: ") == 2
    assert ended.err.count("aiotravis: B: ") == 1
    assert "C:" not in ended.err
    assert "s3cret" not in ended.out + ended.err
    assert stored(travis)["A"] == "$s3cret("
    assert "the quotes become a part of the value" in run("env", "set", "D", "'quoted'", *R).err


def test_env_set_refuses_what_is_there_twice_before_it_sends_anything(travis: Travis, run: Run) -> None:
    run("env", "set", "A=1", *R)
    travis.run(lambda: travis.repository.data.env_vars.append(travis.repository.data.env_vars[0]))
    before = len(travis.server.requests)
    ended = run("env", "set", "B=1", "A=2", *R)
    assert (ended.code, ended.out) == (2, "")
    assert "A is set 2 times" in ended.err
    assert [seen.method for seen in travis.server.requests[before:]] == ["GET", "GET"]


def test_env_list_hides_private_values_and_is_safe_for_terminals(travis: Travis, run: Run) -> None:
    run("env", "set", "-P", "-u", "A=\x1b[2Jx\ny", *R)
    run("env", "set", "B", "s3cret", *R)
    ended = run("env", "list", *R)
    assert ended == (0, f"# environment variables for {SLUG}\nA=x y\nB=[secure]\n", "")
    records = [json.loads(line) for line in run("env", "list", "--json", *R).out.splitlines()]
    assert [(record["name"], record["public"]) for record in records] == [("A", True), ("B", False)]


def test_env_unset_removes_all_of_a_name_or_nothing(travis: Travis, run: Run) -> None:
    run("env", "set", "A=1", "B=1", *R)
    run("env", "set", "A=2", "-b", "main", *R)
    ended = run("env", "unset", "A", "NONE", *R)
    assert (ended.code, ended.out) == (4, "")
    assert "no variable NONE; nothing was removed" in ended.err
    assert run("env", "unset", "A", "-b", "main", *R).out == "[x] removing environment variable $A\n"
    assert len(travis.repository.data.env_vars) == 2
    run("env", "set", "A=2", "-b", "main", *R)
    assert run("env", "unset", "A", *R).out.count("$A") == 2
    assert list(stored(travis)) == ["B"]


def test_env_needs_a_token_and_rights(travis: Travis, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    travis.run(lambda: travis.server.world.user("josh", token="t-josh"))
    assert run("env", "list", "-t", "t-josh", *R).code in {3, 4}
    before = len(travis.server.requests)
    monkeypatch.delenv("TRAVIS_TOKEN")
    assert run("env", "list", *R).code == 3
    assert len(travis.server.requests) == before


@pytest.fixture(scope="module")
def private() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def key(travis: Travis, private: RSAPrivateKey) -> RSAPrivateKey:
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    body = json.dumps({"key": pem, "fingerprint": "aa"}).encode()
    travis.run(lambda: travis.server.respond("GET", f"/repos/{SLUG}/key", body=body))
    return private


def decrypted(private: RSAPrivateKey, line: str) -> str:
    assert line.startswith('  secure: "')
    assert line.endswith('"')
    return private.decrypt(base64.b64decode(line[11:-1]), PKCS1v15()).decode()


def test_encrypt_prints_a_line_for_each_value_and_changes_no_file(
    travis: Travis, run: Run, key: RSAPrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = run("encrypt", "A=1", "a bare password", *R)
    assert (ended.code, ended.err) == (0, "")
    assert [decrypted(key, line) for line in ended.out.splitlines()] == ["A=1", "a bare password"]
    assert sent(travis) == [f"GET /repos/{SLUG}/key"]
    piped(monkeypatch, "two\nlines\n")
    assert decrypted(key, run("encrypt", *R).out.removesuffix("\n")) == "two\nlines"
    assert list(json.loads(run("encrypt", "--json", "x", *R).out)) == ["secure"]


def test_encrypt_warns_of_what_breaks_builds(run: Run, key: RSAPrivateKey) -> None:
    ended = run("encrypt", "A=s3cret $x", "B='s3 cret'", *R)
    assert ended.code == 0
    assert ended.err.count("value 1, A: ") == 2
    assert "B: " not in ended.err
    assert "s3" not in ended.err


def test_encrypt_refuses_what_is_too_long_for_the_key(run: Run, key: RSAPrivateKey) -> None:
    assert run("encrypt", "x" * 245, *R).code == 0
    ended = run("encrypt", "fits", "x" * 246, *R)
    assert (ended.code, ended.out) == (2, "")
    assert "can encrypt at most 245" in ended.err
    assert "aiotravis env set" in ended.err
    assert "xxx" not in ended.err


def test_encrypt_without_anything_is_wrong_usage(travis: Travis, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    piped(monkeypatch, "\n")
    assert run("encrypt", *R).code == 2
    assert not travis.server.requests
